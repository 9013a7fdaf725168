/* linux_systemd - what the service manager is asked, as a client of the system bus. */
#include <errno.h>
#include <sys/reboot.h>
#include "linux_bus.h"

#define MANAGER                                                                                    \
	"org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
#define TIMEOUT_USEC 10000000

const struct systemd_library *systemd(void)
{
	static struct systemd_library functions;
	static const struct library_function wanted[] = {SYSTEMD_FUNCTIONS(LIBRARY_FUNCTION)};
	static struct library library = {"libsystemd.so.0", wanted, COUNT(wanted), false, false};

	return library_load(&library) ? &functions : NULL;
}

int bus_connect(sd_bus **ret)
{
	int result = systemd() ? systemd()->sd_bus_open_system(ret) : -ENOPKG;

	if (result < 0)
		return result;
	return systemd()->sd_bus_set_method_call_timeout(*ret, TIMEOUT_USEC);
}

static int read_units(sd_bus_message *reply, struct host_strings *ret)
{
	const char *name;
	int result = systemd()->sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");

	while (result >= 0) {
		result = systemd()->sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL,
							NULL, NULL, NULL, NULL, NULL, NULL, NULL);
		if (result <= 0)
			break;
		*array_add(ret->strings, ret->count) = xstrdup(name);
	}
	return result;
}

int linux_failed_units(struct host *host, struct host_strings *ret)
{
	auto_bus sd_bus *bus = NULL;
	auto_message sd_bus_message *reply = NULL;
	auto_host_strings struct host_strings units = {0};
	int result;

	if (!linux_of(host)->live)
		return -ENOSYS;
	result = bus_connect(&bus);
	if (result >= 0)
		result = systemd()->sd_bus_call_method(bus, MANAGER, "ListUnitsFiltered", NULL,
						       &reply, "as", 1, "failed");
	if (result >= 0)
		result = read_units(reply, &units);
	if (result < 0)
		return result;
	*ret = units;
	units = (struct host_strings){0};
	return 0;
}

/* Services are stopped in their order. logind knows of inhibitors; without it, the target does. */
static int reboot_politely(sd_bus *bus)
{
	if (systemd()->sd_bus_call_method(bus, BUS_LOGIN, "Reboot", NULL, NULL, "b", 0) >= 0)
		return 0;
	return systemd()->sd_bus_call_method(bus, MANAGER, "StartUnit", NULL, NULL, "ss",
					     "reboot.target", "replace-irreversibly");
}

int linux_reboot(struct host *host, bool force)
{
	auto_bus sd_bus *bus = NULL;
	int result;

	if (!linux_of(host)->live)
		return -ENOSYS;
	result = bus_connect(&bus);
	if (!force) {
		if (result >= 0)
			result = reboot_politely(bus);
		return result < 0 ? result : 0;
	}
	sync();
	if (result >= 0 &&
	    systemd()->sd_bus_call_method(bus, MANAGER, "Reboot", NULL, NULL, "") >= 0)
		return 0;
	/* the manager does not answer: a failing trial must not stay up */
	return reboot(RB_AUTOBOOT) < 0 ? -errno : 0;
}
