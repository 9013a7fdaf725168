/* moult.yaml: what may stand in it, what each refusal says, and that a refusal changes nothing. */
#include <string.h>
#include "policy.h"
#include "text.h"
#include "unit.h"

static bool apply(struct policy *policy, const char *text, struct err *err)
{
	*err = (struct err){0};
	return policy_apply(policy, "moult.yaml", text, strlen(text), err);
}

static void check_defaults(const struct policy *policy)
{
	ck_assert_str_eq(policy->loader, "auto");
	ck_assert_str_eq(policy->source, "packages");
	ck_assert_uint_eq(policy->tries, 3);
	ck_assert_uint_eq(policy->deadline_sec, 600);
	ck_assert_uint_eq(policy->keep, 3);
	ck_assert_uint_eq(policy->watchdog_sec, 0);
	ck_assert_uint_eq(policy->min_free_data_mib, 512);
	ck_assert_uint_eq(policy->min_free_metadata_mib, 64);
	ck_assert_uint_eq(policy->min_free_boot_mib, 8);
	ck_assert_uint_eq(policy->max_days, 0);
	ck_assert_uint_eq(policy->retention_free_mib, 0);
	ck_assert(policy->automatic);
	ck_assert_str_eq(policy->upgrade_window, "always");
	ck_assert(policy->upgrade_mains);
	ck_assert_str_eq(policy->upgrade_metered, "ask");
	ck_assert_uint_eq(policy->upgrade_load, 0);
	ck_assert(policy->upgrade_users);
	/* moult never reboots unasked */
	ck_assert_str_eq(policy->reboot_policy, "never");
	ck_assert_str_eq(policy->reboot_window, "never");
	ck_assert(!policy->reboot_users);
	ck_assert_uint_eq(policy->reboot_warning_sec, 300);
}

START_TEST(test_defaults)
{
	auto_policy struct policy policy = {0};
	struct err err;

	policy_defaults(&policy);
	check_defaults(&policy);
	ck_assert(apply(&policy, "", &err));
	ck_assert(apply(&policy, "version: 1\n", &err));
	check_defaults(&policy);
}
END_TEST

START_TEST(test_all_keys)
{
	auto_policy struct policy policy = {0};
	struct err err;

	policy_defaults(&policy);
	ck_assert(apply(&policy,
			"version: 1\nloader: systemd-boot\nsource: packages\ntries: 9\n"
			"health: {deadline: 30}\nretention: {keep: 0}\nwatchdog: 60\n"
			"space:\n  data_mib: 1\n  metadata_mib: 2\n  boot_mib: 3\n",
			&err));
	ck_assert_str_eq(policy.loader, "systemd-boot");
	ck_assert_uint_eq(policy.tries, 9);
	ck_assert_uint_eq(policy.deadline_sec, 30);
	ck_assert_uint_eq(policy.keep, 0);
	ck_assert_uint_eq(policy.watchdog_sec, 60);
	ck_assert_uint_eq(policy.min_free_data_mib, 1);
	ck_assert_uint_eq(policy.min_free_metadata_mib, 2);
	ck_assert_uint_eq(policy.min_free_boot_mib, 3);
	ck_assert(apply(&policy,
			"retention: {max_days: 90, min_free_mib: 2048}\n"
			"upgrade:\n  automatic: false\n  window: Mon-Fri 22:00-05:00\n"
			"  mains: false\n  metered: never\n  load: 80\n  users: false\n"
			"reboot: {policy: window, window: '03:00-04:00', users: true, "
			"warning: 0}\n",
			&err));
	ck_assert_uint_eq(policy.max_days, 90);
	ck_assert_uint_eq(policy.retention_free_mib, 2048);
	ck_assert(!policy.automatic && !policy.upgrade_mains && !policy.upgrade_users);
	ck_assert_str_eq(policy.upgrade_window, "Mon-Fri 22:00-05:00");
	ck_assert_str_eq(policy.upgrade_metered, "never");
	ck_assert_uint_eq(policy.upgrade_load, 80);
	ck_assert_str_eq(policy.reboot_policy, "window");
	ck_assert_str_eq(policy.reboot_window, "03:00-04:00");
	ck_assert(policy.reboot_users);
	ck_assert_uint_eq(policy.reboot_warning_sec, 0);
	/* a drop-in changes what it names */
	ck_assert(apply(&policy, "space: {metadata_mib: 5}\nloader: auto\n", &err));
	ck_assert_uint_eq(policy.min_free_data_mib, 1);
	ck_assert_uint_eq(policy.min_free_metadata_mib, 5);
	ck_assert_str_eq(policy.loader, "auto");
}
END_TEST

static const struct {
	const char *text, *sentence;
} refusals[] = {
	{"tries: 2\nspce: 1\n",
	 "moult.yaml:2: 'spce' is not a key that moult knows; allowed there: version, loader, "
	 "source, "
	 "tries, health.deadline, retention.keep, retention.checkpoints, retention.data_days, "
	 "retention.max_days, retention.min_free_mib, checkpoint.before_apt, "
	 "upgrade.automatic, upgrade.window, upgrade.mains, upgrade.metered, upgrade.load, "
	 "upgrade.users, reboot.policy, reboot.window, reboot.users, reboot.warning, watchdog, "
	 "space.data_mib, space.metadata_mib, space.boot_mib"},
	{"tries: 2\nspace:\n  data: 1\n",
	 "moult.yaml:3: 'space.data' is not a key that moult knows; allowed there: data_mib, "
	 "metadata_mib, boot_mib"},
	{"health.deadline: 100\n", "moult.yaml:1: 'health.deadline' is not a key that moult knows"},
	{"\"\": 1\n", "moult.yaml:1: '' is not a key that moult knows"},
	{"heal: {deadline: 100}\n", "moult.yaml:1: 'heal' is not a key that moult knows"},
	{"wealth: {deadline: 100}\n", "moult.yaml:1: 'wealth' is not a key that moult knows"},
	{"health: 600\n", "moult.yaml:1: 'health' has to be a section with keys of its own"},
	{"tries: 0\n", "moult.yaml:1: 'tries' has to be a number from 1 to 9"},
	{"tries: 10\n", "moult.yaml:1: 'tries' has to be a number from 1 to 9"},
	{"tries: \"3\"\n", "moult.yaml:1: 'tries' has to be a number from 1 to 9"},
	{"tries:\n", "moult.yaml:1: 'tries' has to be a number from 1 to 9"},
	{"tries: 3.0\n", "moult.yaml:1: 'tries' has to be a number from 1 to 9"},
	{"tries: 18446744073709551618\n", "moult.yaml:1: 'tries' has to be a number from 1 to 9"},
	{"watchdog: -1\n", "moult.yaml:1: 'watchdog' has to be a number from 0 to 3600"},
	{"health:\n\n  deadline: 10m\n",
	 "moult.yaml:3: 'health.deadline' has to be a number from 30 to 86400"},
	{"loader: lilo\n", "moult.yaml:1: 'loader' has to be auto or systemd-boot"},
	{"loader: [auto]\n", "moult.yaml:1: 'loader' has to be auto or systemd-boot"},
	{"source: image\n", "moult.yaml:1: 'source' has to be packages"},
	{"reboot: {policy: always}\n",
	 "moult.yaml:1: 'reboot.policy' has to be never or window or now"},
	{"reboot: {users: 1}\n", "moult.yaml:1: 'reboot.users' has to be true or false"},
	{"reboot: {users: yes}\n", "moult.yaml:1: 'reboot.users' has to be true or false"},
	{"upgrade:\n  window: 2-5\n",
	 "moult.yaml:2: 'upgrade.window' has to be a window like 'Mon-Fri 22:00-05:00, Sat "
	 "03:00-09:00', always or never"},
	{"upgrade: {window: 5}\n", "moult.yaml:1: 'upgrade.window' has to be a window"},
	{"version: 2\n", "moult.yaml:1: 'version' has to be 1"},
	{"version: one\n", "moult.yaml:1: 'version' has to be 1"},
	{"- tries\n", "moult.yaml: has to be keys with values"},
	{"tries: 1\ntries: 2\n", "moult.yaml:2: the key 'tries' is there twice"},
	{"tries: [\n", "moult.yaml:2: not YAML"},
};

START_TEST(test_refusals)
{
	auto_policy struct policy policy = {0};
	struct err err;

	policy_defaults(&policy);
	for (size_t i = 0; i < COUNT(refusals); i++) {
		/* what stands before the error must not be kept either */
		auto_free char *text = xasprintf("%s", refusals[i].text);

		ck_assert(!apply(&policy, text, &err));
		ck_assert_int_eq(err.kind, ERR_CONFIG);
		if (!text_starts(err.text, refusals[i].sentence))
			ck_abort_msg("%s gives: %s", refusals[i].text, err.text);
		check_defaults(&policy);
	}
}
END_TEST

START_TEST(test_describe)
{
	auto_free char *text = policy_describe();

	ck_assert_ptr_nonnull(strstr(text, "tries: a number from 1 to 9, default 3 - boots that a "
					   "trial is given\n"));
	ck_assert_ptr_nonnull(strstr(text, "loader: auto or systemd-boot, default auto - "));
	ck_assert_ptr_nonnull(strstr(text, "source: packages - "));
	ck_assert_ptr_nonnull(strstr(text, "version: 1 - "));
	ck_assert_ptr_nonnull(strstr(text, "reboot.users: true or false, default false - "));
	ck_assert_ptr_nonnull(strstr(text, "always or never, default always - "));
}
END_TEST

START_TEST(what_has_to_stay_free_is_never_most_of_a_small_disk)
{
	static const struct {
		uint64_t mib;
		unsigned data, metadata;
	} cases[] = {{0, 512, 64},    {512, 64, 16},   {1024, 128, 32},
		     {2047, 255, 63}, {2048, 512, 64}, {1 << 20, 512, 64}};
	auto_policy struct policy policy = {0};

	policy_defaults(&policy);
	for (size_t i = 0; i < COUNT(cases); i++) {
		ck_assert_uint_eq(policy_data_mib(&policy, cases[i].mib << 20), cases[i].data);
		ck_assert_uint_eq(policy_metadata_mib(&policy, cases[i].mib << 20),
				  cases[i].metadata);
	}
	/* what the owner wants less of is his */
	policy.min_free_data_mib = policy.min_free_metadata_mib = 0;
	ck_assert_uint_eq(policy_data_mib(&policy, 512 << 20), 0);
	ck_assert_uint_eq(policy_metadata_mib(&policy, 512 << 20), 0);
}
END_TEST

UNIT_MAIN("policy", test_defaults, test_all_keys, test_refusals, test_describe,
	  what_has_to_stay_free_is_never_most_of_a_small_disk)
