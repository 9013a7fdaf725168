#include <string.h>
#include "firmware.h"
#include "run.h"
#include "store.h"

bool takeover_read(struct machine *machine, struct takeover *ret, struct err *err)
{
	auto_host_bytes struct host_bytes bytes = {0};
	int r = machine->host->ops->read(machine->host, VOLUME_POOL, TAKEOVER_PATH,
					 STORE_DOCUMENT_MAX, &bytes);

	*ret = (struct takeover){0};
	if (r == -ENOENT || r == -ENOTDIR)
		return true;
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot read " TAKEOVER_PATH);
	return takeover_parse(bytes.bytes, bytes.length, ret, err);
}

bool takeover_write(struct machine *machine, const struct takeover *takeover, struct err *err)
{
	auto_free char *text = takeover_print(takeover);
	auto_plan struct plan plan = {0};

	plan_replace(&plan, VOLUME_POOL, TAKEOVER_PATH, text);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	for (size_t i = 0; i < plan.count; i++)
		if (!run_step(machine->host, &plan.steps[i], err))
			return false;
	return true;
}
