/*
 * journal - /var/lib/moult/journal: what moult meant to do, did, and how it ended.
 *
 * Append-only lines "CHECKSUM JSON\n"; the checksum is the first 16 digits of the SHA-256 of the
 * JSON text. A torn or damaged line is skipped by the reader. The directories are the truth; the
 * journal is for people, and for reasons that a directory cannot hold.
 */
#pragma once
#include "host.h"
#include "json.h"

#define JOURNAL_PATH "@moult/journal"

/* Not durable before the pool is synced. A pool without @moult (not adopted yet) keeps no journal: true. */
bool journal_append(struct host *host, json_t *record, struct err *err);
/* Newest first, until false is returned; a record is borrowed. A journal grows long: ask for little of it. */
struct journal_reader {
	bool (*on_record)(void *userdata, json_t *record);
	void *userdata;
	/* Whole lines are believed: the checksum of one, with its library, takes a quarter of what `moult status` would. */
	bool trusting;
};
bool journal_walk(struct host *host, const struct journal_reader *reader, struct err *err);
/* Newest last; at most `max` records. *ret is a new array. */
bool journal_read(struct host *host, size_t max, json_t **ret, struct err *err);
