#include "furnish.h"
#include <string.h>
#include "loader_program.h"

#define SHELL_SCRIPT "startup.nsh"
#define SHELL_TEXT "reset -c\r\n"
#define NEW_COPY "EFI/moult.new"

static bool failed(int r, const char *path, struct err *err)
{
	return r < 0 ? err_set(err, ERR_SYSTEM, -r, "cannot make the second copy of the loader, %s",
			       path)
		     : true;
}

static int digests(struct host *host, const char *a, const char *b, bool *ret_same)
{
	struct digest first, second;
	int r = host->ops->digest(host, VOLUME_BOOT, a, DIGEST_SHA256, &first);

	if (r == 0)
		r = host->ops->digest_medium(host, VOLUME_BOOT, b, &second);
	*ret_same = r == 0 && strcmp(first.hex, second.hex) == 0;
	return r;
}

/* Complete and read back before it gets its name: firmware may start it. */
static bool copy_program(struct host *host, const char *from, const char *to, struct err *err)
{
	bool same = false;
	int r = host->ops->copy(host, VOLUME_BOOT, from, VOLUME_BOOT, NEW_COPY);

	if (r == 0)
		r = host->ops->sync(host, VOLUME_BOOT);
	if (r == 0)
		r = digests(host, from, NEW_COPY, &same);
	if (r == 0 && !same)
		r = -EIO;
	if (r == 0)
		r = host->ops->rename(host, VOLUME_BOOT, NEW_COPY, to);
	if (r < 0)
		host->ops->remove(host, VOLUME_BOOT, NEW_COPY);
	return failed(r, to, err);
}

static bool make_directories(struct host *host, struct err *err)
{
	static const char *const directories[] = {"EFI", "EFI/systemd", "EFI/BOOT"};

	for (size_t i = 0; i < COUNT(directories); i++) {
		int r = host->ops->make_directory(host, VOLUME_BOOT, directories[i], 0755);

		if (r < 0 && r != -EEXIST)
			return failed(r, directories[i], err);
	}
	return true;
}

static bool furnish_loader(struct operation *operation, struct err *err)
{
	struct host *host = operation->machine->host;
	const struct loader_program *program = loader_program_find(host);
	const char *from, *to;
	struct host_stat stat;
	bool same = false;
	int r;

	if (!program)
		return true;
	from = program->systemd_boot;
	to = program->fallback;
	if (host->ops->stat(host, VOLUME_BOOT, from, &stat) < 0) {
		from = program->fallback;
		to = program->systemd_boot;
	}
	r = host->ops->stat(host, VOLUME_BOOT, to, &stat);
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return failed(r, to, err);
	if (r == 0 && digests(host, from, to, &same) == 0 && same)
		return true;
	if (r == 0 && loader_program_is(host, to) <= 0) {
		operation_note(operation,
			       "%s is not systemd-boot: it stays, and there is one copy of "
			       "the loader only",
			       to);
		return true;
	}
	return make_directories(host, err) && copy_program(host, from, to, err);
}

static char *shell_script(struct host *host)
{
	auto_host_bytes struct host_bytes bytes = {0};

	if (host->ops->read(host, VOLUME_BOOT, SHELL_SCRIPT, 64 * 1024, &bytes) < 0)
		return NULL;
	return take(bytes.bytes);
}

bool furnish_boot(struct operation *operation, struct err *err)
{
	auto_free char *script = shell_script(operation->machine->host);
	auto_plan struct plan plan = {0};

	if (!script)
		plan_write(&plan, VOLUME_BOOT, SHELL_SCRIPT, SHELL_TEXT)->why =
			"a firmware shell starts over instead of waiting for somebody";
	else if (strcmp(script, SHELL_TEXT) != 0)
		operation_note(operation,
			       SHELL_SCRIPT " on the boot volume is not moult's: it stays, "
					    "and the firmware's shell does what it says");
	plan_at(&plan, STEP_REMOVE, VOLUME_BOOT, "loader/random-seed")->why =
		"the loader would rewrite it at each boot";
	plan_at(&plan, STEP_SYNC, VOLUME_BOOT, "");
	return furnish_loader(operation, err) && operation_run(operation, &plan, err);
}

bool furnish_undo(struct operation *operation, struct err *err)
{
	auto_free char *script = shell_script(operation->machine->host);
	auto_plan struct plan plan = {0};

	if (!script || strcmp(script, SHELL_TEXT) != 0)
		return true;
	plan_at(&plan, STEP_REMOVE, VOLUME_BOOT, SHELL_SCRIPT);
	plan_at(&plan, STEP_SYNC, VOLUME_BOOT, "");
	return operation_run(operation, &plan, err);
}
