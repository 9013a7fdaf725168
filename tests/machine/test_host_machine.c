/* Locks, programs and the running system, as the host shows them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include "host_disk.h"
#include "linux_internal.h"
#include "text.h"

#define POOL "/run/moult/pool"

static struct disk disk;
static struct host *host;

static void set_up(void)
{
	host = disk_open_with_root(&disk);
}

static void tear_down(void)
{
	linux_host_close(host);
	disk_done(&disk);
}

/* A second moult on the same mount, as on a live system; its exit status is what lock() said. */
static pid_t start_other(int ready[2], int go[2])
{
	pid_t pid;
	char byte;

	ck_assert_int_eq(pipe(ready) | pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		char *other = NULL;
		int result = host->ops->lock(host, "other, pid 7", &other);

		if (write(ready[1], "x", 1) != 1 || read(go[0], &byte, 1) < 0)
			_exit(99);
		if (result == -EBUSY && strcmp(other, "first, pid 6") != 0)
			_exit(98);
		_exit(-result);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	return pid;
}

START_TEST(one_operation_at_a_time)
{
	int ready[2], go[2], status;
	char *other = NULL;
	pid_t pid = start_other(ready, go);

	ck_assert_int_eq(host->ops->make_directory(host, VOLUME_POOL, "@moult", 0700), 0);
	ck_assert_int_eq(host->ops->lock(host, "first, pid 6", &other), -EBUSY);
	ck_text(other, "another moult"); /* it began when there was no place to say who it is */
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	/* the lock died with its holder */
	ck_assert_int_eq(host->ops->lock(host, "first, pid 6", &other), 0);
	ck_assert_ptr_null(other);
	ck_assert_int_eq(host->ops->lock(host, "first, pid 6", &other), -EALREADY);
	ck_text(get(host, VOLUME_POOL, "@moult/lock"), "first, pid 6");
	host->ops->unlock(host);
	ck_text(get(host, VOLUME_POOL, "@moult/lock"), "");
}
END_TEST

static int lock_in_other_process(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK};
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);

	return fcntl(fd, F_SETLK, &lock);
}

static bool others_may_lock(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(lock_in_other_process(path) == 0 ? 0 : 1);
	waitpid(pid, &status, 0);
	return status == 0;
}

START_TEST(swap_files_are_named_and_stand_in_the_way_of_snapshots)
{
	struct host_swaps swaps = {0};
	int named, snapshot;

	ck_assert_int_eq(host->ops->create_subvolume(host, "@var"), 0);
	ck_assert_int_eq(host->ops->swap_files(host, &swaps), 0);
	ck_assert_uint_eq(swaps.count, 0);
	run("cd " POOL "/@var && touch 'a swap' && chattr +C 'a swap' && chmod 0600 'a swap' && "
	    "dd if=/dev/zero of='a swap' bs=1M count=4 status=none && mkswap -q 'a swap' && "
	    "swapon 'a swap'");
	/* nothing is asserted before it is off: the kernel keeps it beyond this process */
	snapshot = host->ops->snapshot(host, "@var", "copy", true);
	named = host->ops->swap_files(host, &swaps);
	run("swapoff '" POOL "/@var/a swap'");
	ck_assert_int_eq(snapshot, -ETXTBSY);
	ck_assert_int_eq(named, 0);
	ck_assert_uint_eq(swaps.count, 1);
	ck_assert_str_eq(swaps.swaps[0].path, POOL "/@var/a swap");
	ck_assert_str_eq(swaps.swaps[0].subvolume, "@var");
	host_swaps_done(&swaps);
	ck_assert_int_eq(host->ops->snapshot(host, "@var", "copy", true), 0);
}
END_TEST

START_TEST(the_package_manager_waits_and_is_waited_for)
{
	auto_free char *said = NULL;
	int ready[2], status;
	char byte;
	pid_t pid;

	run("d=" POOL "/root/var/lib/dpkg; mkdir -p $d/info $d/updates $d/triggers && "
	    "touch $d/status");
	ck_assert_int_eq(host->ops->package_lock(host, "root", 0), 0);
	ck_assert_int_eq(host->ops->package_lock(host, "root", 0), -EALREADY);
	said = output_of("dpkg --root=" POOL "/root --configure -a 2>&1");
	ck_assert_msg(strstr(said, "lock") != NULL, "dpkg said: %s", said);
	host->ops->package_unlock(host);
	run("dpkg --root=" POOL "/root --configure -a");

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		int result = lock_in_other_process(POOL "/root/var/lib/dpkg/lock");

		if (write(ready[1], result == 0 ? "x" : "!", 1) != 1)
			_exit(1);
		usleep(700000);
		_exit(0);
	}
	ck_assert(read(ready[0], &byte, 1) == 1 && byte == 'x');
	ck_assert_int_eq(host->ops->package_lock(host, "root", 0), -EBUSY);
	/* what was taken of the two was given back meanwhile */
	ck_assert(others_may_lock(POOL "/root/var/lib/dpkg/lock-frontend"));
	ck_assert_int_eq(host->ops->package_lock(host, "root", 5), 0);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(host->ops->package_lock(host, "none", 0), -ENOENT);
}
END_TEST

static int check_run(const char *script, unsigned timeout_sec, char **ret_output, int *ret_status)
{
	auto_free char *path = disk_path(&disk, "check");

	run("printf '%%s\\n' '#!/bin/sh' '%s' >%s && chmod +x %s", script, path, path);
	return host->ops->run_program(host,
				      &(struct host_program){.path = path,
							     .argument = "check",
							     .timeout_sec = timeout_sec},
				      ret_output, ret_status);
}

START_TEST(health_checks_are_bounded)
{
	int status = 0;
	char *output = NULL;
	int64_t start = host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC);

	ck_assert_int_eq(check_run("echo said $1; echo bad >&2; exit 3", 10, &output, &status), 0);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	ck_text(output, "said check\nbad\n");
	ck_assert_int_eq(check_run("seq 100000; echo end", 20, &output, &status), 0);
	ck_assert(strlen(output) == 4096 && text_ends(output, "\n100000\nend\n"));
	free(output);
	/* a child that holds the output open does not hold us */
	ck_assert_int_eq(check_run("sleep 4 & echo left", 20, &output, &status), 0);
	ck_text(output, "left\n");
	ck_assert_int_eq(check_run("echo begun; sleep 61.73 & sleep 62.73", 1, &output, &status),
			 -ETIMEDOUT);
	ck_text(output, "begun\n");
	ck_assert(host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC) - start < 30000000);
	ck_text(output_of("pgrep -f 'sleep 6[12].73' | wc -l"), "0");
	ck_assert_int_eq(host->ops->run_program(host, &(struct host_program){.path = "/none"},
						&output, &status),
			 -ENOENT);
}
END_TEST

/* What a program with these limits prints; its directory is /var/tmp/moult-confined-PID. */
static char *confined(const struct host_confinement *confinement, const char *script)
{
	static const char *const environment[] = {"MOULT_TO=7", NULL};
	auto_free char *path = disk_path(&disk, "confined");
	char *output = NULL;
	int status;
	struct host_program program = {.path = path,
				       .argument = "first-boot",
				       .environment = environment,
				       .timeout_sec = 10,
				       .confinement = confinement};

	run("printf '%%s\n' '#!/bin/sh' '%s' >%s && chmod +x %s", script, path, path);
	ck_assert_int_eq(host->ops->run_program(host, &program, &output, &status), 0);
	return output;
}

START_TEST(a_program_gets_what_it_declares_and_no_more)
{
	auto_free char *place = xasprintf("/var/tmp/moult-confined-%d", getpid());
	auto_free char *script = xasprintf("cd %s; touch mine/a other/b /run/moult-a /tmp/moult-a; "
					   "chown 1 mine/a; ls mine other; ls /run/moult/*/; "
					   "rm -f /run/moult-a /tmp/moult-a; echo $1 $MOULT_TO; "
					   "grep CapBnd /proc/self/status; ls /sys/class/net",
					   place);
	auto_free char *mine = xasprintf("%s/mine", place), *output = NULL;
	struct host_confinement limits = {.writes = (const char *const[]){mine}, .write_count = 1};

	run("mkdir -p %s/mine %s/other", place, place);
	output = confined(&limits, script);
	ck_assert_msg(strstr(output, "mine:\na\n\nother:\n") != NULL, "%s", output);
	ck_assert_msg(strstr(output, "'other/b': Read-only file system") != NULL, "%s", output);
	ck_assert_msg(strstr(output, "'mine/a': Operation not permitted") != NULL, "%s", output);
	/* neither what moult itself has mounted, nor the machine's network */
	ck_assert_msg(strstr(output, "@gens") == NULL, "%s", output);
	ck_assert_msg(strstr(output, "first-boot 7\nCapBnd:\t0000000000000000\n") != NULL, "%s",
		      output);
	ck_assert_ptr_null(strstr(output, "moult-a"));
	free(take(output));
	limits.writes = (const char *const[]){"/var/tmp/moult-nowhere"};
	ck_assert_int_eq(host->ops->run_program(host,
						&(struct host_program){.path = "/bin/true",
								       .confinement = &limits},
						&output, &(int){0}),
			 -ENOENT);
	run("rm -r %s", place);
}
END_TEST

START_TEST(a_signal_is_noticed)
{
	ck_assert(!host->ops->interrupted(host));
	raise(SIGTERM);
	ck_assert(host->ops->interrupted(host));
}
END_TEST

START_TEST(the_running_system_is_not_this_one)
{
	struct host_running running = {0};
	struct host_strings strings = {0};
	struct host_firmware firmware;
	const char *paths[] = {"EFI/BOOT/BOOTX64.EFI"};

	ck_assert_int_eq(host->ops->running(host, &running), -ENOSYS);
	ck_assert_int_eq(host->ops->failed_units(host, &strings), -ENOSYS);
	ck_assert_int_eq(host->ops->mount_points(host, &strings), -ENOSYS);
	ck_assert_int_eq(host->ops->default_routes(host, &strings), -ENOSYS);
	ck_assert_int_eq(host->ops->reboot(host, true), -ENOSYS);
	ck_assert_int_eq(host->ops->loader_entries(host, paths, 1), -ENOTSUP);
	ck_assert_int_eq(host->ops->firmware(host, &firmware), -ENOSYS);
	ck_assert_int_eq(host->ops->set_boot_order(host, NULL, 0), -ENOSYS);
	ck_assert_int_eq(host->ops->remove_boot_option(host, 1), -ENOSYS);
}
END_TEST

START_TEST(status_is_published)
{
	ck_assert_int_eq(host->ops->publish_status(host, "test-host", "one\n"), 0);
	ck_assert_int_eq(host->ops->publish_status(host, "test-host", "two\n"), 0);
	ck_text(output_of("cat /run/moult/test-host; stat -c %%a /run/moult/test-host"),
		"two\n644");
	ck_assert_int_eq(host->ops->publish_status(host, "../x", "x"), -EINVAL);
	run("rm /run/moult/test-host");
	host->ops->log(host, &(struct host_message){.text = "nobody listens", .generation = -1});
}
END_TEST

/* Before, whether a reboot is wanted, after: files of a directory by name, "-" where there is none. */
static const struct {
	const char *before[3];
	bool required;
	const char *after[3];
} reboots[] = {
#define NONE                                                                                       \
	{                                                                                          \
		"-", "-", "-"                                                                      \
	}
#define TEXT "*** System restart required ***\n"
#define NEXT "moult: the next boot is another generation\n"
	{NONE, false, NONE},
	{NONE, true, {TEXT, "moult\n", NEXT}},
	{{TEXT, "moult\n", NEXT}, true, {TEXT, "moult\n", NEXT}},
	{{TEXT, "moult\n", NEXT}, false, NONE},
	/* packages want it as well */
	{{TEXT, "libc6\n", "-"}, true, {TEXT, "libc6\nmoult\n", NEXT}},
	{{TEXT, "libc6\nmoult\nlinux", NEXT}, false, {TEXT, "libc6\nlinux\n", "-"}},
	{{TEXT, "libc6\n", "-"}, false, {TEXT, "libc6\n", "-"}},
	/* and so does somebody who is no package */
	{{"by hand\n", "-", "by hand\n"}, true, {"by hand\n", "-", "by hand\n"}},
	{{"by hand\n", "-", "by hand\n"}, false, {"by hand\n", "-", "by hand\n"}},
	{{"-", "moult\n", "-"}, false, NONE},
};

START_TEST(a_reboot_is_asked_for_beside_those_who_ask_too)
{
	static const char *const names[] = {"reboot-required", "reboot-required.pkgs",
					    "reboot-needed"};

	for (size_t i = 0; i < COUNT(reboots); i++) {
		char directory[] = "/tmp/moult-reboot-XXXXXX";
		auto_close int fd = -1;

		ck_assert_ptr_nonnull(mkdtemp(directory));
		fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		for (size_t n = 0; n < COUNT(names); n++)
			if (strcmp(reboots[i].before[n], "-") != 0)
				run("printf '%s' >%s/%s", reboots[i].before[n], directory,
				    names[n]);
		ck_assert_int_eq(reboot_files_write(fd, reboots[i].required), 0);
		for (size_t n = 0; n < COUNT(names); n++)
			run("[ \"$(cat %s/%s 2>/dev/null || printf -- -)\" = \"$(printf -- '%s')\" "
			    "]",
			    directory, names[n], reboots[i].after[n]);
		run("[ -z \"$(find %s -name '.*' -type f)\" ] && rm -r %s", directory, directory);
	}
	ck_assert_int_eq(host->ops->reboot_required(host, true), -ENOSYS);
}
END_TEST

TCase *host_machine_case(void)
{
	TCase *group = tcase_create("machine");

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, one_operation_at_a_time);
	tcase_add_test(group, the_package_manager_waits_and_is_waited_for);
	tcase_add_test(group, health_checks_are_bounded);
	tcase_add_test(group, a_program_gets_what_it_declares_and_no_more);
	tcase_add_test(group, a_signal_is_noticed);
	tcase_add_test(group, a_reboot_is_asked_for_beside_those_who_ask_too);
	tcase_add_test(group, the_running_system_is_not_this_one);
	tcase_add_test(group, status_is_published);
	tcase_add_test(group, swap_files_are_named_and_stand_in_the_way_of_snapshots);
	return group;
}
