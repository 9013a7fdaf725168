/*
 * linux_changed - where a subvolume differs from an older snapshot of it, by transaction ids.
 *
 * Every block of a Btrfs tree knows the transaction that wrote it, and a snapshot shares the blocks
 * of what it was taken from. So the kernel's search, given the transaction of the snapshot, leaves
 * out all that nobody wrote to since: what it costs follows what changed. Two more sieves follow: an
 * inode's own transaction, for its block holds others too, and its fields in the snapshot, for to
 * read a file also writes its inode (atime).
 *
 * Source: documentation of BTRFS_IOC_INO_LOOKUP; linux_search.h.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>
#include "linux_internal.h"
#include "linux_search.h"

#define DEPTH_MAX 256

struct changed {
	int now, then; /* tops of the subvolume and its older snapshot */
	uint64_t since;
	struct tree_search *search; /* of `now` */
	struct tree_search *single; /* of one inode of `then` */
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

/* The item of an inode as the snapshot has it. */
struct former {
	struct btrfs_inode_item item;
	bool found;
};

static int keep_item(void *userdata, const struct tree_item *item)
{
	struct former *former = userdata;

	former->found = item->header.len >= sizeof(former->item);
	if (former->found)
		memcpy(&former->item, item->bytes, sizeof(former->item));
	return 1; /* there is no other */
}

static int find_former(struct changed *changed, uint64_t inode, struct former *ret)
{
	const struct btrfs_ioctl_search_key key = {
		.min_objectid = inode,
		.max_objectid = inode,
		.min_type = BTRFS_INODE_ITEM_KEY,
		.max_type = BTRFS_INODE_ITEM_KEY,
		.max_transid = UINT64_MAX,
	};
	int result;

	ret->found = false;
	result = tree_search(changed->single, changed->then, &key,
			     &(struct tree_visit){.item = keep_item, .userdata = ret});
	return result < 0 ? result : 0;
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

static int look_at_item(void *userdata, const struct tree_item *item)
{
	struct changed *changed = userdata;
	const struct btrfs_ioctl_search_header *header = &item->header;
	struct btrfs_inode_item inode;
	struct former former;
	int result;

	if (header->type != BTRFS_INODE_ITEM_KEY || header->len < sizeof(inode) ||
	    header->objectid < BTRFS_FIRST_FREE_OBJECTID ||
	    header->objectid > BTRFS_LAST_FREE_OBJECTID)
		return 0;
	memcpy(&inode, item->bytes, sizeof(inode));
	if (le64toh(inode.transid) <= changed->since)
		return 0;
	result = find_former(changed, header->objectid, &former);
	if (result < 0)
		return result;
	if (!former.found || !same_item(&inode, &former.item))
		*array_add(changed->inodes, changed->inode_count) = header->objectid;
	return 0;
}

static int find_inodes(struct changed *changed)
{
	const struct btrfs_ioctl_search_key key = {
		.min_objectid = BTRFS_FIRST_FREE_OBJECTID,
		.max_objectid = BTRFS_LAST_FREE_OBJECTID,
		.max_type = UINT32_MAX,
		.max_offset = UINT64_MAX,
		.min_transid = changed->since + 1,
		.max_transid = UINT64_MAX,
	};

	return tree_search(changed->search, changed->now, &key,
			   &(struct tree_visit){.item = look_at_item, .userdata = changed});
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

static int look_at_name(void *userdata, const struct tree_name *name)
{
	struct changed *changed = userdata;
	char directory[BTRFS_INO_LOOKUP_PATH_MAX];
	auto_free char *path = NULL;
	int result = directory_path(changed, name->directory, directory);

	/* removed meanwhile: the directory it was in has changed, too */
	if (result < 0)
		return result == -ENOENT ? 0 : result;
	path = xasprintf("%s%.*s", directory, (int)name->length, name->bytes);
	return look_at_path(changed, path);
}

static int look_at_inode(struct changed *changed, uint64_t inode)
{
	if (inode == BTRFS_FIRST_FREE_OBJECTID)
		return look_at_path(changed, "");
	return tree_names(changed->search, changed->now, inode,
			  &(struct tree_visit){.name = look_at_name, .userdata = changed});
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
	auto_free void *search = xcalloc(1, sizeof(struct tree_search));
	auto_free void *single = xcalloc(1, sizeof(struct tree_search));
	struct changed changed = {
		.now = now,
		.then = then,
		.since = since->transid,
		.search = search,
		.single = single,
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
