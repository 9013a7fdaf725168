/* Data beside what is mounted, kept aside when older data was put back; and a disk with room for little. */
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

/* Measured from here on: going back also takes nothing on smaller ones, but everything else does. */
#define AMPLE_BYTES (UINT64_C(2) << 30)

void check_size(struct checking *checking)
{
	struct machine *machine = checking->machine;
	struct host_space space = {0};
	struct finding *finding;
	int r = machine->host->ops->space(machine->host, VOLUME_POOL, &space);

	if (checking_cannot(checking, r, "cannot tell how large the Btrfs is") ||
	    space.total_bytes == 0 || space.total_bytes >= AMPLE_BYTES)
		return;
	finding = checking_add(checking, FINDING_NOTE, "SMALL_POOL", "the Btrfs");
	finding_why(finding,
		    "the Btrfs has %llu MiB in all: a rollback works also when it is full, but a "
		    "checkpoint, 'rollback --base' and 'rollback --data' need free metadata, of "
		    "which it has %llu MiB",
		    (unsigned long long)(space.total_bytes >> 20),
		    (unsigned long long)(space.metadata_free_bytes >> 20));
	finding_remedy(finding, "sudo btrfs filesystem resize max /");
}
