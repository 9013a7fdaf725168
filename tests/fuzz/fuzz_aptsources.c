/* Only suite names change length; what was rewritten once has nothing left to rewrite. */
#include "aptsources.h"
#include "fuzz.h"

static void check(const char *name, const uint8_t *bytes, size_t length)
{
	struct aptsources_request request = {name, (const char *)bytes, length, "bookworm", "sid"};
	auto_aptsources struct aptsources once = {0}, twice = {0};
	struct err err = {0};

	if (!aptsources_rewrite(&request, &once, &err))
		return;
	must(strlen(once.bytes) + 5 * (size_t)once.changes == length);
	request.bytes = once.bytes;
	request.length = strlen(once.bytes);
	must(aptsources_rewrite(&request, &twice, &err));
	must(twice.changes == 0 && strcmp(once.bytes, twice.bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	check("sources.list", bytes, length);
	check("debian.sources", bytes, length);
	return 0;
}
