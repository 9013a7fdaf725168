/* Packages of two roots: what is installed in each, as dpkg itself says. */
#include "differing.h"
#include "dpkgroot.h"

static bool read_packages(struct machine *machine, const struct tree_end *end, struct packages *ret,
			  struct err *err)
{
	auto_free char *path = tree_path(end);
	auto_free char *name = tree_name(end);
	ERR_CONTEXT(err, "%s", name);

	return dpkgroot_read(machine->host, path, ret, err);
}

bool differing_packages(struct machine *machine, const struct tree_end ends[2], json_t **ret,
			struct err *err)
{
	auto_package_changes struct package_changes changes = {0};
	auto_packages struct packages a = {0}, b = {0};

	if (!read_packages(machine, &ends[0], &a, err) ||
	    !read_packages(machine, &ends[1], &b, err))
		return false;
	packages_compare(&a, &b, &changes);
	*ret = package_changes_json(&changes);
	return true;
}
