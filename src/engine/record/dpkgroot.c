#include "dpkgroot.h"
#include <errno.h>
#include "territory.h"
#include "text.h"

char *dpkgroot_path(struct host *host, const char *root, const char *file)
{
	struct host_stat stat;

	/* only what is surely not there may be looked for elsewhere */
	if (host->ops->root_stat(host, root, SYSIMAGE "/dpkg/status", &stat) != -ENOENT)
		return xasprintf(SYSIMAGE "/dpkg/%s", file);
	return xasprintf("var/lib/dpkg/%s", file);
}

bool dpkgroot_read(struct host *host, const char *root, struct packages *ret, struct err *err)
{
	auto_free char *path = dpkgroot_path(host, root, "status");
	auto_free char *name = xasprintf("/%s", path);
	auto_host_bytes struct host_bytes bytes = {0};
	int r = host->ops->root_read(host, root, path, DPKG_STATUS_MAX_BYTES, &bytes);

	*ret = (struct packages){0};
	if (r < 0)
		return err_set(err, ERR_CORRUPT, -r, "cannot read the package database %s", name);
	return packages_parse(name, bytes.bytes, bytes.length, ret, err);
}
