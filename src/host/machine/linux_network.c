/* linux_network - whether the machine can be reached, and reaches its neighbours and its clock. */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>
#include "linux_internal.h"

#define BANNER_MSEC 5000
#define NEIGHBOUR_TRIES 10
#define NEIGHBOUR_PAUSE_USEC 100000
#define DISCARD_PORT 9
#define SSH_PORT 22
#define TCP_LISTEN 0x0a
#define ROUTE_UP_GATEWAY 0x3u
#define ARP_COMPLETE 0x2u

DEFINE_AUTO(file, FILE *, fclose)
#define auto_file __attribute__((cleanup(auto_file_)))
DEFINE_AUTO(directory, DIR *, closedir)
#define auto_directory __attribute__((cleanup(auto_directory_)))

/* --- who listens -------------------------------------------------------------------------------- */

struct listener {
	struct sockaddr_storage address;
	unsigned port;
	unsigned long inode;
};

struct listeners {
	struct listener *list;
	size_t count;
};

/* The kernel prints each 32 bits of an address as a number of the machine's own byte order. */
static void read_words(const char *digits, void *bytes, size_t words)
{
	for (size_t i = 0; i < words; i++) {
		char word[9] = {0};
		uint32_t value;

		memcpy(word, digits + 8 * i, 8);
		value = (uint32_t)strtoul(word, NULL, 16);
		memcpy((char *)bytes + 4 * i, &value, 4);
	}
}

static void set_address(struct listener *listener, const char *digits)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&listener->address;
	struct sockaddr_in *four = (struct sockaddr_in *)&listener->address;

	if (strlen(digits) == 32) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)listener->port);
		read_words(digits, &six->sin6_addr, 4);
		if (IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr))
			six->sin6_addr = in6addr_loopback;
		return;
	}
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)listener->port);
	read_words(digits, &four->sin_addr, 1);
	if (four->sin_addr.s_addr == INADDR_ANY)
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static int listeners_add(const char *path, struct listeners *ret)
{
	auto_file FILE *file = fopen(path, "re");
	char line[512], digits[33];
	unsigned port, state;
	unsigned long inode;

	if (!file)
		return errno == ENOENT ? 0 : -errno; /* a kernel without IPv6 */
	while (fgets(line, sizeof(line), file)) {
		struct listener *listener;

		if (sscanf(line, " %*d: %32[0-9A-F]:%x %*s %x %*s %*s %*s %*d %*d %lu", digits,
			   &port, &state, &inode) != 4 ||
		    state != TCP_LISTEN || (strlen(digits) != 8 && strlen(digits) != 32))
			continue;
		listener = array_add(ret->list, ret->count);
		*listener = (struct listener){.port = port, .inode = inode};
		set_address(listener, digits);
	}
	return ferror(file) ? -EIO : 0;
}

/* --- remote logins ------------------------------------------------------------------------------ */

/* Programs that let somebody in from elsewhere; the service manager listens for them, too. */
static bool is_remote_login(const char *pid, const struct listener *listener)
{
	static const char *const names[] = {"sshd", "dropbear"};
	auto_free char *path = xasprintf("/proc/%s/comm", pid), *name = NULL;

	if (strcmp(pid, "1") == 0)
		return listener->port == SSH_PORT;
	if (read_small_file(path, &name) < 0)
		return false;
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool has_open(const char *pid, unsigned long inode)
{
	auto_free char *path = xasprintf("/proc/%s/fd", pid);
	auto_free char *wanted = xasprintf("socket:[%lu]", inode);
	auto_directory DIR *descriptors = opendir(path);
	struct dirent *entry;

	while (descriptors && (entry = readdir(descriptors))) {
		char target[64];
		ssize_t length =
			readlinkat(dirfd(descriptors), entry->d_name, target, sizeof(target) - 1);

		if (length < 0)
			continue;
		target[length] = '\0';
		if (strcmp(target, wanted) == 0)
			return true;
	}
	return false;
}

static bool leads_in(const struct listener *listener)
{
	auto_directory DIR *processes = opendir("/proc");
	struct dirent *entry;

	while (processes && (entry = readdir(processes)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    is_remote_login(entry->d_name, listener) &&
		    has_open(entry->d_name, listener->inode))
			return true;
	return false;
}

static bool wait_for(int fd, short events)
{
	struct pollfd ready = {.fd = fd, .events = events};

	return poll(&ready, 1, BANNER_MSEC) == 1;
}

bool banner_answers(const struct sockaddr_storage *address)
{
	auto_close int fd =
		socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	static const char greeting[] = "SSH-";
	char banner[sizeof(greeting)] = {0};
	int error = 0;
	socklen_t length = sizeof(error);

	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
	    (errno != EINPROGRESS || !wait_for(fd, POLLOUT) ||
	     getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0))
		return false;
	for (size_t have = 0; have < strlen(greeting);) {
		ssize_t count;

		if (!wait_for(fd, POLLIN))
			return false;
		count = read(fd, banner + have, strlen(greeting) - have);
		if (count <= 0)
			return false;
		have += (size_t)count;
	}
	return strcmp(banner, greeting) == 0;
}

static int remote_logins(struct host_strings *ret)
{
	struct listeners listeners = {0};
	int result = listeners_add("/proc/net/tcp", &listeners);

	if (result == 0)
		result = listeners_add("/proc/net/tcp6", &listeners);
	for (size_t i = 0; result == 0 && i < listeners.count; i++) {
		auto_free char *port = xasprintf("%u", listeners.list[i].port);

		if (!host_strings_have(ret, port) && leads_in(&listeners.list[i]) &&
		    banner_answers(&listeners.list[i].address))
			host_strings_add(ret, port);
	}
	free(listeners.list);
	return result;
}

/* --- neighbours --------------------------------------------------------------------------------- */

static bool is_neighbour(const char *address)
{
	auto_file FILE *file = fopen("/proc/net/arp", "re");
	char line[256], known[64];
	unsigned flags;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %*s %x", known, &flags) == 2 &&
		    strcmp(known, address) == 0 && flags & ARP_COMPLETE)
			return true;
	return false;
}

/* A packet that nobody answers: before it can be sent the neighbour has to be found. */
static void call_neighbour(struct in_addr address)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(DISCARD_PORT), .sin_addr = address};

	if (fd >= 0)
		sendto(fd, "", 0, MSG_DONTWAIT, (const struct sockaddr *)&to, sizeof(to));
}

static bool answers(struct in_addr address, const char *text)
{
	call_neighbour(address);
	for (int i = 0; i < NEIGHBOUR_TRIES; i++) {
		if (is_neighbour(text))
			return true;
		usleep(NEIGHBOUR_PAUSE_USEC);
	}
	return false;
}

static int gateways(struct host_strings *ret)
{
	auto_file FILE *file = fopen("/proc/net/route", "re");
	unsigned destination, gateway, flags, mask;
	char line[512], text[INET_ADDRSTRLEN];

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (fgets(line, sizeof(line), file)) {
		struct in_addr address;

		if (sscanf(line, "%*s %x %x %x %*s %*s %*s %x", &destination, &gateway, &flags,
			   &mask) != 4 ||
		    destination != 0 || mask != 0 || gateway == 0 ||
		    (flags & ROUTE_UP_GATEWAY) != ROUTE_UP_GATEWAY)
			continue;
		address.s_addr = gateway;
		if (inet_ntop(AF_INET, &address, text, sizeof(text)) && answers(address, text))
			host_strings_add(ret, text);
	}
	return ferror(file) ? -EIO : 0;
}

int name_servers(const char *path, struct host_strings *ret)
{
	auto_file FILE *file = fopen(path, "re");
	char line[512], server[64];

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "nameserver %63s", server) == 1)
			host_strings_add(ret, server);
	return ferror(file) ? -EIO : 0;
}

/* --- the whole ---------------------------------------------------------------------------------- */

int linux_network(struct host *host, struct host_network *ret)
{
	struct host_network network = {0};
	int result;

	if (!linux_of(host)->live)
		return -ENOSYS;
	result = remote_logins(&network.remote);
	if (result == 0)
		result = gateways(&network.gateways);
	if (result == 0)
		result = name_servers("/etc/resolv.conf", &network.name_servers);
	if (result < 0) {
		host_network_done(&network);
		return result;
	}
	*ret = network;
	return 0;
}

int linux_clock_synchronised(struct host *host, bool *ret)
{
	struct timex state = {0};

	if (!linux_of(host)->live)
		return -ENOSYS;
	if (adjtimex(&state) < 0)
		return -errno;
	*ret = !(state.status & STA_UNSYNC);
	return 0;
}
