/* units/etc/moult.yaml as it is delivered: it is accepted, and what it shows as defaults is so. */
#include <stdio.h>
#include <string.h>
#include "policy.h"
#include "unit.h"

static char *delivered(void)
{
	FILE *file = fopen(DELIVERED_POLICY, "re");
	char *text = calloc(1, 65536);

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_gt(fread(text, 1, 65535, file), 0);
	fclose(file);
	return text;
}

/* "#key: value" is a default that is shown; "# words" is explanation and stays one. */
static void uncomment(char *text)
{
	bool at_start = true;
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (at_start && from[0] == '#' && (from[1] != ' ' || from[2] == ' '))
			from++;
		at_start = *from == '\n';
		*to++ = *from;
	}
	*to = 0;
}

static void check_is_default(const char *text)
{
	auto_policy struct policy policy = {0}, defaults = {0};
	struct err err = {0};

	policy_defaults(&policy);
	policy_defaults(&defaults);
	ck_assert_msg(policy_apply(&policy, "moult.yaml", text, strlen(text), &err), "%s",
		      err.text);
	ck_assert_str_eq(policy.loader, defaults.loader);
	ck_assert_str_eq(policy.source, defaults.source);
	ck_assert_uint_eq(policy.tries, defaults.tries);
	ck_assert_uint_eq(policy.deadline_sec, defaults.deadline_sec);
	ck_assert_uint_eq(policy.keep, defaults.keep);
	ck_assert_uint_eq(policy.watchdog_sec, defaults.watchdog_sec);
	ck_assert_uint_eq(policy.min_free_data_mib, defaults.min_free_data_mib);
	ck_assert_uint_eq(policy.min_free_metadata_mib, defaults.min_free_metadata_mib);
	ck_assert_uint_eq(policy.min_free_boot_mib, defaults.min_free_boot_mib);
	ck_assert_uint_eq(policy.max_days, defaults.max_days);
	ck_assert_uint_eq(policy.retention_free_mib, defaults.retention_free_mib);
	ck_assert_int_eq(policy.automatic, defaults.automatic);
	ck_assert_str_eq(policy.upgrade_window, defaults.upgrade_window);
	ck_assert_int_eq(policy.upgrade_mains, defaults.upgrade_mains);
	ck_assert_str_eq(policy.upgrade_metered, defaults.upgrade_metered);
	ck_assert_uint_eq(policy.upgrade_load, defaults.upgrade_load);
	ck_assert_int_eq(policy.upgrade_users, defaults.upgrade_users);
	ck_assert_str_eq(policy.reboot_policy, defaults.reboot_policy);
	ck_assert_str_eq(policy.reboot_window, defaults.reboot_window);
	ck_assert_int_eq(policy.reboot_users, defaults.reboot_users);
	ck_assert_uint_eq(policy.reboot_warning_sec, defaults.reboot_warning_sec);
}

START_TEST(test_as_it_is)
{
	auto_free char *text = delivered();

	check_is_default(text);
}
END_TEST

START_TEST(test_with_every_default_written_out)
{
	static const char *const keys[] = {
		"\nloader:",	     "\nsource:",	 "\ntries:",	      "\n  deadline:",
		"\n  keep:",	     "\n  checkpoints:", "\nwatchdog:",	      "\n  automatic:",
		"\n  window:",	     "\n  mains:",	 "\n  metered:",      "\n  load:",
		"\n  users:",	     "\n  policy:",	 "\n  warning:",      "\n  max_days:",
		"\n  min_free_mib:", "\n  data_mib:",	 "\n  metadata_mib:", "\n  boot_mib:",
	};
	auto_free char *text = delivered();

	uncomment(text);
	for (size_t i = 0; i < COUNT(keys); i++)
		ck_assert_msg(strstr(text, keys[i]) != NULL, "%s is not shown", keys[i]);
	check_is_default(text);
}
END_TEST

UNIT_MAIN("policy_file", test_as_it_is, test_with_every_default_written_out)
