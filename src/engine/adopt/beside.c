#include "beside.h"
#include <string.h>
#include "checks.h"
#include "firmware.h"
#include "text.h"

/* Where the loader keeps what lay under the fallback's name; the same directory: one sector is written. */
#define KEPT "EFI/BOOT/moult-kept.efi"
#define SETTINGS_MAX_BYTES (64 * 1024)

void beside_done(struct beside *beside)
{
	free(beside->source);
	takeover_done(&beside->takeover);
}

/* --- what is there ------------------------------------------------------------------------------ */

/* "EFI/debian/grubx64.efi" → "EFI/debian/grub.cfg", where its package says in which root the menu is. */
static void note_settings(struct host *host, struct takeover *takeover)
{
	const char *slash = strrchr(takeover->former, '/');
	auto_free char *path =
		xasprintf("%.*s/grub.cfg", (int)(slash - takeover->former), takeover->former);
	auto_host_bytes struct host_bytes bytes = {0};

	if (host->ops->read(host, VOLUME_BOOT, path, SETTINGS_MAX_BYTES, &bytes) < 0 ||
	    strlen(bytes.bytes) != bytes.length)
		return;
	takeover->former_settings = take(path);
	takeover->former_text = take(bytes.bytes);
}

static bool is_live(const struct machine *machine)
{
	return machine->listing.running.live;
}

static bool note_programs(struct machine *machine, struct beside *beside, struct err *err)
{
	const struct loader_program *program = beside->package.program;
	struct takeover *takeover = &beside->takeover;
	struct host *host = machine->host;
	struct host_stat stat;
	int r = host->ops->stat(host, VOLUME_BOOT, program->fallback, &stat);

	takeover_add_file(takeover, program->systemd_boot);
	if (r == -ENOENT || r == -ENOTDIR) {
		takeover_add_file(takeover, program->fallback);
		return true;
	}
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot look at %s on the boot volume",
			       program->fallback);
	if (is_live(machine))
		return true;
	takeover->fallback = xstrdup(program->fallback);
	takeover->kept = xstrdup(KEPT);
	return true;
}

static bool find_source(struct machine *machine, const char *root, struct beside *beside,
			struct err *err)
{
	struct host *host = machine->host;
	int r;

	beside->package = loader_program_packaged(host, root);
	if (!beside->package.program) {
		err_set(err, ERR_REFUSED, 0,
			"the system has no systemd-boot to put on the EFI "
			"system partition");
		return err_try(err, "sudo apt install systemd-boot-efi");
	}
	beside->source = xasprintf("%s/%s", root, beside->package.path);
	r = host->ops->digest(host, VOLUME_POOL, beside->source, DIGEST_SHA256, &beside->digest);
	return r < 0 ? err_set(err, ERR_SYSTEM, -r, "cannot read %s", text_quote(beside->source))
		     : true;
}

/* An earlier run that was cut off wrote down what was there before it; that holds. */
static bool was_begun(const struct takeover *takeover)
{
	return takeover->file_count > 0;
}

bool beside_examine(struct machine *machine, const char *root, struct beside *ret, struct err *err)
{
	struct takeover *takeover = &ret->takeover;
	int r;

	if (!takeover_read(machine, takeover, err))
		return false;
	ret->wanted = was_begun(takeover) || !loader_program_find(machine->host);
	if (!ret->wanted)
		return true;
	if (!find_source(machine, root, ret, err))
		return false;
	if (!was_begun(takeover)) {
		takeover->former = loader_program_grub(machine->host);
		if (takeover->former)
			note_settings(machine->host, takeover);
		if (!note_programs(machine, ret, err))
			return false;
	}
	r = takeover->kept ? loader_program_is(machine->host, takeover->fallback) : 1;
	ret->exchange = r == 0;
	return r < 0 ? err_set(err, ERR_SYSTEM, -r, "cannot read %s", takeover->fallback) : true;
}

/* --- what is done ------------------------------------------------------------------------------- */

static void plan_program(const struct beside *beside, const char *path, struct plan *plan)
{
	plan_put_blob(plan, beside->source, path, beside->digest.hex)->why =
		"systemd-boot, from its package";
}

void beside_plan(const struct beside *beside, struct plan *plan)
{
	static const char *const directories[] = {"EFI", "EFI/systemd", "EFI/BOOT"};
	auto_free char *document = takeover_print(&beside->takeover);

	plan_replace(plan, VOLUME_POOL, TAKEOVER_PATH, document)->why =
		"how the machine boots now, so that it can be given back";
	plan_at(plan, STEP_SYNC, VOLUME_POOL, "");
	for (size_t i = 0; i < COUNT(directories); i++)
		plan_at(plan, STEP_MAKE_DIRECTORY, VOLUME_BOOT, directories[i]);
	plan_program(beside, beside->package.program->systemd_boot, plan);
	if (beside->exchange)
		plan_program(beside, beside->takeover.kept, plan);
}

/*
 * Both names name a whole program before and after, and in every state between: there is no instant
 * without a fallback.
 */
static bool exchange_fallback(struct operation *operation, const struct beside *beside,
			      struct err *err)
{
	const struct takeover *takeover = &beside->takeover;
	struct host *host = operation->machine->host;
	auto_plan struct plan plan = {0};
	int r = host->ops->exchange(host, VOLUME_BOOT, takeover->fallback, takeover->kept);

	if (r == -EOPNOTSUPP || r == -EINVAL) {
		operation_note(
			operation,
			"%s stays the former loader's: this kernel cannot exchange two files "
			"on the boot volume",
			takeover->fallback);
		plan_at(&plan, STEP_REMOVE, VOLUME_BOOT, takeover->kept);
	} else if (r < 0) {
		return err_set(err, ERR_SYSTEM, -r, "cannot put systemd-boot in the place of %s",
			       takeover->fallback);
	}
	return operation_run(operation, &plan, err);
}

bool beside_place(struct operation *operation, const struct beside *beside, struct err *err)
{
	auto_plan struct plan plan = {0};

	if (!beside->wanted)
		return true;
	beside_plan(beside, &plan);
	return operation_run(operation, &plan, err) &&
	       (!beside->exchange || exchange_fallback(operation, beside, err));
}

void beside_foretell(const struct beside *beside, struct plan *plan)
{
	if (!beside->wanted)
		return;
	beside_plan(beside, plan);
	if (beside->exchange)
		plan_work(plan, "exchange the fallback with systemd-boot",
			  beside->takeover.fallback);
	plan_work(plan, "put systemd-boot in front of the firmware's boot order",
		  beside->package.program->systemd_boot);
}

bool beside_is_placed(struct operation *operation, const struct beside *beside, struct err *err)
{
	const struct takeover *takeover = &beside->takeover;
	struct host *host = operation->machine->host;
	struct host_stat stat;

	for (size_t i = 0; beside->wanted && i < takeover->file_count; i++) {
		int r = host->ops->stat(host, VOLUME_BOOT, takeover->files[i], &stat);

		if (r < 0)
			return err_set(err, ERR_SYSTEM, -r, "cannot put systemd-boot at %s",
				       takeover->files[i]);
	}
	return true;
}

/* --- what is said before ------------------------------------------------------------------------ */

static unsigned long long mib(uint64_t bytes)
{
	return (bytes + (1 << 20) - 1) >> 20;
}

static void add_note(json_t *notes, char *sentence)
{
	json_array_append_new(notes, json_text(sentence));
	free(sentence);
}

static void tell_space(struct machine *machine, const char *root, json_t *notes)
{
	struct host_space space = {0};

	if (machine->host->ops->space(machine->host, VOLUME_BOOT, &space) == 0)
		add_note(notes,
			 xasprintf("the EFI system partition on %s has %llu MiB free; systemd-boot "
				   "with the "
				   "kernels and initrds of two generations needs %llu MiB at most",
				   machine->identity.boot_where,
				   (unsigned long long)(space.free_bytes >> 20),
				   mib(checks_adoption_bytes(machine, root))));
}

static void tell_order(struct machine *machine, const struct beside *beside, json_t *notes)
{
	const char *program = beside->package.program->systemd_boot;
	auto_host_firmware struct host_firmware firmware = {0};
	auto_free char *order = NULL;

	if (machine->host->ops->firmware(machine->host, &firmware) < 0) {
		add_note(notes,
			 xasprintf(
				 "the firmware of the machine is out of reach from here: it starts "
				 "systemd-boot where it has no boot entry of its own, else once "
				 "'sudo "
				 "moult repair' was run on it, or when %s is chosen in its menu",
				 program));
		return;
	}
	order = firmware_order_text(&firmware);
	add_note(notes, xasprintf("the firmware's boot order is %s; systemd-boot (%s) is put in "
				  "front of it, and "
				  "all that is there stays",
				  order, program));
}

json_t *beside_tell(struct machine *machine, const char *root, const struct beside *beside)
{
	json_t *notes = json_array();

	tell_space(machine, root, notes);
	tell_order(machine, beside, notes);
	if (beside->takeover.former)
		add_note(
			notes,
			xasprintf(
				"GRUB stays as it is (%s), and 'moult init --undo' goes back to it",
				beside->takeover.former));
	return notes;
}
