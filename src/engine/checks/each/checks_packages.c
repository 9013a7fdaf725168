/* What the root's package database says. */
#include "checking.h"

/* What moult was proven with; older ones lack parts that its units and the stage rely on. */
#define SYSTEMD_OLDEST "252~"

void check_moult_package(struct checking *checking)
{
	const struct package *package = packages_find(&checking->packages, "moult");
	struct finding *finding;

	if (package && package_is_installed(package) &&
	    checking_in_root(checking, "usr/bin/moult", NULL))
		return;
	finding = checking_add(checking, FINDING_ERROR, "MOULT_NOT_INSTALLED", "moult");
	finding_why(
		finding,
		"the package moult is not installed in %s: nothing would find the new generation "
		"healthy there",
		text_quote(checking->root));
	finding_remedy(finding, "sudo apt-get install ./moult.deb");
}

void check_systemd(struct checking *checking)
{
	const struct package *package = packages_find(&checking->packages, "systemd");
	bool there = package && package_is_installed(package);
	struct finding *finding;

	if (there && dpkg_version_compare(package->version, SYSTEMD_OLDEST) >= 0)
		return;
	finding = checking_add(checking, FINDING_ERROR, "SYSTEMD_VERSION", "systemd");
	if (there)
		finding_why(finding, "systemd is %s; moult needs 252 or newer", package->version);
	else
		finding_why(finding, "systemd is not installed, and moult works by its units");
	finding_remedy(finding, "sudo apt-get install systemd");
}

void check_packages(struct checking *checking)
{
	auto_findings struct findings audit = {0};

	packages_audit(&checking->packages, &audit);
	for (size_t i = 0; i < audit.count; i++) {
		const struct finding *from = &audit.all[i];
		struct finding *finding =
			checking_add(checking, from->level, from->code, from->object);

		finding_why(finding, "%s", from->why);
		if (from->remedy)
			finding_remedy(finding, "%s", from->remedy);
	}
}
