/*
 * linux_container - a disk, a partition or an image file that somebody named: opened, locked, and
 * the one file system in it that is meant.
 *
 * A wrong guess would write to somebody's disk, so anything ambiguous is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include "linux_internal.h"

#define SECTOR_BYTES 512

void container_done(struct container *container)
{
	if (container->fd >= 0)
		close(container->fd);
	probe_done(&container->probe);
	free(container->list.entries);
}

static bool lock_image(const struct container *container, struct err *err)
{
	int result = image_lock(container->fd);

	if (result == -EBUSY)
		return err_set(err, ERR_BUSY, 0,
			       "%s is in use by another program (a running virtual machine?)",
			       text_quote(container->path));
	if (result < 0)
		return err_set(err, ERR_SYSTEM, -result, "cannot lock %s",
			       text_quote(container->path));
	return true;
}

bool container_read(struct container *container, struct err *err)
{
	int result = container->read_only || container->in_use
			     ? probe_fd_to_look(container->fd, &container->probe)
			     : probe_fd(container->fd, &container->probe);

	if (result == 0 && !container->probe.type)
		result = partitions_read(container->fd, &container->list);
	if (result < 0)
		return err_set(err, ERR_SYSTEM, -result, "cannot read %s",
			       text_quote(container->path));
	return true;
}

/* The kernel takes writes to such a device, and loses them: a loop device above it would not know. */
static bool is_protected(int fd)
{
	int protected = 0;

	return ioctl(fd, BLKROGET, &protected) == 0 && protected;
}

static bool refuse_protected(const struct container *container, struct err *err)
{
	err_set(err, ERR_REFUSED, EROFS, "%s is read-only: its medium is write-protected",
		text_quote(container->path));
	return err_try(err, "lsblk --output NAME,RO,MOUNTPOINTS");
}

/* An image file may lie where nothing can be written, or be protected itself. */
static int open_protected(struct container *container)
{
	int fd;

	if (container->read_only || !container->may_be_protected ||
	    (errno != EROFS && errno != EPERM && errno != EACCES))
		return -1;
	fd = open(container->path, O_RDONLY | O_CLOEXEC);
	container->write_protected = fd >= 0;
	return fd;
}

bool container_open(struct container *container, struct err *err)
{
	struct stat st;

	container->fd =
		open(container->path, (container->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (container->fd < 0)
		container->fd = open_protected(container);
	if (container->fd < 0 || fstat(container->fd, &st) < 0)
		return err_set(err, ERR_SYSTEM, errno, "cannot open %s",
			       text_quote(container->path));
	container->image = S_ISREG(st.st_mode);
	container->number = st.st_rdev;
	if (!container->image)
		container->write_protected = is_protected(container->fd);
	if (container->write_protected && !container->read_only && !container->may_be_protected)
		return refuse_protected(container, err);
	container->read_only = container->read_only || container->write_protected;
	if (container->image && !lock_image(container, err))
		return false;
	return container_read(container, err);
}

static bool wanted(const struct partition_entry *entry, enum partition_kind kind)
{
	return kind == PARTITION_ESP ? entry->esp : entry->btrfs;
}

static const char *kind_name(enum partition_kind kind)
{
	return kind == PARTITION_ESP ? "EFI system" : "Btrfs";
}

/* The only partition of its kind. */
static const struct partition_entry *only_partition(const struct container *container,
						    enum partition_kind kind, struct err *err)
{
	const struct partition_entry *found = NULL;

	for (size_t i = 0; i < container->list.count; i++) {
		if (!wanted(&container->list.entries[i], kind))
			continue;
		if (found) {
			err_set(err, ERR_REFUSED, 0,
				"%s has several %s partitions (%d and %d): which one is not said",
				text_quote(container->path), kind_name(kind),
				found->partition.number,
				container->list.entries[i].partition.number);
			return NULL;
		}
		found = &container->list.entries[i];
	}
	if (!found)
		err_set(err, ERR_REFUSED, 0, "%s has no %s partition", text_quote(container->path),
			kind_name(kind));
	return found;
}

static bool attach(const struct container *container, const struct loop_want *want,
		   struct choice *choice, struct err *err)
{
	int result = loop_attach(want, &choice->device, &choice->device_fd);

	if (result < 0)
		return err_set(err, ERR_SYSTEM, -result, "cannot attach %s to a loop device",
			       text_quote(container->path));
	return true;
}

static bool choose_part(const struct container *container, const struct partition *partition,
			struct choice *choice, struct err *err)
{
	choice->where = xasprintf("%s, partition %d", container->path, partition->number);
	/* mapped twice, two caches would overwrite each other: the kernel's own node goes first */
	if (!container->image && partition_node(container->number, partition, &choice->device) == 0)
		return true;
	return attach(container,
		      &(struct loop_want){
			      .file = container->fd,
			      .offset_bytes = partition->start * SECTOR_BYTES,
			      .size_bytes = partition->size * SECTOR_BYTES,
			      .read_only = container->read_only,
		      },
		      choice, err);
}

static bool choose_whole(const struct container *container, struct choice *choice, struct err *err)
{
	choice->where = xstrdup(container->path);
	choice->probe = &container->probe;
	if (container->image)
		return attach(container,
			      &(struct loop_want){.file = container->fd,
						  .read_only = container->read_only},
			      choice, err);
	if (device_path(container->number, &choice->device) < 0)
		choice->device = xstrdup(container->path);
	return true;
}

bool container_choose(const struct container *container, enum partition_kind kind,
		      struct choice *choice, struct err *err)
{
	const struct partition_entry *entry;

	choice->write_protected = container->write_protected;
	if (container->probe.type)
		return choose_whole(container, choice, err);
	if (container->list.count == 0)
		return err_set(err, ERR_REFUSED, 0,
			       "%s holds neither a file system nor partitions that are known",
			       text_quote(container->path));
	entry = only_partition(container, kind, err);
	return entry && choose_part(container, &entry->partition, choice, err);
}

/* What is on the chosen device; read once, for it takes a hundred reads all over it. */
static int note_content(const struct choice *choice, int fd, struct linux_volume *volume)
{
	struct probe probe = {0};
	int result;

	if (choice->probe) {
		volume->type = xstrdup_or_null(choice->probe->type);
		volume->uuid = xstrdup_or_null(choice->probe->uuid);
		return 0;
	}
	result = fd < 0 ? fd : probe_fd(fd, &probe);
	volume->type = take(probe.type);
	volume->uuid = take(probe.uuid);
	probe_done(&probe);
	return result;
}

/* Moves what was chosen into the volume, and reads what is on it. */
bool volume_take(struct linux_volume *volume, struct choice *choice, struct err *err)
{
	auto_close int fd = open(choice->device, O_RDONLY | O_CLOEXEC);
	int result = note_content(choice, fd < 0 ? -errno : fd, volume);

	/* a loop device of our own is as it was made */
	volume->write_protected =
		choice->write_protected || (choice->device_fd < 0 && is_protected(fd));
	volume->device = take(choice->device);
	volume->device_fd = take_fd(&choice->device_fd);
	if (result < 0)
		return err_set(err, ERR_SYSTEM, -result, "cannot read %s",
			       text_quote(choice->where));
	return true;
}
