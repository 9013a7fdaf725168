#include "package_hold.h"
#include <errno.h>

#define WAIT_SEC 30

bool package_hold(struct machine *machine, const char *root, struct err *err)
{
	int r;

	if (!machine->listing.running.live)
		return true;
	r = machine->host->ops->package_lock(machine->host, root, WAIT_SEC);
	if (r == 0)
		return true;
	if (r != -EBUSY && r != -EAGAIN)
		return err_set(err, ERR_SYSTEM, -r, "cannot take the package manager's lock");
	err_set(err, ERR_BUSY, 0, "the package manager is at work: its lock is held");
	return err_try(err, "sudo lsof /var/lib/dpkg/lock-frontend");
}

void package_release(struct machine *machine)
{
	if (machine->listing.running.live)
		machine->host->ops->package_unlock(machine->host);
}
