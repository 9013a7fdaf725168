#include "journal.h"
#include <errno.h>
#include <string.h>
#include "text.h"

#define JOURNAL_MAX (4 * 1024 * 1024)
#define JOURNAL_ROTATE (1024 * 1024)
#define JOURNAL_TAIL (16 * 1024) /* mostly holds what is looked for */
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

static bool has_checksum(const char *line, const char *printed, size_t length)
{
	struct digest digest;

	digest_bytes(DIGEST_SHA256, printed, length, &digest);
	return strncmp(digest.hex, line, CHECKSUM_DIGITS) == 0;
}

/* NULL: not whole, or not ours. Caller frees. */
static json_t *parse_line(const struct journal_reader *reader, const char *line, size_t length)
{
	const char *printed = line + CHECKSUM_DIGITS + 1;
	struct err unused = {0};

	if (length <= CHECKSUM_DIGITS + 1 || line[CHECKSUM_DIGITS] != ' ')
		return NULL;
	length -= CHECKSUM_DIGITS + 1;
	if (!reader->trusting && !has_checksum(line, printed, length))
		return NULL;
	return json_parse_object("journal", printed, length, &unused);
}

/*
 * From *end backwards, which becomes where it stopped; a first line that is `cut` is left alone.
 * 1: the reader wants no more.
 */
static int walk_lines(const struct journal_reader *reader, const struct host_bytes *bytes, bool cut,
		      size_t *end)
{
	while (*end > 0) {
		size_t length = *end - (bytes->bytes[*end - 1] == '\n');
		const char *newline = length > 0 ? memrchr(bytes->bytes, '\n', length) : NULL;
		size_t start = newline ? (size_t)(newline + 1 - bytes->bytes) : 0;
		auto_json json_t *record = NULL;

		if (cut && !newline)
			return 0;
		record = parse_line(reader, bytes->bytes + start, length - start);
		*end = start;
		if (record && !reader->on_record(reader->userdata, record))
			return 1;
	}
	return 0;
}

static int walk_file(struct host *host, const char *path, const struct journal_reader *reader)
{
	auto_host_bytes struct host_bytes tail = {0}, whole = {0};
	int r = host->ops->read_tail(host, path, JOURNAL_TAIL, &tail);
	bool cut = tail.length == JOURNAL_TAIL;
	size_t end = tail.length, seen;

	if (r == 0)
		r = walk_lines(reader, &tail, cut, &end);
	if (r != 0 || !cut)
		return r == -ENOENT ? 0 : r;
	seen = tail.length - end;
	r = host->ops->read(host, VOLUME_POOL, path, JOURNAL_MAX, &whole);
	if (r < 0)
		return r;
	end = whole.length > seen ? whole.length - seen : 0;
	return walk_lines(reader, &whole, false, &end);
}

bool journal_walk(struct host *host, const struct journal_reader *reader, struct err *err)
{
	int r = walk_file(host, JOURNAL_PATH, reader);

	if (r == 0)
		r = walk_file(host, JOURNAL_PATH ".1", reader);
	return r >= 0 || err_set(err, ERR_SYSTEM, -r, "cannot read the journal");
}

struct collected {
	json_t *records; /* newest first */
	size_t max;
};

static bool collect(void *userdata, json_t *record)
{
	struct collected *collected = userdata;

	json_array_append(collected->records, record);
	return json_array_size(collected->records) < collected->max;
}

bool journal_read(struct host *host, size_t max, json_t **ret, struct err *err)
{
	auto_json json_t *found = json_array();
	struct collected collected = {found, max};

	if (!journal_walk(host,
			  &(struct journal_reader){.on_record = collect, .userdata = &collected},
			  err))
		return false;
	*ret = json_array();
	for (size_t i = json_array_size(found); i > 0; i--)
		json_array_append(*ret, json_array_get(found, i - 1));
	return true;
}
