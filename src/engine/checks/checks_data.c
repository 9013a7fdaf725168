/* Data beside what is mounted: kept aside when older data was put back. */
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
