/* What an adoption would part from the root: whether it lies there, and whether its place is free. */
#include <string.h>
#include "checking.h"
#include "territory.h"

#define FSTAB "/etc/fstab"

/* Whether mounting `mount_point` hides or holds `path`. */
static bool covers(const char *mount_point, const char *path)
{
	size_t length = strlen(mount_point);

	return text_starts(path, mount_point) && (path[length] == '/' || path[length] == '\0');
}

/*
 * What must lie in the root itself: the system, of which a generation is a copy, and the package
 * state, which goes with it. Data may be mounted from anywhere: it stays as it is.
 */
static const struct {
	const char *path, *why;
} needed[] = {
	{"/usr", "a generation would not have its programs"},
	{"/etc", "a generation would not have its configuration"},
	{"/var/lib/dpkg", "package state goes with the generation, and is parted from /var"},
};

void check_elsewhere(struct checking *checking)
{
	for (size_t i = 0; i < checking->fstab.count; i++) {
		const struct fstab_line *line = &checking->fstab.lines[i];
		struct finding *finding;
		size_t n = 0;

		if (!line->mount_point || strcmp(line->mount_point, "/") == 0)
			continue;
		while (n < COUNT(needed) && !covers(line->mount_point, needed[n].path))
			n++;
		if (n == COUNT(needed))
			continue;
		finding = checking_add(checking, FINDING_ERROR, "SYSTEM_ELSEWHERE", FSTAB);
		finding_why(finding,
			    FSTAB ":%u mounts %s from elsewhere, but it must lie in the root (%s); "
				  "copy it there and remove the line",
			    line->number, text_quote(line->mount_point), needed[n].why);
		finding_remedy(finding, "sudoedit " FSTAB);
	}
}

/* The subvolumes of an adoption that was begun are its own. */
static bool is_begun(const struct checking *checking)
{
	return listing_find(&checking->machine->listing, 1) != NULL;
}

void check_names(struct checking *checking)
{
	struct host *host = checking->machine->host;

	for (size_t i = 0; i < data_path_count && !is_begun(checking); i++) {
		auto_free char *mount_point = xasprintf("/%s", data_paths[i].path);
		const char *subvolume = data_paths[i].subvolume;
		struct finding *finding;
		struct host_stat stat;
		int r = host->ops->stat(host, VOLUME_POOL, subvolume, &stat);

		if (r == -ENOENT || fstab_find(&checking->fstab, mount_point))
			continue;
		if (checking_cannot(checking, r, "cannot look at %s", text_quote(subvolume)))
			continue;
		finding = checking_add(checking, FINDING_ERROR, "DATA_NAME_TAKEN", subvolume);
		finding_why(finding,
			    "the Btrfs has %s already, which nothing in " FSTAB
			    " mounts on %s, and "
			    "the subvolume for %s will have that name; rename it",
			    text_quote(subvolume), mount_point, mount_point);
		finding_remedy(finding,
			       "sudo mount -o subvolid=5 UUID=%s /mnt; sudo mv /mnt/%s /mnt/%s-old",
			       checking->machine->identity.pool_uuid, subvolume, subvolume);
	}
}

/* What an adoption of the running system has yet to do: until then nothing can be built on it. */
static const struct {
	const char *why, *remedy;
} outstanding[CARVE_COUNT] = {
	[CARVE_SHUTDOWN] = {"generation 1 is made when this system shuts down", "sudo reboot"},
	[CARVE_WANTED] = {"the first boot of generation 1 parts its data from it", "sudo reboot"},
	[CARVE_COPIED] = {"the first boot of generation 1 was cut off while it parted data from it",
			  "sudo reboot"},
	[CARVE_PRUNE] = {"what is left over in generation 1 from parting its data is not cleared "
			 "away yet",
			 "sudo moult internal prune"},
};

void check_adopting(struct checking *checking)
{
	const struct listing *listing = &checking->machine->listing;
	const struct generation *first = listing_find(listing, 1);
	struct finding *finding;

	if (!first || first->damage || first->carve == CARVE_DONE || listing_undone(listing))
		return;
	finding = checking_add(checking, checking_level(checking, CHECK_UPGRADE, FINDING_NOTE),
			       "ADOPTION_GOES_ON", "generation 1");
	finding_why(finding, "%s", outstanding[first->carve].why);
	finding_remedy(finding, "%s", outstanding[first->carve].remedy);
}
