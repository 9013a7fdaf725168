/* Every package that is listed can be found again, and nothing differs from itself. */
#include "dpkg.h"
#include "fuzz.h"
#include "osrelease.h"

static void check_packages(const struct packages *packages)
{
	auto_package_changes struct package_changes changes = {0};
	auto_findings struct findings findings = {0};
	auto_json json_t *document = packages_json(packages);
	struct digest digest;

	for (size_t i = 0; i < packages->count; i++) {
		const struct package *package = &packages->all[i];
		auto_free char *name = xasprintf("%s:%s", package->name, package->architecture);

		must(packages_find(packages, name) == package);
		must(!strchr(package->name, '/') && !strchr(package->architecture, '/'));
		must(dpkg_version_compare(package->version, package->version) == 0);
		if (i > 0)
			must((dpkg_version_compare(package->version, packages->all[i - 1].version) >
			      0) == (dpkg_version_compare(packages->all[i - 1].version,
							  package->version) < 0));
	}
	packages_compare(packages, packages, &changes);
	must(changes.count == 0);
	packages_audit(packages, &findings);
	packages_digest(packages, &digest);
	must(document && digest_is_sha256(digest.hex));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	auto_packages struct packages packages = {0};
	auto_free char *name = osrelease_value((const char *)bytes, length, "Package");
	struct err err = {0};

	if (packages_parse("status", (const char *)bytes, length, &packages, &err))
		check_packages(&packages);
	else
		must(err.text[0] && !packages.all);
	return 0;
}
