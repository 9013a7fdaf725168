/*
 * linux_links - every name of a file.
 *
 * The tree itself has them beside the inode. The kernel's own resolver (BTRFS_IOC_INO_PATHS) gives
 * no more than fit into a page.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>
#include "linux_internal.h"

#define BUFFER_BYTES (256 * 1024) /* several blocks of metadata: any item fits */

struct answer { /* of the kernel */
	struct btrfs_ioctl_search_args_v2 args;
	unsigned char bytes[BUFFER_BYTES];
};

struct item {
	struct btrfs_ioctl_search_header head;
	const unsigned char *bytes;
};

struct links {
	int fd; /* in the subvolume */
	/* of the directory that was asked for last: many names lie in one */
	uint64_t directory;
	char *path;
	struct host_strings found;
};

static void links_done(struct links *links)
{
	free(links->path);
	host_strings_done(&links->found);
}
DEFINE_AUTO_STRUCT(links, struct links, links_done)

static int find_directory(struct links *links, uint64_t inode)
{
	struct btrfs_ioctl_ino_lookup_args args = {.objectid = inode};

	if (links->path && links->directory == inode)
		return 0;
	if (ioctl(links->fd, BTRFS_IOC_INO_LOOKUP, &args) < 0)
		return -errno;
	free(links->path);
	/* "" for the top, else with a slash at its end */
	links->path = xstrndup(args.name, sizeof(args.name));
	links->directory = inode;
	return 0;
}

struct name {
	uint64_t directory;
	const unsigned char *bytes;
	size_t length;
};

static int add_name(struct links *links, const struct name *name)
{
	auto_free char *bare = xstrndup((const char *)name->bytes, name->length);
	auto_free char *path = NULL;
	int result = find_directory(links, name->directory);

	/* removed meanwhile: a system may be at work in it */
	if (result < 0)
		return result == -ENOENT ? 0 : result;
	path = xasprintf("%s%s", links->path, bare);
	/* on a disk that somebody made up */
	if (strlen(bare) != name->length || strchr(bare, '/') || !path_is_plain(path))
		return -EUCLEAN;
	*array_add(links->found.strings, links->found.count) = take(path);
	return 0;
}

/* The head of one name at `at`, and how long it is; 0 = it is cut. */
static size_t read_head(const struct item *item, size_t at, struct name *ret)
{
	struct btrfs_inode_ref ref;
	struct btrfs_inode_extref extref;
	size_t left = item->head.len - at;

	if (item->head.type == BTRFS_INODE_REF_KEY) {
		if (left < sizeof(ref))
			return 0;
		memcpy(&ref, item->bytes + at, sizeof(ref));
		*ret = (struct name){item->head.offset, item->bytes + at + sizeof(ref),
				     le16toh(ref.name_len)};
		return sizeof(ref);
	}
	if (left < sizeof(extref))
		return 0;
	memcpy(&extref, item->bytes + at, sizeof(extref));
	*ret = (struct name){le64toh(extref.parent_objectid), item->bytes + at + sizeof(extref),
			     le16toh(extref.name_len)};
	return sizeof(extref);
}

/* An item holds all names in one directory. */
static int add_names(struct links *links, const struct item *item)
{
	int result = 0;

	for (size_t at = 0; result == 0 && at < item->head.len;) {
		struct name name;
		size_t head = read_head(item, at, &name);

		if (head == 0 || name.length > item->head.len - at - head)
			return -EUCLEAN;
		result = add_name(links, &name);
		at += head + name.length;
	}
	return result;
}

static int add_items(struct links *links, const struct answer *answer, struct item *ret_last)
{
	const unsigned char *at = answer->args.buf;
	size_t left = BUFFER_BYTES;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < answer->args.key.nr_items; i++) {
		if (left < sizeof(ret_last->head))
			return -EIO;
		memcpy(&ret_last->head, at, sizeof(ret_last->head));
		at += sizeof(ret_last->head);
		left -= sizeof(ret_last->head);
		if (ret_last->head.len > left)
			return -EIO;
		ret_last->bytes = at;
		result = add_names(links, ret_last);
		at += ret_last->head.len;
		left -= ret_last->head.len;
	}
	return result;
}

/* From the first key that is wanted, buffer by buffer. */
static int search(struct links *links, uint64_t inode)
{
	auto_free struct answer *answer = xmalloc(sizeof(*answer));
	struct btrfs_ioctl_search_key *key = &answer->args.key;
	struct item last;
	int result = 0;

	*key = (struct btrfs_ioctl_search_key){
		.min_objectid = inode,
		.max_objectid = inode,
		.min_type = BTRFS_INODE_REF_KEY,
		.max_type = BTRFS_INODE_EXTREF_KEY,
		.max_offset = UINT64_MAX,
		.max_transid = UINT64_MAX,
	};
	do {
		key->nr_items = UINT32_MAX;
		answer->args.buf_size = BUFFER_BYTES;
		if (ioctl(links->fd, BTRFS_IOC_TREE_SEARCH_V2, &answer->args) < 0)
			return -errno;
		if (key->nr_items == 0)
			return 0;
		result = add_items(links, answer, &last);
		key->min_type = last.head.type;
		key->min_offset = last.head.offset + 1;
		if (key->min_offset == 0)
			key->min_type++;
	} while (result == 0 && key->min_type <= key->max_type);
	return result;
}

int linux_links(struct host *host, const char *subvolume, const char *path,
		struct host_strings *ret)
{
	int pool = linux_of(host)->volumes[VOLUME_POOL].fd;
	auto_close int fd = open_beneath(pool, subvolume, O_RDONLY | O_DIRECTORY, 0);
	auto_close int object = fd < 0 ? fd : open_beneath(fd, path, O_PATH, 0);
	__attribute__((cleanup(auto_links_))) struct links links = {.fd = fd};
	struct stat st;
	int result;

	if (object < 0)
		return object;
	if (fstat(object, &st) < 0)
		return -errno;
	result = search(&links, st.st_ino);
	if (result < 0)
		return result;
	*ret = links.found;
	links.found = (struct host_strings){0};
	return 0;
}
