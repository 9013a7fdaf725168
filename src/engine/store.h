/*
 * store - reads the generations and the menu from the disk.
 *
 * What cannot be read makes that generation damaged, not the listing: one directory broken by hand
 * must not take the others away.
 */
#pragma once
#include "host.h"
#include "listing.h"
#include "loader.h"

#define STORE_DOCUMENT_MAX (1024 * 1024)

bool store_read_listing(struct host *host, struct listing *ret, struct err *err);
/* Where the menu is, and whose entries are ours. Borrowed. */
struct store_boot {
	struct host *host;
	const struct loader *loader;
	const char *pool_uuid;
};
bool store_read_menu(const struct store_boot *boot, struct menu *ret, struct err *err);
