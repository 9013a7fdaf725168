/* Printing gives the bytes back; adopting twice is adopting once; the lint ends. */
#include "fstab_adopt.h"
#include "fstab_lint.h"
#include "fuzz.h"

static const struct fstab_data data[] = {{"/var", "@var"}, {"/home", "@home"}};
static const struct fstab_adoption adoption = {"uuid", "esp", data, COUNT(data)};

static void check_adoption(struct fstab *fstab)
{
	struct err err = {0};
	auto_free char *once = NULL, *twice = NULL;
	auto_fstab struct fstab again = {0};

	if (!fstab_adopt(fstab, &adoption, &err))
		return;
	once = fstab_print(fstab);
	must(fstab_parse("fstab", once, strlen(once), &again, &err));
	must(again.count == fstab->count);
	must(fstab_adopt(&again, &adoption, &err));
	twice = fstab_print(&again);
	must(strcmp(once, twice) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const struct fstab_facts facts = {"uuid", "esp", true};
	auto_findings struct findings findings = {0};
	auto_fstab struct fstab fstab = {0};
	auto_free char *printed = NULL;
	struct err err = {0};

	if (!fstab_parse("fstab", (const char *)bytes, length, &fstab, &err))
		return 0;
	printed = fstab_print(&fstab);
	must(strlen(printed) == length && memcmp(printed, bytes, length) == 0);
	fstab_lint("fstab", &fstab, &facts, &findings);
	check_adoption(&fstab);
	return 0;
}
