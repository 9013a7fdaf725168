/*
 * linux_lock - one operation at a time, and no package manager meanwhile.
 *
 * Both locks die with the process. Ours is on the pool's top directory, because that is there
 * before init has made anything; who holds it is written beside, in @moult/lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include "linux_internal.h"

#define HOLDER_PATH "@moult/lock"
#define HOLDER_BYTES_MAX 4096
#define POLL_MSEC 100

static char *read_holder(struct host *host)
{
	auto_host_bytes struct host_bytes bytes = {0};

	if (linux_read(host, VOLUME_POOL, HOLDER_PATH, HOLDER_BYTES_MAX, &bytes) < 0 ||
	    bytes.length == 0)
		return xstrdup("another moult");
	return take(bytes.bytes);
}

int linux_lock(struct host *host, const char *holder, char **ret_other)
{
	struct linux_host *own = linux_of(host);
	auto_close int fd = -1;
	int result;

	*ret_other = NULL;
	if (own->read_only)
		return -EROFS;
	if (own->lock_fd >= 0)
		return -EALREADY;
	fd = openat(own->volumes[VOLUME_POOL].fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		result = errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (result == -EBUSY)
			*ret_other = read_holder(host);
		return result;
	}
	own->lock_fd = take_fd(&fd);
	/* only for people: on a full disk, or before init, the lock holds without it */
	linux_write(host, VOLUME_POOL, HOLDER_PATH, holder, strlen(holder));
	return 0;
}

void linux_unlock(struct host *host)
{
	struct linux_host *own = linux_of(host);

	if (own->lock_fd < 0)
		return;
	linux_write(host, VOLUME_POOL, HOLDER_PATH, "", 0);
	close(take_fd(&own->lock_fd));
}

/* The running system itself where `root` is what runs: its /var may be another subvolume. */
static int open_package_root(struct host *host, const char *root)
{
	const struct linux_host *own = linux_of(host);
	auto_close int live = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *path = NULL;

	if (own->live && live >= 0 && subvolume_path_of(own, live, &path) == 0 &&
	    strcmp(path, root) == 0)
		return take_fd(&live);
	return open_beneath(own->volumes[VOLUME_POOL].fd, root, O_PATH | O_DIRECTORY, 0);
}

static int open_package_state(struct host *host, const char *root)
{
	/* the second is where the state lives when /var is data and cannot be seen from here */
	static const char *const places[] = {"var/lib/dpkg", "usr/lib/sysimage/dpkg"};
	auto_close int top = open_package_root(host, root);
	int fd = top;

	for (size_t i = 0; top >= 0 && i < COUNT(places); i++) {
		fd = open_in_root(top, places[i], O_RDONLY | O_DIRECTORY);
		if (fd != -ENOENT)
			return fd;
	}
	return fd;
}

/* As apt and dpkg do it: a POSIX write lock on the whole file. */
static int try_lock(int directory, const char *name, int *ret_fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	auto_close int fd =
		openat(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETLK, &lock) < 0)
		return errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int try_both(struct linux_host *host, int directory)
{
	/* the frontend's first, as every frontend takes them */
	static const char *const names[] = {"lock-frontend", "lock"};
	int result = 0;

	for (size_t i = 0; result == 0 && i < COUNT(names); i++)
		result = try_lock(directory, names[i], &host->package_fds[i]);
	if (result < 0)
		linux_package_unlock(&host->host);
	return result;
}

int linux_package_lock(struct host *host, const char *root, unsigned wait_sec)
{
	const struct timespec pause = {.tv_nsec = POLL_MSEC * 1000000L};
	int64_t until = linux_clock(host, HOST_CLOCK_MONOTONIC_USEC) + wait_sec * 1000000LL;
	auto_close int directory = open_package_state(host, root);
	int result;

	if (directory < 0)
		return directory;
	if (linux_of(host)->package_fds[0] >= 0)
		return -EALREADY;
	while ((result = try_both(linux_of(host), directory)) == -EBUSY) {
		if (linux_interrupted(host))
			return -EINTR;
		if (linux_clock(host, HOST_CLOCK_MONOTONIC_USEC) >= until)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
	return result;
}

void linux_package_unlock(struct host *host)
{
	struct linux_host *own = linux_of(host);

	/* in the opposite order: a frontend that waits for the first finds the second free */
	for (int i = 1; i >= 0; i--)
		if (own->package_fds[i] >= 0)
			close(take_fd(&own->package_fds[i]));
}
