#include "run.h"
#include <string.h>
#include "text.h"

/* For people: "the ESP is full" beats "No space left on device" at 3 a.m. */
static bool failed(const struct step *step, int r, const char *what, struct err *err)
{
	const char *where = step->volume == VOLUME_BOOT ? "the boot volume" : "the Btrfs";

	if (r == -ENOSPC) {
		err_set(err, ERR_SYSTEM, 0, "cannot %s %s: %s is full", what,
			text_quote(step->path), where);
		err->errnum = ENOSPC;
		return err_try(err, "sudo moult cleanup");
	}
	if (r == -EROFS) {
		err_set(err, ERR_SYSTEM, 0, "cannot %s %s: %s is read-only", what,
			text_quote(step->path), where);
		return err_try(err, "sudo moult check");
	}
	return err_set(err, ERR_SYSTEM, -r, "cannot %s %s on %s", what, text_quote(step->path),
		       where);
}

static bool run_write(struct host *host, const struct step *step, struct err *err)
{
	int r = host->ops->write(host, step->volume, step->path, step->text, strlen(step->text));

	return r < 0 ? failed(step, r, "write", err) : true;
}

/*
 * Btrfs writes a file out before it replaces another, but under a new name it could be there empty
 * after a power cut.
 */
static int sync_if_new(struct host *host, const struct step *step)
{
	struct host_stat stat;
	int r = host->ops->stat(host, step->volume, step->path, &stat);

	return r == -ENOENT ? host->ops->sync(host, step->volume) : r;
}

static bool run_replace(struct host *host, const struct step *step, struct err *err)
{
	auto_free char *temporary = xasprintf("%s.new", step->path);
	int r = host->ops->write(host, step->volume, temporary, step->text, strlen(step->text));

	if (r == 0)
		r = sync_if_new(host, step);
	if (r == 0)
		r = host->ops->rename(host, step->volume, temporary, step->path);
	if (r < 0)
		host->ops->remove(host, step->volume, temporary);
	return r < 0 ? failed(step, r, "replace", err) : true;
}

static bool run_read_back(struct host *host, const struct step *step, struct err *err)
{
	auto_host_bytes struct host_bytes bytes = {0};
	size_t length = strlen(step->text);
	int r = host->ops->read_medium(host, step->volume, step->path, length + 1, &bytes);

	if (r == 0 && bytes.length == length && memcmp(bytes.bytes, step->text, length) == 0)
		return true;
	if (r < 0 && r != -EFBIG)
		return failed(step, r, "read back", err);
	err_set(err, ERR_CORRUPT, 0, "%s reads back differently from what was written",
		text_quote(step->path));
	return err_try(err, "sudo moult check");
}

static bool run_set_byte(struct host *host, const struct step *step, struct err *err)
{
	auto_host_bytes struct host_bytes bytes = {0};
	int r = host->ops->read(host, step->volume, step->path, 64 * 1024, &bytes);

	if (r < 0)
		return failed(step, r, "read", err);
	if (step->offset < bytes.length && bytes.bytes[step->offset] == step->byte_to)
		return true;
	if (step->offset >= bytes.length || bytes.bytes[step->offset] != step->byte_from) {
		err_set(err, ERR_CORRUPT, 0, "%s is not what moult wrote there",
			text_quote(step->path));
		return err_try(err, "sudo moult repair");
	}
	r = host->ops->write_at(host, step->volume, step->path, (off_t)step->offset, &step->byte_to,
				1);
	return r < 0 ? failed(step, r, "switch", err) : true;
}

static bool blob_is_whole(struct host *host, const struct step *step)
{
	struct digest digest;

	return host->ops->digest_medium(host, VOLUME_BOOT, step->path, &digest) == 0 &&
	       strcmp(digest.hex, step->text) == 0;
}

static bool source_is_whole(struct host *host, const struct step *step)
{
	struct digest digest;

	return host->ops->digest(host, VOLUME_POOL, step->from, DIGEST_SHA256, &digest) == 0 &&
	       strcmp(digest.hex, step->text) == 0;
}

/* One that was not there before is taken away again: what is not whole must not lie under its name. */
static int copy_blob(struct host *host, const struct step *step, bool was_there)
{
	int r = host->ops->copy(host, VOLUME_POOL, step->from, VOLUME_BOOT, step->path);

	if (r == 0)
		r = host->ops->sync(host, VOLUME_BOOT);
	if (r == 0 && !blob_is_whole(host, step))
		r = -EBADMSG;
	if (r < 0 && !was_there)
		host->ops->remove(host, VOLUME_BOOT, step->path);
	return r;
}

/*
 * A re-used blob is read back like a new one: nothing else notices a medium that went bad. Entries
 * that boot may need it, so it is written over only with what it should be.
 */
static bool run_put_blob(struct host *host, const struct step *step, struct err *err)
{
	struct host_stat stat;
	bool was_there;
	int r;

	if (blob_is_whole(host, step))
		return true;
	was_there = host->ops->stat(host, VOLUME_BOOT, step->path, &stat) != -ENOENT;
	if (!step->from || (was_there && !source_is_whole(host, step))) {
		err_set(err, ERR_CORRUPT, 0, "%s on the boot volume is missing or damaged%s",
			text_quote(step->path),
			step->from ? ", and what it was copied from was changed since" : "");
		return err_try(err, "sudo moult repair");
	}
	r = copy_blob(host, step, was_there);
	if (r < 0 && r != -EBADMSG)
		return failed(step, r, "copy the kernel or initrd to", err);
	if (r == 0)
		return true;
	err_set(err, ERR_CORRUPT, 0, "%s reads back differently from %s", text_quote(step->path),
		text_quote(step->from));
	return err_try(err, "sudo moult check");
}

static int make_directory(struct host *host, const struct step *step)
{
	return host->ops->make_directory(host, step->volume, step->path, 0755);
}

static int rename_to(struct host *host, const struct step *step)
{
	return host->ops->rename(host, step->volume, step->from, step->path);
}

static int copy(struct host *host, const struct step *step)
{
	return host->ops->copy(host, step->volume, step->from, step->volume, step->path);
}

static int exchange(struct host *host, const struct step *step)
{
	return host->ops->exchange(host, step->volume, step->from, step->path);
}

static int remove_one(struct host *host, const struct step *step)
{
	return host->ops->remove(host, step->volume, step->path);
}

static int remove_tree(struct host *host, const struct step *step)
{
	return host->ops->remove_tree(host, step->volume, step->path);
}

static int sync_volume(struct host *host, const struct step *step)
{
	return host->ops->sync(host, step->volume);
}

static int snapshot(struct host *host, const struct step *step)
{
	return host->ops->snapshot(host, step->from, step->path,
				   step->kind == STEP_SNAPSHOT_READ_ONLY);
}

static int create_subvolume(struct host *host, const struct step *step)
{
	return host->ops->create_subvolume(host, step->path);
}

static int delete_subvolume(struct host *host, const struct step *step)
{
	return host->ops->delete_subvolume(host, step->path);
}

static int set_default(struct host *host, const struct step *step)
{
	return host->ops->set_default(host, step->path);
}

static bool run_check_volume(struct host *host, const struct step *step, struct err *err)
{
	auto_free char *findings = NULL;
	int r = host->ops->check(host, step->volume, &findings);

	if (r == -EUCLEAN) {
		err_set(err, ERR_REFUSED, 0, "the boot volume's file system is damaged: %s",
			findings ? findings : "fsck.fat found errors");
		return err_try(err, "sudo umount /boot/efi; sudo fsck.fat -a DEVICE");
	}
	return r < 0 ? err_set(err, ERR_SYSTEM, -r, "cannot check the boot volume") : true;
}

struct action {
	/* either a story of its own, or one call with what it is called */
	bool (*run)(struct host *, const struct step *, struct err *);
	int (*call)(struct host *, const struct step *);
	const char *what;
	int done; /* the call's -errno that means: the state it wanted is there already */
};

static const struct action actions[STEP_KIND_COUNT] = {
	[STEP_WRITE] = {.run = run_write},
	[STEP_REPLACE] = {.run = run_replace},
	[STEP_READ_BACK] = {.run = run_read_back},
	[STEP_SET_BYTE] = {.run = run_set_byte},
	[STEP_PUT_BLOB] = {.run = run_put_blob},
	[STEP_CHECK_VOLUME] = {.run = run_check_volume},
	[STEP_MAKE_DIRECTORY] = {.call = make_directory,
				 .what = "make the directory",
				 .done = -EEXIST},
	[STEP_RENAME] = {.call = rename_to, .what = "rename to"},
	[STEP_COPY] = {.call = copy, .what = "copy to"},
	[STEP_EXCHANGE] = {.call = exchange, .what = "exchange"},
	[STEP_REMOVE] = {.call = remove_one, .what = "remove", .done = -ENOENT},
	[STEP_REMOVE_TREE] = {.call = remove_tree, .what = "remove", .done = -ENOENT},
	[STEP_SYNC] = {.call = sync_volume, .what = "sync"},
	[STEP_SNAPSHOT] = {.call = snapshot, .what = "make the snapshot"},
	[STEP_SNAPSHOT_READ_ONLY] = {.call = snapshot, .what = "make the snapshot"},
	[STEP_CREATE_SUBVOLUME] = {.call = create_subvolume,
				   .what = "create the subvolume",
				   .done = -EEXIST},
	[STEP_DELETE_SUBVOLUME] = {.call = delete_subvolume,
				   .what = "delete the subvolume",
				   .done = -ENOENT},
	[STEP_SET_DEFAULT] = {.call = set_default, .what = "set the default subvolume to"},
};

bool run_step(struct host *host, const struct step *step, struct err *err)
{
	const struct action *action = &actions[step->kind];
	int r;

	if (action->run)
		return action->run(host, step, err);
	if (!action->call)
		return err_set(err, ERR_SYSTEM, ENOSYS, "cannot run the step '%s'",
			       step_kind_name(step->kind));
	r = action->call(host, step);
	if (r < 0 && r != action->done)
		return failed(step, r, action->what, err);
	return true;
}
