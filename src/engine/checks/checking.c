#include "checking.h"
#include <string.h>
#include "text.h"

struct finding *checking_add(struct checking *checking, enum finding_level level, const char *code,
			     const char *object)
{
	return findings_make(checking->findings, level, code, object);
}

enum finding_level checking_level(const struct checking *checking, unsigned contexts,
				  enum finding_level level)
{
	return checking->context & contexts ? FINDING_ERROR : level;
}

bool checking_is_pasteable(const char *path)
{
	return path[strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				 "@._+/-")] == '\0';
}

bool checking_cannot(struct checking *checking, int r, const char *format, ...)
{
	auto_free char *what = NULL;
	va_list args;

	if (r >= 0 || checking->trouble.kind != ERR_NONE)
		return r < 0;
	va_start(args, format);
	what = xvasprintf(format, args);
	va_end(args);
	err_set(&checking->trouble, ERR_SYSTEM, -r, "%s", what);
	return true;
}

static bool is_there(struct checking *checking, int r, const char *path)
{
	if (r == -ENOENT || r == -ENOTDIR)
		return false;
	return !checking_cannot(checking, r, "cannot look at %s", text_quote(path));
}

bool checking_on_boot(struct checking *checking, const char *path, struct host_stat *ret)
{
	struct host *host = checking->machine->host;
	struct host_stat stat;

	return is_there(checking, host->ops->stat(host, VOLUME_BOOT, path, ret ? ret : &stat),
			path);
}

bool checking_in_root(struct checking *checking, const char *path, struct host_stat *ret)
{
	struct host *host = checking->machine->host;
	struct host_stat stat;

	return is_there(checking,
			host->ops->root_stat(host, checking->root, path, ret ? ret : &stat), path);
}

/* What the last check could not answer becomes a finding; then there is no trouble any more. */
void checking_tell_trouble(struct checking *checking, const char *name)
{
	struct err trouble = checking->trouble;
	struct finding *finding;

	if (trouble.kind == ERR_NONE)
		return;
	checking->trouble = (struct err){0};
	finding = checking_add(checking,
			       checking_level(checking, CHECK_INIT | CHECK_UPGRADE, FINDING_WARN),
			       "UNCHECKED", name);
	finding_why(finding, "cannot check %s: %s", name, trouble.text);
	if (*trouble.hint)
		finding_remedy(finding, "%s", trouble.hint);
}

/* --- what is read once -------------------------------------------------------------------------- */

static void read_fstab(struct checking *checking)
{
	struct host *host = checking->machine->host;
	auto_host_bytes struct host_bytes bytes = {0};
	int r = host->ops->root_read(host, checking->root, "etc/fstab", FSTAB_MAX_BYTES, &bytes);

	if (r != -ENOENT && !checking_cannot(checking, r, "cannot read it"))
		fstab_parse("/etc/fstab", bytes.bytes, bytes.length, &checking->fstab,
			    &checking->trouble);
	checking_tell_trouble(checking, "/etc/fstab");
}

static int read_status(const struct checking *checking, struct host_bytes *ret)
{
	/* where moult puts it, and where it was before: /var is data in a generation */
	static const char *const paths[] = {"usr/lib/sysimage/dpkg/status", "var/lib/dpkg/status"};
	struct host *host = checking->machine->host;
	int r = -ENOENT;

	for (size_t i = 0; r == -ENOENT && i < COUNT(paths); i++)
		r = host->ops->root_read(host, checking->root, paths[i], DPKG_STATUS_MAX_BYTES,
					 ret);
	return r;
}

static void read_packages(struct checking *checking)
{
	auto_host_bytes struct host_bytes bytes = {0};
	int r = read_status(checking, &bytes);

	if (!checking_cannot(checking, r, "cannot read dpkg's status file"))
		packages_parse("dpkg's status file", bytes.bytes, bytes.length, &checking->packages,
			       &checking->trouble);
	checking_tell_trouble(checking, "the package database");
}

static uint64_t size_in_boot(struct checking *checking, const char *file, const char *release)
{
	auto_free char *path = xasprintf("boot/%s-%s", file, release);
	struct host_stat stat;

	return checking_in_root(checking, path, &stat) ? stat.size_bytes : 0;
}

static void read_kernels(struct checking *checking)
{
	static const char prefix[] = "vmlinuz-";
	struct host *host = checking->machine->host;
	auto_host_names struct host_names names = {0};
	int r = host->ops->root_list(host, checking->root, "boot", &names);

	if (r != -ENOENT)
		checking_cannot(checking, r, "cannot list it");
	for (size_t i = 0; i < names.count; i++) {
		const char *release = names.names[i].name + strlen(prefix);
		uint64_t kernel, initrd;

		if (!text_starts(names.names[i].name, prefix))
			continue;
		kernel = size_in_boot(checking, "vmlinuz", release);
		initrd = size_in_boot(checking, "initrd.img", release);
		if (kernel > 0 && initrd > 0 && kernel + initrd > checking->kernel_bytes)
			checking->kernel_bytes = kernel + initrd;
	}
	checking_tell_trouble(checking, "the kernels in /boot");
}

uint64_t checking_adoption_bytes(const struct checking *checking)
{
	/* the original's, and those of the generation made of it, which may differ */
	return 2 * checking->kernel_bytes +
	       ((uint64_t)checking->machine->policy.min_free_boot_mib << 20);
}

uint64_t checks_adoption_bytes(struct machine *machine, const char *root)
{
	auto_findings struct findings unused = {0};
	struct checking checking = {
		.machine = machine, .context = CHECK_INIT, .root = root, .findings = &unused};

	read_kernels(&checking);
	return checking_adoption_bytes(&checking);
}

void checking_done(struct checking *checking)
{
	fstab_done(&checking->fstab);
	packages_done(&checking->packages);
}

void checking_read_root(struct checking *checking)
{
	const struct generation *first = listing_find(&checking->machine->listing, 0);
	char original[GENERATION_PATH_MAX];

	checking->original = first && !first->damage &&
			     text_equal(generation_root(first, original), checking->root);
	read_fstab(checking);
	read_packages(checking);
	read_kernels(checking);
}
