#include "apt.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "aptsources.h"
#include "fill_internal.h"
#include "osrelease.h"

/* How much of the whole the download is; a guess that keeps the bar from going backwards. */
#define DOWNLOAD_PERCENT 30

/* --- simulation ------------------------------------------------------------------------------ */

/* The bytes up to `end` after an opening `from`; NULL where the line is not like that. */
static char *between(const char **cursor, char from, const char *ends)
{
	const char *start = *cursor + strspn(*cursor, " ");
	size_t length;

	if (*start != from)
		return NULL;
	start++;
	length = strcspn(start, ends);
	if (length == 0 || start[length] == '\0')
		return NULL;
	*cursor = start + length + 1;
	return xstrndup(start, length);
}

/* Versions and names come from the archive: only what Debian allows in them is taken. */
static bool is_plain(const char *word)
{
	size_t length = strlen(word);

	return length > 0 && length < 256 &&
	       strspn(word,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-~:") ==
		       length;
}

bool apt_read_change(const char *line, struct package_changes *changes)
{
	bool installed = text_starts(line, "Inst ");
	const char *cursor = line + 5;
	size_t length;
	auto_free char *name = NULL;
	auto_free char *from = NULL;
	auto_free char *to = NULL;

	if (!installed && !text_starts(line, "Remv "))
		return false;
	length = strcspn(cursor, " ");
	name = xstrndup(cursor, length);
	cursor += length;
	from = between(&cursor, '[', "]");
	if (installed)
		to = between(&cursor, '(', " )");
	if (!is_plain(name) || (from && !is_plain(from)) || (to && !is_plain(to)) ||
	    (installed ? !to : !from))
		return false;
	package_changes_add(changes, name, from, to);
	return true;
}

uint64_t apt_read_download(const char *line)
{
	char bytes[13];

	/* 'http://.../bash_5.2_amd64.deb' bash_5.2_amd64.deb 1491656 SHA256:... */
	return sscanf(line, "'%*[^']' %*s %12[0-9] ", bytes) == 1 ? strtoull(bytes, NULL, 10) : 0;
}

/* --- status ---------------------------------------------------------------------------------- */

static bool is_number(const char *field, size_t length)
{
	return length > 0 && strspn(field, "0123456789.") >= length;
}

/* "a:b:33.3:text": a package may have a colon (its architecture), a number is never one's name. */
static bool split(const char *line, const char **ret_number, const char **ret_text)
{
	for (const char *field = strchr(line, ':'); field; field = strchr(field + 1, ':')) {
		size_t length = strcspn(field + 1, ":");

		if (!is_number(field + 1, length) || field[1 + length] != ':')
			continue;
		*ret_number = field + 1;
		*ret_text = field + 1 + length + 1;
		return true;
	}
	return false;
}

static unsigned percent_of(const char *number)
{
	unsigned value = 0;

	for (; *number >= '0' && *number <= '9' && value < 1000; number++)
		value = value * 10 + (unsigned)(*number - '0');
	return value > 100 ? 100 : value;
}

/* "/var/cache/apt/archives/bash_5.2_amd64.deb" is about bash. */
static void copy_package(const char *word, size_t length, char *buffer, size_t size_bytes)
{
	const char *slash = memrchr(word, '/', length);

	if (slash) {
		length -= (size_t)(slash + 1 - word);
		word = slash + 1;
		length = strcspn(word, "_:");
	}
	snprintf(buffer, size_bytes, "%.*s", (int)(length < 120 ? length : 120), word);
}

static const struct {
	const char *prefix;
	enum progress_kind kind;
	unsigned from, span; /* of the whole, in percent */
} kinds[] = {
	{"dlstatus:", PROGRESS_AT, 0, DOWNLOAD_PERCENT},
	{"pmstatus:", PROGRESS_AT, DOWNLOAD_PERCENT, 100 - DOWNLOAD_PERCENT},
	{"pmerror:", PROGRESS_FAILED, 0, 0},
};

void apt_read_status(const char *line, struct manager_progress *ret)
{
	const char *number, *text;

	*ret = (struct manager_progress){0};
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const char *rest = line + strlen(kinds[i].prefix);

		if (!text_starts(line, kinds[i].prefix) || !split(rest, &number, &text))
			continue;
		ret->kind = kinds[i].kind;
		ret->percent = kinds[i].from + percent_of(number) * kinds[i].span / 100;
		copy_package(rest, (size_t)(number - 1 - rest), ret->package, sizeof(ret->package));
		snprintf(ret->text, sizeof(ret->text), "%s", text);
	}
}

/* --- another release ------------------------------------------------------------------------- */

static bool read_codename(struct fill *fill, char **ret, struct err *err)
{
	struct host *host = fill->machine->host;
	auto_host_bytes struct host_bytes bytes = {0};
	int r = host->ops->root_read(host, fill->root, "/etc/os-release", OSRELEASE_MAX_BYTES,
				     &bytes);

	if (!fill_check(r, "read", "/etc/os-release", err))
		return false;
	*ret = osrelease_value(bytes.bytes, bytes.length, "VERSION_CODENAME");
	if (*ret)
		return true;
	return err_set(
		err, ERR_REFUSED, 0,
		"/etc/os-release has no VERSION_CODENAME: the release it comes from is unknown");
}

struct rewrite {
	struct fill *fill;
	const char *from;
	unsigned changes;
};

static bool rewrite_file(struct rewrite *rewrite, const char *path, struct err *err)
{
	struct fill *fill = rewrite->fill;
	struct host *host = fill->machine->host;
	auto_host_bytes struct host_bytes bytes = {0};
	auto_aptsources struct aptsources after = {0};
	auto_free char *on_pool = xasprintf("%s/%s", fill->root, path);
	struct aptsources_request request = {
		.name = path, .from = rewrite->from, .to = fill->release};
	int r = host->ops->read(host, VOLUME_POOL, on_pool, APTSOURCES_MAX_BYTES, &bytes);

	if (r == -ENOENT)
		return true;
	if (!fill_check(r, "read", path, err))
		return false;
	request.bytes = bytes.bytes;
	request.length = bytes.length;
	if (!aptsources_rewrite(&request, &after, err))
		return false;
	rewrite->changes += after.changes;
	for (size_t i = 0; i < after.findings.count; i++)
		fill_note(fill, "%s: %s", after.findings.all[i].object, after.findings.all[i].why);
	if (after.changes == 0)
		return true;
	r = host->ops->write(host, VOLUME_POOL, on_pool, after.bytes, strlen(after.bytes));
	return fill_check(r, "write", path, err);
}

static bool rewrite_directory(struct rewrite *rewrite, struct err *err)
{
	struct host *host = rewrite->fill->machine->host;
	auto_host_names struct host_names names = {0};
	int r = host->ops->root_list(host, rewrite->fill->root, "/etc/apt/sources.list.d", &names);

	if (r < 0 && r != -ENOENT)
		return fill_check(r, "list", "/etc/apt/sources.list.d", err);
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.names[i].name;
		auto_free char *path = xasprintf("etc/apt/sources.list.d/%s", name);

		if ((text_ends(name, ".list") || text_ends(name, ".sources")) &&
		    !rewrite_file(rewrite, path, err))
			return false;
	}
	return true;
}

bool apt_change_release(struct fill *fill, struct err *err)
{
	auto_free char *from = NULL;
	struct rewrite rewrite = {.fill = fill};

	if (!read_codename(fill, &from, err))
		return false;
	rewrite.from = from;
	if (!aptsources_codename_valid(fill->release))
		return err_set(err, ERR_USAGE, 0, "%s is not the codename of a release",
			       text_quote(fill->release));
	if (text_equal(from, fill->release))
		return true;
	if (!rewrite_file(&rewrite, "etc/apt/sources.list", err) ||
	    !rewrite_directory(&rewrite, err))
		return false;
	if (rewrite.changes > 0)
		return true;
	return err_set(err, ERR_REFUSED, 0,
		       "no source in /etc/apt names the release %s, so none could be moved to %s",
		       from, fill->release);
}
