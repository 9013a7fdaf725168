/* What the root's fstab asks for, and whether a generation can live with it. */
#include <string.h>
#include "checking.h"
#include "fstab_lint.h"
#include "territory.h"

#define FSTAB "/etc/fstab"

static const char *pool_uuid(const struct checking *checking)
{
	return checking->machine->identity.pool_uuid;
}

/* --- lint --------------------------------------------------------------------------------------- */

/* What `moult init` sets right by itself in its copy is nothing that its owner should touch. */
static bool is_set_right(const struct checking *checking, const char *code)
{
	static const char *const codes[] = {"FSTAB_ROOT_SUBVOLUME", "FSTAB_BOOT_REQUIRED",
					    "FSTAB_BOOT_CHECKED"};

	if (checking->context != CHECK_INIT && !checking->original)
		return false;
	for (size_t i = 0; i < COUNT(codes); i++)
		if (strcmp(codes[i], code) == 0)
			return true;
	return false;
}

/* What `moult init` cannot set right: worse before the adoption than lint has it. */
static enum finding_level level_of(const struct checking *checking, const struct finding *lint)
{
	static const char *const codes[] = {"FSTAB_ROOT_DEVICE", "FSTAB_DATA_BY_ID"};

	for (size_t i = 0; checking->context == CHECK_INIT && i < COUNT(codes); i++)
		if (strcmp(codes[i], lint->code) == 0)
			return FINDING_ERROR;
	return lint->level;
}

/* Lint says what to do in words; the command is the same for all of them. */
static void take_over(struct checking *checking, const struct finding *lint)
{
	struct finding *finding;

	if (is_set_right(checking, lint->code))
		return;
	finding = checking_add(checking, level_of(checking, lint), lint->code, lint->object);
	finding_why(finding, "%s: %s%s%s%s", lint->object, lint->why, lint->remedy ? " (" : "",
		    lint->remedy ? lint->remedy : "", lint->remedy ? ")" : "");
	finding_remedy(finding, "sudoedit " FSTAB);
}

void check_fstab(struct checking *checking)
{
	struct fstab_facts facts = {
		.pool_uuid = pool_uuid(checking),
		.boot_uuid = checking->machine->identity.boot_uuid,
		.adopted = checking->machine->listing.adopted && !checking->original,
	};
	auto_findings struct findings lint = {0};
	struct finding *finding;

	if (!fstab_find(&checking->fstab, "/")) {
		finding = checking_add(checking, FINDING_ERROR, "FSTAB_NO_ROOT", FSTAB);
		finding_why(finding, FSTAB " has no line for /: the root would stay read-only");
		finding_remedy(finding, "sudoedit " FSTAB);
	}
	fstab_lint(FSTAB, &checking->fstab, &facts, &lint);
	for (size_t i = 0; i < lint.count; i++)
		take_over(checking, &lint.all[i]);
}

/* Kernels would lie outside of the generation, and roll back without its modules. */
void check_boot_directory(struct checking *checking)
{
	const struct fstab_line *line = fstab_find(&checking->fstab, "/boot");
	struct finding *finding;

	if (!line)
		return;
	finding = checking_add(checking, FINDING_ERROR, "SEPARATE_BOOT", FSTAB);
	finding_why(finding,
		    "/boot is a file system of its own (" FSTAB
		    ":%u): kernels must lie in the root, "
		    "beside their modules; copy them there and remove the line",
		    line->number);
	finding_remedy(finding, "sudoedit " FSTAB);
}

/* --- data --------------------------------------------------------------------------------------- */

/* The subvolume or directory of the pool that a line mounts; caller frees, NULL = none by name. */
static char *data_path(const struct checking *checking, const struct fstab_line *line)
{
	auto_free char *subvolume = NULL;

	if (!line->device || strcmp(line->mount_point, "/") == 0 ||
	    strcmp(line->type, "btrfs") != 0 ||
	    !fstab_is_on(&checking->fstab, line, pool_uuid(checking)))
		return NULL;
	subvolume = fstab_option(line, "subvol");
	return subvolume ? xstrdup(subvolume + strspn(subvolume, "/")) : NULL;
}

static bool may_fail(const struct fstab_line *line)
{
	auto_free char *nofail = fstab_option(line, "nofail"),
		       *noauto = fstab_option(line, "noauto");

	return nofail || noauto;
}

void check_data(struct checking *checking)
{
	struct host *host = checking->machine->host;

	for (size_t i = 0; i < checking->fstab.count; i++) {
		const struct fstab_line *line = &checking->fstab.lines[i];
		auto_free char *path = data_path(checking, line);
		struct finding *finding;
		struct host_stat stat;
		int r = path && *path ? host->ops->stat(host, VOLUME_POOL, path, &stat) : 0;

		if (r == 0)
			continue;
		if (r != -ENOENT && r != -EINVAL && r != -ENOTDIR) {
			checking_cannot(checking, r, "cannot look at %s", text_quote(path));
			continue;
		}
		finding = checking_add(checking, may_fail(line) ? FINDING_WARN : FINDING_ERROR,
				       "DATA_MISSING", path);
		finding_why(finding,
			    FSTAB ":%u mounts %s on %s, but the Btrfs has no such subvolume",
			    line->number, text_quote(path), text_quote(line->mount_point));
		finding_remedy(finding, "sudoedit " FSTAB);
	}
}

/* --- swap files --------------------------------------------------------------------------------- */

static bool is_beneath(const char *path, const char *mount_point)
{
	size_t length = strlen(mount_point);

	if (strcmp(mount_point, "/") == 0)
		return true;
	return text_starts(path, mount_point) && (path[length] == '/' || path[length] == '\0');
}

/* The line that mounts the file system on which `path` lies; NULL = that of /, which has no line. */
static const struct fstab_line *covering_line(const struct fstab *fstab, const char *path)
{
	const struct fstab_line *best = NULL;

	for (size_t i = 0; i < fstab->count; i++) {
		const struct fstab_line *line = &fstab->lines[i];

		if (line->mount_point && is_beneath(path, line->mount_point) &&
		    (!best || strlen(line->mount_point) > strlen(best->mount_point)))
			best = line;
	}
	return best;
}

static void add_swap(struct checking *checking, const char *path, const char *subvolume)
{
	struct finding *finding = checking_add(checking, FINDING_ERROR, "SWAP_FILE", path);

	finding_why(finding,
		    "the swap file %s lies in %s, of which no snapshot can be made while it is in "
		    "use; move it to a subvolume " SWAP_SUBVOLUME
		    " that is mounted on " SWAP_MOUNT_POINT ", or do without it",
		    text_quote(path), subvolume ? text_quote(subvolume) : "the root");
	if (checking_is_pasteable(path))
		finding_remedy(finding, "sudo swapoff %s", path);
	else
		finding_remedy(finding, "sudo swapoff -a");
}

static void check_listed_swap(struct checking *checking)
{
	for (size_t i = 0; i < checking->fstab.count; i++) {
		const struct fstab_line *line = &checking->fstab.lines[i];
		const struct fstab_line *cover;
		auto_free char *subvolume = NULL;

		if (!line->device || strcmp(line->type, "swap") != 0 || line->device[0] != '/' ||
		    text_starts(line->device, "/dev/"))
			continue;
		cover = covering_line(&checking->fstab, line->device);
		if (cover)
			subvolume = data_path(checking, cover);
		if (!cover || strcmp(cover->mount_point, "/") == 0 ||
		    (subvolume && !territory_is_swap(subvolume, cover->mount_point)))
			add_swap(checking, line->device, subvolume);
	}
}

static bool is_listed_swap(const struct fstab *fstab, const char *path)
{
	for (size_t i = 0; i < fstab->count; i++)
		if (text_equal(fstab->lines[i].type, "swap") &&
		    text_equal(fstab->lines[i].device, path))
			return true;
	return false;
}

/* Whether generations need snapshots of the subvolume, although something in it is swapped to. */
static bool is_snapshotted(const struct checking *checking, const char *subvolume)
{
	for (size_t i = 0; i < checking->fstab.count; i++) {
		const struct fstab_line *line = &checking->fstab.lines[i];
		auto_free char *path = data_path(checking, line);

		if (text_equal(path, subvolume) && !territory_is_swap(subvolume, line->mount_point))
			return true;
	}
	return text_equal(subvolume, checking->root);
}

/* One that somebody switched on by hand, or that a unit does. */
static void check_active_swap(struct checking *checking)
{
	struct host *host = checking->machine->host;
	auto_host_swaps struct host_swaps swaps = {0};
	int r = host->ops->swap_files(host, &swaps);

	if (checking_cannot(checking, r, "cannot tell which swap files are in use"))
		return;
	for (size_t i = 0; i < swaps.count; i++) {
		const struct host_swap *swap = &swaps.swaps[i];

		if (!is_listed_swap(&checking->fstab, swap->path) &&
		    is_snapshotted(checking, swap->subvolume))
			add_swap(checking, swap->path,
				 text_equal(swap->subvolume, checking->root) ? NULL
									     : swap->subvolume);
	}
}

void check_swap(struct checking *checking)
{
	check_listed_swap(checking);
	check_active_swap(checking);
}
