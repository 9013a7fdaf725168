/*
 * linux_disk - devices and images: what is on them, their partitions, loop devices, locks.
 */
#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>
#include "linux_internal.h"

#define SECTOR_BYTES 512
#define PARTITIONS_MAX 256
#define LOCK_WAIT_MSEC 1000
#define LOCK_POLL_MSEC 20
#define LOOP_TRIES 64
#define ESP_GPT_TYPE "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
#define ESP_MBR_TYPE 0xef

DEFINE_AUTO(blkid, blkid_probe, blkid_free_probe)
#define auto_blkid __attribute__((cleanup(auto_blkid_)))
DEFINE_AUTO(directory, DIR *, closedir)

void probe_done(struct probe *probe)
{
	free(probe->type);
	free(probe->uuid);
	free(probe->table);
	*probe = (struct probe){0};
}

static char *value_of(blkid_probe probe, const char *name)
{
	const char *value = NULL;

	return blkid_probe_lookup_value(probe, name, &value, NULL) == 0 ? xstrdup(value) : NULL;
}

/* A part of fd: size_bytes 0 = up to the end. */
struct part {
	int fd;
	uint64_t offset_bytes, size_bytes;
};

static int probe_kinds(const struct part *part, char **only, struct probe *ret)
{
	auto_blkid blkid_probe probe = blkid_new_probe();
	int result;

	*ret = (struct probe){0};
	if (!probe || blkid_probe_set_device(probe, part->fd, (blkid_loff_t)part->offset_bytes,
					     (blkid_loff_t)part->size_bytes) < 0)
		return -EIO;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID);
	if (only)
		blkid_probe_filter_superblocks_type(probe, BLKID_FLTR_ONLYIN, only);
	blkid_probe_enable_partitions(probe, !only);
	/* 1: nothing there. -2: several; then the first is not to be trusted. */
	result = blkid_do_safeprobe(probe);
	if (result == 1 || result == -2)
		return 0;
	if (result != 0)
		return -EIO;
	ret->type = value_of(probe, "TYPE");
	ret->uuid = value_of(probe, "UUID");
	ret->table = value_of(probe, "PTTYPE");
	return 0;
}

int probe_fd(int fd, struct probe *ret)
{
	return probe_kinds(&(struct part){.fd = fd}, NULL, ret);
}

/* Every kind has its magic somewhere else on the disk: those of all are a hundred reads. */
int probe_fd_to_look(int fd, struct probe *ret)
{
	static char vfat[] = "vfat", ext4[] = "ext4", ext3[] = "ext3", ext2[] = "ext2",
		    btrfs[] = "btrfs";
	static char *mountable[] = {vfat, ext4, ext3, ext2, btrfs, NULL};
	int result = probe_kinds(&(struct part){.fd = fd}, mountable, ret);

	if (result == 0 && ret->type)
		return 0;
	probe_done(ret);
	return probe_fd(fd, ret);
}

static bool is_esp(blkid_partition part, bool gpt)
{
	const char *type = blkid_partition_get_type_string(part);

	return gpt ? type && strcasecmp(type, ESP_GPT_TYPE) == 0
		   : blkid_partition_get_type(part) == ESP_MBR_TYPE;
}

static void partition_add(struct partition_list *list, int fd, blkid_partition part, bool gpt)
{
	const char *uuid = blkid_partition_get_uuid(part);
	struct partition_entry *entry = array_add(list->entries, list->count);
	struct probe probe;

	entry->partition = (struct partition){
		.number = blkid_partition_get_partno(part),
		.start = (uint64_t)blkid_partition_get_start(part),
		.size = (uint64_t)blkid_partition_get_size(part),
		.gpt = gpt,
	};
	snprintf(entry->partition.uuid, sizeof(entry->partition.uuid), "%s", uuid ? uuid : "");
	entry->esp = is_esp(part, gpt);
	if (probe_kinds(&(struct part){fd, entry->partition.start * SECTOR_BYTES,
				       entry->partition.size * SECTOR_BYTES},
			NULL, &probe) < 0)
		return;
	entry->btrfs = text_equal(probe.type, "btrfs");
	probe_done(&probe);
}

int partitions_read(int fd, struct partition_list *ret)
{
	auto_blkid blkid_probe probe = blkid_new_probe();
	blkid_partlist list;
	blkid_parttable table;
	int count;
	bool gpt;

	*ret = (struct partition_list){0};
	if (!probe || blkid_probe_set_device(probe, fd, 0, 0) < 0)
		return -EIO;
	list = blkid_probe_get_partitions(probe);
	if (!list)
		return 0;
	count = blkid_partlist_numof_partitions(list);
	table = blkid_partlist_get_table(list);
	gpt = table && strcmp(blkid_parttable_get_type(table), "gpt") == 0;
	for (int i = 0; i < count && i < PARTITIONS_MAX; i++) {
		blkid_partition part = blkid_partlist_get_partition(list, i);

		if (part && !blkid_partition_is_extended(part))
			partition_add(ret, fd, part, gpt);
	}
	return 0;
}

static int loop_configure(const struct loop_want *want, int number, char **ret_device, int *ret_fd)
{
	auto_free char *device = xasprintf("/dev/loop%d", number);
	auto_close int fd = open(device, (want->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	struct loop_config config = {
		.fd = (unsigned)want->file,
		.block_size = SECTOR_BYTES,
		.info =
			{
				.lo_offset = want->offset_bytes,
				.lo_sizelimit = want->size_bytes,
				.lo_flags = LO_FLAGS_AUTOCLEAR |
					    (want->read_only ? LO_FLAGS_READ_ONLY : 0),
			},
	};

	if (fd < 0)
		return -errno;
	if (ioctl(fd, LOOP_CONFIGURE, &config) < 0)
		return -errno;
	*ret_device = take(device);
	*ret_fd = take_fd(&fd);
	return 0;
}

int loop_attach(const struct loop_want *want, char **ret_device, int *ret_fd)
{
	auto_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int result = -EBUSY;

	if (control < 0)
		return -errno;
	/* another process may take the free one first */
	for (int i = 0; i < LOOP_TRIES && result == -EBUSY; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		if (number < 0)
			return -errno;
		result = loop_configure(want, number, ret_device, ret_fd);
	}
	return result;
}

int device_path(dev_t device, char **ret)
{
	auto_free char *link = xasprintf("/sys/dev/block/%u:%u", major(device), minor(device));
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);
	const char *name;

	if (length < 0)
		return -errno;
	target[length] = '\0';
	name = strrchr(target, '/');
	*ret = xasprintf("/dev/%s", name ? name + 1 : target);
	/* the kernel writes '!' where a node's name has a slash */
	for (char *at = *ret; *at; at++)
		if (*at == '!')
			*at = '/';
	return 0;
}

static int read_number(const char *directory, const char *name, uint64_t *ret)
{
	auto_free char *path = xasprintf("%s/%s", directory, name);
	auto_free char *text = NULL;
	unsigned long long value;
	int result = read_small_file(path, &text);

	if (result < 0)
		return result;
	if (!text_to_u64(text, &value))
		return -EINVAL;
	*ret = value;
	return 0;
}

static bool is_partition_at(const char *directory, const struct partition *partition)
{
	uint64_t number, start;

	return read_number(directory, "partition", &number) == 0 &&
	       read_number(directory, "start", &start) == 0 &&
	       number == (uint64_t)partition->number && start == partition->start;
}

void image_drop_cache(const struct linux_volume *volume)
{
	struct loop_info64 info = {0};

	if (volume->image_fd < 0)
		return;
	/* the whole file where the device cannot say: the pool's part of it is costly to lose */
	if (volume->device_fd >= 0 && ioctl(volume->device_fd, LOOP_GET_STATUS64, &info) < 0)
		info = (struct loop_info64){0};
	posix_fadvise(volume->image_fd, (off_t)info.lo_offset, (off_t)info.lo_sizelimit,
		      POSIX_FADV_DONTNEED);
}

int partition_node(dev_t disk, const struct partition *partition, char **ret_device)
{
	auto_free char *directory = xasprintf("/sys/dev/block/%u:%u", major(disk), minor(disk));
	__attribute__((cleanup(auto_directory_))) DIR *open_directory = opendir(directory);
	struct dirent *entry;

	if (!open_directory)
		return -errno;
	while ((entry = readdir(open_directory))) {
		auto_free char *child = xasprintf("%s/%s", directory, entry->d_name);

		if (entry->d_name[0] == '.' || !is_partition_at(child, partition))
			continue;
		*ret_device = xasprintf("/dev/%s", entry->d_name);
		return 0;
	}
	return -ENOENT;
}

static int device_number(const char *directory, dev_t *ret)
{
	auto_free char *path = xasprintf("%s/dev", directory);
	auto_free char *text = NULL;
	unsigned high, low;
	int result = read_small_file(path, &text);

	if (result < 0)
		return result;
	if (sscanf(text, "%u:%u", &high, &low) != 2)
		return -EINVAL;
	*ret = makedev(high, low);
	return 0;
}

int partition_parent(dev_t device, char **ret_disk, struct partition *ret)
{
	auto_free char *directory = xasprintf("/sys/dev/block/%u:%u", major(device), minor(device));
	auto_free char *above = xasprintf("%s/..", directory);
	uint64_t number, start;
	dev_t disk = 0;
	int result = read_number(directory, "partition", &number);

	if (result == 0)
		result = read_number(directory, "start", &start);
	if (result == 0)
		result = device_number(above, &disk);
	if (result < 0)
		return result;
	*ret = (struct partition){.number = (int)number, .start = start};
	return device_path(disk, ret_disk);
}

static int try_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int writable = fcntl(fd, F_GETFL);

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	if (lock.l_type != F_UNLCK)
		return -EBUSY;
	lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
	/* a descriptor for reading can only hold a shared lock, which keeps QEMU off all the same */
	if (writable >= 0 && (writable & O_ACCMODE) == O_RDONLY)
		lock.l_type = F_RDLCK;
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		return errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
	return 0;
}

/* The loop device of a moult that has just ended shares its lock, until the kernel lets it go. */
int image_lock(int fd)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_MSEC * 1000000L};
	int result = try_lock(fd);

	for (int waited = 0; result == -EBUSY && waited < LOCK_WAIT_MSEC;
	     waited += LOCK_POLL_MSEC) {
		nanosleep(&pause, NULL);
		result = try_lock(fd);
	}
	return result;
}
