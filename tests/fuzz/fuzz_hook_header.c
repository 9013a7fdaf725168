/* Whatever a hook says of itself: it gets no more than the table allows, and no path off limits. */
#include <linux/capability.h>
#include "fuzz.h"
#include "hook_header.h"

static const uint64_t never = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_MKNOD | 1ULL << CAP_SYS_MODULE |
			      1ULL << CAP_SYS_BOOT | 1ULL << CAP_SYS_RAWIO |
			      1ULL << CAP_SYS_PTRACE | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_BPF;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct hook_header header;
	struct err err = {0};

	if (!hook_header_parse("fuzz", (const char *)bytes, length, &header, &err)) {
		must(err.kind == ERR_CONFIG && *err.text);
		return 0;
	}
	must(header.phases != 0);
	must((header.capabilities & never) == 0);
	must(header.write_count <= HOOK_WRITES_MAX);
	for (size_t i = 0; i < header.write_count; i++) {
		const char *path = header.writes[i];

		must(path[0] == '/' && path[1] != '\0' && !text_ends(path, "/"));
		must(!strstr(path, "/../") && !strstr(path, "//") && !text_ends(path, "/.."));
		must(!text_starts(path, "/proc/") && !text_starts(path, "/dev/"));
	}
	return 0;
}
