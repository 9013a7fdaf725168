/*
 * prune - sorts what programs in the stage wrote into a data volume.
 *
 * Walks the upper directory of the overlay beside the snapshot below it. What is left there
 * afterwards is exactly what the first boot has to add or, once accepted, to change.
 * Source for how an upper directory says things: the kernel's overlayfs documentation (a whiteout
 * is a character device 0/0, a directory that hides the lower one has trusted.overlay.opaque=y).
 */
#include <errno.h>
#include <string.h>
#include "dataclass.h"
#include "fill_internal.h"
#include "replay.h"
#include "territory.h"

#define DEPTH_MAX 128
#define OVERLAY_XATTRS "trusted.overlay."

/* One name in the upper directory. */
struct entry {
	const char *path; /* below the volume, without a slash in front */
	char *absolute, *upper, *lower;
	enum data_class class;
	struct host_stat stat, below;
	bool has_below; /* the lower directory has something of that name */
	unsigned depth; /* how much deeper the walk may go */
};

static void entry_done(struct entry *entry)
{
	free(entry->absolute);
	free(entry->upper);
	free(entry->lower);
}
DEFINE_AUTO_STRUCT(entry, struct entry, entry_done)
#define auto_entry __attribute__((cleanup(auto_entry_)))

static struct host *host_of(const struct prune *prune)
{
	return prune->fill->machine->host;
}

/* --- effects --------------------------------------------------------------------------------- */

static bool drop(struct prune *prune, const struct entry *entry, struct err *err)
{
	struct host *host = host_of(prune);
	int r = entry->stat.type == HOST_DIRECTORY
			? host->ops->remove_tree(host, VOLUME_POOL, entry->upper)
			: host->ops->remove(host, VOLUME_POOL, entry->upper);

	return fill_check(r, "remove", entry->upper, err);
}

static bool keep(struct prune *prune, const struct entry *entry, struct err *err)
{
	struct host *host = host_of(prune);

	prune->kept++;
	return fill_check(host->ops->remove_xattrs(host, entry->upper, OVERLAY_XATTRS),
			  "clean the attributes of", entry->upper, err);
}

/* /var/log/apt/term.log → log/apt/term.log */
static bool move_to_log(struct prune *prune, const struct entry *entry, struct err *err)
{
	struct host *host = host_of(prune);
	const char *below = entry->absolute + strlen("/var/log/");
	auto_free char *to = xasprintf("%s/log/%s", prune->fill->making, below);
	auto_free char *directory = xstrndup(to, (size_t)(strrchr(to, '/') - to));

	if (entry->stat.type != HOST_FILE)
		return drop(prune, entry, err);
	return fill_make_directories(prune->fill, directory, err) &&
	       fill_check(host->ops->remove_xattrs(host, entry->upper, OVERLAY_XATTRS),
			  "clean the attributes of", entry->upper, err) &&
	       fill_check(host->ops->rename(host, VOLUME_POOL, entry->upper, to), "move",
			  entry->upper, err);
}

/* --- comparing ------------------------------------------------------------------------------- */

static bool same_xattr(struct prune *prune, const struct entry *entry, const char *name)
{
	struct host *host = host_of(prune);
	auto_host_bytes struct host_bytes above = {0};
	auto_host_bytes struct host_bytes below = {0};
	int r = host->ops->get_xattr(host, entry->upper, name, &above);
	int s = host->ops->get_xattr(host, entry->lower, name, &below);

	if (r < 0 || s < 0)
		return r == s;
	return above.length == below.length && memcmp(above.bytes, below.bytes, above.length) == 0;
}

/* Owner, mode and what grants rights; times do not count. */
static bool same_attributes(struct prune *prune, const struct entry *entry)
{
	static const char *const xattrs[] = {"system.posix_acl_access", "system.posix_acl_default",
					     "security.capability"};

	if (entry->stat.mode != entry->below.mode || entry->stat.uid != entry->below.uid ||
	    entry->stat.gid != entry->below.gid)
		return false;
	for (size_t i = 0; entry->stat.type != HOST_SYMLINK && i < COUNT(xattrs); i++)
		if (!same_xattr(prune, entry, xattrs[i]))
			return false;
	return true;
}

static bool same_content(struct prune *prune, const struct entry *entry)
{
	struct host *host = host_of(prune);
	auto_free char *above = NULL;
	auto_free char *below = NULL;
	struct digest first, second;

	if (entry->stat.type == HOST_SYMLINK)
		return host->ops->read_link(host, VOLUME_POOL, entry->upper, &above) == 0 &&
		       host->ops->read_link(host, VOLUME_POOL, entry->lower, &below) == 0 &&
		       text_equal(above, below);
	return entry->stat.type == HOST_FILE && entry->stat.size_bytes == entry->below.size_bytes &&
	       host->ops->digest(host, VOLUME_POOL, entry->upper, DIGEST_SHA256, &first) == 0 &&
	       host->ops->digest(host, VOLUME_POOL, entry->lower, DIGEST_SHA256, &second) == 0 &&
	       text_equal(first.hex, second.hex);
}

/* --- changes --------------------------------------------------------------------------------- */

/* The base's owner accepted this very change: it is as it was laid into the stage. */
static bool is_accepted(struct prune *prune, const struct entry *entry)
{
	const struct data_volume *volume = prune->volume;
	struct host *host = host_of(prune);
	auto_free char *path = NULL;
	struct entry laid = *entry; /* borrows */

	if (!text_equal(replay_change_of(volume->seed_changes, entry->path), "changed"))
		return false;
	path = xasprintf("%s/%s", volume->seed, entry->path);
	laid.lower = path;
	return host->ops->stat(host, VOLUME_POOL, path, &laid.below) == 0 &&
	       laid.stat.type == laid.below.type && same_attributes(prune, &laid) &&
	       (laid.stat.type == HOST_DIRECTORY || same_content(prune, &laid));
}

static json_t *describe(const char *path, const char *kind)
{
	json_t *change = json_object();

	json_put_string(change, "path", path);
	json_put_string(change, "kind", kind);
	return change;
}

static void add_change(struct prune *prune, const struct entry *entry, const char *kind)
{
	json_array_append_new(prune->changes, describe(entry->path, kind));
	if (!text_equal(kind, "changed") || !is_accepted(prune, entry))
		json_array_append_new(prune->fill->data_changes, describe(entry->absolute, kind));
}

/* --- sorting --------------------------------------------------------------------------------- */

static bool prune_directory(struct prune *prune, const struct entry *directory, struct err *err);

static bool is_opaque(struct prune *prune, const struct entry *entry)
{
	struct host *host = host_of(prune);
	auto_host_bytes struct host_bytes value = {0};

	return host->ops->get_xattr(host, entry->upper, OVERLAY_XATTRS "opaque", &value) == 0 &&
	       value.length == 1 && value.bytes[0] == 'y';
}

static bool needs_ack(const struct entry *entry)
{
	return entry->class == DATA_KEEP || entry->class == DATA_PACKAGE;
}

static bool sort_whiteout(struct prune *prune, const struct entry *entry, struct err *err)
{
	if (entry->has_below && needs_ack(entry))
		add_change(prune, entry, "removed");
	return drop(prune, entry, err);
}

static bool sort_directory(struct prune *prune, struct entry *entry, struct err *err)
{
	size_t before = prune->kept;
	bool merged = entry->has_below && entry->below.type == HOST_DIRECTORY;

	if (entry->class == DATA_DROP)
		return drop(prune, entry, err);
	/* it was removed, and made again: what lies below is gone */
	if (entry->has_below && (!merged || is_opaque(prune, entry))) {
		if (needs_ack(entry))
			add_change(prune, entry, "removed");
		entry->has_below = merged = false;
	}
	if (!prune_directory(prune, entry, err))
		return false;
	if (!merged)
		return keep(prune, entry, err);
	if (needs_ack(entry) && !same_attributes(prune, entry)) {
		add_change(prune, entry, "changed");
		return keep(prune, entry, err);
	}
	if (prune->kept > before) {
		prune->kept--; /* it is only the way to what is kept */
		return keep(prune, entry, err);
	}
	return drop(prune, entry, err);
}

/*
 * A program that replaces a file by renaming another over it (apt does, with what it installed
 * automatically) replaces the link that leads into the root. What it wrote is the generation's.
 */
static bool move_to_root(struct prune *prune, const struct entry *entry, const char *place,
			 struct err *err)
{
	struct host *host = host_of(prune);
	auto_free char *to = xasprintf("%s/" SYSIMAGE "/%s", prune->fill->root, place);
	auto_free char *temporary = xasprintf("%s.moult", to);
	int r = host->ops->remove_xattrs(host, entry->upper, OVERLAY_XATTRS);

	if (r == 0)
		r = host->ops->copy(host, VOLUME_POOL, entry->upper, VOLUME_POOL, temporary);
	if (r == 0)
		r = host->ops->rename(host, VOLUME_POOL, temporary, to);
	return fill_check(r, "move into the root", entry->upper, err) && drop(prune, entry, err);
}

static bool sort_file(struct prune *prune, const struct entry *entry, struct err *err)
{
	const char *place;

	if (entry->class == DATA_LOG)
		return move_to_log(prune, entry, err);
	if (!needs_ack(entry) && (entry->class != DATA_STAY || entry->has_below))
		return drop(prune, entry, err);
	place = entry->has_below && entry->below.type == HOST_SYMLINK &&
				entry->stat.type == HOST_FILE
			? dataclass_place(entry->absolute)
			: NULL;
	if (place)
		return move_to_root(prune, entry, place, err);
	if (entry->stat.type == HOST_OTHER) {
		fill_note(prune->fill, "%s is a special file and is not carried over",
			  text_quote(entry->absolute));
		return drop(prune, entry, err);
	}
	if (!entry->has_below)
		return keep(prune, entry, err);
	if (entry->below.type == HOST_DIRECTORY)
		add_change(prune, entry, "removed");
	else if (entry->stat.type == entry->below.type && same_attributes(prune, entry) &&
		 same_content(prune, entry))
		return drop(prune, entry, err);
	else
		add_change(prune, entry, "changed");
	return keep(prune, entry, err);
}

static bool sort_entry(struct prune *prune, struct entry *entry, struct err *err)
{
	if (entry->stat.whiteout)
		return sort_whiteout(prune, entry, err);
	if (entry->stat.type == HOST_DIRECTORY)
		return sort_directory(prune, entry, err);
	return sort_file(prune, entry, err);
}

/* --- walking --------------------------------------------------------------------------------- */

static bool look_at(struct prune *prune, const struct entry *parent, struct entry *entry,
		    struct err *err)
{
	const struct data_volume *volume = prune->volume;
	struct host *host = host_of(prune);
	const char *top = text_equal(volume->mount_point, "/") ? "" : volume->mount_point;
	int r;

	entry->absolute = xasprintf("%s/%s", top, entry->path);
	entry->upper = xasprintf("%s/%s", volume->upper, entry->path);
	entry->lower = xasprintf("%s/%s", volume->lower, entry->path);
	entry->class = dataclass_of(entry->absolute);
	entry->depth = parent->depth - 1;
	r = host->ops->stat(host, VOLUME_POOL, entry->upper, &entry->stat);
	if (!fill_check(r, "look at", entry->upper, err))
		return false;
	entry->has_below = parent->has_below &&
			   host->ops->stat(host, VOLUME_POOL, entry->lower, &entry->below) == 0;
	return true;
}

static bool prune_directory(struct prune *prune, const struct entry *directory, struct err *err)
{
	struct host *host = host_of(prune);
	auto_host_names struct host_names names = {0};
	int r = directory->depth == 0
			? -ELOOP
			: host->ops->list(host, VOLUME_POOL, directory->upper, &names);

	if (!fill_check(r, "list", directory->upper, err))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *path = xasprintf("%s%s%s", directory->path,
						 *directory->path ? "/" : "", names.names[i].name);
		auto_entry struct entry entry = {.path = path};

		if (!look_at(prune, directory, &entry, err) || !sort_entry(prune, &entry, err))
			return false;
	}
	return true;
}

bool prune_run(struct prune *prune, struct err *err)
{
	auto_entry struct entry top = {.path = "", .has_below = true, .depth = DEPTH_MAX};
	struct host *host = host_of(prune);

	top.upper = xstrdup(prune->volume->upper);
	return prune_directory(prune, &top, err) &&
	       fill_check(host->ops->remove_xattrs(host, top.upper, OVERLAY_XATTRS),
			  "clean the attributes of", top.upper, err);
}
