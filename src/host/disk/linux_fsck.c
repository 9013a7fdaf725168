/*
 * linux_fsck - checking and repairing the file system that firmware and loader write to as well.
 *
 * fsck.fat(8) does both, on the unmounted device; what it says is read for one thing only: whether
 * anything is left once the lines that mean no harm are gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include "linux_internal.h"

#define CHECK_TIMEOUT_SEC 120

/* Lines of fsck.fat that are no damage: who speaks, and what a running machine looks like. */
static bool harmless(const char *line)
{
	static const char *const starts[] = {
		"fsck.fat ",
		"Leaving filesystem unchanged",
		/* the kernel sets the flag while it is mounted; what it may hide, fsck looks for */
		"Dirty bit is set.",
		" Automatically removing dirty bit",
		/* the flag is not in the backup sector, which nobody reads */
		"There are differences between boot sector and its backup",
		"This is mostly harmless.",
		"  Not automatically fixing this",
	};

	for (size_t i = 0; i < COUNT(starts); i++)
		if (text_starts(line, starts[i]))
			return true;
	return line[0] == '\0';
}

/* "  65:01/00", a byte of the boot sector; "/dev/loop0: 4 files, 4/80628 clusters". */
static bool harmless_figures(const char *line, const char *device)
{
	unsigned offset, original, backup;

	if (sscanf(line, "  %u:%2x/%2x", &offset, &original, &backup) == 3)
		return true;
	return text_starts(line, device) && strstr(line, " files, ");
}

static char *findings_of(const char *output, const char *device)
{
	auto_text struct text findings = {0};
	const char *cursor = output, *line;
	size_t length;

	while (text_next_line(&cursor, output + strlen(output), &line, &length)) {
		auto_free char *copy = xstrndup(line, length);

		if (harmless(copy) || harmless_figures(copy, device))
			continue;
		text_addf(&findings, "%s%s", findings.length > 0 ? "\n" : "", copy);
	}
	return findings.length > 0 ? text_take(&findings) : NULL;
}

/* mode -n: 1 = damage that is left; -a: 1 = damage that was repaired. */
static int run_fsck(const char *mode, const char *device, char **ret_findings)
{
	const char *argv[] = {"fsck.fat", mode, device, NULL};
	auto_free char *output = NULL;
	int status = 0;
	int result = program_run(
		&(struct program){.argv = argv, .input = -1, .timeout_sec = CHECK_TIMEOUT_SEC},
		&output, &status);

	if (result < 0)
		return result == -ENOENT ? -ENOPKG : result;
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		return -EIO;
	if (WEXITSTATUS(status) == 0)
		return 0;
	*ret_findings = findings_of(output, device);
	return *ret_findings && text_equal(mode, "-n") ? -EUCLEAN : 0;
}

/* A repair beneath a mounted file system would destroy it; the kernel knows all namespaces. */
static int nobody_has(const char *device)
{
	auto_close int fd = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);

	return fd < 0 ? -errno : 0;
}

static int fsck_unmounted(struct linux_host *own, enum volume which, const char *mode,
			  char **ret_findings)
{
	struct linux_volume *volume = &own->volumes[which];
	bool remount = volume->access == &files_access && !volume->bound;
	int result, mounted = 0;

	*ret_findings = NULL;
	if (!volume->access)
		return -ENODEV;
	if (!text_equal(volume->type, "vfat") || !volume->device)
		return -EOPNOTSUPP;
	result = own->read_only ? 0 : volume->access->sync(volume);
	if (result < 0)
		return result;
	if (remount)
		volume_unmount(own, which);
	/* so that fsck.fat reads the medium, not what we wrote into the cache */
	if (volume->device_fd >= 0)
		ioctl(volume->device_fd, BLKFLSBUF, 0);
	result = text_equal(mode, "-n") ? 0 : nobody_has(volume->device);
	if (result == 0)
		result = run_fsck(mode, volume->device, ret_findings);
	fat_volume_forget(volume->fat);
	if (volume->device_fd >= 0) {
		fsync(volume->device_fd);
		ioctl(volume->device_fd, BLKFLSBUF, 0);
	}
	if (remount)
		mounted = volume_mount(own, which, NULL);
	return result < 0 ? result : mounted;
}

int linux_check(struct host *host, enum volume which, char **ret_findings)
{
	return fsck_unmounted(linux_of(host), which, "-n", ret_findings);
}

/* "FSCK0000.REC": what fsck.fat makes of a chain that no name points at, and nobody asked for. */
static bool is_salvaged(const char *name)
{
	return strncasecmp(name, "fsck", 4) == 0 && strspn(name + 4, "0123456789") == 4 &&
	       strcasecmp(name + 8, ".rec") == 0;
}

static bool had(const struct host_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcasecmp(names->names[i].name, name) == 0)
			return true;
	return false;
}

/* A kernel that was cut off while it was copied would fill the volume, repair by repair. */
static int drop_salvaged(const struct linux_volume *volume, const struct host_names *before)
{
	auto_host_names struct host_names after = {0};
	int result = volume->access->list(volume, "", &after);

	for (size_t i = 0; result == 0 && i < after.count; i++) {
		const char *name = after.names[i].name;

		if (is_salvaged(name) && !had(before, name))
			result = volume->access->remove(volume, name);
	}
	return result;
}

int linux_repair(struct host *host, enum volume which, char **ret_findings)
{
	struct linux_host *own = linux_of(host);
	struct linux_volume *volume = &own->volumes[which];
	auto_host_names struct host_names before = {0};
	int result;

	if (own->read_only)
		return -EROFS;
	if (!volume->access)
		return -ENODEV;
	result = volume->access->list(volume, "", &before);
	if (result == 0)
		result = fsck_unmounted(own, which, "-a", ret_findings);
	if (result < 0)
		return result;
	volume->unclean = false;
	return drop_salvaged(volume, &before);
}

int linux_unclean(struct host *host, enum volume which)
{
	const struct linux_volume *volume = &linux_of(host)->volumes[which];

	return volume->access ? volume->unclean : -ENODEV;
}
