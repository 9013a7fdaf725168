#include "checks.h"
#include <string.h>
#include "checking.h"
#include "text.h"
#include "verbs.h"

struct check {
	const char *name; /* follows "cannot check " */
	unsigned contexts;
	bool needs_root;
	check_function *run;
};

#define ALWAYS (CHECK_INIT | CHECK_UPGRADE | CHECK_ALL)
#define ADOPTED (CHECK_UPGRADE | CHECK_ALL)

/* In the order in which a person would want to know. */
static const struct check checks[] = {
	{"whether the system is adopted", ALWAYS, false, check_adopted},
	{"moult's settings", ADOPTED, false, check_policy},
	{"the session", ADOPTED, false, check_session},
	{"how far the adoption is", ADOPTED, false, check_adopting},
	{"the clock", ALWAYS, false, check_clock},
	{"where the system lies", CHECK_INIT, false, check_layout},
	{"the moult package", CHECK_INIT, true, check_moult_package},
	{"systemd", CHECK_INIT, true, check_systemd},
	{"the boot volume", ALWAYS, false, check_boot_volume},
	{"the boot volume's file system", ALWAYS, false, check_boot_damage},
	{"the room on the boot volume", ALWAYS, false, check_boot_room},
	{"the boot loader", CHECK_INIT | CHECK_ALL, false, check_loader},
	{"the copies of the boot loader", CHECK_ALL, false, check_loader_copies},
	{"the random seed", CHECK_ALL, false, check_random_seed},
	{"what the firmware starts", CHECK_ALL, false, check_boot_order},
	{"what the firmware was told", ADOPTED, false, check_firmware_default},
	{"the space on the Btrfs", ALWAYS, false, check_space},
	{"the size of the Btrfs", CHECK_ALL, false, check_size},
	{"the numbers of generations", ADOPTED, false, check_numbers},
	{"the current generation", ADOPTED, false, check_current},
	{"the generations", CHECK_ALL, false, check_generations},
	{"what was left over", CHECK_ALL, false, check_leftovers},
	{"the journal", CHECK_ALL, false, check_interrupted},
	{"what is pending", CHECK_ALL, false, check_pending},
	{"the kernel", CHECK_INIT | CHECK_ALL, true, check_kernel},
	{"the modules of the kernel", CHECK_ALL, true, check_modules},
	{"/boot", ALWAYS, true, check_boot_directory},
	{"/etc/fstab", ALWAYS, true, check_fstab},
	{"what is mounted from elsewhere", CHECK_INIT, true, check_elsewhere},
	{"the names of data subvolumes", CHECK_INIT, true, check_names},
	{"the data subvolumes", ALWAYS, true, check_data},
	{"data that was kept aside", CHECK_ALL, false, check_aside},
	{"edits that were kept aside", CHECK_ALL, false, check_left},
	{"swap files", ALWAYS, true, check_swap},
	{"containers, databases and the like", CHECK_INIT, true, check_found},
	{"nested subvolumes", ALWAYS, true, check_nested},
	{"the packages", ALWAYS, true, check_packages},
	{"the package manager's lock", CHECK_UPGRADE, true, check_package_lock},
	{"the owner's hooks", ADOPTED, true, check_hooks},
	{"the stock units", CHECK_ALL, true, check_units},
	{"the loader's settings", CHECK_ALL, false, check_settings},
	{"the default of the boot menu", CHECK_ALL, false, check_candidates},
	{"the menu entries", CHECK_ALL, false, check_entries},
	{"the names of menu entries", CHECK_ALL, false, check_torn},
	{"the entries of good generations", CHECK_ALL, false, check_good_entries},
	{"the kernels on the boot volume", CHECK_ALL, false, check_blobs},
	{"menu entries of other systems", ALWAYS, false, check_others},
	{"other menu entries", CHECK_ALL, false, check_foreign},
	{"the watchdog", CHECK_ALL, false, check_watchdog},
	{"what happens by itself", CHECK_ALL, false, check_unattended},
};

/* --- what checks share -------------------------------------------------------------------------- */

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
static void tell_trouble(struct checking *checking, const char *name)
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
	tell_trouble(checking, "/etc/fstab");
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
	tell_trouble(checking, "the package database");
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
	tell_trouble(checking, "the kernels in /boot");
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

static void checking_done(struct checking *checking)
{
	fstab_done(&checking->fstab);
	packages_done(&checking->packages);
}
DEFINE_AUTO_STRUCT(checking, struct checking, checking_done)
#define auto_checking __attribute__((cleanup(auto_checking_)))

static void read_root(struct checking *checking)
{
	const struct generation *first = listing_find(&checking->machine->listing, 0);
	char original[GENERATION_PATH_MAX];

	checking->original = first && !first->damage &&
			     text_equal(generation_root(first, original), checking->root);
	read_fstab(checking);
	read_packages(checking);
	read_kernels(checking);
}

/* --- running ------------------------------------------------------------------------------------ */

/* The root to look at where the caller names none; caller frees. */
static char *default_root(struct machine *machine, enum check_context context)
{
	const struct generation *gen = listing_current(&machine->listing);
	char root[GENERATION_PATH_MAX];

	if (context == CHECK_INIT)
		return checks_find_root(machine);
	return gen && !gen->damage ? xstrdup(generation_root(gen, root)) : NULL;
}

bool checks_run(struct machine *machine, enum check_context context, const char *root,
		struct findings *findings, struct err *err)
{
	auto_free char *found = root ? xstrdup(root) : default_root(machine, context);
	auto_checking struct checking checking = {
		.machine = machine, .context = context, .root = found, .findings = findings};

	if (found)
		read_root(&checking);
	for (size_t i = 0; i < COUNT(checks); i++) {
		if (!(checks[i].contexts & context) || (checks[i].needs_root && !found))
			continue;
		if (machine->host->ops->interrupted(machine->host))
			return err_set(err, ERR_INTERRUPTED, 0, "interrupted while checking");
		checks[i].run(&checking);
		tell_trouble(&checking, checks[i].name);
	}
	return true;
}

/* Before the adoption, and as long as none has come to anything: what would keep `moult init` from it. */
bool verb_check(struct machine *machine, const struct verb_request *request, json_t **ret,
		struct err *err)
{
	auto_findings struct findings findings = {0};
	bool begun = machine->listing.adopted && machine->listing.count > 0;
	enum check_context context = begun ? CHECK_ALL : CHECK_INIT;

	(void)request;
	*ret = NULL;
	if (!checks_run(machine, context, NULL, &findings, err))
		return false;
	*ret = json_object();
	json_object_set_new(*ret, "format_version", json_integer(1));
	json_object_set_new(*ret, "adopted", json_boolean(machine->listing.adopted));
	json_object_set_new(*ret, "findings", findings_json(&findings));
	return true;
}

bool preflight(struct machine *machine, enum check_context context, const char *root,
	       struct err *err)
{
	auto_findings struct findings findings = {0};

	if (!checks_run(machine, context, root, &findings, err) ||
	    !findings_refuse(&findings, NULL, err))
		return false;
	for (size_t i = 0; i < findings.count; i++)
		/* what an adoption makes of what it finds is said before */
		if (findings.all[i].level == FINDING_WARN || context == CHECK_INIT)
			machine->progress->note(machine->progress, findings.all[i].why);
	return true;
}
