/*
 * linux_send - what the kernel says turns one snapshot into another.
 *
 * The kernel compares the two trees block by block and steps over all that they share. It writes
 * into a pipe, from a thread of its own, so that no stream is ever held in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include "linux_internal.h"

#define PIPE_BYTES (1 << 20)
#define BLOCK_BYTES (64 * 1024)

struct sender {
	int subvolume, pipe;
	uint64_t parent;
	int result;
};

static void *send_all(void *userdata)
{
	struct sender *sender = userdata;
	struct btrfs_ioctl_send_args args = {
		.send_fd = sender->pipe,
		.parent_root = sender->parent,
		.flags = BTRFS_SEND_FLAG_NO_FILE_DATA,
	};

	sender->result = ioctl(sender->subvolume, BTRFS_IOC_SEND, &args) < 0 ? -errno : 0;
	close(sender->pipe);
	return NULL;
}

/* No signal is for this thread: SIGPIPE when nobody reads on, SIGINT when the other one is to know. */
static int start(pthread_t *ret, struct sender *sender)
{
	sigset_t all, before;
	int result;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(ret, NULL, send_all, sender);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -result;
}

static int receive(int pipe, const struct host_sending *sending)
{
	auto_free char *block = xmalloc(BLOCK_BYTES);
	ssize_t count;
	int result = 0;

	while (result == 0 && (count = read(pipe, block, BLOCK_BYTES)) != 0) {
		if (count > 0)
			result = sending->feed(sending->userdata, block, (size_t)count);
		else if (errno != EINTR)
			result = -errno;
	}
	return result;
}

static int run(struct sender *sender, const struct host_sending *sending)
{
	pthread_t thread;
	int ends[2], result;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* fewer turns; what the owner of the machine allows is enough, too */
	fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
	sender->pipe = ends[1];
	result = start(&thread, sender);
	if (result < 0) {
		close(ends[0]);
		close(ends[1]);
		return result;
	}
	result = receive(ends[0], sending);
	/* a sender whose stream nobody wants any more stops by EPIPE */
	close(ends[0]);
	pthread_join(thread, NULL);
	return result < 0 ? result : sender->result;
}

int linux_send(struct host *host, const struct host_sending *sending)
{
	int pool = linux_of(host)->volumes[VOLUME_POOL].fd;
	auto_host_subvolume struct host_subvolume parent = {0};
	auto_close int subvolume = open_beneath(pool, sending->to, O_RDONLY | O_DIRECTORY, 0);
	int result = subvolume < 0 ? subvolume : linux_subvolume(host, sending->from, &parent);
	struct sender sender = {.subvolume = subvolume, .parent = parent.id};

	return result < 0 ? result : run(&sender, sending);
}
