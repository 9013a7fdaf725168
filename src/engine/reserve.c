#include "reserve.h"

bool reserve_give_up(struct host *host)
{
	return host->ops->remove(host, VOLUME_BOOT, RESERVE_PATH) == 0 &&
	       host->ops->sync(host, VOLUME_BOOT) == 0;
}
