/* Names resolve in a stage as outside, and packages may do with /etc/resolv.conf what they like. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include "stage_world.h"

static const struct stage online = {.root = "root", .network = true, .capabilities = ORDINARY};

/* Runs it where names resolve by what the machine itself has; then: what the root has. */
static void after(const char *script, const char *resolv_conf)
{
	auto_host_names struct host_names names = {0};
	auto_host_bytes struct host_bytes bytes = {0};
	auto_free char *whole = xasprintf("grep -q lively /etc/resolv.conf && %s", script);
	const struct host_ops *ops = world.host->ops;

	ck_assert_int_eq(run_in(&online, whole), 0);
	ck_assert_msg(world.exit_status == 0, "%s: %s", script, world.output.bytes);
	ck_assert_int_eq(ops->list(world.host, VOLUME_POOL, "root/etc", &names), 0);
	for (size_t i = 0; i < names.count; i++)
		ck_assert_str_ne(names.names[i].name, ".moult-resolv.conf");
	ck_assert_int_eq(ops->root_read(world.host, "root", "etc/resolv.conf", 100, &bytes),
			 resolv_conf ? 0 : -ENOENT);
	if (resolv_conf)
		ck_assert_str_eq(bytes.bytes, resolv_conf);
}

static void give(const char *resolv_conf)
{
	const struct host_ops *ops = world.host->ops;

	ops->remove(world.host, VOLUME_POOL, "root/etc/resolv.conf");
	if (resolv_conf)
		ck_assert_int_eq(ops->write(world.host, VOLUME_POOL, "root/etc/resolv.conf",
					    resolv_conf, strlen(resolv_conf)),
				 0);
}

static void set_up_names(void)
{
	auto_free char *own = NULL;
	FILE *file;

	stage_world_open();
	own = xasprintf("%s/resolv.conf", world.disk.directory);
	file = fopen(own, "w");
	ck_assert_ptr_nonnull(file);
	fputs("nameserver 192.0.2.1 # lively\n", file);
	fclose(file);
	ck_assert_int_eq(mount(own, "/etc/resolv.conf", NULL, MS_BIND, NULL), 0);
}

static void tear_down_names(void)
{
	umount("/etc/resolv.conf");
	stage_world_close();
}

START_TEST(test_resolver_is_only_inside)
{
	give("theirs\n");
	after("true", "theirs\n");
	give(NULL);
	after("true", NULL);
	ck_assert_int_eq(size_of("root/etc/resolv.conf"), -1);
}
END_TEST

START_TEST(test_resolver_may_be_replaced)
{
	give("theirs\n");
	/* as the postinst of systemd-resolved */
	after("cd /etc && mv resolv.conf .bak && ln -sf hostname resolv.conf && echo a >hostname",
	      "a\n");
	ck_assert_int_eq(size_of("root/etc/.bak"), strlen("theirs\n"));
	give("theirs\n");
	after("echo mine >/etc/resolv.conf", "mine\n");
	give("theirs\n");
	after("rm /etc/resolv.conf", NULL);
	after("mv /etc/resolv.conf /etc/moved", NULL);
	ck_assert_int_eq(size_of("root/etc/moved"), -1);
}
END_TEST

START_TEST(test_resolver_behind_links)
{
	const struct host_ops *ops = world.host->ops;

	give(NULL);
	/* out of the root, at what the root has, and at nothing */
	for (int i = 0; i < 3; i++) {
		static const char *const to[] = {"../../../etc/there", "there", "/var/none"};

		ck_assert_int_eq(
			ops->make_symlink(world.host, VOLUME_POOL, to[i], "root/etc/resolv.conf"),
			0);
		after("echo new >/etc/new && mv /etc/new /etc/there", i < 2 ? "new\n" : NULL);
		ck_assert_str_eq(say("readlink /etc/resolv.conf; ls /var"),
				 i == 0	  ? "../../../etc/there\n"
				 : i == 1 ? "there\n"
					  : "/var/none\n");
		give(NULL);
	}
}
END_TEST

START_TEST(test_resolver_of_a_read_only_root)
{
	static const struct stage stage = {.root = "root", .network = true, .read_only = true};

	for (int i = 0; i < 2; i++) {
		give(i == 0 ? "theirs\n" : NULL);
		ck_assert_int_eq(run_in(&stage, "grep lively /etc/resolv.conf"), 0);
		ck_assert_int_eq(world.exit_status, 0);
		ck_assert_int_eq(size_of("root/etc/resolv.conf"), i == 0 ? 7 : -1);
	}
}
END_TEST

START_TEST(test_resolver_that_is_protected)
{
	give("theirs\n");
	ck_assert_int_eq(system("chattr +i /run/moult/pool/root/etc/resolv.conf"), 0);
	after("! mv /etc/resolv.conf /etc/x", "theirs\n");
	ck_assert_int_eq(system("lsattr /run/moult/pool/root/etc/resolv.conf | grep -q i--"), 0);
}
END_TEST

START_TEST(test_resolver_of_a_run_that_was_ended)
{
	const char *const argv[] = {"sleep", "1000", NULL};

	give("theirs\n");
	ck_assert_int_eq(run_with(&online, (struct stage_command){.argv = argv, .timeout_sec = 1}),
			 -ETIMEDOUT);
	ck_assert_str_eq(say("cat /etc/resolv.conf; ls /etc/.moult* 2>/dev/null || true"),
			 "theirs\n");
}
END_TEST

START_TEST(test_resolver_of_a_run_that_was_cut_off)
{
	auto_host_bytes struct host_bytes bytes = {0};
	const struct host_ops *ops = world.host->ops;
	pid_t pid;

	give("theirs\n");
	pid = fork();
	if (pid == 0)
		_exit(run_in(&online, "sleep 1000"));
	for (int i = 0; i < 200 && size_of("root/etc/.moult-resolv.conf") < 0; i++)
		usleep(50000);
	ck_assert_int_ge(size_of("root/etc/.moult-resolv.conf"), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_str_eq(say("cat /etc/resolv.conf"), "theirs\n");
	ck_assert_int_eq(size_of("root/etc/.moult-resolv.conf"), -1);
	ck_assert_int_eq(ops->read(world.host, VOLUME_POOL, "root/etc/resolv.conf", 100, &bytes),
			 0);
	ck_assert_str_eq(bytes.bytes, "theirs\n");
}
END_TEST

TCase *stage_names_case(void)
{
	TCase *group = tcase_create("names");

	tcase_add_unchecked_fixture(group, set_up_names, tear_down_names);
	tcase_add_test(group, test_resolver_is_only_inside);
	tcase_add_test(group, test_resolver_may_be_replaced);
	tcase_add_test(group, test_resolver_behind_links);
	tcase_add_test(group, test_resolver_of_a_read_only_root);
	tcase_add_test(group, test_resolver_that_is_protected);
	tcase_add_test(group, test_resolver_of_a_run_that_was_ended);
	tcase_add_test(group, test_resolver_of_a_run_that_was_cut_off);
	return group;
}
