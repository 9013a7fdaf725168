/* One kernel, the newest, with initrd and modules of the same release. */
#include <string.h>
#include "verifying.h"

void kernel_done(struct kernel *kernel)
{
	free(kernel->release);
	free(kernel->linux_path);
	free(kernel->initrd_path);
	*kernel = (struct kernel){0};
}

#define KERNEL_PREFIX "vmlinuz-"
#define RELEASE_MAX 64

static bool is_release(const char *release)
{
	size_t length = strspn(release, "0123456789abcdefghijklmnopqrstuvwxyz"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ+-._~");

	return length > 0 && length <= RELEASE_MAX && release[length] == '\0';
}

/* What dpkg and admins leave beside a kernel. */
static bool is_leftover(const char *release)
{
	static const char *const tails[] = {".dpkg-new", ".dpkg-tmp", ".dpkg-bak", ".old",
					    ".bak",	 ".sig",      ".hmac",	   "~"};

	for (size_t i = 0; i < COUNT(tails); i++)
		if (text_ends(release, tails[i]))
			return true;
	return false;
}

char *kernel_newest(struct host *host, const char *root, unsigned *skipped)
{
	auto_host_names struct host_names names = {0};
	const char *newest = NULL;

	if (host->ops->root_list(host, root, "boot", &names) < 0)
		return NULL;
	for (size_t i = 0; i < names.count; i++) {
		const char *release = names.names[i].name + strlen(KERNEL_PREFIX);

		if (names.names[i].type != HOST_FILE ||
		    !text_starts(names.names[i].name, KERNEL_PREFIX) || is_leftover(release))
			continue;
		if (!is_release(release)) {
			*skipped += 1;
			continue;
		}
		if (!newest || dpkg_version_compare(release, newest) > 0)
			newest = release;
	}
	return xstrdup_or_null(newest);
}

/* The file as the loader's code will copy it: no link on the way, not empty. */
static char *take_file(struct verifying *verifying, const char *kind, const char *remedy)
{
	struct host *host = verifying->host;
	const char *release = verifying->kernel.release;
	auto_free char *path = xasprintf("%s/boot/%s-%s", verifying->root, kind, release);
	struct remark remark = {"KERNEL_FILE", FINDING_REFUSE, path, remedy};
	struct host_stat stat;

	if (host->ops->stat(host, VOLUME_POOL, path, &stat) < 0)
		verifying_remark(verifying, &remark, "the kernel %s has no /boot/%s-%s", release,
				 kind, release);
	else if (stat.type != HOST_FILE || stat.size_bytes == 0)
		verifying_remark(verifying, &remark, "/boot/%s-%s is not a file with content", kind,
				 release);
	else
		return take(path);
	return NULL;
}

static void check_modules(struct verifying *verifying)
{
	const char *release = verifying->kernel.release;
	auto_free char *listed = xasprintf("lib/modules/%s/modules.dep", release);
	auto_free char *builtin = xasprintf("lib/modules/%s/modules.builtin", release);

	if (verifying_have(verifying, listed) || verifying_have(verifying, builtin))
		return;
	verifying_remark(verifying,
			 &(struct remark){"KERNEL_MODULES", FINDING_REFUSE, release, NULL},
			 "the kernel %s has no modules in /lib/modules/%s", release, release);
}

void verify_kernel(struct verifying *verifying)
{
	struct kernel *kernel = &verifying->kernel;
	auto_free char *remedy = NULL;
	unsigned skipped = 0;

	kernel->release = verifying->request->release
				  ? xstrdup(verifying->request->release)
				  : kernel_newest(verifying->host, verifying->root, &skipped);
	if (skipped > 0)
		verifying_remark(verifying,
				 &(struct remark){"KERNEL_NAME", FINDING_WARN, "/boot", NULL},
				 "%u files are called vmlinuz-… but name no release", skipped);
	if (!kernel->release) {
		verifying_remark(verifying,
				 &(struct remark){"KERNEL_MISSING", FINDING_REFUSE, "/boot", NULL},
				 "there is no kernel in /boot");
		return;
	}
	remedy = xasprintf("sudo update-initramfs -c -k %s", kernel->release);
	kernel->linux_path = take_file(verifying, "vmlinuz", NULL);
	kernel->initrd_path = take_file(verifying, "initrd.img", remedy);
	check_modules(verifying);
}
