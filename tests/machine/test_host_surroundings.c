/* What the host says of power, remote logins, name servers, the local clock; and masked hibernation. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "host_disk.h"
#include "linux_internal.h"
#include "text.h"

static char directory[64];

static void set_up(void)
{
	snprintf(directory, sizeof(directory), "/tmp/moult-around-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void tear_down(void)
{
	run("rm -r %s", directory);
}

/* --- power -------------------------------------------------------------------------------------- */

static const struct {
	const char *supplies; /* a shell's words: NAME/PROPERTY=VALUE */
	int on_battery;
} machines[] = {
	{"", 0},
	{"AC/type=Mains AC/online=1", 0},
	{"AC/type=Mains AC/online=0 BAT0/type=Battery BAT0/status=Discharging", 1},
	{"AC/type=Mains AC/online=1 BAT0/type=Battery BAT0/status=Discharging", 0},
	{"BAT0/type=Battery BAT0/status=Charging", 0},
	{"BAT0/type=Battery BAT0/status=Discharging", 1},
	{"BAT0/type=Battery BAT0/status=Full BAT1/type=Battery BAT1/status=Discharging", 0},
	{"usb/type=USB usb/online=1 BAT0/type=Battery BAT0/status=Discharging", 0},
	/* a mouse runs from its battery, the machine does not */
	{"mouse/type=Battery mouse/scope=Device mouse/status=Discharging", 0},
	{"mouse/type=Battery mouse/scope=Device mouse/status=Full BAT0/type=Battery "
	 "BAT0/status=Discharging BAT0/scope=System",
	 1},
	{"odd/online=1", 0},
};

START_TEST(a_machine_on_battery_is_known)
{
	for (size_t i = 0; i < COUNT(machines); i++) {
		run("for word in %s; do file=%s/$i${word%%%%=*}; mkdir -p ${file%%/*}; "
		    "echo \"${word#*=}\" >$file; done",
		    machines[i].supplies, directory);
		ck_assert_msg(battery_in_use(directory) == machines[i].on_battery, "%s",
			      machines[i].supplies);
		run("rm -rf %s/*", directory);
	}
	ck_assert_int_eq(battery_in_use("/tmp/moult-no-such-directory"), 0);
}
END_TEST

/* --- network ------------------------------------------------------------------------------------ */

/* Somebody who listens on the loopback and says this to the first who comes; *ret_pid is to be reaped. */
static struct sockaddr_storage listen_and_say(const char *greeting, pid_t *ret_pid)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in *address = (struct sockaddr_in *)&storage;
	socklen_t length = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, length), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &length), 0);
	*ret_pid = fork();
	if (*ret_pid == 0) {
		int other = accept(fd, NULL, NULL);

		for (const char *c = greeting; *c; c++)
			if (write(other, c, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(fd);
	return storage;
}

START_TEST(only_a_greeting_of_ssh_is_one)
{
	static const struct {
		const char *greeting;
		bool answers;
	} cases[] = {
		{"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", true}, {"SSH-", true}, {"SSH", false},
		{"220 mail.example ESMTP\r\n", false},	      {"", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		pid_t pid;
		struct sockaddr_storage address = listen_and_say(cases[i].greeting, &pid);

		ck_assert_msg(banner_answers(&address) == cases[i].answers, "%s",
			      cases[i].greeting);
		waitpid(pid, NULL, 0);
		/* and nobody is there any more */
		ck_assert(!banner_answers(&address));
	}
}
END_TEST

START_TEST(name_servers_are_those_that_resolv_conf_names)
{
	auto_host_strings struct host_strings servers = {0}, none = {0};
	auto_free char *path = xasprintf("%s/resolv.conf", directory);

	run("printf '%%s\\n' '# nameserver 1.1.1.1' 'search example' 'nameserver 9.9.9.9' "
	    "'nameserver 2620:fe::fe' 'nameserver 9.9.9.9' 'nameserver' >%s",
	    path);
	ck_assert_int_eq(name_servers(path, &servers), 0);
	ck_assert_uint_eq(servers.count, 2);
	ck_assert(host_strings_have(&servers, "2620:fe::fe"));
	run("rm %s", path);
	ck_assert_int_eq(name_servers(path, &none), 0);
	ck_assert_uint_eq(none.count, 0);
}
END_TEST

/* --- clock -------------------------------------------------------------------------------------- */

START_TEST(the_local_clock_is_that_of_the_time_zone_with_its_summer)
{
	int offset;

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	ck_assert_int_eq(linux_utc_offset(NULL, 1774746000 - 1, &offset), 0);
	ck_assert_int_eq(offset, 3600);
	ck_assert_int_eq(linux_utc_offset(NULL, 1774746000, &offset), 0);
	ck_assert_int_eq(offset, 7200);
}
END_TEST

/* --- hibernation -------------------------------------------------------------------------------- */

START_TEST(hibernation_is_masked_and_what_others_masked_stays)
{
	auto_close int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(hibernation_write(fd, true), 0);
	run("[ -z \"$(ls -A %s)\" ]", directory);
	run("mkdir -p %s/systemd/system && ln -s /dev/null %s/systemd/system/hybrid-sleep.target",
	    directory, directory);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(hibernation_write(fd, false), 0);
		run("for name in hibernate hybrid-sleep suspend-then-hibernate; do "
		    "[ \"$(readlink %s/systemd/system/$name.target)\" = /dev/null ] || exit 1; "
		    "done",
		    directory);
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(hibernation_write(fd, true), 0);
		run("[ \"$(ls %s/systemd/system)\" = hybrid-sleep.target ]", directory);
	}
	/* somebody has taken one of ours away meanwhile */
	ck_assert_int_eq(hibernation_write(fd, false), 0);
	run("rm %s/systemd/system/hibernate.target", directory);
	ck_assert_int_eq(hibernation_write(fd, true), 0);
	run("[ \"$(ls %s/systemd/system)\" = hybrid-sleep.target ]", directory);
}
END_TEST

START_TEST(another_systems_disk_has_no_surroundings)
{
	struct linux_host offline = {.live = false};
	struct host_surroundings around;
	struct host_network network;
	bool synchronised;

	ck_assert_int_eq(linux_surroundings(&offline.host, &around), -ENOSYS);
	ck_assert_int_eq(linux_network(&offline.host, &network), -ENOSYS);
	ck_assert_int_eq(linux_clock_synchronised(&offline.host, &synchronised), -ENOSYS);
	ck_assert_int_eq(linux_hibernation(&offline.host, false), -ENOSYS);
}
END_TEST

TCase *host_surroundings_case(void)
{
	TCase *group = tcase_create("surroundings");

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, a_machine_on_battery_is_known);
	tcase_add_test(group, only_a_greeting_of_ssh_is_one);
	tcase_add_test(group, name_servers_are_those_that_resolv_conf_names);
	tcase_add_test(group, the_local_clock_is_that_of_the_time_zone_with_its_summer);
	tcase_add_test(group, hibernation_is_masked_and_what_others_masked_stays);
	tcase_add_test(group, another_systems_disk_has_no_surroundings);
	return group;
}
