/*
 * moult-generator - arms a trial boot, so that one which fails comes back by itself.
 *
 * systemd runs it before any unit, with three directories for what it wants to add (see
 * systemd.generator(7)). It does nothing unless the kernel command line says moult.trial=1, and
 * nothing after the generation was blessed (BLESSED exists), when systemd reloads its units. It
 * needs the C library and nothing else of the new generation, which is not trusted yet; where one
 * thing cannot be written the others still are.
 *
 * In the first boot of a system that was adopted while it ran it also arms moult-carve.service, which
 * parts data from the root, and brings the mounts that come after it: fstab is still the old one.
 *
 * What the units it pulls in do, and what each failure leads to, is in docs/design/units.md.
 * SYSTEMD_PROC_CMDLINE in the environment stands for the command line, as for systemd itself.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "auto.h"

#define UNIT_DIR "/usr/lib/systemd/system/"
#define BLESSED "/run/moult/blessed"
#define COMMAND_LINE_MAX 65536

/* What `moult init` leaves in a system that it adopts while it runs; src/engine/adopt/first_mounts.h. */
#define FIRST_MOUNTS "/usr/lib/sysimage/moult-first-mounts"
#define MOUNT_UNIT_MAX 4096

enum { DEADLINE_MIN_SEC = 10, DEADLINE_DEFAULT_SEC = 600, DEADLINE_MAX_SEC = 86400 };

/* argv[1] may be overridden by the owner's /etc/systemd; argv[2], the early one, overrides it. */
enum place { NORMAL = 1, EARLY = 2, LATE = 3, PLACES = 4 };

struct trial {
	bool armed;
	unsigned deadline_sec;
};

struct pull {
	const char *puller; /* where the link goes, below NORMAL */
	const char *unit;
};

struct file {
	enum place place;
	const char *folder, *name, *text;
};

static const struct pull pulls[] = {
	{"sysinit.target.wants", "moult-deadline.timer"},
	{"sysinit.target.requires", "moult-first-boot.service"},
	{"boot-complete.target.requires", "moult-health.service"},
	{"basic.target.wants", "moult-bless.service"},
};

/*
 * Instead of a shell nobody sits at. Written as a unit and as its last drop-in: the unit wins over
 * one that is masked, the drop-in over the owner's drop-ins.
 */
static const char leave_text[] =
	"# Made by moult-generator: this is a trial boot, which does not wait for a person.\n"
	"[Unit]\n"
	"Description=Leave a trial boot that failed (%p)\n"
	"DefaultDependencies=no\n"
	"Conflicts=shutdown.target\n"
	"Before=shutdown.target\n"
	"FailureAction=reboot-force\n"
	"[Service]\n"
	"Type=oneshot\n"
	"ExecStartPre=\n"
	"ExecStart=\n"
	"ExecStart=-/usr/bin/moult internal give-up %p\n"
	"ExecStart=-/bin/sync\n"
	"ExecStart=/bin/systemctl reboot\n"
	"ExecStartPost=\n"
	"StandardInput=null\n"
	"StandardOutput=journal+console\n"
	"StandardError=journal+console\n"
	"TimeoutStartSec=60\n"
	"TimeoutStopSec=10\n"
	"SuccessExitStatus=TERM\n";

/* A failed trial does not wait half an hour, as stock, for a service that does not stop. */
static const char reboot_text[] = "# Made by moult-generator.\n"
				  "[Unit]\n"
				  "JobTimeoutSec=5min\n"
				  "JobTimeoutAction=reboot-force\n";

static const struct file files[] = {
	{EARLY, ".", "emergency.service", leave_text},
	{EARLY, ".", "rescue.service", leave_text},
	{EARLY, "emergency.service.d", "zzzz-moult.conf", leave_text},
	{EARLY, "rescue.service.d", "zzzz-moult.conf", leave_text},
	{EARLY, "reboot.target.d", "zzzz-moult.conf", reboot_text},
};

/* Always false, as a whole that lacks a part. */
static bool complain(const char *path)
{
	fprintf(stderr, "moult-generator: cannot write %s: %s\n", path, strerror(errno));
	return false;
}

static bool is_word(const char *word, size_t length, const char *expected)
{
	return strlen(expected) == length && !memcmp(word, expected, length);
}

static bool starts_with(const char *word, size_t length, const char *prefix)
{
	return length >= strlen(prefix) && !memcmp(word, prefix, strlen(prefix));
}

/* 0 where the value is not a plain number within the bounds. */
static unsigned deadline_parse(const char *digits, size_t length)
{
	unsigned value = 0;

	if (length == 0 || length > 5)
		return 0;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)digits[i]))
			return 0;
		value = value * 10 + (unsigned)(digits[i] - '0');
	}
	return value >= DEADLINE_MIN_SEC && value <= DEADLINE_MAX_SEC ? value : 0;
}

/* The last word of a kind counts: whoever edits the line in the boot menu appends to it. */
static void trial_read_word(struct trial *trial, const char *word, size_t length)
{
	static const char deadline[] = "moult.deadline=";

	if (starts_with(word, length, "moult.trial="))
		trial->armed = is_word(word, length, "moult.trial=1");
	if (starts_with(word, length, deadline)) {
		size_t skip = strlen(deadline);
		unsigned value = deadline_parse(word + skip, length - skip);

		if (value)
			trial->deadline_sec = value;
	}
}

/* Words are separated by blanks outside of double quotes, as the kernel separates them. */
static struct trial trial_read(const char *line)
{
	struct trial trial = {.deadline_sec = DEADLINE_DEFAULT_SEC};

	while (*line) {
		const char *start = line;
		bool quoted = false;

		for (; *line && (quoted || !isspace((unsigned char)*line)); line++)
			if (*line == '"')
				quoted = !quoted;
		trial_read_word(&trial, start, (size_t)(line - start));
		while (isspace((unsigned char)*line))
			line++;
	}
	return trial;
}

static bool command_line_read(char *line, size_t size)
{
	const char *given = getenv("SYSTEMD_PROC_CMDLINE");
	auto_close int fd = -1;
	ssize_t length;

	if (given)
		return snprintf(line, size, "%s", given) < (int)size;
	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, line, size - 1);
	if (length < 0)
		return false;
	line[length] = 0;
	return true;
}

static __attribute__((format(printf, 1, 2))) char *text(const char *format, ...)
{
	char *ret = NULL;
	va_list values;
	int length;

	va_start(values, format);
	length = vasprintf(&ret, format, values);
	va_end(values);
	if (length < 0)
		abort();
	return ret;
}

static bool folder_make(const char *path)
{
	return mkdir(path, 0755) == 0 || errno == EEXIST || complain(path);
}

static bool link_write(const char *top, const struct pull *pull)
{
	auto_free char *folder = text("%s/%s", top, pull->puller);
	auto_free char *path = text("%s/%s", folder, pull->unit);
	auto_free char *target = text(UNIT_DIR "%s", pull->unit);

	if (!folder_make(folder))
		return false;
	return symlink(target, path) == 0 || errno == EEXIST || complain(path);
}

static bool file_write(const char *top, const struct file *file)
{
	auto_free char *folder = text("%s/%s", top, file->folder);
	auto_free char *path = text("%s/%s", folder, file->name);
	auto_close int fd = -1;
	size_t length = strlen(file->text);

	if (!folder_make(folder))
		return false;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return (fd >= 0 && write(fd, file->text, length) == (ssize_t)length) || complain(path);
}

static bool deadline_write(const char *top, unsigned seconds)
{
	auto_free char *timer = text("# Made by moult-generator.\n[Timer]\nOnBootSec=\n"
				     "OnBootSec=%us\n",
				     seconds);
	struct file file = {NORMAL, "moult-deadline.timer.d", "deadline.conf", timer};

	return file_write(top, &file);
}

static const struct pull carve = {"local-fs.target.requires", "moult-carve.service"};

/* Stock units that would bless by themselves or write to the loader; later the new root masks them. */
static const char *const stock[] = {
	"systemd-bless-boot.service",
	"systemd-boot-update.service",
	"systemd-boot-random-seed.service",
};

static bool mask_write(const char *top, const char *unit)
{
	auto_free char *path = text("%s/%s", top, unit);

	return symlink("/dev/null", path) == 0 || errno == EEXIST || complain(path);
}

static bool file_read(const char *path, char *buffer, size_t size)
{
	auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, buffer, size - 1);

	if (length < 0)
		return complain(path);
	buffer[length] = 0;
	return true;
}

/* One mount, and that local-fs.target wants it. A unit that fstab has by now comes before a late one. */
static bool mount_write(const char *top, const char *name)
{
	auto_free char *from = text(FIRST_MOUNTS "/%s", name);
	auto_free char *folder = text("%s/local-fs.target.requires", top);
	auto_free char *path = text("%s/%s", folder, name), *target = text("../%s", name);
	char unit[MOUNT_UNIT_MAX];
	struct file file = {LATE, ".", name, unit};

	if (!file_read(from, unit, sizeof(unit)) || !file_write(top, &file) || !folder_make(folder))
		return false;
	return symlink(target, path) == 0 || errno == EEXIST || complain(path);
}

static bool is_mount(const char *name)
{
	size_t length = strlen(name);

	return length > strlen(".mount") && strcmp(name + length - strlen(".mount"), ".mount") == 0;
}

static bool mounts_write(DIR *directory, const char *top)
{
	bool whole = true;
	struct dirent *entry;

	while ((entry = readdir(directory)))
		if (is_mount(entry->d_name))
			whole &= mount_write(top, entry->d_name);
	return whole;
}

static bool first_boot_arm(char *const *places)
{
	DIR *directory = opendir(FIRST_MOUNTS);
	bool whole;

	if (!directory)
		return errno == ENOENT || complain(FIRST_MOUNTS);
	whole = link_write(places[NORMAL], &carve);
	for (size_t i = 0; i < COUNT(stock); i++)
		whole &= mask_write(places[EARLY], stock[i]);
	whole &= mounts_write(directory, places[LATE]);
	closedir(directory);
	return whole;
}

static bool trial_arm(const struct trial *trial, char *const *places)
{
	bool whole = deadline_write(places[NORMAL], trial->deadline_sec);

	for (size_t i = 0; i < COUNT(pulls); i++)
		whole &= link_write(places[NORMAL], &pulls[i]);
	for (size_t i = 0; i < COUNT(files); i++)
		whole &= file_write(places[files[i].place], &files[i]);
	whole &= first_boot_arm(places);
	return whole;
}

int main(int argc, char **argv)
{
	static char line[COMMAND_LINE_MAX];
	struct trial trial;

	if (argc != PLACES) {
		fprintf(stderr, "moult-generator: systemd runs this, with three directories\n");
		return EXIT_FAILURE;
	}
	if (!command_line_read(line, sizeof(line))) {
		fprintf(stderr, "moult-generator: cannot read the kernel command line\n");
		return EXIT_FAILURE;
	}
	trial = trial_read(line);
	if (!trial.armed || access(BLESSED, F_OK) == 0)
		return EXIT_SUCCESS;
	return trial_arm(&trial, argv) ? EXIT_SUCCESS : EXIT_FAILURE;
}
