/*
 * sendstream - what `BTRFS_IOC_SEND` says, as far as it tells which paths differ.
 *
 * Pure: bytes in, one call for each command. The stream comes from the kernel, but the names in it
 * from whoever made the files, so every length is bounded and nothing is believed. Checksums are
 * not looked at: the bytes never leave the machine.
 * Source: fs/btrfs/send.h; version 1, which is what the kernel sends unless asked for more.
 */
#pragma once
#include <stdint.h>
#include "err.h"
#include "text.h"

enum send_kind {
	SEND_NOTHING, /* times alone, the head, the end */
	SEND_MAKE, /* a file, directory, link, node: at `path` */
	SEND_LINK, /* one more name, `path`, of what is there already */
	SEND_RENAME, /* `path` is `to` from now on; never over something */
	SEND_REMOVE, /* a name, or an empty directory */
	SEND_CONTENT, /* bytes of the file at `path`, or its length */
	SEND_ATTRIBUTE, /* mode, owner, extended attributes */
};

struct send_command {
	enum send_kind kind;
	const char *path,
		*to; /* from the top of the subvolume; borrowed; NULL where there is none */
};

typedef bool send_command_fn(void *userdata, const struct send_command *command, struct err *err);

/* Where the commands go; `on_command` says false to stop. */
struct send_taker {
	send_command_fn *on_command;
	void *userdata;
};

/* A zero-filled one is at the beginning of a stream. */
struct send_stream {
	struct text waiting; /* what no whole command came of yet */
	bool begun, ended;
};

struct send_bytes { /* the next ones, cut anywhere */
	const void *bytes;
	size_t length;
};

/* False as soon as the taker says so, or the bytes are no such stream. */
bool send_stream_feed(struct send_stream *stream, const struct send_bytes *next,
		      const struct send_taker *taker, struct err *err);
void send_stream_done(struct send_stream *stream);

DEFINE_AUTO_STRUCT(send_stream, struct send_stream, send_stream_done)
#define auto_send_stream __attribute__((cleanup(auto_send_stream_)))
