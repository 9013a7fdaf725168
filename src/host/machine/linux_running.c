/* linux_running - the system that runs now, and what it is told. */
#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "linux_internal.h"

#define SMALL_FILE_BYTES_MAX (64 * 1024)
#define LOWER_DIRECTORY "/run/moult/lower"
#define ROUTE_UP 0x1u
#define ROUTE_REJECT 0x200u

/* The only thing a signal handler may touch. */
static volatile sig_atomic_t signal_came;

static void on_signal(int number)
{
	(void)number;
	signal_came = 1;
}

void signals_install(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	signal_came = 0;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool linux_interrupted(struct host *host)
{
	(void)host;
	return signal_came != 0;
}

int linux_sleep(struct host *host, unsigned milliseconds)
{
	struct timespec wait = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};

	if (nanosleep(&wait, NULL) < 0 && errno == EINTR && linux_interrupted(host))
		return -EINTR;
	return 0;
}

int64_t linux_clock(struct host *host, enum host_clock clock)
{
	struct timespec now;

	(void)host;
	clock_gettime(clock == HOST_CLOCK_REAL_SEC ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
	return clock == HOST_CLOCK_REAL_SEC ? now.tv_sec
					    : now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int stream_small(void *source, const struct sink *sink)
{
	return stream_fd(*(const int *)source, sink);
}

int read_small_file(const char *path, char **ret)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_host_bytes struct host_bytes bytes = {0};
	int result;

	if (fd < 0)
		return -errno;
	result = collect_bytes(stream_small, &fd, SMALL_FILE_BYTES_MAX, &bytes);
	if (result < 0)
		return result;
	if (bytes.length > 0 && bytes.bytes[bytes.length - 1] == '\n')
		bytes.bytes[bytes.length - 1] = '\0';
	*ret = take(bytes.bytes);
	return 0;
}

/* The subvolume that is mounted at path; -EINVAL where that is not Btrfs. */
static int subvolume_at(const struct linux_host *host, const char *path, char **ret)
{
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : subvolume_path_of(host, fd, ret);
}

int linux_running(struct host *host, struct host_running *ret)
{
	const struct linux_host *own = linux_of(host);
	auto_host_running struct host_running running = {0};
	int result;

	if (!own->live)
		return -ENOSYS;
	if (subvolume_at(own, "/", &running.root_path) < 0) {
		result = subvolume_at(own, LOWER_DIRECTORY, &running.lower_path);
		if (result < 0)
			return result;
		running.root_path = xstrdup(running.lower_path);
	}
	result = read_small_file("/proc/cmdline", &running.command_line);
	if (result == 0)
		result = read_small_file("/proc/sys/kernel/random/boot_id", &running.boot_id);
	if (result < 0)
		return result;
	loader_variable("LoaderEntrySelected", &running.entry);
	loader_variable("LoaderEntryDefault", &running.entry_default);
	*ret = running;
	running = (struct host_running){0};
	return 0;
}

/* Interface of a line of /proc/net/route that is a default route in use. */
static bool route4(const char *line, char name[64])
{
	unsigned destination, gateway, flags, mask;

	return sscanf(line, "%63s %x %x %x %*s %*s %*s %x", name, &destination, &gateway, &flags,
		      &mask) == 5 &&
	       destination == 0 && mask == 0 && flags & ROUTE_UP && !(flags & ROUTE_REJECT);
}

/* The same of /proc/net/ipv6_route. */
static bool route6(const char *line, char name[64])
{
	char destination[33];
	unsigned length, flags;

	return sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %x %63s", destination, &length, &flags,
		      name) == 4 &&
	       length == 0 && strspn(destination, "0") == 32 && flags & ROUTE_UP &&
	       !(flags & ROUTE_REJECT);
}

DEFINE_AUTO(file, FILE *, fclose)

static int routes_add(const char *path, bool (*is_default)(const char *, char[64]),
		      struct host_strings *routes)
{
	__attribute__((cleanup(auto_file_))) FILE *file = fopen(path, "re");
	char line[512], name[64];

	if (!file)
		return errno == ENOENT ? 0 : -errno; /* a kernel without IPv6 */
	while (fgets(line, sizeof(line), file))
		if (is_default(line, name))
			host_strings_add(routes, name);
	return ferror(file) ? -EIO : 0;
}

int linux_default_routes(struct host *host, struct host_strings *ret)
{
	auto_host_strings struct host_strings routes = {0};
	int result;

	if (!linux_of(host)->live)
		return -ENOSYS;
	result = routes_add("/proc/net/route", route4, &routes);
	if (result == 0)
		result = routes_add("/proc/net/ipv6_route", route6, &routes);
	if (result < 0)
		return result;
	*ret = routes;
	routes = (struct host_strings){0};
	return 0;
}

DEFINE_AUTO(table, struct libmnt_table *, mnt_unref_table)
DEFINE_AUTO(iterator, struct libmnt_iter *, mnt_free_iter)

static bool is_ours(const struct linux_host *host, const char *path)
{
	for (int i = 0; i < VOLUME_COUNT; i++)
		if (text_equal(host->volumes[i].mounted, path))
			return true;
	return false;
}

int linux_mount_points(struct host *host, struct host_strings *ret)
{
	__attribute__((cleanup(auto_table_))) struct libmnt_table *table = NULL;
	__attribute__((cleanup(auto_iterator_))) struct libmnt_iter *iterator =
		mnt_new_iter(MNT_ITER_FORWARD);
	struct host_strings points = {0};
	struct libmnt_fs *fs;

	if (!linux_of(host)->live)
		return -ENOSYS;
	table = mnt_new_table_from_file("/proc/self/mountinfo");
	if (!table || !iterator)
		return -EIO;
	while (mnt_table_next_fs(table, iterator, &fs) == 0) {
		const char *target = mnt_fs_get_target(fs);

		if (target && !is_ours(linux_of(host), target))
			host_strings_add(&points, target);
	}
	*ret = points;
	return 0;
}
