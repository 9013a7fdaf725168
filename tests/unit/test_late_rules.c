/* What becomes of an edit that came late: three sides, what is no edit, what an initrd was made from. */
#include "auto.h"
#include "late_rules.h"
#include "unit.h"

START_TEST(three_sides_decide)
{
	static const struct {
		struct late_sides sides;
		enum late_verdict verdict;
	} cases[] = {
		{{.edited = false, .rebuilt = false, .alike = true}, LATE_SAME},
		{{.edited = false, .rebuilt = true, .alike = false}, LATE_SAME},
		{{.edited = true, .rebuilt = false, .alike = false}, LATE_CARRY},
		{{.edited = true, .rebuilt = true, .alike = true}, LATE_SAME},
		{{.edited = true, .rebuilt = true, .alike = false}, LATE_CONFLICT},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_int_eq(late_decide(&cases[i].sides), cases[i].verdict);
}
END_TEST

START_TEST(data_package_state_and_what_is_made_anew_is_no_edit)
{
	static const char *const inside[] = {
		"etc",
		"etc/hosts",
		"etc/systemd/system/a.service",
		"opt/thing",
		"mnt/stick",
		"usr/lib/foo",
		"usr/bin/tool",
		"variant",
		"bootlog",
		"runner",
		"usr/lib/sysimage-of-mine",
		"etc/ld.so.cache.d",
	};
	static const char *const outside[] = {
		"var",
		"var/lib/x",
		"home/anna",
		"root/.bashrc",
		"usr/local/bin/x",
		"boot/vmlinuz",
		"run",
		"tmp/x",
		"usr/lib/sysimage/dpkg/status",
		"etc/mtab",
		"etc/ld.so.cache",
		"usr/lib/modules/6.1/modules.dep",
		"etc/.updated",
		"usr/lib/python3/__pycache__/x.pyc",
	};

	for (size_t i = 0; i < COUNT(inside); i++)
		ck_assert_msg(late_in_scope(inside[i]), "%s", inside[i]);
	for (size_t i = 0; i < COUNT(outside); i++)
		ck_assert_msg(!late_in_scope(outside[i]), "%s", outside[i]);
}
END_TEST

START_TEST(what_an_initrd_was_made_from_is_known)
{
	static const char *const baked[] = {
		"etc/crypttab",
		"etc/modprobe.d/blacklist.conf",
		"etc/modules",
		"etc/initramfs-tools/initramfs.conf",
		"etc/dracut.conf.d/x.conf",
		"etc/cryptsetup-initramfs/conf-hook",
		"etc/default/keyboard",
		"etc/udev/rules.d/70-x.rules",
		"etc/systemd/network/10-eth.link",
		"etc/lvm/lvm.conf",
	};
	static const char *const others[] = {
		"etc/hosts",	    "etc/fstab",
		"etc/crypttab.bak", "etc/default/locale",
		"etc/modules.txt",  "etc/systemd/network/10-eth.network",
		"opt/etc/crypttab", "etc/dracut.conf.orig",
	};

	for (size_t i = 0; i < COUNT(baked); i++)
		ck_assert_msg(late_baked_into(baked[i]) != NULL, "%s", baked[i]);
	for (size_t i = 0; i < COUNT(others); i++)
		ck_assert_msg(late_baked_into(others[i]) == NULL, "%s", others[i]);
}
END_TEST

START_TEST(only_etc_is_configuration)
{
	ck_assert(late_is_configuration("etc/hosts"));
	ck_assert(!late_is_configuration("etcetera"));
	ck_assert(!late_is_configuration("usr/bin/tool"));
}
END_TEST

START_TEST(who_may_log_in_is_known)
{
	static const char *const identity[] = {
		"etc/shadow",
		"etc/ssh/ssh_host_rsa_key.pub",
		"etc/ssl/private/key.pem",
		"etc/netplan/a.yaml",
		"etc/network/interfaces",
		"etc/sudoers.d/anna",
		"etc/ssh/authorized_keys",
	};
	static const char *const others[] = {
		"etc/shadow-",		 "etc/ssh/sshd_config", "etc/hosts",
		"etc/network/if-up.d/x", "opt/etc/shadow",	"etc/sslx",
	};

	for (size_t i = 0; i < COUNT(identity); i++)
		ck_assert_msg(late_is_identity(identity[i]), "%s", identity[i]);
	for (size_t i = 0; i < COUNT(others); i++)
		ck_assert_msg(!late_is_identity(others[i]), "%s", others[i]);
}
END_TEST

UNIT_MAIN("late_rules", who_may_log_in_is_known, three_sides_decide,
	  data_package_state_and_what_is_made_anew_is_no_edit,
	  what_an_initrd_was_made_from_is_known, only_etc_is_configuration)
