/* A refusal has a sentence and changes nothing; what is taken is within its bounds. */
#include "fuzz.h"
#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	auto_policy struct policy policy = {0}, before = {0};
	struct err err = {0};

	policy_defaults(&policy);
	policy_defaults(&before);
	if (!policy_apply(&policy, "f", (const char *)bytes, length, &err)) {
		must(err.kind == ERR_CONFIG && err.text[0]);
		must(policy.tries == before.tries && strcmp(policy.loader, before.loader) == 0);
		must(policy.min_free_data_mib == before.min_free_data_mib);
	}
	must(policy.tries >= 1 && policy.tries <= 9 && policy.deadline_sec >= 30);
	must(policy.keep <= 1000 && policy.watchdog_sec <= 3600);
	return 0;
}
