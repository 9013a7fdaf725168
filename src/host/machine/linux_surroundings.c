/* linux_surroundings - how the machine is placed now: power, network link, load, people, the clock. */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "linux_bus.h"

#define SUPPLIES "/sys/class/power_supply"

/* --- power -------------------------------------------------------------------------------------- */

DEFINE_AUTO(directory, DIR *, closedir)

/* A property of a power supply, or NULL. Caller frees. */
static char *property(const char *directory, const char *supply, const char *name)
{
	auto_free char *path = xasprintf("%s/%s/%s", directory, supply, name);
	char *value = NULL;

	return read_small_file(path, &value) == 0 ? value : NULL;
}

/* Of the machine itself: a mouse or a headset has one of its own. */
static bool is_battery_of_machine(const char *directory, const char *supply)
{
	auto_free char *scope = property(directory, supply, "scope");

	return !text_equal(scope, "Device");
}

static bool gives_mains(const char *directory, const char *supply, const char *type)
{
	auto_free char *online = property(directory, supply, "online");
	auto_free char *status = property(directory, supply, "status");

	if (!text_equal(type, "Battery"))
		return text_equal(online, "1");
	/* what charges a battery is not always told as a supply of its own */
	return text_equal(status, "Charging") || text_equal(status, "Full") ||
	       text_equal(status, "Not charging");
}

int battery_in_use(const char *directory)
{
	__attribute__((cleanup(auto_directory_))) DIR *supplies = opendir(directory);
	bool battery = false;
	struct dirent *entry;

	if (!supplies)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(supplies))) {
		auto_free char *type = NULL;

		if (entry->d_name[0] == '.')
			continue;
		type = property(directory, entry->d_name, "type");
		if (text_equal(type, "Battery") && !is_battery_of_machine(directory, entry->d_name))
			continue;
		if (gives_mains(directory, entry->d_name, type))
			return 0;
		battery = battery || text_equal(type, "Battery");
	}
	return battery;
}

/* --- network link ------------------------------------------------------------------------------- */

/* NetworkManager's NMMetered: 1 yes, 3 guessed yes. It is not started for this question. */
int metered_link(sd_bus *bus)
{
	auto_message sd_bus_message *call = NULL, *reply = NULL;
	uint32_t metered = 0;
	int result = systemd()->sd_bus_message_new_method_call(
		bus, &call, "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager",
		"org.freedesktop.DBus.Properties", "Get");

	if (result >= 0)
		result = systemd()->sd_bus_message_append(
			call, "ss", "org.freedesktop.NetworkManager", "Metered");
	if (result >= 0)
		result = systemd()->sd_bus_message_set_auto_start(call, false);
	if (result >= 0)
		result = systemd()->sd_bus_call(bus, call, 0, NULL, &reply);
	if (result >= 0)
		result = systemd()->sd_bus_message_read(reply, "v", "u", &metered);
	return result < 0 ? result : metered == 1 || metered == 3;
}

/* --- people and programs ------------------------------------------------------------------------ */

static bool is_persons(const char *session)
{
	auto_free char *class = NULL, *state = NULL;

	return systemd()->sd_session_get_class(session, &class) >= 0 &&
	       text_starts(class, "user") &&
	       systemd()->sd_session_get_state(session, &state) >= 0 &&
	       !text_equal(state, "closing");
}

static char *name_of(uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user ? xstrdup(user->pw_name) : xasprintf("user %u", uid);
}

static int people(struct host_strings *ret)
{
	char **sessions = NULL;
	int result = systemd() ? systemd()->sd_get_sessions(&sessions) : -ENOPKG;

	for (char **session = sessions; result > 0 && *session; session++) {
		auto_free char *name = NULL;
		uid_t uid;

		if (!is_persons(*session) || systemd()->sd_session_get_uid(*session, &uid) < 0)
			continue;
		name = name_of(uid);
		host_strings_add(ret, name);
	}
	for (char **session = sessions; session && *session; session++)
		free(*session);
	free(sessions);
	return result < 0 ? result : 0;
}

static void add_inhibitor(const char *what, const char *mode, const char *sentence,
			  struct host_strings *ret)
{
	static const char shutdown[] = "shutdown";
	const char *found = strstr(what, shutdown);

	if (found && text_equal(mode, "block"))
		host_strings_add(ret, sentence);
}

int shutdown_inhibitors(sd_bus *bus, struct host_strings *ret)
{
	auto_message sd_bus_message *reply = NULL;
	const char *what, *who, *why, *mode;
	int result =
		systemd()->sd_bus_call_method(bus, BUS_LOGIN, "ListInhibitors", NULL, &reply, "");

	if (result >= 0)
		result = systemd()->sd_bus_message_enter_container(reply, 'a', "(ssssuu)");
	while (result >= 0) {
		auto_free char *sentence = NULL;

		result = systemd()->sd_bus_message_read(reply, "(ssssuu)", &what, &who, &why, &mode,
							NULL, NULL);
		if (result <= 0)
			break;
		sentence = xasprintf("%s (%s)", who, why);
		add_inhibitor(what, mode, sentence, ret);
	}
	return result < 0 ? result : 0;
}

/* --- the whole ---------------------------------------------------------------------------------- */

static int load_percent(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	double load;

	if (getloadavg(&load, 1) != 1 || processors < 1)
		return -1;
	return (int)(load * 100 / (double)processors);
}

static int known(int result)
{
	return result < 0 ? -1 : result;
}

int linux_surroundings(struct host *host, struct host_surroundings *ret)
{
	auto_bus sd_bus *bus = NULL;

	if (!linux_of(host)->live)
		return -ENOSYS;
	*ret = (struct host_surroundings){
		.on_battery = known(battery_in_use(SUPPLIES)),
		.metered = -1,
		.load_percent = load_percent(),
	};
	people(&ret->users);
	if (bus_connect(&bus) < 0)
		return 0;
	ret->metered = known(metered_link(bus));
	shutdown_inhibitors(bus, &ret->inhibitors);
	return 0;
}

int linux_utc_offset(struct host *host, int64_t when, int *ret_sec)
{
	time_t time = (time_t)when;
	struct tm broken;

	(void)host;
	tzset();
	if (!localtime_r(&time, &broken))
		return -EOVERFLOW;
	*ret_sec = (int)broken.tm_gmtoff;
	return 0;
}
