/*
 * The stage on a real kernel and a real Btrfs: what runs inside can do its work, and nothing else.
 *
 * Needs root. Lives in a mount namespace of its own; the image goes with the test's directory.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include "stage_world.h"

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* --- running --------------------------------------------------------------------------------- */

START_TEST(test_status_and_streams)
{
	static const struct stage stage = {.root = "root", .hostname = "shed"};

	ck_assert_int_eq(run_in(&stage, "echo out; echo err >&2; echo note >&3; exit 7"), 0);
	ck_assert_int_eq(world.exit_status, 7);
	ck_assert_str_eq(world.output.bytes, "out\nerr\n");
	ck_assert_str_eq(world.status.bytes, "note\n");
	ck_assert_int_eq(run_in(&stage, "kill -9 $$"), 0);
	ck_assert_int_eq(world.exit_status, 128 + SIGKILL);
	ck_assert_str_eq(say("hostname"), "shed\n");
	ck_assert_str_eq(say("env | grep -v -e ^PWD -e ^_= | sort"), "ONE=1\nPATH=/bin\n");
	ck_assert_str_eq(say("ls /proc/self/fd | tr '\\n' ' '; cat"), "0 1 2 3 4 \n");
}
END_TEST

START_TEST(test_cannot_run)
{
	static const struct stage stage = {.root = "root"};
	static const struct stage_mount missing = {
		.kind = STAGE_BIND, .at = "/srv", .lower = "nowhere"};
	static const struct stage broken = {.root = "root", .mounts = &missing, .mount_count = 1};
	const char *const argv[] = {"no-such-program", NULL};

	ck_assert_int_eq(run_with(&stage, (struct stage_command){.argv = argv}), 0);
	ck_assert_int_eq(world.exit_status, 127);
	ck_assert_ptr_nonnull(strstr(world.output.bytes, "no-such-program: No such file"));
	ck_assert_int_eq(run_in(&broken, "true"), -ENOENT);
	ck_assert_str_eq(world.output.bytes,
			 "cannot build the stage at /srv: No such file or directory\n");
	ck_assert_int_eq(run_in(&(struct stage){.root = "../root"}, "true"), -EINVAL);
}
END_TEST

START_TEST(test_lines_are_bounded)
{
	const char *out = say("printf '%10000s\\n' x; printf '\\033[2Ja\\rb\\r\\nend'");

	ck_assert_uint_eq(world.longest, 4096);
	ck_assert_uint_eq(world.lines, 3);
	ck_assert_ptr_nonnull(strstr(out, "\nb\nend\n"));
	ck_assert_str_eq(say("printf 'a\\001b\\tc\\n'"), "a?b\tc\n");
}
END_TEST

START_TEST(test_orphans)
{
	int64_t start = milliseconds();

	say("(sleep 1000 &) ; (sleep 1000 &)");
	ck_assert_int_lt(milliseconds() - start, 5000);
	/* what nobody waits for is buried: no zombie is left of fifty */
	ck_assert_str_eq(say("i=0; while [ $i -lt 50 ]; do (sleep 0.01 &); i=$((i+1)); done; "
			     "sleep 0.5; cat /proc/[0-9]*/stat | grep -c ' Z ' || true"),
			 "0\n");
}
END_TEST

START_TEST(test_time_out)
{
	static const struct stage stage = {.root = "root"};
	const char *const patient[] = {"sh", "-c", "trap '' TERM INT; sleep 1000", NULL};
	const char *const noisy[] = {"sh", "-c", "while :; do echo y; done", NULL};
	int64_t start = milliseconds();

	ck_assert_int_eq(
		run_with(&stage, (struct stage_command){.argv = patient, .timeout_sec = 1}),
		-ETIMEDOUT);
	ck_assert_int_eq(run_with(&stage, (struct stage_command){.argv = noisy, .timeout_sec = 1}),
			 -ETIMEDOUT);
	ck_assert_int_lt(milliseconds() - start, 8000);
}
END_TEST

START_TEST(test_interrupt)
{
	static const struct stage stage = {.root = "root"};
	pid_t pid = fork();
	int status;

	/* linux_host took the signals over; the child has its handlers */
	if (pid == 0) {
		pid_t killer = fork();

		if (killer == 0) {
			usleep(500000);
			kill(getppid(), SIGTERM);
			_exit(0);
		}
		_exit(run_in(&stage, "sleep 1000") == -EINTR ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(test_dies_with_its_caller)
{
	static const struct stage_mount mounts[] = {
		{.kind = STAGE_BIND, .at = "/srv", .lower = "shared"}};
	static const struct stage stage = {.root = "root", .mounts = mounts, .mount_count = 1};
	int64_t before;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run_in(&stage, "while :; do echo x >>/srv/alive; sleep 0.02; done"));
	for (int i = 0; i < 200 && size_of("shared/alive") < 4; i++)
		usleep(50000);
	ck_assert_int_ge(size_of("shared/alive"), 4);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	usleep(300000);
	before = size_of("shared/alive");
	usleep(300000);
	ck_assert_int_eq(size_of("shared/alive"), before);
}
END_TEST

/* --- isolation ------------------------------------------------------------------------------- */

START_TEST(test_no_devices)
{
	say("! mknod /tmp/disk b 7 0 && ! mknod /dev/disk b 7 0 && ! mknod /tmp/n c 1 3");
	say("for n in null zero full random urandom tty ptmx fd/0 stdin stdout stderr shm pts; do "
	    "[ -e /dev/$n ] || [ -L /dev/$n ] || exit 1; done");
	say("echo x >/dev/null && [ \"$(head -c1 /dev/zero | wc -c)\" = 1 ]");
	ck_assert_str_eq(say("ls /dev | grep -c -e loop -e sd -e vd || true"), "0\n");
}
END_TEST

START_TEST(test_root_device_is_only_for_show)
{
	static const struct stage stage = {
		.root = "root", .capabilities = ORDINARY, .root_device = "pool"};
	auto_host_identity struct host_identity identity = {0};
	auto_free char *script = NULL;

	ck_assert_int_eq(world.host->ops->identity(world.host, &identity), 0);
	script = xasprintf("node=$(readlink -f /dev/disk/by-uuid/%s) && [ -b $node ] && "
			   "! head -c1 $node && ! head -c1 /dev/disk/by-uuid/%s",
			   identity.pool_uuid, identity.pool_uuid);
	ck_assert_int_eq(run_in(&stage, script), 0);
	ck_assert_msg(world.exit_status == 0, "%s", world.output.bytes);
	ck_assert_ptr_nonnull(strstr(world.output.bytes, "Permission denied"));
}
END_TEST

START_TEST(test_no_mounting)
{
	say("! mount -t tmpfs none /srv && ! mount -o remount,rw /sys && ! mount --bind / /srv && "
	    "! umount /proc");
	/* nothing of the machine's own mounts is in sight */
	ck_assert_str_eq(say("grep -c -e /moult -e ext4 -e ' / / ' /proc/self/mountinfo || true"),
			 "0\n");
}
END_TEST

START_TEST(test_kernel_is_out_of_reach)
{
	say("! echo x >/proc/sys/kernel/hostname && ! echo 1 >/proc/sys/vm/drop_caches && "
	    "! echo h >/proc/sysrq-trigger && ! echo +x >/proc/sys/kernel/core_pattern");
	say("for f in /sys/kernel/mm/ksm/run /sys/module/*/parameters/*; do "
	    "[ -w $f ] && exit 1; ! echo 0 2>/dev/null >$f || exit 1; done; exit 0");
	say("! mkdir /sys/x && ! ls /sys/firmware/efi/efivars/*");
	ck_assert_str_eq(say("hostname other 2>/dev/null; hostname"), "shed\n");
}
END_TEST

START_TEST(test_no_other_processes)
{
	/* pid 1, the shell, ls */
	ck_assert_str_eq(say("ls /proc | grep -c '^[0-9]' >/tmp/n; read n </tmp/n; "
			     "[ $n -le 5 ] && cat /proc/1/comm"),
			 "moult-stage\n");
	say("! kill -9 1 || kill -0 1");
	say("! head -c1 /proc/1/mem && ! cat /proc/1/environ && ! readlink /proc/1/fd/1");
}
END_TEST

START_TEST(test_capabilities)
{
	unsigned long long bounding = 0, effective = 0, ambient = 1;
	const char *out = say("grep -e Cap -e NoNew /proc/self/status");

	ck_assert_int_eq(sscanf(strstr(out, "CapEff:"), "CapEff: %llx", &effective), 1);
	ck_assert_int_eq(sscanf(strstr(out, "CapBnd:"), "CapBnd: %llx", &bounding), 1);
	ck_assert_int_eq(sscanf(strstr(out, "CapAmb:"), "CapAmb: %llx", &ambient), 1);
	ck_assert_uint_eq(bounding, ORDINARY);
	ck_assert_uint_eq(effective, ORDINARY);
	ck_assert_uint_eq(ambient, 0);
	ck_assert_ptr_nonnull(strstr(out, "NoNewPrivs:\t0"));
}
END_TEST

START_TEST(test_network)
{
	static const struct stage online = {.root = "root", .network = true};

	ck_assert_str_eq(say("grep -c : /proc/net/dev"), "1\n");
	ck_assert_int_eq(run_in(&online, "cat /etc/resolv.conf"), 0);
	ck_assert_int_eq(world.exit_status, 0);
	ck_assert_int_eq(size_of("root/run/resolve"), -1);
}
END_TEST

/* --- mounts ---------------------------------------------------------------------------------- */

START_TEST(test_overlay_keeps_what_is_below)
{
	static const struct stage_mount mounts[] = {
		{.kind = STAGE_OVERLAY,
		 .at = "/var",
		 .lower = "data, with:odd\\name",
		 .upper = "upper",
		 .work = "work"},
		{.kind = STAGE_BIND, .at = "/var/cache/shared", .lower = "shared"},
		{.kind = STAGE_BIND_READ_ONLY, .at = "/srv", .lower = "shared"},
	};
	static const struct stage stage = {
		.root = "root", .capabilities = ORDINARY, .mounts = mounts, .mount_count = 3};

	ck_assert_int_eq(run_in(&stage, "echo new >/var/new && echo more >>/var/kept && "
					"rm /var/gone && echo deb >/var/cache/shared/deb && "
					"[ \"$(cat /srv/deb)\" = deb ] && ! echo x >/srv/no && "
					"! mknod /var/null c 1 3"),
			 0);
	ck_assert_msg(world.exit_status == 0, "%s", world.output.bytes);
	ck_assert_int_eq(size_of("data, with:odd\\name/kept"), 5);
	ck_assert_int_eq(size_of("data, with:odd\\name/gone"), 5);
	ck_assert_int_eq(size_of("upper/kept"), 10);
	ck_assert_int_eq(size_of("upper/new"), 4);
	ck_assert_int_eq(size_of("shared/deb"), 4);
	ck_assert_int_eq(size_of("root/var/new"), -1);
}
END_TEST

START_TEST(test_overlay_is_writable_in_places)
{
	static const struct stage_mount mounts[] = {
		{.kind = STAGE_OVERLAY,
		 .at = "/var",
		 .lower = "data/lower",
		 .upper = "data/upper",
		 .work = "data/work",
		 .read_only = true},
		{.kind = STAGE_WRITABLE, .at = "/var/lib/own"},
		{.kind = STAGE_WRITABLE, .at = "/var/lib/file"},
	};
	static const struct stage_mount link = {.kind = STAGE_WRITABLE, .at = "/var/lib/link"};
	static const char *const directories[] = {"data",	    "data/lower",
						  "data/upper",	    "data/work",
						  "data/lower/lib", "data/lower/lib/own"};
	const struct stage_mount led[] = {mounts[0], link};
	struct stage stage = {
		.root = "root", .read_only = true, .mounts = mounts, .mount_count = 3};
	const struct host_ops *ops = world.host->ops;

	for (size_t i = 0; i < COUNT(directories); i++)
		ck_assert_int_eq(ops->make_directory(world.host, VOLUME_POOL, directories[i], 0755),
				 0);
	ck_assert_int_eq(ops->write(world.host, VOLUME_POOL, "data/lower/lib/file", "1", 1), 0);
	ck_assert_int_eq(
		ops->make_symlink(world.host, VOLUME_POOL, "../../etc", "data/lower/lib/link"), 0);
	ck_assert_int_eq(run_in(&stage, "echo 12 >/var/lib/own/new && echo 12 >/var/lib/file && "
					"! echo >/var/lib/other && ! echo >/var/x && "
					"! echo >/etc/x && ! mount -o remount,rw /var"),
			 0);
	ck_assert_msg(world.exit_status == 0, "%s", world.output.bytes);
	ck_assert_ptr_nonnull(strstr(world.output.bytes, "/var/lib/other: Read-only file system"));
	ck_assert_int_eq(size_of("data/upper/lib/own/new"), 3);
	ck_assert_int_eq(size_of("data/upper/lib/file"), 3);
	ck_assert_int_eq(size_of("data/lower/lib/file"), 1);
	stage.mounts = led;
	stage.mount_count = 2;
	ck_assert_int_eq(run_in(&stage, "true"), -ELOOP);
}
END_TEST

START_TEST(test_files_are_only_inside)
{
	static const struct stage_mount mounts[] = {
		{.kind = STAGE_FILE, .at = "/bin/policy", .text = "exit 101\n", .mode = 0755},
		{.kind = STAGE_FILE, .at = "/etc/there", .text = "mine\n", .mode = 0644},
		{.kind = STAGE_FILE, .at = "/run/a/b", .text = "tmp\n", .mode = 0600},
		{.kind = STAGE_TMPFS, .at = "/run/decoy"},
		{.kind = STAGE_DIRECTORY, .at = "/run/decoy/EFI"},
		/* links that lead out lead to the root's own top */
		{.kind = STAGE_FILE, .at = "/etc/escape", .text = "in\n", .mode = 0644},
		{.kind = STAGE_BIND, .at = "/etc/away/moult-stage-away", .lower = "shared"},
	};
	static const struct stage stage = {
		.root = "root", .mounts = mounts, .mount_count = 7, .capabilities = ORDINARY};

	ck_assert_int_eq(run_in(&stage, "sh /bin/policy; [ $? = 101 ] && [ -x /bin/policy ] && "
					"cat /etc/there /run/a/b /etc/escape && "
					"touch /run/x && rm /run/a/b && "
					"[ -d /run/decoy/EFI ] && "
					"grep -q ' /run/decoy .* tmpfs ' /proc/self/mountinfo && "
					"touch /tmp/moult-stage-away/came"),
			 0);
	ck_assert_msg(world.exit_status == 0, "%s", world.output.bytes);
	ck_assert_str_eq(world.output.bytes, "mine\ntmp\nin\n");
	ck_assert_int_eq(size_of("root/bin/policy"), -1);
	ck_assert_int_eq(size_of("root/etc/there"), 7);
	ck_assert_int_eq(size_of("shared/came"), 0);
	ck_assert_int_ne(access("/tmp/moult-stage-escaped", F_OK), 0);
	ck_assert_int_ne(access("/tmp/moult-stage-away", F_OK), 0);
}
END_TEST

START_TEST(test_read_only_root)
{
	static const struct stage stage = {
		.root = "root", .read_only = true, .capabilities = ORDINARY};

	ck_assert_int_eq(run_in(&stage, "! touch /etc/x && touch /tmp/x /run/x /dev/shm/x"), 0);
	ck_assert_int_eq(world.exit_status, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stage");
	TCase *running = tcase_create("running"), *inside = tcase_create("inside");
	SRunner *runner = srunner_create(suite);
	int failed;

	/* one image for all: what the tests change does not overlap */
	srunner_set_fork_status(runner, CK_NOFORK);
	tcase_add_unchecked_fixture(running, stage_world_open, stage_world_close);
	tcase_add_unchecked_fixture(inside, stage_world_open, stage_world_close);
	tcase_add_test(running, test_status_and_streams);
	tcase_add_test(running, test_cannot_run);
	tcase_add_test(running, test_lines_are_bounded);
	tcase_add_test(running, test_orphans);
	tcase_add_test(running, test_time_out);
	tcase_add_test(running, test_interrupt);
	tcase_add_test(running, test_dies_with_its_caller);
	tcase_add_test(inside, test_no_devices);
	tcase_add_test(inside, test_root_device_is_only_for_show);
	tcase_add_test(inside, test_no_mounting);
	tcase_add_test(inside, test_kernel_is_out_of_reach);
	tcase_add_test(inside, test_no_other_processes);
	tcase_add_test(inside, test_capabilities);
	tcase_add_test(inside, test_network);
	tcase_add_test(inside, test_overlay_keeps_what_is_below);
	tcase_add_test(inside, test_overlay_is_writable_in_places);
	tcase_add_test(inside, test_files_are_only_inside);
	tcase_add_test(inside, test_read_only_root);
	suite_add_tcase(suite, running);
	suite_add_tcase(suite, inside);
	suite_add_tcase(suite, stage_names_case());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	stage_world_done();
	return failed ? 1 : 0;
}
