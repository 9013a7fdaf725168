/*
 * linux_stage_resolver - names resolve in a stage as they do for the caller.
 *
 * Packages replace /etc/resolv.conf, which nobody can where something is mounted. So for the time
 * of the stage it is a plain file with the caller's text, and what it was waits beside it. The two
 * change places in one step. Ours carries its digest in an extended attribute, which programs in
 * the stage can neither see nor set: so it is told from everything else at any time, also by a
 * later run when one was cut off.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include "linux_stage.h"

#define NAME "resolv.conf"
#define ASIDE ".moult-resolv.conf"
#define MARK "trusted.moult.resolv-conf"

char *resolv_conf_read(void)
{
	auto_close int fd = open("/etc/" NAME, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	auto_free char *bytes = xcalloc(1, STAGE_RESOLV_CONF_MAX + 1);
	ssize_t length = fd < 0 ? -1 : read(fd, bytes, STAGE_RESOLV_CONF_MAX);

	return length < 0 || memchr(bytes, '\0', (size_t)length) ? NULL : take(bytes);
}

/* --- which file is ours ---------------------------------------------------------------------- */

static int stream_file(void *source, const struct sink *sink)
{
	return stream_fd(*(const int *)source, sink);
}

static bool is_regular(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* As we made it: one that somebody wrote to since is theirs. */
static bool is_ours(int etc, const char *name)
{
	auto_close int fd = open_beneath(etc, name, O_RDONLY, 0);
	struct digest mark = {0}, digest;

	return is_regular(fd) && fgetxattr(fd, MARK, mark.hex, sizeof(mark.hex) - 1) > 0 &&
	       collect_digest(stream_file, &fd, DIGEST_SHA256, &digest) == 0 &&
	       strcmp(mark.hex, digest.hex) == 0;
}

/* Where it was moved to, out of the way of another; NULL = it is not in the directory. */
static char *find_ours(int etc)
{
	auto_host_names struct host_names names = {0};

	if (list_directory(etc, &names) < 0)
		return NULL;
	for (size_t i = 0; i < names.count; i++)
		if (names.names[i].type == HOST_FILE && is_ours(etc, names.names[i].name))
			return xstrdup(names.names[i].name);
	return NULL;
}

/* --- afterwards ------------------------------------------------------------------------------ */

/* Our file under this name goes, and what waits, if anything, gets its place. */
static int put_back(int etc, const char *name)
{
	if (renameat2(etc, ASIDE, etc, name, RENAME_EXCHANGE) == 0)
		name = ASIDE;
	else if (errno != ENOENT)
		return -errno;
	return unlinkat(etc, name, 0) < 0 ? -errno : 0;
}

/* What a program put there, or wrote into our file, stays. */
static int leave(int etc)
{
	auto_close int theirs = open_beneath(etc, NAME, O_RDONLY, 0);
	auto_free char *moved = find_ours(etc);

	if (is_regular(theirs))
		fremovexattr(theirs, MARK);
	/* it was kept for the day when the package goes: then as it really was */
	if (moved)
		return put_back(etc, moved);
	return unlinkat(etc, ASIDE, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* `put`: there was a file of ours at the beginning. */
static int settle(int etc, bool put)
{
	struct stat st;

	/* cut off before they changed places, or while ours was removed */
	if (is_ours(etc, ASIDE) && unlinkat(etc, ASIDE, 0) < 0)
		return -errno;
	if (is_ours(etc, NAME))
		return put_back(etc, NAME);
	if (put || fstatat(etc, ASIDE, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return leave(etc);
	return 0;
}

int resolver_settle(struct resolver *resolver)
{
	return resolver->put ? settle(resolver->etc, true) : 0;
}

void resolver_done(struct resolver *resolver)
{
	if (resolver->etc >= 0)
		close(take_fd(&resolver->etc));
}

/* --- before ---------------------------------------------------------------------------------- */

static bool has_text(struct host *host, const struct stage *stage, const char *text)
{
	const struct root_path where = {stage->root, "etc/" NAME};
	auto_close int fd = open_root_path(host, &where, O_RDONLY);
	size_t length = strlen(text);
	auto_free char *bytes = xcalloc(1, length + 1);

	return is_regular(fd) && read(fd, bytes, length + 1) == (ssize_t)length &&
	       memcmp(bytes, text, length) == 0;
}

/* A link into /run leads to the stage's own tmpfs: the text is put at its end, the link stays. */
static bool leads_to_run(int etc)
{
	char target[1024] = "";
	ssize_t length = readlinkat(etc, NAME, target, sizeof(target) - 1);

	return length > 0 && (text_starts(target, "/run/") || text_starts(target, "../run/"));
}

static int make_ours(int etc, const char *text)
{
	auto_close int fd = openat(etc, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	struct digest digest;
	int r = fd < 0 ? -errno : write_all(fd, text, strlen(text));

	if (r < 0)
		return r;
	digest_bytes(DIGEST_SHA256, text, strlen(text), &digest);
	if (fchmod(fd, 0644) < 0 || fsetxattr(fd, MARK, digest.hex, strlen(digest.hex), 0) < 0 ||
	    linkat(fd, "", etc, ASIDE, AT_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

static bool put_ours(int etc, const char *text)
{
	struct stat st;
	bool there = fstatat(etc, NAME, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (there && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return false;
	if (make_ours(etc, text) < 0)
		return false;
	if (renameat2(etc, ASIDE, etc, NAME, there ? RENAME_EXCHANGE : RENAME_NOREPLACE) == 0)
		return true;
	/* `chattr +i`: nobody is to replace it, and nobody can */
	unlinkat(etc, ASIDE, 0);
	return false;
}

void resolver_put(struct host *host, const struct stage *stage, const char *text,
		  struct resolver *ret)
{
	const struct root_path where = {stage->root, "etc"};

	*ret = (struct resolver){.etc = open_root_path(host, &where, O_RDONLY | O_DIRECTORY)};
	if (ret->etc < 0 || settle(ret->etc, false) < 0)
		return;
	ret->put = text && !has_text(host, stage, text) && !leads_to_run(ret->etc) &&
		   put_ours(ret->etc, text);
}
