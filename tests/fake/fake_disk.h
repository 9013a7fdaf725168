/*
 * fake_disk - two file systems in memory, changed by effects that can be replayed.
 *
 * An effect is one call of host.h that changes something. Applying it either changes the disk or
 * returns -errno and changes nothing. Replaying chosen effects on an older disk is a power cut.
 */
#pragma once
#include "host.h"

struct fake_node {
	char *path;
	enum host_type type;
	bool subvolume, read_only; /* of a subvolume's top */
	uint64_t id, parent_id, transid, made_transid;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t mtime_sec;
	dev_t rdev;
	char *bytes; /* content, or target of a link */
	size_t length;
	/* what the medium takes instead of bytes; NULL = the same. As long as bytes */
	char *medium;
	/* not synced: reads see the cache, and a removal frees what was on the medium before */
	bool dirty;
	char *before; /* NULL = it was not there */
	size_t before_length;
};

struct fake_volume {
	struct fake_node *nodes; /* unordered; the top (path "") is one of them */
	size_t count;
	/* what was last freed: FAT may show it in a file that was not written in time */
	char *freed;
	size_t freed_length;
	char *graveyard; /* all text that was ever freed; NULL = none */
};

struct fake_disk {
	struct fake_volume volumes[VOLUME_COUNT];
	uint64_t default_id; /* the pool's default subvolume */
	char *variables; /* of the firmware, see fake_firmware.c; NULL = none */
	uint64_t last_id, transid;
};

enum fake_kind {
	FAKE_WRITE,
	FAKE_WRITE_AT,
	FAKE_APPEND,
	FAKE_MAKE_DIRECTORY,
	FAKE_SYMLINK,
	FAKE_RENAME,
	FAKE_EXCHANGE,
	FAKE_REMOVE,
	FAKE_REMOVE_TREE,
	FAKE_COPY, /* within the pool */
	FAKE_COPY_ATTRIBUTES,
	FAKE_SNAPSHOT,
	FAKE_SNAPSHOT_READ_ONLY,
	FAKE_CREATE_SUBVOLUME,
	FAKE_DELETE_SUBVOLUME,
	FAKE_SET_DEFAULT,
	FAKE_SYNC,
	FAKE_FIRMWARE, /* on no volume (VOLUME_COUNT): `bytes` are its variables from now on */
	FAKE_KIND_COUNT,
};

struct fake_effect {
	enum fake_kind kind;
	enum volume volume;
	char *path, *from;
	char *bytes;
	size_t length, offset;
	mode_t mode;
	int64_t when; /* mtime of what it makes */
	bool spoiled; /* the medium does not take it */
};

/* What became of an effect that was not synced. */
enum fake_fate {
	FATE_LOST,
	FATE_DONE,
	/* of a write */
	FATE_EMPTY,
	FATE_HALF,
	FATE_SHORT, /* all but the last byte */
	FATE_STALE, /* the file is there, with bytes that were freed before */
	/* of a rename */
	FATE_NO_TARGET, /* the file that was replaced is gone, the new name is not there */
	FATE_NO_NAME, /* neither name is there */
};

void fake_disk_init(struct fake_disk *disk);
void fake_disk_done(struct fake_disk *disk);
void fake_disk_copy(const struct fake_disk *from, struct fake_disk *ret);
struct fake_node *fake_disk_find(const struct fake_disk *disk, enum volume volume,
				 const char *path);

const char *fake_disk_default(const struct fake_disk *disk); /* its path; NULL = it is gone */

/* For fake_effect.c */
void fake_node_copy(const struct fake_node *from, struct fake_node *ret);
bool fake_is_below(const char *path, const char *directory);
char *fake_parent_of(const char *path); /* caller frees */
/* Before the content changes: remembers what is on the medium. */
void fake_node_touch(struct fake_node *node);
/* What was written to it is on the medium. */
void fake_node_flush(struct fake_node *node);
/* Its clusters are free from now on, with what is on the medium in them. */
void fake_node_free_content(struct fake_volume *v, struct fake_node *node);
void fake_forget_node(struct fake_volume *v, struct fake_node *node);
void fake_forget_tree(struct fake_volume *v, const char *path);
/* The top of the subvolume that `path` lies in, or is. */
struct fake_node *fake_subvolume_of(const struct fake_disk *disk, const char *path);
/* 0 where something may be made or changed at `path`. */
int fake_check_place(const struct fake_disk *disk, enum volume volume, const char *path);

void fake_effect_done(struct fake_effect *effect);
void fake_effect_copy(const struct fake_effect *from, struct fake_effect *ret);
int fake_disk_apply(struct fake_disk *disk, const struct fake_effect *effect);
/* The same, as far as the power lasted. Errors are part of it: what an effect needs may be lost. */
void fake_disk_apply_fate(struct fake_disk *disk, const struct fake_effect *effect,
			  enum fake_fate fate);
/* The fates that an effect can have on the boot volume; returns how many, LOST and DONE first. */
size_t fake_effect_fates(const struct fake_effect *effect, enum fake_fate fates[6]);

DEFINE_AUTO_STRUCT(fake_disk, struct fake_disk, fake_disk_done)
#define auto_fake_disk __attribute__((cleanup(auto_fake_disk_)))
