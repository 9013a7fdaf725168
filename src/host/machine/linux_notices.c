/* linux_notices - what others are told: files in /run, and the journal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "linux_bus.h"

#define STATUS_DIRECTORY "/run/moult"

static int write_new(int directory, const char *name, const char *text)
{
	auto_close int fd = openat(directory, name,
				   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0 || fchmod(fd, 0644) < 0)
		return -errno;
	return write_all(fd, text, strlen(text));
}

static int replace(int directory, const char *name, const char *text)
{
	auto_free char *temporary = xasprintf(".%s.new", name);
	int result = write_new(directory, temporary, text);

	if (result == 0 && renameat(directory, temporary, directory, name) < 0)
		result = -errno;
	if (result < 0)
		unlinkat(directory, temporary, 0);
	return result;
}

int linux_publish_status(struct host *host, const char *name, const char *text)
{
	auto_close int directory = -1;

	(void)host;
	if (!path_is_plain(name) || !name[0] || strchr(name, '/'))
		return -EINVAL;
	if (mkdir(STATUS_DIRECTORY, 0755) < 0 && errno != EEXIST)
		return -errno;
	directory = open(STATUS_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return directory < 0 ? -errno : replace(directory, name, text);
}

/* --- a reboot is wanted --------------------------------------------------------------------------- */

/*
 * Debian's convention: the sentence for people, and beside it a line for each package that wants
 * the reboot, which others append theirs to. reboot-needed is that of other distributions.
 */
#define REQUIRED "reboot-required"
#define PACKAGES "reboot-required.pkgs"
#define NEEDED "reboot-needed"
#define REQUIRED_TEXT "*** System restart required ***\n"
#define NEEDED_TEXT "moult: the next boot is another generation\n"
#define OURS "moult"

static int stream(void *source, const struct sink *sink)
{
	return stream_fd(*(const int *)source, sink);
}

static int read_at(int directory, const char *name, struct host_bytes *ret)
{
	auto_close int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : collect_bytes(stream, &fd, 64 * 1024, ret);
}

/* 1 = made with this text, 0 = it is there already, whoever's it is. */
static int create(int directory, const char *name, const char *text)
{
	auto_close int fd =
		openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int result;

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	if (fchmod(fd, 0644) < 0)
		return -errno;
	result = write_all(fd, text, strlen(text));
	return result < 0 ? result : 1;
}

/* All lines but ours; *ret_ours: whether there was one. */
static char *without_ours(const struct host_bytes *packages, bool *ret_ours)
{
	const char *cursor = packages->bytes, *end = cursor + packages->length, *line;
	struct text others = {0};
	size_t length;

	*ret_ours = false;
	while (text_next_line(&cursor, end, &line, &length)) {
		if (length == strlen(OURS) && memcmp(line, OURS, length) == 0) {
			*ret_ours = true;
			continue;
		}
		text_add_bytes(&others, line, length);
		text_add(&others, "\n");
	}
	return text_take(&others);
}

static int require(int directory)
{
	auto_host_bytes struct host_bytes packages = {0};
	auto_free char *others = NULL, *all = NULL;
	int made = create(directory, REQUIRED, REQUIRED_TEXT), result;
	bool ours = false;

	if (made < 0)
		return made;
	result = read_at(directory, PACKAGES, &packages);
	/* somebody wants it who is no package: with our line it would seem ours, and be taken away */
	if (result == -ENOENT && !made)
		return 0;
	if (result < 0 && result != -ENOENT)
		return result;
	if (result == 0)
		others = without_ours(&packages, &ours);
	if (ours)
		return 0;
	all = xasprintf("%s" OURS "\n", others ? others : "");
	return replace(directory, PACKAGES, all);
}

static int release(int directory)
{
	auto_host_bytes struct host_bytes packages = {0};
	auto_free char *others = NULL;
	int result = read_at(directory, PACKAGES, &packages);
	bool ours;

	if (result < 0)
		return result == -ENOENT ? 0 : result;
	others = without_ours(&packages, &ours);
	if (!ours)
		return 0;
	if (*others)
		return replace(directory, PACKAGES, others);
	if (unlinkat(directory, PACKAGES, 0) < 0 ||
	    (unlinkat(directory, REQUIRED, 0) < 0 && errno != ENOENT))
		return -errno;
	return 0;
}

static int release_needed(int directory)
{
	auto_host_bytes struct host_bytes needed = {0};
	int result = read_at(directory, NEEDED, &needed);

	if (result < 0)
		return result == -ENOENT ? 0 : result;
	if (needed.length != strlen(NEEDED_TEXT) ||
	    memcmp(needed.bytes, NEEDED_TEXT, needed.length) != 0)
		return 0;
	return unlinkat(directory, NEEDED, 0) < 0 ? -errno : 0;
}

int reboot_files_write(int directory, bool required)
{
	int result = required ? require(directory) : release(directory);
	int other = required ? create(directory, NEEDED, NEEDED_TEXT) : release_needed(directory);

	return result < 0 ? result : other < 0 ? other : 0;
}

int linux_reboot_required(struct host *host, bool required)
{
	auto_close int directory = -1;

	if (!linux_of(host)->live)
		return -ENOSYS;
	directory = open("/run", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return directory < 0 ? -errno : reboot_files_write(directory, required);
}

/* --- hibernation ---------------------------------------------------------------------------------- */

/*
 * A link to /dev/null in /run masks a unit until the next boot. Which of them are ours is kept beside
 * our other files: what somebody else masked so is not ours to take away.
 */
#define MASKS "systemd/system"
#define OUR_MASKS "moult/hibernation"

static const char *const sleeps[] = {"hibernate.target", "hybrid-sleep.target",
				     "suspend-then-hibernate.target"};

static int make_directories(int directory)
{
	static const char *const paths[] = {"systemd", MASKS, "moult"};

	for (size_t i = 0; i < COUNT(paths); i++)
		if (mkdirat(directory, paths[i], 0755) < 0 && errno != EEXIST)
			return -errno;
	return 0;
}

static int mask(int directory)
{
	auto_text struct text ours = {0};
	int result = make_directories(directory);

	for (size_t i = 0; result == 0 && i < COUNT(sleeps); i++) {
		auto_free char *path = xasprintf(MASKS "/%s", sleeps[i]);

		if (symlinkat("/dev/null", directory, path) == 0)
			text_addf(&ours, "%s\n", sleeps[i]);
		else if (errno != EEXIST)
			result = -errno;
	}
	/* also what was masked before a failure: it is to be taken away again */
	if (ours.length > 0) {
		int written = create(directory, OUR_MASKS, ours.bytes);

		result = result < 0 ? result : written < 0 ? written : 0;
	}
	return result;
}

static int unmask(int directory, const struct host_bytes *ours)
{
	for (size_t i = 0; i < COUNT(sleeps); i++) {
		auto_free char *line = xasprintf("%s\n", sleeps[i]);
		auto_free char *path = xasprintf(MASKS "/%s", sleeps[i]);

		if (strstr(ours->bytes, line) && unlinkat(directory, path, 0) < 0 &&
		    errno != ENOENT)
			return -errno;
	}
	return unlinkat(directory, OUR_MASKS, 0) < 0 ? -errno : 0;
}

int hibernation_write(int directory, bool allowed)
{
	auto_host_bytes struct host_bytes ours = {0};
	int result = read_at(directory, OUR_MASKS, &ours);

	if (result < 0 && result != -ENOENT)
		return result;
	if (result == -ENOENT)
		return allowed ? 0 : mask(directory);
	return allowed ? unmask(directory, &ours) : 0;
}

int linux_hibernation(struct host *host, bool allowed)
{
	auto_close int directory = -1;

	if (!linux_of(host)->live)
		return -ENOSYS;
	directory = open("/run", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return directory < 0 ? -errno : hibernation_write(directory, allowed);
}

/* --- the journal ---------------------------------------------------------------------------------- */

/* A machine without a journal loses nothing that is not in moult's own log. */
void linux_log(struct host *host, const struct host_message *message)
{
	auto_free char *text = xasprintf("MESSAGE=%s", message->text);
	auto_free char *priority = xasprintf("PRIORITY=%i", message->priority);
	auto_free char *id = xasprintf("MESSAGE_ID=%s", message->id ? message->id : "");
	auto_free char *verb = xasprintf("MOULT_VERB=%s", message->verb ? message->verb : "");
	auto_free char *generation = xasprintf("MOULT_GENERATION=%d", message->generation);
	const char *const fields[] = {
		text,
		priority,
		"SYSLOG_IDENTIFIER=moult",
		message->id ? id : NULL,
		message->verb ? verb : NULL,
		message->generation >= 0 ? generation : NULL,
	};
	struct iovec sent[COUNT(fields)];
	int count = 0;

	(void)host;
	for (size_t i = 0; i < COUNT(fields); i++)
		if (fields[i])
			sent[count++] = (struct iovec){(void *)fields[i], strlen(fields[i])};
	if (systemd())
		systemd()->sd_journal_sendv(sent, count);
}
