/*
 * linux_links - every name of a file.
 *
 * The tree itself has them beside the inode. The kernel's own resolver (BTRFS_IOC_INO_PATHS) gives
 * no more than fit into a page.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include "linux_internal.h"
#include "linux_search.h"

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

static int add_name(void *userdata, const struct tree_name *name)
{
	struct links *links = userdata;
	int result = find_directory(links, name->directory);

	/* removed meanwhile: a system may be at work in it */
	if (result < 0)
		return result == -ENOENT ? 0 : result;
	*array_add(links->found.strings, links->found.count) =
		xasprintf("%s%.*s", links->path, (int)name->length, name->bytes);
	return 0;
}

int linux_links(struct host *host, const char *subvolume, const char *path,
		struct host_strings *ret)
{
	int pool = linux_of(host)->volumes[VOLUME_POOL].fd;
	auto_close int fd = open_beneath(pool, subvolume, O_RDONLY | O_DIRECTORY, 0);
	auto_close int object = fd < 0 ? fd : open_beneath(fd, path, O_PATH, 0);
	auto_free struct tree_search *search = xcalloc(1, sizeof(*search));
	__attribute__((cleanup(auto_links_))) struct links links = {.fd = fd};
	struct stat st;
	int result;

	if (object < 0)
		return object;
	if (fstat(object, &st) < 0)
		return -errno;
	result = tree_names(search, fd, st.st_ino,
			    &(struct tree_visit){.name = add_name, .userdata = &links});
	if (result < 0)
		return result;
	*ret = links.found;
	links.found = (struct host_strings){0};
	return 0;
}
