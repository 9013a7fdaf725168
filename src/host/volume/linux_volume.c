/* linux_volume - the calls of host.h that work on either volume, however it is reached. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include "linux_internal.h"

struct stream_from {
	const struct linux_volume *volume;
	const char *path;
	bool medium;
};

static const struct linux_volume *volume_of(struct host *host, enum volume volume)
{
	return &linux_of(host)->volumes[volume];
}

/* Yields the volume, or leaves the function: there may be no boot volume. */
#define VOLUME_OR_RETURN(host, which)                                                              \
	const struct linux_volume *volume = volume_of(host, which);                                \
	if (!volume->access)                                                                       \
	return -ENODEV

static int stream_volume(void *source, const struct sink *sink)
{
	const struct stream_from *from = source;

	return from->volume->access->stream(from->volume, from->path, from->medium, sink);
}

struct collect {
	struct text text;
	size_t max_bytes;
};

static int feed_text(void *userdata, const void *bytes, size_t length)
{
	struct collect *collect = userdata;

	if (length > collect->max_bytes - collect->text.length)
		return -EFBIG;
	text_add_bytes(&collect->text, bytes, length);
	return 0;
}

int collect_bytes(int (*stream)(void *source, const struct sink *), void *source, size_t max_bytes,
		  struct host_bytes *ret)
{
	struct collect collect = {.max_bytes = max_bytes};
	int result = stream(source, &(struct sink){.feed = feed_text, .userdata = &collect});

	if (result == 0) {
		ret->length = collect.text.length;
		ret->bytes = text_take(&collect.text);
	}
	text_done(&collect.text);
	return result;
}

static int feed_digest(void *userdata, const void *bytes, size_t length)
{
	digest_feed(userdata, bytes, length);
	return 0;
}

int collect_digest(int (*stream)(void *source, const struct sink *), void *source,
		   enum digest_kind kind, struct digest *ret)
{
	struct digest_stream *digest = digest_start(kind);
	struct digest value;
	int result = stream(source, &(struct sink){.feed = feed_digest, .userdata = digest});

	digest_finish(digest, &value);
	if (result == 0)
		*ret = value;
	return result;
}

int linux_read(struct host *host, enum volume which, const char *path, size_t max_bytes,
	       struct host_bytes *ret)
{
	VOLUME_OR_RETURN(host, which);
	return collect_bytes(stream_volume, &(struct stream_from){volume, path, false}, max_bytes,
			     ret);
}

int linux_read_medium(struct host *host, enum volume which, const char *path, size_t max_bytes,
		      struct host_bytes *ret)
{
	VOLUME_OR_RETURN(host, which);
	return collect_bytes(stream_volume, &(struct stream_from){volume, path, true}, max_bytes,
			     ret);
}

int linux_digest(struct host *host, enum volume which, const char *path, enum digest_kind kind,
		 struct digest *ret)
{
	VOLUME_OR_RETURN(host, which);
	return collect_digest(stream_volume, &(struct stream_from){volume, path, false}, kind, ret);
}

int linux_digest_medium(struct host *host, enum volume which, const char *path, struct digest *ret)
{
	VOLUME_OR_RETURN(host, which);
	return collect_digest(stream_volume, &(struct stream_from){volume, path, true},
			      DIGEST_SHA256, ret);
}

int linux_stat(struct host *host, enum volume which, const char *path, struct host_stat *ret)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->stat(volume, path, ret);
}

int linux_list(struct host *host, enum volume which, const char *path, struct host_names *ret)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->list(volume, path, ret);
}

int linux_read_link(struct host *host, enum volume which, const char *path, char **ret)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->read_link(volume, path, ret);
}

int linux_space(struct host *host, enum volume which, struct host_space *ret)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->space(volume, ret);
}

int linux_write(struct host *host, enum volume which, const char *path, const void *bytes,
		size_t length)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->write(volume, path, bytes, length);
}

int linux_write_at(struct host *host, enum volume which, const char *path, off_t offset,
		   const void *bytes, size_t length)
{
	struct host_bytes borrowed = {.bytes = (char *)bytes, .length = length};

	VOLUME_OR_RETURN(host, which);
	return volume->access->write_at(volume, path, offset, &borrowed);
}

int linux_append(struct host *host, enum volume which, const char *path, const void *bytes,
		 size_t length)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->append(volume, path, bytes, length);
}

int linux_make_directory(struct host *host, enum volume which, const char *path, mode_t mode)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->make_directory(volume, path, mode);
}

int linux_make_symlink(struct host *host, enum volume which, const char *target, const char *path)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->make_symlink(volume, target, path);
}

int linux_rename(struct host *host, enum volume which, const char *from, const char *to)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->rename(volume, from, to);
}

int linux_exchange(struct host *host, enum volume which, const char *a, const char *b)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->exchange(volume, a, b);
}

int linux_remove(struct host *host, enum volume which, const char *path)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->remove(volume, path);
}

int linux_remove_tree(struct host *host, enum volume which, const char *path)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->remove_tree(volume, path);
}

int linux_sync(struct host *host, enum volume which)
{
	VOLUME_OR_RETURN(host, which);
	return volume->access->sync(volume);
}

/* Both ends are mounted: trees, links, attributes and shared extents are possible. */
static int copy_mounted(const struct linux_volume *from_volume, const char *from,
			const struct linux_volume *to_volume, const char *to)
{
	struct tree_copy copy = {
		.attributes = from_volume->attributes && to_volume->attributes,
	};
	auto_protections struct protections lifted = {0};
	auto_close int from_parent = open_parent(from_volume->fd, from, &copy.from_name);
	auto_close int to_parent = open_parent(to_volume->fd, to, &copy.to_name);
	int result;

	if (from_parent < 0 || to_parent < 0)
		return from_parent < 0 ? from_parent : to_parent;
	copy.from_parent = from_parent;
	copy.to_parent = to_parent;
	result = tree_copy(&copy);
	/* the directory takes no new names */
	if (result == -EPERM && protections_lift(&lifted, to_parent, "."))
		result = tree_copy(&copy);
	return result;
}

static int feed_file(void *userdata, const void *bytes, size_t length)
{
	return write_all(*(const int *)userdata, bytes, length);
}

static int copy_into_fat(const struct linux_volume *from_volume, const char *from,
			 const struct linux_volume *to_volume, const char *to)
{
	auto_close int fd = -1;
	int result;
	struct host_stat st;

	result = from_volume->access->stat(from_volume, from, &st);
	if (result == 0 && st.type != HOST_FILE)
		result = st.type == HOST_DIRECTORY ? -EISDIR : -EINVAL;
	if (result < 0)
		return result;
	fd = open_beneath(from_volume->fd, from, O_RDONLY, 0);
	return fd < 0 ? fd : to_volume->access->write_from(to_volume, to, fd);
}

static int copy_out_of_fat(const struct linux_volume *from_volume, const char *from,
			   const struct linux_volume *to_volume, const char *to)
{
	auto_close int fd = -1;
	int result = to_volume->access->write(to_volume, to, "", 0);

	if (result < 0)
		return result;
	fd = open_beneath(to_volume->fd, to, O_WRONLY, 0);
	if (fd < 0)
		return fd;
	return from_volume->access->stream(from_volume, from, false,
					   &(struct sink){.feed = feed_file, .userdata = &fd});
}

static int copy_within_fat(const struct linux_volume *volume, const char *from, const char *to)
{
	auto_close int fd = memfd_create("copy", MFD_CLOEXEC);
	int result;

	if (fd < 0)
		return -errno;
	result = volume->access->stream(volume, from, false,
					&(struct sink){.feed = feed_file, .userdata = &fd});
	if (result < 0)
		return result;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return volume->access->write_from(volume, to, fd);
}

int linux_copy(struct host *host, enum volume from_volume, const char *from, enum volume to_volume,
	       const char *to)
{
	const struct linux_volume *source = volume_of(host, from_volume);
	const struct linux_volume *target = volume_of(host, to_volume);

	if (!source->access || !target->access)
		return -ENODEV;
	if (source->access == &files_access && target->access == &files_access)
		return copy_mounted(source, from, target, to);
	/* one end at least is behind mtools: a single file, its bytes only */
	if (source->access == &files_access)
		return copy_into_fat(source, from, target, to);
	if (target->access == &files_access)
		return copy_out_of_fat(source, from, target, to);
	return copy_within_fat(source, from, to);
}

int linux_identity(struct host *host, struct host_identity *ret)
{
	const struct linux_host *own = linux_of(host);

	*ret = (struct host_identity){
		.pool_uuid = xstrdup_or_null(own->volumes[VOLUME_POOL].uuid),
		.boot_uuid = xstrdup_or_null(own->volumes[VOLUME_BOOT].uuid),
		.boot_where = xstrdup_or_null(own->boot_where),
	};
	return 0;
}
