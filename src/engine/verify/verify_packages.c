/* The package database is whole, and the files of packages that changed are what was delivered. */
#include <errno.h>
#include <string.h>
#include "delivered.h"
#include "dpkgroot.h"
#include "verifying.h"

#define NAMED_MAX 3

void verify_packages(struct verifying *verifying)
{
	struct err err = {0};

	if (!dpkgroot_read(verifying->host, verifying->root, &verifying->packages, &err)) {
		verifying_remark(
			verifying,
			&(struct remark){"PACKAGES_UNREADABLE", FINDING_REFUSE, "dpkg", NULL}, "%s",
			err.text);
		return;
	}
	packages_audit(&verifying->packages, &verifying->findings);
	/* without the parent's list every package counts as changed: slower, not weaker */
	if (verifying->request->parent_root &&
	    !dpkgroot_read(verifying->host, verifying->request->parent_root,
			   &verifying->parent_packages, &err))
		verifying_remark(verifying,
				 &(struct remark){"PACKAGES_PARENT", FINDING_WARN, "dpkg", NULL},
				 "%s", err.text);
}

struct hashing {
	struct verifying *verifying;
	const struct delivery *delivery;
	const struct package *package;
	struct delivered_list
		files; /* what dpkg says the package owns now; read at the first doubt */
	bool files_read;
	unsigned different;
	struct text named;
};

/* Whether the file lies where another file system is mounted over the root: it is data then. */
static bool is_data(const struct verifying *verifying, const char *path)
{
	for (size_t i = 0; i < verifying->fstab.count; i++) {
		const char *mount_point = verifying->fstab.lines[i].mount_point;
		size_t length = mount_point ? strlen(mount_point) : 0;

		if (length > 1 && text_starts(path, mount_point) && path[length] == '/')
			return true;
	}
	return false;
}

/* A file that another package took over is still in the digests, but not in the list of files. */
static bool is_owned(struct hashing *hashing, const char *path)
{
	struct verifying *verifying = hashing->verifying;

	if (!hashing->files_read)
		delivered_read_list(verifying->host, verifying->root, hashing->package,
				    &hashing->files);
	hashing->files_read = true;
	return delivered_lists(&hashing->files, path);
}

static void note_difference(struct hashing *hashing, const char *path)
{
	if (hashing->different++ < NAMED_MAX)
		text_addf(&hashing->named, "%s%s", hashing->named.length ? ", " : "", path);
}

static void check_file(struct hashing *hashing, const char *path, const char *md5)
{
	struct verifying *verifying = hashing->verifying;
	const char *real = delivery_diverted(hashing->delivery, hashing->package, path);
	struct digest digest = {0};
	int r;

	if (is_data(verifying, real) || package_conffile(hashing->package, path))
		return;
	r = verifying->host->ops->root_digest(verifying->host, verifying->root, real + 1,
					      DIGEST_MD5, &digest);
	if (r == 0 && strncmp(digest.hex, md5, 32) == 0)
		return;
	if (r == -ENOENT && delivery_excluded(hashing->delivery, path))
		return;
	if (is_owned(hashing, path))
		note_difference(hashing, real);
}

static void check_package(struct verifying *verifying, const struct delivery *delivery,
			  const struct package *package)
{
	struct hashing hashing = {.verifying = verifying, .delivery = delivery, .package = package};
	auto_free char *remedy =
		xasprintf("sudo moult run -- apt-get install --reinstall %s", package->name);
	struct delivered_file file;
	struct delivered_files files;
	int r = delivered_open(verifying->host, verifying->root, package, &files);

	if (r < 0 && r != -ENOENT)
		verifying_remark(
			verifying,
			&(struct remark){"FILES_UNREADABLE", FINDING_REFUSE, package->name, NULL},
			"the digests of the package %s cannot be read: %s", package->name,
			strerror(-r));
	while (delivered_next(&files, &file))
		check_file(&hashing, file.path, file.md5);
	delivered_close(&files);
	if (hashing.different > 0)
		verifying_remark(
			verifying,
			&(struct remark){"FILES_DIFFER", FINDING_REFUSE, package->name, remedy},
			"%u %s of the package %s not as delivered: %s%s", hashing.different,
			hashing.different == 1 ? "file" : "files", package->name,
			hashing.named.bytes, hashing.different > NAMED_MAX ? " …" : "");
	delivered_list_done(&hashing.files);
	text_done(&hashing.named);
}

/* What differs from the parent, and what the source says it changed (a reinstallation, too). */
static void list_changed(const struct verifying *verifying, struct names *ret)
{
	const struct package_changes *told = verifying->request->changes;
	auto_package_changes struct package_changes seen = {0};

	packages_compare(&verifying->parent_packages, &verifying->packages, &seen);
	for (size_t i = 0; i < seen.count; i++)
		if (seen.all[i].to)
			names_add(ret, seen.all[i].name, strlen(seen.all[i].name));
	for (size_t i = 0; told && i < told->count; i++)
		if (told->all[i].to)
			names_add(ret, told->all[i].name, strlen(told->all[i].name));
	names_sort(ret);
}

void verify_files(struct verifying *verifying)
{
	__attribute__((cleanup(auto_delivery_))) struct delivery delivery = {0};
	auto_names struct names changed = {0};

	list_changed(verifying, &changed);
	if (changed.count == 0)
		return;
	delivery_read(verifying->host, verifying->root, &delivery);
	for (size_t i = 0; i < changed.count; i++) {
		const struct package *package = packages_find(&verifying->packages, changed.all[i]);

		if (package && package_is_installed(package))
			check_package(verifying, &delivery, package);
	}
}
