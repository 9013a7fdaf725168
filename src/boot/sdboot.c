#include "sdboot.h"
#include <inttypes.h>
#include <string.h>
#include "digest.h"
#include "sdboot_entry.h"
#include "text.h"

#define SWITCH_OFF '#'
#define SWITCH_ON ' '

static const char *const directories[] = {"loader", SDBOOT_ENTRIES, SDBOOT_BLOBS, NULL};

static void blob_path(const char *kind, const char *sha256, char *buffer, size_t size_bytes)
{
	snprintf(buffer, size_bytes, SDBOOT_BLOBS "/sha256-%s.%s", sha256, kind);
}

static const char *settings(void)
{
	return sdboot_settings_text;
}

static bool follows(const struct menu *menu)
{
	return sdboot_settings_are_ours(menu->settings);
}

/* What every planning function works with. */
struct work {
	struct menu now; /* after the steps already planned */
	struct plan *plan;
	struct err *err;
};

static void work_done(struct work *work)
{
	menu_done(&work->now);
}
DEFINE_AUTO_STRUCT(work, struct work, work_done)
#define auto_work __attribute__((cleanup(auto_work_)))

/* Never fails: sdboot_parse() takes whatever is there. */
static void work_start(struct work *work, const struct menu *menu)
{
	(void)loader_after(&sdboot_loader, menu, work->plan, &work->now, work->err);
}

static void add_sync(struct plan *plan)
{
	plan_at(plan, STEP_SYNC, VOLUME_BOOT, "");
}

/* Once a plan: nothing in it could damage the file system. */
static void add_check(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].kind == STEP_CHECK_VOLUME &&
		    plan->steps[i].volume == VOLUME_BOOT)
			return;
	plan_at(plan, STEP_CHECK_VOLUME, VOLUME_BOOT, "")->why =
		"a damaged file system is not written to";
}

static bool refuse_torn(const struct work *work, const struct menu_entry *entry)
{
	/* where two names share one cluster, unlink would free it under the other */
	err_set(work->err, ERR_CORRUPT, 0,
		"the boot entry %s is in a state that moult did not leave",
		text_quote(sdboot_base_name(entry->path)));
	return err_try(work->err, "sudo moult repair");
}

/* Its name matches the loader's pattern too: what is published would not surely boot. */
static bool refuse_rival(const struct work *work)
{
	const struct menu_entry *rival = menu_rival(&work->now);

	if (!rival)
		return true;
	err_set(work->err, ERR_REFUSED, 0,
		"the boot entry %s is another system's, whose root is on UUID=%s, and the loader "
		"could choose it instead",
		text_quote(sdboot_base_name(rival->path)), rival->root_uuid);
	return err_try(work->err, "sudo moult check");
}

/* Whether the loader finds a good generation by itself if `without` is not there. */
static bool has_truth(const struct menu *menu, const struct menu_entry *without)
{
	for (size_t i = 0; i < menu->count; i++) {
		const struct menu_entry *entry = &menu->entries[i];

		if (entry != without && entry->enabled && entry->whole && !entry->counted &&
		    !entry->kernel_missing && entry->role == MENU_CANDIDATE)
			return true;
	}
	return false;
}

static bool may_leave(const struct work *work, const struct menu_entry *entry)
{
	if (!entry->enabled || entry->counted || entry->role != MENU_CANDIDATE)
		return true;
	if (has_truth(&work->now, entry) || !sdboot_settings_are_ours(work->now.settings))
		return true;
	err_set(work->err, ERR_REFUSED, 0,
		"the boot entry %s is the last one that the loader would choose by itself",
		text_quote(sdboot_base_name(entry->path)));
	return err_try(work->err, "sudo moult repair");
}

/* The byte, durable, and seen on the medium. */
static void add_switch(const struct work *work, const struct menu_entry *entry, char to,
		       bool commit)
{
	auto_free char *text = xstrdup(entry->text);
	struct step *step = plan_set_byte(work->plan, VOLUME_BOOT, entry->path,
					  entry->switch_offset, text[entry->switch_offset], to);

	step->why = to == SWITCH_OFF ? "the loader ignores it from here on"
		    : commit	     ? "the commit point"
				     : "the loader shows it from here on";
	step->commit = commit;
	text[entry->switch_offset] = to;
	add_sync(work->plan);
	plan_read_back(work->plan, VOLUME_BOOT, entry->path, text);
}

static bool switch_off(const struct work *work, const struct menu_entry *entry)
{
	if (!entry->enabled)
		return true;
	if (entry->switch_offset == 0)
		return refuse_torn(work, entry);
	add_switch(work, entry, SWITCH_OFF, false);
	return true;
}

/* At most one counted candidate is enabled: the others go back before one is committed. */
static bool withdraw_counted(const struct work *work, const char *except)
{
	for (size_t i = 0; i < work->now.count; i++) {
		const struct menu_entry *entry = &work->now.entries[i];

		if (entry->role == MENU_CANDIDATE && entry->counted &&
		    !text_equal(entry->path, except) && !switch_off(work, entry))
			return false;
	}
	return true;
}

/* Switched off first: what lies in a freed cluster then never looks like an enabled entry. */
static bool take_away(const struct work *work, const struct menu_entry *entry)
{
	if (menu_is_torn(&work->now, entry))
		return refuse_torn(work, entry);
	if (entry->enabled && entry->switch_offset > 0)
		add_switch(work, entry, SWITCH_OFF, false);
	plan_at(work->plan, STEP_REMOVE, VOLUME_BOOT, entry->path);
	add_sync(work->plan);
	return true;
}

struct blob {
	const char *kind, *sha256, *from;
};

static bool add_blob(const struct work *work, const struct blob *blob)
{
	char path[128];

	if (!blob->sha256 || !digest_is_sha256(blob->sha256))
		return err_set(work->err, ERR_CORRUPT, 0, "the digest of the %s is not a SHA-256",
			       blob->kind);
	blob_path(blob->kind, blob->sha256, path, sizeof(path));
	if (!blob->from && !menu_has_blob(&work->now, path)) {
		err_set(work->err, ERR_CORRUPT, 0, "the boot volume lacks %s", text_quote(path));
		return err_try(work->err, "sudo moult repair");
	}
	plan_put_blob(work->plan, blob->from, path, blob->sha256)->why = "kernel and initrd";
	return true;
}

/* No sync of their own: each was read back, and the entry's comes before the commit. */
static bool add_blobs(const struct work *work, const struct boot_entry *entry)
{
	struct blob kernel = {"linux", entry->linux_sha256, entry->linux_from};
	struct blob initrd = {"initrd", entry->initrd_sha256, entry->initrd_from};

	if (work->now.blob_count == 0)
		plan_at(work->plan, STEP_MAKE_DIRECTORY, VOLUME_BOOT, SDBOOT_BLOBS);
	if (!add_blob(work, &kernel))
		return false;
	if (initrd.sha256 && *initrd.sha256 && !add_blob(work, &initrd))
		return false;
	return true;
}

/* One entry that is to be in the menu. */
struct publish {
	const struct boot_entry *entry;
	enum boot_role role;
	bool commit;
	char *path, *text; /* switched off */
	const struct menu_entry *there; /* under this very path; NULL = none */
};

static void publish_done(struct publish *publish)
{
	free(publish->path);
	free(publish->text);
}
DEFINE_AUTO_STRUCT(publish, struct publish, publish_done)
#define auto_publish __attribute__((cleanup(auto_publish_)))

static enum menu_role menu_role(enum boot_role role)
{
	return role == BOOT_OLD ? MENU_OLD : MENU_CANDIDATE;
}

/* FAT takes names that differ in case only for the same. */
static bool refuse_name_of_another(const struct work *work, const struct publish *publish)
{
	for (size_t i = 0; i < work->now.other_count; i++) {
		if (strcasecmp(work->now.others[i].path, publish->path) != 0)
			continue;
		err_set(work->err, ERR_REFUSED, 0, "the boot entry %s is another system's",
			text_quote(sdboot_base_name(publish->path)));
		return err_try(work->err, "sudo moult check");
	}
	return true;
}

/* Other files of this serial go; the very file must be ours to write. */
static bool clear_serial(const struct work *work, struct publish *publish)
{
	if (!refuse_name_of_another(work, publish))
		return false;
	for (size_t i = 0; i < work->now.count; i++) {
		const struct menu_entry *entry = &work->now.entries[i];

		if (entry->serial != publish->entry->serial ||
		    entry->role != menu_role(publish->role))
			continue;
		if (text_equal(entry->path, publish->path)) {
			publish->there = entry;
			if (menu_is_torn(&work->now, entry))
				return refuse_torn(work, entry);
		} else if (!may_leave(work, entry) || !take_away(work, entry)) {
			return false;
		}
	}
	return true;
}

static bool is_same_text(const struct menu_entry *there, const struct publish *publish)
{
	size_t at = sdboot_switch_offset(publish->text);

	return strlen(there->text) == strlen(publish->text) &&
	       memcmp(there->text, publish->text, at) == 0 &&
	       strcmp(there->text + at + 1, publish->text + at + 1) == 0;
}

/* The file, complete and switched off, unless it is already in the menu as it should be. */
static bool add_file(const struct work *work, const struct publish *publish)
{
	if (publish->there && publish->there->enabled) {
		if (is_same_text(publish->there, publish))
			return true;
		return err_set(
			work->err, ERR_REFUSED, 0,
			"the boot entry %s is in the menu with other contents; a change needs "
			"a new serial",
			text_quote(sdboot_base_name(publish->path)));
	}
	if (work->now.count == 0 && work->now.foreign_count == 0) {
		plan_at(work->plan, STEP_MAKE_DIRECTORY, VOLUME_BOOT, "loader");
		plan_at(work->plan, STEP_MAKE_DIRECTORY, VOLUME_BOOT, SDBOOT_ENTRIES);
	}
	plan_write(work->plan, VOLUME_BOOT, publish->path, publish->text)->why =
		"complete, but switched off";
	add_sync(work->plan);
	plan_read_back(work->plan, VOLUME_BOOT, publish->path, publish->text);
	return true;
}

static bool add_entry(const struct work *work, struct publish *publish)
{
	struct menu_entry written = {0};

	if (!clear_serial(work, publish) || !add_file(work, publish))
		return false;
	written.path = publish->path;
	written.text = publish->text;
	written.switch_offset = sdboot_switch_offset(publish->text);
	add_switch(work, &written, SWITCH_ON, publish->commit);
	return true;
}

/* The loader takes the highest serial: anything below what is true now would never boot. */
static bool check_serial(const struct work *work, const struct boot_entry *entry)
{
	const struct menu_entry *truth = menu_truth(&work->now);

	if (!truth || entry->serial == truth->serial || entry->serial == 0 ||
	    entry->serial > truth->serial)
		return true;
	return err_set(work->err, ERR_REFUSED, 0,
		       "serial %" PRIu64 " would stay below serial %" PRIu64 " in the boot menu",
		       entry->serial, truth->serial);
}

static bool check_trial(const struct work *work, const struct boot_entry *entry)
{
	const struct menu_entry *truth = menu_truth(&work->now);

	if (!truth || truth->kernel_missing) {
		err_set(work->err, ERR_REFUSED, 0,
			"the boot menu has no entry of a good generation to come back to");
		return err_try(work->err, "sudo moult repair");
	}
	if (entry->serial <= truth->serial)
		return err_set(work->err, ERR_REFUSED, 0,
			       "serial %" PRIu64 " is not above serial %" PRIu64
			       " in the boot menu",
			       entry->serial, truth->serial);
	/* one digit, so that the loader's renames keep the length of the name */
	if (entry->tries < 1 || entry->tries > 9)
		return err_set(work->err, ERR_REFUSED, 0, "a trial has 1 to 9 tries, not %u",
			       entry->tries);
	return true;
}

static bool offer(const struct menu *menu, const struct boot_entry *entry, struct plan *plan,
		  struct err *err)
{
	auto_work struct work work = {.plan = plan, .err = err};
	auto_publish struct publish publish = {.entry = entry, .role = BOOT_TRIAL, .commit = true};

	publish.path = sdboot_entry_path(MENU_CANDIDATE, entry->serial, entry->tries);
	work_start(&work, menu);
	if (!refuse_rival(&work) || !check_trial(&work, entry) ||
	    !sdboot_entry_print(entry, BOOT_TRIAL, &publish.text, err))
		return false;
	add_check(plan);
	return add_blobs(&work, entry) && withdraw_counted(&work, publish.path) &&
	       add_entry(&work, &publish);
}

static bool adopt(const struct menu *menu, const struct boot_entry *entry, struct plan *plan,
		  struct err *err)
{
	auto_work struct work work = {.plan = plan, .err = err};
	auto_publish struct publish publish = {
		.entry = entry, .role = BOOT_CURRENT, .commit = true};

	publish.path = sdboot_entry_path(MENU_CANDIDATE, entry->serial, 0);
	work_start(&work, menu);
	if (!refuse_rival(&work) || !check_serial(&work, entry) ||
	    !sdboot_entry_print(entry, BOOT_CURRENT, &publish.text, err))
		return false;
	add_check(plan);
	return add_blobs(&work, entry) && add_entry(&work, &publish);
}

static bool keep_old(const struct menu *menu, const struct boot_entry *entry, struct plan *plan,
		     struct err *err)
{
	auto_work struct work work = {.plan = plan, .err = err};
	auto_publish struct publish publish = {.entry = entry, .role = BOOT_OLD};

	publish.path = sdboot_entry_path(MENU_OLD, entry->serial, 0);
	work_start(&work, menu);
	if (!sdboot_entry_print(entry, BOOT_OLD, &publish.text, err))
		return false;
	add_check(plan);
	return add_blobs(&work, entry) && add_entry(&work, &publish);
}

static bool disable(const struct menu *menu, const struct menu_entry *entry, struct plan *plan,
		    struct err *err)
{
	auto_work struct work work = {.plan = plan, .err = err};
	const struct menu_entry *there;

	work_start(&work, menu);
	there = menu_find_path(&work.now, entry->path);
	return !there || (may_leave(&work, there) && switch_off(&work, there));
}

static bool enable(const struct menu *menu, const struct menu_entry *entry, struct plan *plan,
		   struct err *err)
{
	auto_work struct work work = {.plan = plan, .err = err};
	struct boot_entry blobs;
	const struct menu_entry *there;

	work_start(&work, menu);
	there = menu_find_path(&work.now, entry->path);
	if (!there || !there->whole || menu_is_torn(&work.now, there))
		return refuse_torn(&work, entry);
	if (there->enabled)
		return true;
	blobs = (struct boot_entry){.linux_sha256 = there->linux_sha256,
				    .initrd_sha256 = there->initrd_sha256,
				    .serial = there->serial,
				    .tries = 1};
	if (there->counted && !check_trial(&work, &blobs))
		return false;
	add_check(plan);
	if (!add_blobs(&work, &blobs) || (there->counted && !withdraw_counted(&work, there->path)))
		return false;
	add_switch(&work, there, SWITCH_ON, there->role == MENU_CANDIDATE);
	return true;
}

static bool remove_entry(const struct menu *menu, const struct menu_entry *entry, struct plan *plan,
			 struct err *err)
{
	auto_work struct work work = {.plan = plan, .err = err};
	const struct menu_entry *there;

	work_start(&work, menu);
	there = menu_find_path(&work.now, entry->path);
	return !there || (may_leave(&work, there) && take_away(&work, there));
}

static bool tidy(const struct menu *menu, struct plan *plan, struct err *err)
{
	bool found = false;

	(void)err;
	for (size_t i = 0; i < menu->torn_count; i++) {
		auto_free char *path = xasprintf(SDBOOT_ENTRIES "/%s", menu->torn[i]);

		if (menu_find_path(menu, path))
			continue;
		plan_at(plan, STEP_REMOVE, VOLUME_BOOT, path)->why =
			"what is left of a name whose rename was cut off";
		found = true;
	}
	if (found)
		add_sync(plan);
	return true;
}

/*
 * A rename over a file is no single write on FAT: for a moment there may be no loader.conf. It is
 * safe here because the loader then takes the topmost entry, and when settings change (init, its
 * undo) every uncounted entry and every entry of others boots the original.
 */
static bool settle(const struct menu *menu, const char *wanted, struct plan *plan, struct err *err)
{
	auto_work struct work work = {.plan = plan, .err = err};
	auto_free char *text = NULL;

	work_start(&work, menu);
	text = text_equal(wanted, sdboot_settings_text) ? sdboot_settings_merge(work.now.settings)
							: xstrdup_or_null(wanted);
	if (text_equal(text, work.now.settings))
		return true;
	if (sdboot_settings_are_ours(text) && !has_truth(&work.now, NULL))
		return err_set(err, ERR_REFUSED, 0,
			       "the boot menu has no entry of a good generation yet");
	add_check(plan);
	if (text)
		plan_replace(plan, VOLUME_BOOT, SDBOOT_SETTINGS, text);
	else
		plan_at(plan, STEP_REMOVE, VOLUME_BOOT, SDBOOT_SETTINGS);
	add_sync(plan);
	if (text)
		plan_read_back(plan, VOLUME_BOOT, SDBOOT_SETTINGS, text);
	return true;
}

const struct loader sdboot_loader = {
	.name = "systemd-boot",
	.directories = directories,
	.wants_text = sdboot_wants_text,
	.parse = sdboot_parse,
	.offer = offer,
	.adopt = adopt,
	.keep_old = keep_old,
	.disable = disable,
	.enable = enable,
	.remove = remove_entry,
	.tidy = tidy,
	.settle = settle,
	.settings = settings,
	.follows = follows,
	.settings_path = SDBOOT_SETTINGS,
	.blob_path = blob_path,
};
