#include "reserve_keep.h"
#include <errno.h>
#include <string.h>
#include "reserve.h"

/* Made again once there is plenty of room; whatever goes wrong here can wait. */
void reserve_keep(struct operation *operation)
{
	struct host *host = operation->machine->host;
	auto_free char *filling = NULL;
	auto_plan struct plan plan = {0};
	struct host_space space;
	struct host_stat stat;
	struct err unused = {0};

	if (host->ops->stat(host, VOLUME_BOOT, RESERVE_PATH, &stat) != -ENOENT ||
	    host->ops->space(host, VOLUME_BOOT, &space) < 0 ||
	    space.free_bytes < 64 * (uint64_t)RESERVE_BYTES)
		return;
	filling = xmalloc(RESERVE_BYTES + 1);
	memset(filling, '.', RESERVE_BYTES);
	filling[RESERVE_BYTES] = '\0';
	plan_at(&plan, STEP_CHECK_VOLUME, VOLUME_BOOT, "")->why =
		"a damaged file system is not written to";
	plan_at(&plan, STEP_MAKE_DIRECTORY, VOLUME_BOOT, "moult");
	plan_write(&plan, VOLUME_BOOT, RESERVE_PATH, filling)->why =
		"a rollback needs room for one entry, however full it is";
	plan_at(&plan, STEP_SYNC, VOLUME_BOOT, "");
	operation_run(operation, &plan, &unused);
}
