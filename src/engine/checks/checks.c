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
		checking_read_root(&checking);
	for (size_t i = 0; i < COUNT(checks); i++) {
		if (!(checks[i].contexts & context) || (checks[i].needs_root && !found))
			continue;
		if (machine->host->ops->interrupted(machine->host))
			return err_set(err, ERR_INTERRUPTED, 0, "interrupted while checking");
		checks[i].run(&checking);
		checking_tell_trouble(&checking, checks[i].name);
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
