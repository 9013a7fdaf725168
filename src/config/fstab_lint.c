#include "fstab_lint.h"
#include <string.h>
#include "text.h"

struct lint {
	const struct fstab *fstab;
	const struct fstab_facts *facts;
};

struct rule {
	const char *code;
	enum finding_level level;
	const char *why, *remedy;
	bool layout; /* a rule of moult's layout: before the adoption only a warning */
	bool (*broken)(const struct lint *lint, const struct fstab_line *line);
};

static bool has(const struct fstab_line *line, const char *option)
{
	auto_free char *value = fstab_option(line, option);

	return value != NULL;
}

static bool is_pool(const struct lint *lint, const struct fstab_line *line)
{
	return line->device && strcmp(line->type, "btrfs") == 0 &&
	       fstab_is_on(lint->fstab, line, lint->facts->pool_uuid);
}

static bool is_root(const struct fstab_line *line)
{
	return line->mount_point && strcmp(line->mount_point, "/") == 0;
}

static bool is_pool_data(const struct lint *lint, const struct fstab_line *line)
{
	return is_pool(lint, line) && !is_root(line);
}

static bool is_unreadable(const struct lint *lint, const struct fstab_line *line)
{
	(void)lint;
	return !line->device && !fstab_is_comment(line);
}

static bool names_root_subvolume(const struct lint *lint, const struct fstab_line *line)
{
	(void)lint;
	return is_root(line) && (has(line, "subvol") || has(line, "subvolid"));
}

static bool is_other_root(const struct lint *lint, const struct fstab_line *line)
{
	return is_root(line) && !is_pool(lint, line);
}

static bool names_data_by_id(const struct lint *lint, const struct fstab_line *line)
{
	return is_pool_data(lint, line) && has(line, "subvolid");
}

static bool names_no_subvolume(const struct lint *lint, const struct fstab_line *line)
{
	return is_pool_data(lint, line) && !has(line, "subvolid") && !has(line, "subvol");
}

static bool is_in_generation(const struct lint *lint, const struct fstab_line *line)
{
	auto_free char *subvolume = fstab_option(line, "subvol");

	return is_pool_data(lint, line) && subvolume &&
	       text_starts(subvolume + strspn(subvolume, "/"), "@gens/");
}

static bool boot_can_stop(const struct lint *lint, const struct fstab_line *line)
{
	return fstab_is_boot(line, lint->facts->boot_uuid) && !has(line, "noauto") &&
	       !(has(line, "nofail") && has(line, "x-systemd.automount"));
}

static bool boot_is_checked(const struct lint *lint, const struct fstab_line *line)
{
	return fstab_is_boot(line, lint->facts->boot_uuid) && fstab_is_checked(line);
}

static bool is_mounted_twice(const struct lint *lint, const struct fstab_line *line)
{
	if (!line->mount_point || line->mount_point[0] != '/')
		return false;
	return fstab_find(lint->fstab, line->mount_point) != line;
}

/* File systems that need no device, or one that only the network has. */
static bool needs_local_device(const struct fstab_line *line)
{
	static const char *const prefixes[] = {
		"UUID=",   "LABEL=",	"PARTUUID=", "PARTLABEL=", "/dev/disk/",
		"/dev/sd", "/dev/nvme", "/dev/vd",   "/dev/mmcblk"};

	for (size_t i = 0; i < COUNT(prefixes); i++)
		if (text_starts(line->device, prefixes[i]))
			return true;
	return false;
}

static bool may_be_missing(const struct lint *lint, const struct fstab_line *line)
{
	/* swap is only wanted by swap.target: a boot goes on without it */
	if (!line->device || strcmp(line->type, "swap") == 0 || !needs_local_device(line) ||
	    has(line, "nofail") || has(line, "noauto"))
		return false;
	return !fstab_is_on(lint->fstab, line, lint->facts->pool_uuid) &&
	       !fstab_is_boot(line, lint->facts->boot_uuid);
}

static const struct rule rules[] = {
	{"FSTAB_UNREADABLE", FINDING_WARN, "the line has fewer than three fields and is ignored",
	 "complete the line or remove it", false, is_unreadable},
	{"FSTAB_ROOT_SUBVOLUME", FINDING_REFUSE,
	 "the line of / names a subvolume, which is another one in every generation",
	 "remove subvol= and subvolid= from the line of /", true, names_root_subvolume},
	{"FSTAB_ROOT_DEVICE", FINDING_WARN,
	 "the line of / names another file system than the one that generations are on",
	 "name the device of / by UUID=", true, is_other_root},
	{"FSTAB_DATA_BY_ID", FINDING_REFUSE,
	 "data is mounted by subvolid=, which changes when a subvolume is put back",
	 "use subvol= instead of subvolid=", true, names_data_by_id},
	{"FSTAB_DATA_DEFAULT", FINDING_WARN,
	 "the line names no subvolume, so it mounts whichever generation is current",
	 "name the subvolume by subvol=", true, names_no_subvolume},
	{"FSTAB_DATA_IN_GENERATION", FINDING_REFUSE,
	 "data is mounted out of a generation, which will be deleted some day",
	 "move the data to a subvolume of its own", true, is_in_generation},
	{"FSTAB_BOOT_REQUIRED", FINDING_REFUSE,
	 "a boot partition that cannot be mounted would stop the boot",
	 "add nofail,x-systemd.automount to the line", true, boot_can_stop},
	{"FSTAB_BOOT_CHECKED", FINDING_WARN,
	 "the boot partition may be checked while moult has it mounted; moult checks it itself",
	 "set the last field of the line to 0", true, boot_is_checked},
	{"FSTAB_TWICE", FINDING_REFUSE, "an earlier line has the same mount point",
	 "remove one of the two lines", false, is_mounted_twice},
	{"FSTAB_DEVICE_REQUIRED", FINDING_WARN,
	 "the boot stops if this device is missing, and moult does not check that it is there",
	 "add nofail to the line if the machine can do without it", false, may_be_missing},
};

void fstab_lint(const char *name, const struct fstab *fstab, const struct fstab_facts *facts,
		struct findings *findings)
{
	const struct lint lint = {.fstab = fstab, .facts = facts};

	for (size_t i = 0; i < fstab->count; i++) {
		const struct fstab_line *line = &fstab->lines[i];

		for (const struct rule *rule = rules; rule < rules + COUNT(rules); rule++) {
			if (!rule->broken(&lint, line))
				continue;
			findings_add(findings,
				     (struct finding){
					     .code = rule->code,
					     .level = rule->layout && !facts->adopted ? FINDING_WARN
										      : rule->level,
					     .object = xasprintf("%s:%zu", name, i + 1),
					     .why = xstrdup(rule->why),
					     .remedy = xstrdup(rule->remedy),
				     });
		}
	}
}
