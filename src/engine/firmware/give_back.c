#include <string.h>
#include "firmware.h"
#include "loader_program.h"
#include "reserve.h"

enum given {
	GIVEN, /* it is as it was */
	LEFT, /* it cannot be done from here: said, and left for later */
	FAILED,
};

static bool is_ours(const struct host_boot_option *option)
{
	return text_starts(option->label, TAKEOVER_LABEL);
}

/* --- the other loader --------------------------------------------------------------------------- */

/* 1, 0, or -errno: one that cannot be looked at is not taken for gone. */
static int is_there(struct host *host, const char *path, struct err *err)
{
	struct host_stat stat;
	int r = host->ops->stat(host, VOLUME_BOOT, path, &stat);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		err_set(err, ERR_SYSTEM, -r, "cannot look at %s on the boot volume",
			text_quote(path));
	return r < 0 ? r : stat.type == HOST_FILE;
}

/* A package of it that was upgraded meanwhile may have written there where its menu lay by then. */
static bool plan_former(struct operation *operation, const struct takeover *takeover,
			struct plan *plan)
{
	struct host *host = operation->machine->host;
	auto_host_bytes struct host_bytes bytes = {0};

	if (!takeover->former_settings || !takeover->former_text)
		return true;
	if (host->ops->read(host, VOLUME_BOOT, takeover->former_settings, 64 * 1024, &bytes) == 0 &&
	    strcmp(bytes.bytes, takeover->former_text) == 0)
		return true;
	/* nothing reads it before the firmware goes back */
	plan_write(plan, VOLUME_BOOT, takeover->former_settings, takeover->former_text)->why =
		"the former loader finds its menu where it was";
	plan_at(plan, STEP_SYNC, VOLUME_BOOT, "");
	plan_read_back(plan, VOLUME_BOOT, takeover->former_settings, takeover->former_text);
	return true;
}

static enum given give_former(struct operation *operation, const struct takeover *takeover,
			      struct err *err)
{
	auto_plan struct plan plan = {0};
	int there =
		takeover->former ? is_there(operation->machine->host, takeover->former, err) : 1;

	if (there < 0)
		return FAILED;
	if (there == 0) {
		operation_note(operation,
			       "%s is gone from the boot volume: systemd-boot stays, and boots the "
			       "original",
			       takeover->former);
		return LEFT;
	}
	plan_former(operation, takeover, &plan);
	return operation_run(operation, &plan, err) ? GIVEN : FAILED;
}

/* --- the firmware ------------------------------------------------------------------------------- */

static bool order_is(const struct host_firmware *firmware, const uint16_t *order, size_t count)
{
	if (firmware->ordered != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (firmware->options[i].number != order[i])
			return false;
	return true;
}

static bool put_order(struct host *host, const struct takeover *takeover,
		      const struct host_firmware *firmware, struct err *err)
{
	auto_host_firmware struct host_firmware now = {0};
	auto_free struct boot_place *places = xcalloc(firmware->count + 1, sizeof(*places));
	auto_free uint16_t *order = NULL;
	size_t count;
	int r;

	for (size_t i = 0; i < firmware->count; i++)
		places[i] = (struct boot_place){firmware->options[i].number,
						is_ours(&firmware->options[i])};
	order = takeover_order_back(takeover, places, firmware->ordered, firmware->count, &count);
	if (order_is(firmware, order, count))
		return true;
	r = host->ops->set_boot_order(host, order, count);
	if (r == 0)
		r = host->ops->firmware(host, &now);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot give the firmware its boot order back");
	return order_is(&now, order, count) ||
	       err_set(err, ERR_SYSTEM, 0, "the firmware does not take its boot order back");
}

static bool remove_options(struct host *host, const struct host_firmware *firmware, struct err *err)
{
	for (size_t i = 0; i < firmware->count; i++) {
		int r = is_ours(&firmware->options[i])
				? host->ops->remove_boot_option(host, firmware->options[i].number)
				: 0;

		if (r < 0)
			return err_set(err, ERR_SYSTEM, -r,
				       "cannot remove %s from the firmware's boot entries",
				       text_quote(firmware->options[i].label));
	}
	return true;
}

static enum given give_order(struct operation *operation, const struct takeover *takeover,
			     struct err *err)
{
	struct host *host = operation->machine->host;
	auto_host_firmware struct host_firmware firmware = {0};
	int r = takeover->has_order ? host->ops->firmware(host, &firmware) : 0;

	if (r == -ENOSYS || r == -ENOTSUP) {
		operation_note(operation,
			       "the firmware still starts systemd-boot first, which boots the "
			       "original; it goes back when that runs: sudo moult init --undo");
		return LEFT;
	}
	if (r < 0) {
		err_set(err, ERR_SYSTEM, -r, "cannot read the firmware's boot entries");
		return FAILED;
	}
	/* the order first: then nothing names what is removed */
	if (takeover->has_order &&
	    (!put_order(host, takeover, &firmware, err) || !remove_options(host, &firmware, err)))
		return FAILED;
	return GIVEN;
}

/* --- programs ----------------------------------------------------------------------------------- */

static enum given give_fallback(struct operation *operation, const struct takeover *takeover,
				struct err *err)
{
	struct host *host = operation->machine->host;
	auto_plan struct plan plan = {0};
	int r;

	if (!takeover->kept || !takeover->fallback)
		return GIVEN;
	r = is_there(host, takeover->kept, err);
	if (r <= 0)
		return r < 0 ? FAILED : GIVEN;
	/* after the exchange the copy of systemd-boot has that name: then it was given back before */
	r = loader_program_is(host, takeover->kept);
	if (r == 0)
		r = host->ops->exchange(host, VOLUME_BOOT, takeover->fallback, takeover->kept);
	if (r == -EOPNOTSUPP || r == -EINVAL) {
		operation_note(operation, "%s cannot be put back from here; it is kept as %s",
			       takeover->fallback, takeover->kept);
		return LEFT;
	}
	if (r < 0) {
		err_set(err, ERR_SYSTEM, -r, "cannot put %s back", takeover->fallback);
		return FAILED;
	}
	plan_at(&plan, STEP_SYNC, VOLUME_BOOT, "");
	plan_at(&plan, STEP_REMOVE, VOLUME_BOOT, takeover->kept);
	return operation_run(operation, &plan, err) ? GIVEN : FAILED;
}

/* Where another loader boots, nothing of ours is needed in the menu of systemd-boot. */
static enum given leave_menu(struct operation *operation, const struct takeover *takeover,
			     struct err *err)
{
	struct machine *machine = operation->machine;
	const struct generation *zero = listing_find(&machine->listing, 0);
	auto_plan struct plan plan = {0};

	/* whether it was undone cannot be told: what is forgotten now nobody takes away any more */
	if (zero && zero->damage) {
		err_set(err, ERR_CORRUPT, 0, "generation 0 is damaged: %s", zero->damage);
		return FAILED;
	}
	if (!takeover->former || !listing_undone(&machine->listing))
		return GIVEN;
	for (size_t i = 0; i < machine->menu.count; i++)
		if (!machine->loader->remove(&machine->menu, &machine->menu.entries[i], &plan, err))
			return FAILED;
	loader_sweep(machine->loader, &machine->menu, NULL, 0, &plan);
	plan_at(&plan, STEP_REMOVE, VOLUME_BOOT, RESERVE_PATH);
	if (!zero->original_loader_conf)
		plan_at(&plan, STEP_REMOVE, VOLUME_BOOT, machine->loader->settings_path);
	return operation_run(operation, &plan, err) && machine_refresh(machine, err) ? GIVEN
										     : FAILED;
}

static enum given remove_files(struct operation *operation, const struct takeover *takeover,
			       struct err *err)
{
	auto_plan struct plan plan = {0};

	for (size_t i = 0; i < takeover->file_count; i++)
		plan_at(&plan, STEP_REMOVE, VOLUME_BOOT, takeover->files[i])->why =
			"it was not there before";
	/* no program is there to find the menu empty */
	if (plan.count > 0)
		plan_at(&plan, STEP_SYNC, VOLUME_BOOT, "");
	return operation_run(operation, &plan, err) ? GIVEN : FAILED;
}

static enum given forget(struct operation *operation, const struct takeover *takeover,
			 struct err *err)
{
	auto_plan struct plan plan = {0};

	(void)takeover;
	/* all of it is done, and stays so, before nobody knows of it any more */
	plan_at(&plan, STEP_SYNC, VOLUME_BOOT, "");
	plan_at(&plan, STEP_REMOVE, VOLUME_POOL, TAKEOVER_PATH);
	plan_at(&plan, STEP_SYNC, VOLUME_POOL, "");
	return operation_run(operation, &plan, err) ? GIVEN : FAILED;
}

/*
 * Each leaves a machine that boots the original: the former loader is whole before the firmware goes
 * back to it, and programs go when the firmware names them no longer.
 */
static enum given (*const parts[])(struct operation *, const struct takeover *, struct err *) = {
	give_former, give_order, give_fallback, remove_files, leave_menu, forget,
};

bool firmware_give_back(struct operation *operation, struct err *err)
{
	auto_takeover struct takeover takeover = {0};
	enum given given = GIVEN;

	if (!takeover_read(operation->machine, &takeover, err))
		return false;
	if (!takeover.document)
		return true;
	for (size_t i = 0; given == GIVEN && i < COUNT(parts); i++)
		given = parts[i](operation, &takeover, err);
	return given != FAILED;
}
