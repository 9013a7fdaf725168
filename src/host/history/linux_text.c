/* linux_text - how two texts differ, line by line, as diff(1) shows it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "linux_internal.h"

#define DIFF_TIMEOUT_SEC 60
#define DIFF_DIFFERENT 1 /* its exit status */

static int memory_of(const struct host_text_side *side)
{
	int fd = memfd_create("text", MFD_CLOEXEC);
	int result;

	if (fd < 0)
		return -errno;
	result = write_all(fd, side->bytes, side->length);
	if (result == 0)
		return fd;
	close(fd);
	return result;
}

static int read_result(int fd, size_t max_bytes, struct host_bytes *ret)
{
	struct stat st;
	char *bytes;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size > max_bytes)
		return -EFBIG;
	bytes = xcalloc(1, (size_t)st.st_size + 1);
	if (pread(fd, bytes, (size_t)st.st_size, 0) != (ssize_t)st.st_size) {
		free(bytes);
		return -EIO;
	}
	*ret = (struct host_bytes){bytes, (size_t)st.st_size};
	return 0;
}

int linux_text_difference(struct host *host, const struct host_text_side sides[2], size_t max_bytes,
			  struct host_bytes *ret)
{
	auto_close int a = memory_of(&sides[0]), b = memory_of(&sides[1]);
	auto_close int result_fd = memfd_create("difference", MFD_CLOEXEC);
	auto_free char *said = NULL, *left = NULL, *right = NULL;
	int result, status = 0;

	if (a < 0 || b < 0 || result_fd < 0)
		return a < 0 ? a : b < 0 ? b : -errno;
	/* of this process: the other one need not inherit them */
	left = xasprintf("/proc/%d/fd/%d", getpid(), a);
	right = xasprintf("/proc/%d/fd/%d", getpid(), b);
	result = program_run(
		&(struct program){
			.argv = (const char *[]){"diff", "-u", "--text", "--label", sides[0].label,
						 "--label", sides[1].label, left, right, NULL},
			.input = -1,
			.output = result_fd,
			.timeout_sec = DIFF_TIMEOUT_SEC,
			.host = linux_of(host),
		},
		&said, &status);
	if (result < 0)
		return result;
	if (!WIFEXITED(status) || WEXITSTATUS(status) > DIFF_DIFFERENT)
		return -EIO;
	return read_result(result_fd, max_bytes, ret);
}
