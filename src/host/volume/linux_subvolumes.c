/*
 * linux_subvolumes - the paths of all subvolumes.
 *
 * Where each is linked says the tree of roots: its parent, a directory in that, and a name. Read as
 * a whole, since every verb needs them all; libbtrfsutil asks the kernel four times for each.
 *
 * Source: linux/btrfs_tree.h, struct btrfs_root_ref.
 */
#include <endian.h>
#include <errno.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include "linux_internal.h"
#include "linux_search.h"

#define DEPTH_MAX 64

/* Where one subvolume is linked. */
struct link {
	uint64_t id, parent, directory;
	char *name;
};

struct links {
	struct link *all; /* by id, as the tree has them */
	size_t count;
};

static void links_done(struct links *links)
{
	for (size_t i = 0; i < links->count; i++)
		free(links->all[i].name);
	free(links->all);
}
DEFINE_AUTO_STRUCT(links, struct links, links_done)
#define auto_links __attribute__((cleanup(auto_links_)))

static int note_link(void *userdata, const struct tree_item *item)
{
	struct links *links = userdata;
	struct btrfs_root_ref ref;
	struct link *link;
	size_t length;

	if (item->header.type != BTRFS_ROOT_BACKREF_KEY || item->header.len < sizeof(ref))
		return 0;
	memcpy(&ref, item->bytes, sizeof(ref));
	length = le16toh(ref.name_len);
	if (length > item->header.len - sizeof(ref))
		return -EUCLEAN;
	link = array_add(links->all, links->count);
	*link = (struct link){
		.id = item->header.objectid,
		.parent = item->header.offset,
		.directory = le64toh(ref.dirid),
		.name = xstrndup((const char *)item->bytes + sizeof(ref), length),
	};
	return strchr(link->name, '/') || !path_is_plain(link->name) ? -EUCLEAN : 0;
}

static int read_links(int pool, struct links *ret)
{
	const struct btrfs_ioctl_search_key key = {
		.tree_id = BTRFS_ROOT_TREE_OBJECTID,
		.min_objectid = BTRFS_FIRST_FREE_OBJECTID,
		.max_objectid = BTRFS_LAST_FREE_OBJECTID,
		.max_type = UINT32_MAX,
		.max_offset = UINT64_MAX,
		.max_transid = UINT64_MAX,
	};
	auto_free struct tree_search *search = xmalloc(sizeof(*search));

	return tree_search(search, pool, &key,
			   &(struct tree_visit){.item = note_link, .userdata = ret});
}

static int by_id(const void *a, const void *b)
{
	const struct link *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static const struct link *find_link(const struct links *links, uint64_t id)
{
	return bsearch(&(struct link){.id = id}, links->all, links->count, sizeof(*links->all),
		       by_id);
}

/* --- their paths -------------------------------------------------------------------------------- */

struct paths {
	int pool;
	const struct links *links;
	/* The directory asked for last: those of a generation lie in one. */
	struct btrfs_ioctl_ino_lookup_args last;
};

/* "a/b/" of the directory that holds it, beginning in its parent. Borrowed until the next call. */
static int directory_of(struct paths *paths, const struct link *link, const char **ret)
{
	struct btrfs_ioctl_ino_lookup_args *last = &paths->last;

	*ret = "";
	if (link->directory == BTRFS_FIRST_FREE_OBJECTID)
		return 0;
	if (last->treeid != link->parent || last->objectid != link->directory) {
		*last = (struct btrfs_ioctl_ino_lookup_args){.treeid = link->parent,
							     .objectid = link->directory};
		if (ioctl(paths->pool, BTRFS_IOC_INO_LOOKUP, last) < 0) {
			last->objectid = 0;
			return -errno;
		}
	}
	*ret = last->name;
	return 0;
}

/* From the top level; caller frees. -ENOENT: it has been deleted meanwhile. */
static int path_of(struct paths *paths, const struct link *link, char **ret)
{
	auto_free char *path = xstrdup("");

	for (int depth = 0; link && depth < DEPTH_MAX; depth++) {
		const char *directory;
		char *longer;
		int result = directory_of(paths, link, &directory);

		if (result < 0)
			return result;
		longer = xasprintf("%s%s%s%s", directory, link->name, *path ? "/" : "", path);
		free(path);
		path = longer;
		if (link->parent == BTRFS_FS_TREE_OBJECTID) {
			*ret = take(path);
			return 0;
		}
		link = find_link(paths->links, link->parent);
	}
	return -ENOENT;
}

static int add_paths(struct paths *paths, struct host_names *names)
{
	for (size_t i = 0; i < paths->links->count; i++) {
		char *path;
		int result = path_of(paths, &paths->links->all[i], &path);

		if (result == 0)
			*array_add(names->names, names->count) =
				(struct host_name){.name = path, .type = HOST_DIRECTORY};
		else if (result != -ENOENT)
			return result;
	}
	host_names_sort(names);
	return 0;
}

int linux_list_subvolumes(struct host *host, struct host_names *ret)
{
	auto_links struct links links = {0};
	auto_host_names struct host_names names = {0};
	struct paths paths = {.pool = linux_of(host)->volumes[VOLUME_POOL].fd, .links = &links};
	int result = read_links(paths.pool, &links);

	if (result == 0)
		result = add_paths(&paths, &names);
	if (result < 0)
		return result;
	*ret = names;
	names = (struct host_names){0};
	return 0;
}
