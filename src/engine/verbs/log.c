/* log: what moult did, and what the programs said that ran in a generation's stage. */
#include <string.h>
#include "journal.h"
#include "report.h"
#include "verb.h"

#define LOG_MAX (8 * 1024 * 1024)
#define OPERATIONS_SHOWN 200

static void add_lines(json_t *lines, const struct host_bytes *bytes)
{
	const char *cursor = bytes->bytes, *line;
	size_t length;

	while (text_next_line(&cursor, bytes->bytes + bytes->length, &line, &length)) {
		auto_free char *copy = xstrndup(line, length);

		json_array_append_new(lines, json_text(copy));
	}
}

/* A finished generation keeps its log beside its root; a discarded one leaves it in @moult. */
static bool read_log(struct host *host, const char *which, json_t *lines, struct err *err)
{
	auto_free char *kept = xasprintf("@gens/%s/log/moult.log", which);
	auto_free char *discarded = xasprintf("@moult/log/%s.log", which);
	auto_host_bytes struct host_bytes bytes = {0};
	unsigned long long id;
	int r;

	if (!text_to_u64(which, &id))
		return err_set(err, ERR_USAGE, 0, "%s is not the number of a generation",
			       text_quote(which));
	r = host->ops->read(host, VOLUME_POOL, kept, LOG_MAX, &bytes);
	if (r == -ENOENT)
		r = host->ops->read(host, VOLUME_POOL, discarded, LOG_MAX, &bytes);
	if (r == -ENOENT) {
		err_set(err, ERR_REFUSED, 0, "there is no log of generation %s", which);
		return err_try(err, "moult log");
	}
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot read the log of generation %s", which);
	add_lines(lines, &bytes);
	return true;
}

/* The lines that say how an operation began and ended; its steps are for those who ask for them. */
static json_t *only_outcomes(json_t *records)
{
	json_t *kept = json_array(), *record;
	size_t i;

	json_array_foreach(records, i, record)
	{
		const char *event = json_string_value(json_object_get(record, "event"));

		if (event && strcmp(event, "step") != 0 && strcmp(event, "plan") != 0)
			json_array_append(kept, record);
	}
	while (json_array_size(kept) > OPERATIONS_SHOWN)
		json_array_remove(kept, 0);
	return kept;
}

bool verb_log(struct machine *machine, const struct verb_request *request, json_t **ret,
	      struct err *err)
{
	auto_json json_t *records = NULL, *lines = json_array();

	if (!verb_require_adopted(machine, err))
		return false;
	if (request->which && !read_log(machine->host, request->which, lines, err))
		return false;
	if (!journal_read(machine->host, 100000, &records, err))
		return false;
	*ret = json_object();
	json_object_set_new(*ret, "format_version", json_integer(1));
	json_object_set_new(*ret, "operations", only_outcomes(records));
	json_object_set(*ret, "lines", lines);
	return true;
}
