/*
 * host_difference - how two trees of the pool differ, at a cost that follows what differs.
 *
 * What the calls of host.h that are about it take and give. None of them writes.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum host_type { HOST_FILE, HOST_DIRECTORY, HOST_SYMLINK, HOST_OTHER };

struct host_sending {
	const char *from, *to; /* read-only subvolumes with a common origin */
	/* the stream as it comes, cut anywhere; returns 0, or -errno to stop */
	int (*feed)(void *userdata, const void *bytes, size_t length);
	void *userdata;
};

struct host_pair {
	const char *a, *b; /* paths on the pool, no link followed; either may be missing */
	bool content; /* the bytes count though lengths and times are the same */
};

/* What `b` is, seen from `a`. The flags below `there` are only set where both are. */
struct host_comparison {
	bool there[2];
	enum host_type types[2];
	bool same_object; /* one file or directory, as snapshots share it */
	bool linked; /* `b` is a file that has other names */
	bool type, content, mode, owner, group, attributes, acl; /* differ */
};

struct host_text_side {
	const char *label; /* for the head of the result */
	const void *bytes;
	size_t length;
};
