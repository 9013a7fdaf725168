/*
 * linux_changed - where a subvolume differs from an older snapshot of it, by transaction ids.
 *
 * Every block of a Btrfs tree knows the transaction that wrote it, and a snapshot shares the blocks
 * of what it was taken from. So the kernel's search, given the transaction of the snapshot, leaves
 * out all that nobody wrote to since: what it costs follows what changed. Two more sieves follow: an
 * inode's own transaction, for its block holds others too, and its fields in the snapshot, for to
 * read a file also writes its inode (atime).
 *
 * Source: Documentation of BTRFS_IOC_TREE_SEARCH_V2 and BTRFS_IOC_INO_LOOKUP, linux/btrfs_tree.h.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>
#include "linux_internal.h"

/* An item is at most as large as a block of metadata, which is at most 64 KiB. */
#define SEARCH_BYTES (256 * 1024)
#define DEPTH_MAX 256

struct search {
	struct btrfs_ioctl_search_args_v2 args;
	char room[SEARCH_BYTES];
};

struct changed {
	int now, then; /* tops of the subvolume and its older snapshot */
	uint64_t since;
	struct search *search; /* of `now` */
	struct search *single; /* of one inode of `then` */
	struct search *references; /* of the names of one inode of `now` */
	uint64_t *inodes;
	size_t inode_count;
	struct host_strings found;
};

static void add_path(struct changed *changed, const char *path)
{
	*array_add(changed->found.strings, changed->found.count) = xstrdup(path);
}

/* --- inodes ----------------------------------------------------------------------------------- */

/*
 * What was written to a file is in memory first: its data, and then its inode too. All of it gets
 * into the tree; it costs nothing where nobody wrote anything.
 */
static int settle(int fd)
{
	return ioctl(fd, BTRFS_IOC_SYNC) < 0 ? -errno : 0;
}

static int search_run(int fd, struct search *search)
{
	search->args.buf_size = SEARCH_BYTES;
	return ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, &search->args) < 0 ? -errno : 0;
}

/* One of a buffer full: they follow each other without padding. */
struct item {
	struct btrfs_ioctl_search_header header;
	const char *bytes; /* as many as header.len */
};

static const char *item_read(const char *at, struct item *ret)
{
	memcpy(&ret->header, at, sizeof(ret->header));
	ret->bytes = at + sizeof(ret->header);
	return ret->bytes + ret->header.len;
}

/* Its item as the snapshot has it; NULL = it was not there. Borrowed until the next. */
static const struct btrfs_inode_item *former_item(struct changed *changed, uint64_t inode,
						  int *ret_error)
{
	struct search *search = changed->single;
	struct item item;

	search->args.key = (struct btrfs_ioctl_search_key){
		.min_objectid = inode,
		.max_objectid = inode,
		.min_type = BTRFS_INODE_ITEM_KEY,
		.max_type = BTRFS_INODE_ITEM_KEY,
		.max_offset = UINT64_MAX,
		.max_transid = UINT64_MAX,
		.nr_items = 1,
	};
	*ret_error = search_run(changed->then, search);
	if (*ret_error < 0 || search->args.key.nr_items == 0)
		return NULL;
	item_read((const char *)search->args.buf, &item);
	return item.header.len < sizeof(struct btrfs_inode_item) ? NULL : (const void *)item.bytes;
}

static bool same_time(const struct btrfs_timespec *a, const struct btrfs_timespec *b)
{
	return a->sec == b->sec && a->nsec == b->nsec;
}

/* All but the time of the last reading, and what only says when the item was written. */
static bool same_item(const struct btrfs_inode_item *a, const struct btrfs_inode_item *b)
{
	return a->generation == b->generation && a->size == b->size && a->nlink == b->nlink &&
	       a->uid == b->uid && a->gid == b->gid && a->mode == b->mode && a->rdev == b->rdev &&
	       a->flags == b->flags && same_time(&a->ctime, &b->ctime) &&
	       same_time(&a->mtime, &b->mtime);
}

static int look_at_item(struct changed *changed, const struct item *item)
{
	const struct btrfs_ioctl_search_header *header = &item->header;
	const struct btrfs_inode_item *inode = (const void *)item->bytes, *former;
	int result;

	if (header->type != BTRFS_INODE_ITEM_KEY || header->len < sizeof(*inode) ||
	    header->objectid < BTRFS_FIRST_FREE_OBJECTID ||
	    header->objectid > BTRFS_LAST_FREE_OBJECTID ||
	    le64toh(inode->transid) <= changed->since)
		return 0;
	former = former_item(changed, header->objectid, &result);
	if (result < 0)
		return result;
	if (!former || !same_item(inode, former))
		*array_add(changed->inodes, changed->inode_count) = header->objectid;
	return 0;
}

/* The first key after the last one that was seen; false: there is none. */
static bool search_advance(struct btrfs_ioctl_search_key *key,
			   const struct btrfs_ioctl_search_header *last)
{
	key->min_objectid = last->objectid;
	key->min_type = last->type;
	key->min_offset = last->offset + 1;
	if (key->min_offset > 0)
		return true;
	key->min_type = last->type + 1;
	if (key->min_type <= UINT8_MAX)
		return true;
	key->min_type = 0;
	key->min_objectid++;
	return key->min_objectid <= key->max_objectid;
}

/* A buffer full of items that were found; *ret_last is the last of them. */
static int each_item(struct changed *changed, const struct search *search,
		     int (*look)(struct changed *, const struct item *), struct item *ret_last)
{
	const char *at = (const char *)search->args.buf;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < search->args.key.nr_items; i++) {
		at = item_read(at, ret_last);
		result = look(changed, ret_last);
	}
	return result;
}

static int find_inodes(struct changed *changed)
{
	struct btrfs_ioctl_search_key *key = &changed->search->args.key;
	struct item last;
	int result;

	*key = (struct btrfs_ioctl_search_key){
		.min_objectid = BTRFS_FIRST_FREE_OBJECTID,
		.max_objectid = BTRFS_LAST_FREE_OBJECTID,
		.max_type = UINT32_MAX,
		.max_offset = UINT64_MAX,
		.min_transid = changed->since + 1,
		.max_transid = UINT64_MAX,
	};
	do {
		key->nr_items = UINT32_MAX;
		result = search_run(changed->now, changed->search);
		if (result < 0 || key->nr_items == 0)
			return result;
		result = each_item(changed, changed->search, look_at_item, &last);
	} while (result == 0 && search_advance(key, &last.header));
	return result;
}

/* --- directories ------------------------------------------------------------------------------ */

static int open_directory(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The path, and all that is beneath it; other subvolumes are not entered. */
static int add_tree(struct changed *changed, int parent, const char *name, const char *path,
		    unsigned depth)
{
	auto_close int fd = -1;
	auto_host_names struct host_names names = {0};
	struct stat here, there;
	int result;

	add_path(changed, path);
	fd = open_directory(parent, name);
	/* not a directory, or gone meanwhile: a system may be at work in it */
	if (fd == -ENOTDIR || fd == -ELOOP || fd == -ENOENT)
		return 0;
	if (fd < 0 || depth == 0)
		return fd < 0 ? fd : -ELOOP;
	if (fstat(parent, &here) < 0 || fstat(fd, &there) < 0)
		return -errno;
	if (here.st_dev != there.st_dev)
		return 0;
	result = list_directory(fd, &names);
	for (size_t i = 0; result == 0 && i < names.count; i++) {
		auto_free char *child = xasprintf("%s/%s", path, names.names[i].name);

		result = add_tree(changed, fd, names.names[i].name, child, depth - 1);
	}
	return result;
}

struct directory_pair {
	const char *path; /* "" = the top */
	int now, then;
};

static int add_child(struct changed *changed, const struct directory_pair *pair,
		     const struct host_name *now, const struct host_name *then)
{
	const char *name = now ? now->name : then->name;
	auto_free char *path = xasprintf("%s%s%s", pair->path, *pair->path ? "/" : "", name);
	int result = 0;

	if (now && then && now->inode == then->inode)
		return 0;
	if (now)
		result = add_tree(changed, pair->now, name, path, DEPTH_MAX);
	if (result == 0 && then)
		result = add_tree(changed, pair->then, name, path, DEPTH_MAX);
	return result;
}

/* Both lists are sorted: what only one of them has, or what has another inode by now. */
static int compare_names_of(struct changed *changed, const struct directory_pair *pair)
{
	auto_host_names struct host_names now = {0}, then = {0};
	size_t n = 0, t = 0;
	int result = list_directory(pair->now, &now);

	if (result == 0)
		result = list_directory(pair->then, &then);
	while (result == 0 && (n < now.count || t < then.count)) {
		int order = n == now.count    ? 1
			    : t == then.count ? -1
					      : strcmp(now.names[n].name, then.names[t].name);

		result = add_child(changed, pair, order <= 0 ? &now.names[n] : NULL,
				   order >= 0 ? &then.names[t] : NULL);
		n += order <= 0;
		t += order >= 0;
	}
	return result;
}

static int look_at_path(struct changed *changed, const char *path)
{
	auto_close int now = open_beneath(changed->now, path, O_RDONLY | O_DIRECTORY, 0);
	auto_close int then = -1;

	if (*path)
		add_path(changed, path);
	/* what is no directory is done; a new one came by its parent, which changed with it */
	if (now == -ENOTDIR || now == -ELOOP || now == -ENOENT)
		return 0;
	if (now < 0)
		return now;
	then = open_beneath(changed->then, path, O_RDONLY | O_DIRECTORY, 0);
	if (then == -ENOTDIR || then == -ELOOP || then == -ENOENT)
		return 0;
	if (then < 0)
		return then;
	return compare_names_of(changed,
				&(struct directory_pair){.path = path, .now = now, .then = then});
}

/* --- from inodes to paths --------------------------------------------------------------------- */

/* What a directory is called; "" or with a slash at its end. */
static int directory_path(const struct changed *changed, uint64_t inode,
			  char ret[BTRFS_INO_LOOKUP_PATH_MAX])
{
	struct btrfs_ioctl_ino_lookup_args args = {.objectid = inode};

	if (ioctl(changed->now, BTRFS_IOC_INO_LOOKUP, &args) < 0)
		return -errno;
	memcpy(ret, args.name, sizeof(args.name));
	return 0;
}

/* One name of an inode, in the directory `parent`. */
struct name {
	uint64_t parent;
	const char *bytes;
	uint16_t length;
};

static int look_at_name(struct changed *changed, const struct name *name)
{
	char directory[BTRFS_INO_LOOKUP_PATH_MAX];
	auto_free char *path = NULL;
	int result = directory_path(changed, name->parent, directory);

	/* removed meanwhile: the directory it was in has changed, too */
	if (result < 0)
		return result == -ENOENT ? 0 : result;
	path = xasprintf("%s%.*s", directory, name->length, name->bytes);
	return look_at_path(changed, path);
}

/* The references that follow each other in one item. */
static int look_at_references(struct changed *changed, const struct item *item)
{
	const char *at = item->bytes, *end = at + item->header.len;
	bool extended = item->header.type == BTRFS_INODE_EXTREF_KEY;
	size_t head = extended ? sizeof(struct btrfs_inode_extref) : sizeof(struct btrfs_inode_ref);
	int result = 0;

	while (result == 0 && (size_t)(end - at) >= head) {
		const struct btrfs_inode_ref *ref = (const void *)at;
		const struct btrfs_inode_extref *more = (const void *)at;
		struct name name = {
			.parent = extended ? le64toh(more->parent_objectid) : item->header.offset,
			.length = le16toh(extended ? more->name_len : ref->name_len),
			.bytes = at + head,
		};

		if (name.length > (size_t)(end - name.bytes))
			return -EUCLEAN;
		result = look_at_name(changed, &name);
		at = name.bytes + name.length;
	}
	return result;
}

/* Every name that it has; a file that is open and was removed has none. */
static int look_at_inode(struct changed *changed, uint64_t inode)
{
	struct item last;
	struct btrfs_ioctl_search_key key = {
		.min_objectid = inode,
		.max_objectid = inode,
		.min_type = BTRFS_INODE_REF_KEY,
		.max_type = BTRFS_INODE_EXTREF_KEY,
		.max_offset = UINT64_MAX,
		.max_transid = UINT64_MAX,
	};
	int result = 0;

	if (inode == BTRFS_FIRST_FREE_OBJECTID)
		return look_at_path(changed, "");
	do {
		changed->references->args.key = key;
		changed->references->args.key.nr_items = UINT32_MAX;
		result = search_run(changed->now, changed->references);
		if (result < 0 || changed->references->args.key.nr_items == 0)
			return result;
		result = each_item(changed, changed->references, look_at_references, &last);
	} while (result == 0 && search_advance(&key, &last.header) && key.min_type <= key.max_type);
	return result;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_found(struct host_strings *found)
{
	size_t kept = 0;

	if (found->count > 1)
		qsort(found->strings, found->count, sizeof(*found->strings), by_text);
	for (size_t i = 0; i < found->count; i++)
		if (kept > 0 && strcmp(found->strings[kept - 1], found->strings[i]) == 0)
			free(found->strings[i]);
		else
			found->strings[kept++] = found->strings[i];
	found->count = kept;
}

int linux_changed_since(struct host *host, const struct host_since *since, struct host_strings *ret)
{
	int pool = linux_of(host)->volumes[VOLUME_POOL].fd;
	auto_close int now = open_beneath(pool, since->subvolume, O_RDONLY | O_DIRECTORY, 0);
	auto_close int then = open_beneath(pool, since->ancestor, O_RDONLY | O_DIRECTORY, 0);
	auto_free void *search = xcalloc(1, sizeof(struct search));
	auto_free void *single = xcalloc(1, sizeof(struct search));
	auto_free void *references = xcalloc(1, sizeof(struct search));
	struct changed changed = {
		.now = now,
		.then = then,
		.since = since->transid,
		.search = search,
		.single = single,
		.references = references,
	};
	int result = now < 0 ? now : then < 0 ? then : 0;

	*ret = (struct host_strings){0};
	if (result < 0)
		return result;
	result = settle(now);
	if (result == 0)
		result = find_inodes(&changed);
	for (size_t i = 0; result == 0 && i < changed.inode_count; i++)
		result = look_at_inode(&changed, changed.inodes[i]);
	free(changed.inodes);
	if (result < 0) {
		host_strings_done(&changed.found);
		return result;
	}
	sort_found(&changed.found);
	*ret = changed.found;
	return 0;
}
