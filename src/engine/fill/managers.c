#include "managers.h"
#include "apt.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

const struct package_manager package_managers[] = {
	{
		.name = "apt",
		.program = "/usr/bin/apt-get",
		.audit = ARGV("dpkg", "--audit"),
		.audit_remedy = "sudo dpkg --configure -a",
		/* without the option a source that cannot be reached is a warning */
		.refresh = ARGV("apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update"),
		.simulate = ARGV("apt-get", "-q", "-s", "full-upgrade"),
		.downloads = ARGV("apt-get", "-qq", "--print-uris", "full-upgrade"),
		.upgrade = ARGV("apt-get", "-q", "-y", "-o", "APT::Status-Fd=3", "-o",
				"Dpkg::Use-Pty=0", "-o", "Acquire::Retries=3", "-o",
				"Dpkg::Options::=--force-confdef", "-o",
				"Dpkg::Options::=--force-confold", "full-upgrade"),
		.status_fd = 3,
		.what = "apt full-upgrade",
		.caches =
			(const struct manager_cache[]){
				{"/var/cache/apt/archives", NULL},
				/* our own: those of another release must not reach the running
				   system */
				{"/var/lib/apt/lists", "apt/lists"},
				{NULL, NULL},
			},
		.default_suffixes = ARGV(".dpkg-dist", ".dpkg-new", ".ucf-dist"),
		.status_paths = ARGV("usr/lib/sysimage/dpkg/status", "var/lib/dpkg/status"),
		.read_change = apt_read_change,
		.read_download = apt_read_download,
		.read_status = apt_read_status,
		.installed = packages_parse,
		.change_release = apt_change_release,
	},
};
const size_t package_manager_count = COUNT(package_managers);
