/* What people and services keep that becomes data by an adoption: it is said before, by its name. */
#include <string.h>
#include "checking.h"

#define PLAIN "stays as it is"
#define HEAVY "is not copied, and files without copy-on-write stay without it"

/* Where Debian's packages put them; the first that is there stands for those below it. */
static const struct {
	const char *path, *what, *how;
} known[] = {
	{"var/lib/docker", "containers of Docker", HEAVY},
	{"var/lib/containers", "containers of Podman", HEAVY},
	{"var/lib/lxc", "containers of LXC", HEAVY},
	{"var/lib/incus", "containers and machines of Incus", HEAVY},
	{"var/lib/machines", "machines of systemd-nspawn", HEAVY},
	{"var/lib/portables", "portable services", PLAIN},
	{"var/lib/libvirt/images", "disks of virtual machines", HEAVY},
	{"var/lib/postgresql", "databases of PostgreSQL", HEAVY},
	{"var/lib/mysql", "databases of MySQL or MariaDB", HEAVY},
	{"var/lib/mongodb", "databases of MongoDB", HEAVY},
	{"var/lib/redis", "databases of Redis", HEAVY},
	{"var/lib/ldap", "the directory of OpenLDAP", HEAVY},
	{"var/mail", "mail", PLAIN},
	{"var/vmail", "mail", PLAIN},
	{"var/spool/postfix", "the queue of Postfix", PLAIN},
	{"var/www", "web content", PLAIN},
	{"srv", "what is served", PLAIN},
};

static bool has_something(struct checking *checking, const char *path)
{
	struct host *host = checking->machine->host;
	auto_host_names struct host_names names = {0};
	struct host_stat stat;
	int r;

	if (!checking_in_root(checking, path, &stat) || stat.type != HOST_DIRECTORY)
		return false;
	r = host->ops->root_list(host, checking->root, path, &names);
	return !checking_cannot(checking, r, "cannot list /%s", path) && names.count > 0;
}

void check_found(struct checking *checking)
{
	for (size_t i = 0; i < COUNT(known); i++) {
		auto_free char *object = NULL;
		struct finding *finding;

		if (!has_something(checking, known[i].path))
			continue;
		object = xasprintf("/%s", known[i].path);
		finding = checking_add(checking, FINDING_NOTE, "DATA_FOUND", object);
		finding_why(finding,
			    "%s holds %s: it becomes data, which does not roll back with the "
			    "system, and %s",
			    object, known[i].what, known[i].how);
	}
}
