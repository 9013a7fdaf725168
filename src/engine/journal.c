#include "journal.h"
#include <string.h>
#include "text.h"

#define JOURNAL_MAX (4 * 1024 * 1024)
#define JOURNAL_ROTATE (1024 * 1024)
#define CHECKSUM_DIGITS 16

/* One old journal is kept: with ~10 KiB an operation that is the last hundred at least. */
static void rotate(struct host *host)
{
	struct host_stat stat;

	if (host->ops->stat(host, VOLUME_POOL, JOURNAL_PATH, &stat) == 0 &&
	    stat.size_bytes > JOURNAL_ROTATE)
		host->ops->rename(host, VOLUME_POOL, JOURNAL_PATH, JOURNAL_PATH ".1");
}

bool journal_append(struct host *host, json_t *record, struct err *err)
{
	auto_free char *printed = NULL, *line = NULL;
	struct host_stat stat;
	struct digest digest;
	int r;

	if (host->ops->stat(host, VOLUME_POOL, "@moult", &stat) == -ENOENT)
		return true;
	rotate(host);
	printed = json_print_line(record);
	digest_bytes(DIGEST_SHA256, printed, strlen(printed), &digest);
	line = xasprintf("%.*s %s\n", CHECKSUM_DIGITS, digest.hex, printed);
	r = host->ops->append(host, VOLUME_POOL, JOURNAL_PATH, line, strlen(line));
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot write the journal");
	return true;
}

static void add_line(json_t *array, const char *line, size_t length)
{
	struct err unused = {0};
	struct digest digest;
	json_t *record;

	if (length <= CHECKSUM_DIGITS + 1 || line[CHECKSUM_DIGITS] != ' ')
		return;
	digest_bytes(DIGEST_SHA256, line + CHECKSUM_DIGITS + 1, length - CHECKSUM_DIGITS - 1,
		     &digest);
	if (strncmp(digest.hex, line, CHECKSUM_DIGITS) != 0)
		return;
	record = json_parse_object("journal", line + CHECKSUM_DIGITS + 1,
				   length - CHECKSUM_DIGITS - 1, &unused);
	if (record)
		json_array_append_new(array, record);
}

static int read_file(struct host *host, const char *path, json_t *array)
{
	auto_host_bytes struct host_bytes bytes = {0};
	const char *cursor, *line;
	size_t length;
	int r = host->ops->read(host, VOLUME_POOL, path, JOURNAL_MAX, &bytes);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	cursor = bytes.bytes;
	while (text_next_line(&cursor, bytes.bytes + bytes.length, &line, &length))
		add_line(array, line, length);
	return 0;
}

bool journal_read(struct host *host, size_t max, json_t **ret, struct err *err)
{
	auto_json json_t *array = json_array();
	int r = read_file(host, JOURNAL_PATH ".1", array);

	if (r == 0)
		r = read_file(host, JOURNAL_PATH, array);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot read the journal");
	while (json_array_size(array) > max)
		json_array_remove(array, 0);
	*ret = take(array);
	return true;
}
