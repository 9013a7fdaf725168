/* Data beside what is mounted, kept aside when older data was put back; and a disk with room for little. */
#include <errno.h>
#include <string.h>
#include "checking.h"
#include "territory.h"

/* moult never deletes it: nobody but its owner knows what of it is still wanted. */
void check_aside(struct checking *checking)
{
	const struct listing *listing = &checking->machine->listing;

	for (size_t i = 0; i < listing->subvolume_count; i++) {
		const char *path = listing->subvolumes[i];
		const char *at = strstr(path, DATA_ASIDE_SUFFIX);
		struct finding *finding;

		if (!at || text_starts(path, "@gens/"))
			continue;
		finding = checking_add(checking, FINDING_NOTE, "DATA_ASIDE", path);
		finding_why(
			finding,
			"%s holds what the data %.*s was when older data was put back; it takes "
			"space until you delete it",
			text_quote(path), (int)(at - path), path);
		if (checking_is_pasteable(path))
			finding_remedy(finding,
				       "sudo mount -o subvolid=5 UUID=%s /mnt && sudo btrfs "
				       "subvolume delete /mnt/%s && sudo umount /mnt",
				       checking->machine->identity.pool_uuid, path);
	}
}

/* Copies of edits, of a generation that was left; moult never deletes them either. */
void check_left(struct checking *checking)
{
	struct host *host = checking->machine->host;
	auto_host_names struct host_names names = {0};
	int r = host->ops->list(host, VOLUME_POOL, "@moult/left", &names);

	if (r == -ENOENT || checking_cannot(checking, r, "cannot list what was kept"))
		return;
	for (size_t i = 0; i < names.count; i++) {
		auto_free char *place = xasprintf("/var/lib/moult/left/%s", names.names[i].name);
		struct finding *finding = checking_add(checking, FINDING_NOTE, "EDITS_KEPT", place);

		finding_why(
			finding,
			"%s has copies of what was edited in generation %s, which was left since; "
			"they are yours to take over, and to delete",
			text_quote(place), names.names[i].name);
		if (checking_is_pasteable(place))
			finding_remedy(finding, "sudo rm -r %s", place);
	}
}

static unsigned long long mib(uint64_t bytes)
{
	return bytes >> 20;
}

/* Not all of what moult does finds room there; what holds all the same is said. */
void check_size(struct checking *checking)
{
	struct machine *machine = checking->machine;
	struct host_space space = {0};
	struct finding *finding;
	int r = machine->host->ops->space(machine->host, VOLUME_POOL, &space);

	if (checking_cannot(checking, r, "cannot tell how large the Btrfs is") ||
	    space.total_bytes == 0 || space.total_bytes >= POLICY_AMPLE_BYTES)
		return;
	finding = checking_add(checking, FINDING_NOTE, "SMALL_POOL", "the Btrfs");
	finding_why(
		finding,
		"the Btrfs has %llu MiB in all: a rollback to a good generation works also when "
		"it is full, but an upgrade wants %u MiB of it free for data (there are %llu) and "
		"%u MiB for metadata (%llu), and a checkpoint, 'rollback --base' and 'rollback "
		"--data' want free metadata, too",
		mib(space.total_bytes), policy_data_mib(&machine->policy, space.total_bytes),
		mib(space.free_bytes), policy_metadata_mib(&machine->policy, space.total_bytes),
		mib(space.metadata_free_bytes));
	finding_remedy(finding, "sudo btrfs filesystem resize max /");
}
