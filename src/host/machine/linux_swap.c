/* linux_swap - which files of the pool the kernel swaps to. Source: proc(5), mm/swapfile.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "linux_internal.h"

DEFINE_AUTO(file, FILE *, fclose)

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* In place: the kernel writes blanks and backslashes of a name as \040. */
static void unescape(char *name)
{
	char *to = name;

	for (const char *from = name; *from; to++) {
		bool escaped = from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) &&
			       is_octal(from[3]);

		*to = escaped ? (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0')
			      : *from;
		from += escaped ? 4 : 1;
	}
	*to = '\0';
}

/* Opening such a file for reading is allowed. What cannot be found by its name is left out. */
static int add_file(const struct linux_host *host, const char *path, struct host_swaps *swaps)
{
	const struct linux_volume *pool = &host->volumes[VOLUME_POOL];
	auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_free char *uuid = NULL;
	auto_free char *subvolume = NULL;
	int result;

	if (fd < 0 || btrfs_uuid(fd, &uuid) < 0 || !text_equal(uuid, pool->uuid))
		return 0;
	result = subvolume_path_of(host, fd, &subvolume);
	if (result < 0)
		return result;
	*array_add(swaps->swaps, swaps->count) =
		(struct host_swap){.path = xstrdup(path), .subvolume = take(subvolume)};
	return 0;
}

int linux_swap_files(struct host *host, struct host_swaps *ret)
{
	__attribute__((cleanup(auto_file_))) FILE *file = fopen("/proc/swaps", "re");
	auto_host_swaps struct host_swaps swaps = {0};
	auto_free char *line = NULL;
	size_t size = 0;
	int result = 0;

	/* a kernel that cannot swap at all has no such file */
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (result == 0 && getline(&line, &size, file) >= 0) {
		char *blank = line + strcspn(line, " \t");
		bool is_file = text_starts(blank + strspn(blank, " \t"), "file");

		*blank = '\0';
		unescape(line);
		if (is_file && line[0] == '/')
			result = add_file(linux_of(host), line, &swaps);
	}
	if (result == 0 && ferror(file))
		result = -EIO;
	if (result < 0)
		return result;
	*ret = swaps;
	swaps = (struct host_swaps){0};
	return 0;
}
