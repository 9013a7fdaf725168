/*
 * What the service manager is asked: a real message bus, and on it one that answers like systemd.
 *
 * The test gives up the right to reboot first: where the manager is gone, the call itself follows.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include "host_disk.h"
#include "linux_internal.h"
#include "text.h"

#define MANAGER_NAME "org.freedesktop.systemd1"
#define LOGIN_NAME "org.freedesktop.login1"
#define NETWORK_NAME "org.freedesktop.NetworkManager"
#define METERED_GUESSED 3

static struct disk disk;
static struct linux_host live;
static pid_t daemon_pid, manager_pid;

static int list_units(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	const char *state = NULL;

	(void)userdata, (void)error;
	if (sd_bus_message_enter_container(call, 'a', "s") < 0 ||
	    sd_bus_message_read(call, "s", &state) <= 0 || strcmp(state, "failed") != 0)
		return -EINVAL;
	sd_bus_message_new_method_return(call, &reply);
	sd_bus_message_append(reply, "a(ssssssouso)", 2, "one.service", "", "loaded", "failed", "",
			      "", "/one", 0, "", "/", "two.mount", "", "loaded", "failed", "", "",
			      "/two", 0, "", "/");
	return sd_bus_send(NULL, reply, NULL);
}

static int note_call(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const char *unit = "";

	(void)error;
	if (sd_bus_message_has_signature(call, "ss"))
		sd_bus_message_read(call, "s", &unit);
	run("echo '%s.%s %s' >>%s", sd_bus_message_get_interface(call),
	    sd_bus_message_get_member(call), unit, (const char *)userdata);
	return sd_bus_reply_method_return(call, unit[0] ? "o" : "", "/job");
}

static const sd_bus_vtable manager_calls[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("ListUnitsFiltered", "as", "a(ssssssouso)", list_units,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Reboot", "", "", note_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("StartUnit", "ss", "o", note_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static int list_inhibitors(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	(void)userdata, (void)error;
	return sd_bus_reply_method_return(call, "a(ssssuu)", 3, "shutdown:sleep", "backup",
					  "it writes", "block", 0, 7, "shutdown", "gdm",
					  "it says goodbye", "delay", 0, 8, "sleep", "player",
					  "music", "block", 0, 9);
}

static int say_metered(sd_bus *bus, const char *path, const char *interface, const char *property,
		       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;
	return sd_bus_message_append(reply, "u", (uint32_t)METERED_GUESSED);
}

static const sd_bus_vtable network_calls[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Metered", "u", say_metered, 0, 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable login_calls[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("ListInhibitors", "", "a(ssssuu)", list_inhibitors,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Reboot", "b", "", note_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static void be_manager(const char *calls, bool login, int ready)
{
	sd_bus *bus = NULL;
	void *userdata = (void *)calls;

	if (sd_bus_open_system(&bus) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1",
				     MANAGER_NAME ".Manager", manager_calls, userdata) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/login1", LOGIN_NAME ".Manager",
				     login_calls, userdata) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/NetworkManager", NETWORK_NAME,
				     network_calls, NULL) < 0 ||
	    sd_bus_request_name(bus, MANAGER_NAME, 0) < 0 ||
	    (login && sd_bus_request_name(bus, NETWORK_NAME, 0) < 0) ||
	    (login && sd_bus_request_name(bus, LOGIN_NAME, 0) < 0) || write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		if (sd_bus_process(bus, NULL) == 0)
			sd_bus_wait(bus, UINT64_MAX);
}

static void start_manager(bool login)
{
	auto_free char *calls = disk_path(&disk, "calls");
	int ready[2];
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	manager_pid = fork();
	if (manager_pid == 0)
		be_manager(calls, login, ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
}

static void stop(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static void give_up_reboot(void)
{
	const cap_value_t reboot_right = CAP_SYS_BOOT;
	cap_t all = cap_get_proc();

	ck_assert(cap_set_flag(all, CAP_EFFECTIVE, 1, &reboot_right, CAP_CLEAR) == 0 &&
		  cap_set_flag(all, CAP_PERMITTED, 1, &reboot_right, CAP_CLEAR) == 0 &&
		  cap_set_proc(all) == 0);
	cap_free(all);
}

static void set_up(void)
{
	auto_free char *address = NULL, *path = NULL;

	give_up_reboot();
	disk_make(&disk);
	path = disk_path(&disk, "bus");
	address = xasprintf("unix:path=%s", path);
	live = (struct linux_host){.live = true};
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	daemon_pid = fork();
	if (daemon_pid == 0) {
		auto_free char *option = xasprintf("--address=%s", address);

		/* it says that it cannot raise a limit here */
		if (!freopen("/dev/null", "w", stderr))
			_exit(126);
		execlp("dbus-daemon", "dbus-daemon", "--session", "--nofork", option, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200 && access(path, F_OK) < 0; i++)
		usleep(20000);
}

static void tear_down(void)
{
	stop(&manager_pid);
	stop(&daemon_pid);
	disk_done(&disk);
}

static char *calls_made(void)
{
	return output_of("cat %s/calls 2>/dev/null; rm -f %s/calls", disk.directory,
			 disk.directory);
}

START_TEST(failed_units_are_listed)
{
	auto_host_strings struct host_strings units = {0};

	start_manager(true);
	ck_assert_int_eq(linux_failed_units(&live.host, &units), 0);
	ck_assert_uint_eq(units.count, 2);
	ck_assert(host_strings_have(&units, "one.service") &&
		  host_strings_have(&units, "two.mount"));
}
END_TEST

START_TEST(a_reboot_is_asked_for_in_order)
{
	start_manager(true);
	ck_assert_int_eq(linux_reboot(&live.host, false), 0);
	ck_text(calls_made(), LOGIN_NAME ".Manager.Reboot ");
	ck_assert_int_eq(linux_reboot(&live.host, true), 0);
	ck_text(calls_made(), MANAGER_NAME ".Manager.Reboot ");
	stop(&manager_pid);
	start_manager(false);
	ck_assert_int_eq(linux_reboot(&live.host, false), 0);
	ck_text(calls_made(), MANAGER_NAME ".Manager.StartUnit reboot.target");
	stop(&manager_pid);
	/* nobody answers: only the forced one goes on by itself, as far as it may here */
	ck_assert_int_lt(linux_reboot(&live.host, false), 0);
	ck_assert_int_eq(linux_reboot(&live.host, true), -EPERM);
	ck_text(calls_made(), "");
}
END_TEST

START_TEST(what_blocks_a_shutdown_and_a_link_that_costs_are_known)
{
	auto_host_surroundings struct host_surroundings around = {0}, alone = {0};

	start_manager(true);
	ck_assert_int_eq(linux_surroundings(&live.host, &around), 0);
	ck_assert_uint_eq(around.inhibitors.count, 1);
	ck_assert_str_eq(around.inhibitors.strings[0], "backup (it writes)");
	ck_assert_int_eq(around.metered, 1);
	ck_assert_int_ge(around.load_percent, 0);
	stop(&manager_pid);
	/* neither logind nor NetworkManager: nothing is known, and nothing fails */
	start_manager(false);
	ck_assert_int_eq(linux_surroundings(&live.host, &alone), 0);
	ck_assert_uint_eq(alone.inhibitors.count, 0);
	ck_assert_int_eq(alone.metered, -1);
}
END_TEST

TCase *host_bus_case(void)
{
	TCase *group = tcase_create("bus");

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, failed_units_are_listed);
	tcase_add_test(group, a_reboot_is_asked_for_in_order);
	tcase_add_test(group, what_blocks_a_shutdown_and_a_link_that_costs_are_known);
	return group;
}
