/*
 * linux_stage_dev - what is in the stage's /dev.
 *
 * The nodes of the pool's devices are there for programs that ask what the root lies on (makers of
 * an initrd). They are bound from a file system mounted nodev: they can be looked at and named, and
 * opening them fails whatever the capabilities are.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include "linux_stage.h"

#define PLAIN (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)
#define DEVICES_MAX 64
#define STACK_DEPTH_MAX 8 /* partition on LUKS on LVM on RAID … */

/* --- the fixed part -------------------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned major, minor;
} nodes[] = {
	{"null", 1, 3}, {"zero", 1, 5},	  {"full", 1, 7},
	{"tty", 5, 0},	{"random", 1, 8}, {"urandom", 1, 9},
};

static const struct {
	const char *name, *target;
} links[] = {
	{"ptmx", "pts/ptmx"},	       {"fd", "/proc/self/fd"},	      {"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
};

static int fill_dev(int dev)
{
	for (size_t i = 0; i < COUNT(nodes); i++) {
		dev_t device = makedev(nodes[i].major, nodes[i].minor);

		if (mknodat(dev, nodes[i].name, S_IFCHR | 0666, device) < 0 ||
		    fchmodat(dev, nodes[i].name, 0666, 0) < 0)
			return -errno;
	}
	for (size_t i = 0; i < COUNT(links); i++)
		if (symlinkat(links[i].target, dev, links[i].name) < 0)
			return -errno;
	return 0;
}

int stage_make_dev(struct stage_build *build)
{
	const struct {
		const char *at;
		struct stage_filesystem filesystem;
	} mounts[] = {
		{"dev", {"tmpfs", (const char *const[]){"mode=0755", NULL}, PLAIN}},
		{"dev/pts",
		 {"devpts",
		  (const char *const[]){"newinstance", "ptmxmode=0666", "mode=0620", "gid=5", NULL},
		  PLAIN}},
		{"dev/shm",
		 {"tmpfs", (const char *const[]){"mode=1777", NULL},
		  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV}},
	};

	for (size_t i = 0; i < COUNT(mounts); i++) {
		auto_close int fd = stage_mount_at(build, mounts[i].at, &mounts[i].filesystem);
		int r = fd < 0 ? fd : i == 0 ? fill_dev(fd) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* --- the pool's devices ---------------------------------------------------------------------- */

struct devices {
	dev_t numbers[DEVICES_MAX];
	size_t count;
};

static bool devices_have(const struct devices *devices, dev_t number)
{
	for (size_t i = 0; i < devices->count; i++)
		if (devices->numbers[i] == number)
			return true;
	return false;
}

/* A device, the disk it is a partition of, and what it is mapped from, by sysfs. */
static void add_stack(struct devices *devices, dev_t number, unsigned depth)
{
	auto_free char *slaves =
		xasprintf("/sys/dev/block/%u:%u/slaves", major(number), minor(number));
	auto_free char *disk =
		xasprintf("/sys/dev/block/%u:%u/../dev", major(number), minor(number));
	auto_free char *disk_number = NULL;
	unsigned first, second;
	DIR *directory;

	if (depth == 0 || devices->count == DEVICES_MAX || devices_have(devices, number))
		return;
	devices->numbers[devices->count++] = number;
	if (read_small_file(disk, &disk_number) == 0 &&
	    sscanf(disk_number, "%u:%u", &first, &second) == 2)
		add_stack(devices, makedev(first, second), depth - 1);
	directory = opendir(slaves);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		auto_free char *path = xasprintf("%s/%s/dev", slaves, entry->d_name);
		auto_free char *slave = NULL;

		if (entry->d_name[0] != '.' && read_small_file(path, &slave) == 0 &&
		    sscanf(slave, "%u:%u", &first, &second) == 2)
			add_stack(devices, makedev(first, second), depth - 1);
	}
	if (directory)
		closedir(directory);
}

static int find_devices(struct stage_build *build, struct devices *devices, char ret_uuid[37])
{
	auto_close int pool = open_beneath(build->pool, "", O_RDONLY | O_DIRECTORY, 0);
	struct btrfs_ioctl_fs_info_args info = {0};
	auto_free char *uuid = NULL;
	int r = pool < 0 ? pool : btrfs_uuid(pool, &uuid);

	if (r < 0)
		return r;
	snprintf(ret_uuid, 37, "%s", uuid);
	if (ioctl(pool, BTRFS_IOC_FS_INFO, &info) < 0)
		return -errno;
	for (uint64_t id = 0; id <= info.max_id; id++) {
		struct btrfs_ioctl_dev_info_args device = {.devid = id};
		struct stat st;

		if (ioctl(pool, BTRFS_IOC_DEV_INFO, &device) == 0 &&
		    stat((const char *)device.path, &st) == 0 && S_ISBLK(st.st_mode))
			add_stack(devices, st.st_rdev, STACK_DEPTH_MAX);
	}
	return 0;
}

static int make_link(struct stage_build *build, const char *directory, const char *name,
		     const char *target)
{
	auto_close int fd = stage_directory(build->root, directory);

	if (fd < 0)
		return fd;
	return symlinkat(target, fd, name) < 0 && errno != EEXIST ? -errno : 0;
}

/* path: "/dev/vda2", as the kernel names it. */
static int show_node(struct stage_build *build, dev_t number, const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *directory = xstrndup(path, (size_t)(slash - path));
	auto_free char *node = xasprintf("nodes/%u-%u", major(number), minor(number));
	auto_close int parent = stage_directory(build->root, directory);
	auto_close int source = -1;
	auto_close int target = -1;

	if (parent < 0)
		return parent;
	if (mknodat(build->scratch, node, S_IFBLK | 0660, number) < 0)
		return -errno;
	source = openat(build->scratch, node, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	target = openat(parent, slash + 1, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (source < 0 || target < 0)
		return -errno;
	return stage_bind(source, target, MOUNT_ATTR_NODEV);
}

static int show_device(struct stage_build *build, dev_t number)
{
	auto_free char *path = NULL;
	auto_free char *mapping =
		xasprintf("/sys/dev/block/%u:%u/dm/name", major(number), minor(number));
	auto_free char *name = NULL;
	int r = device_path(number, &path);

	if (r < 0 || !text_starts(path, "/dev/"))
		return r < 0 ? r : -EINVAL;
	r = show_node(build, number, path);
	if (r < 0 || read_small_file(mapping, &name) < 0 || strchr(name, '/'))
		return r;
	return make_link(build, "dev/mapper", name, path);
}

/* Of the machine's own links to block devices those that lead to a device shown here. */
static int copy_links(struct stage_build *build, const struct devices *devices, const char *kind)
{
	auto_free char *directory = xasprintf("/dev/disk/%s", kind);
	DIR *from = opendir(directory);
	int r = 0;

	for (struct dirent *entry; from && r == 0 && (entry = readdir(from));) {
		auto_free char *path = NULL;
		struct stat st;

		if (entry->d_type != DT_LNK || fstatat(dirfd(from), entry->d_name, &st, 0) < 0 ||
		    !S_ISBLK(st.st_mode) || !devices_have(devices, st.st_rdev))
			continue;
		r = device_path(st.st_rdev, &path);
		if (r == 0)
			r = make_link(build, directory, entry->d_name, path);
	}
	if (from)
		closedir(from);
	return r;
}

int stage_show_devices(struct stage_build *build)
{
	static const char *const kinds[] = {"by-uuid", "by-id", "by-label", "by-partuuid"};
	struct devices devices = {0};
	auto_free char *path = NULL;
	char uuid[37];
	int r;

	build->at = "/dev/disk";
	if (!build->stage->root_device)
		return 0;
	r = find_devices(build, &devices, uuid);
	for (size_t i = 0; r == 0 && i < devices.count; i++)
		r = show_device(build, devices.numbers[i]);
	for (size_t i = 0; r == 0 && i < COUNT(kinds); i++)
		r = copy_links(build, &devices, kinds[i]);
	if (r < 0 || devices.count == 0)
		return r;
	/* where no udev made the links; the first device is one of the pool's own */
	r = device_path(devices.numbers[0], &path);
	return r < 0 ? r : make_link(build, "dev/disk/by-uuid", uuid, path);
}
