#include "memory.h"
#include <string.h>
#include "text.h"

#define MEMORY_FORMAT 1

static bool is_readable(const json_t *document)
{
	uint64_t min_reader;
	struct err unused = {0};

	return json_get_u64(document, "min_reader", 1, &min_reader, &unused) &&
	       min_reader <= MEMORY_FORMAT;
}

bool memory_read(struct host *host, const char *path, json_t **ret, struct err *err)
{
	auto_host_bytes struct host_bytes bytes = {0};
	auto_json json_t *document = NULL;
	struct err unused = {0};
	int r = host->ops->read(host, VOLUME_POOL, path, MEMORY_MAX_BYTES, &bytes);

	*ret = NULL;
	if (r < 0 && r != -ENOENT && r != -EFBIG)
		return err_set(err, ERR_SYSTEM, -r, "cannot read %s", path);
	/* one that is torn or of a newer moult is as good as none: the next boot writes it again */
	if (r == 0)
		document = json_parse_object(path, bytes.bytes, bytes.length, &unused);
	*ret = document && is_readable(document) ? take(document) : json_object();
	return true;
}

bool memory_write(struct host *host, const char *path, json_t *document, struct err *err)
{
	auto_free char *temporary = xasprintf("%s.new", path);
	auto_free char *printed = NULL;
	int r;

	json_object_set_new(document, "format_version", json_integer(MEMORY_FORMAT));
	json_object_set_new(document, "min_reader", json_integer(1));
	printed = json_print(document);
	r = host->ops->write(host, VOLUME_POOL, temporary, printed, strlen(printed));
	if (r == 0)
		r = host->ops->rename(host, VOLUME_POOL, temporary, path);
	return r < 0 ? err_set(err, ERR_SYSTEM, -r, "cannot write %s", path) : true;
}
