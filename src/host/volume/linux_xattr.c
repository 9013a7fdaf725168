/* linux_xattr - extended attributes of one object on the pool, links themselves included. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include "linux_internal.h"

#define XATTR_BYTES_MAX 65536 /* what the kernel gives at most */

/* The directory descriptor's path and the name: lgetxattr() takes no descriptor of a link. */
struct object {
	char path[320];
	int parent;
};

static int object_open(struct host *host, const char *path, struct object *ret)
{
	const char *name;

	ret->parent = open_parent(linux_of(host)->volumes[VOLUME_POOL].fd, path, &name);
	if (ret->parent < 0)
		return ret->parent;
	snprintf(ret->path, sizeof(ret->path), "/proc/self/fd/%d/%s", ret->parent, name);
	return 0;
}

static void object_done(struct object *object)
{
	if (object->parent >= 0)
		close(object->parent);
}

DEFINE_AUTO_STRUCT(object, struct object, object_done)
#define auto_object __attribute__((cleanup(auto_object_)))

int linux_get_xattr(struct host *host, const char *path, const char *name, struct host_bytes *ret)
{
	auto_object struct object object = {.parent = -1};
	auto_free char *value = xcalloc(1, XATTR_BYTES_MAX + 1);
	int r = object_open(host, path, &object);
	ssize_t length = r < 0 ? r : lgetxattr(object.path, name, value, XATTR_BYTES_MAX);

	if (r < 0)
		return r;
	if (length < 0)
		return errno == EOPNOTSUPP ? -ENODATA : -errno;
	ret->length = (size_t)length;
	ret->bytes = take(value);
	return 0;
}

int linux_remove_xattrs(struct host *host, const char *path, const char *prefix)
{
	auto_object struct object object = {.parent = -1};
	auto_free char *names = xcalloc(1, XATTR_BYTES_MAX + 1);
	int r = object_open(host, path, &object);
	ssize_t length = r < 0 ? r : llistxattr(object.path, names, XATTR_BYTES_MAX);

	if (r < 0)
		return r;
	if (length < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (const char *name = names; name < names + length; name += strlen(name) + 1)
		if (text_starts(name, prefix) && lremovexattr(object.path, name) < 0)
			return -errno;
	return 0;
}
