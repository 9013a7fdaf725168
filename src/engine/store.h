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
bool store_read_menu(struct host *host, const struct loader *loader, struct menu *ret,
		     struct err *err);
