/*
 * linux_bus - libsystemd and the system bus, for the files that are its clients; nobody else includes it.
 *
 * The library is loaded with the first connection: most verbs ask nobody anything.
 */
#pragma once
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-bus.h>
#include <systemd/sd-journal.h>
#include <systemd/sd-login.h>
#include "library.h"
#include "linux_internal.h"

#define SYSTEMD_FUNCTIONS(X)                                                                       \
	X(sd_bus_call)                                                                             \
	X(sd_bus_call_method)                                                                      \
	X(sd_bus_flush_close_unref)                                                                \
	X(sd_bus_message_append)                                                                   \
	X(sd_bus_message_enter_container)                                                          \
	X(sd_bus_message_new_method_call)                                                          \
	X(sd_bus_message_read)                                                                     \
	X(sd_bus_message_set_auto_start)                                                           \
	X(sd_bus_message_unref)                                                                    \
	X(sd_bus_open_system)                                                                      \
	X(sd_bus_set_method_call_timeout)                                                          \
	X(sd_get_sessions)                                                                         \
	X(sd_journal_sendv)                                                                        \
	X(sd_session_get_class)                                                                    \
	X(sd_session_get_state)                                                                    \
	X(sd_session_get_uid)

struct systemd_library {
	SYSTEMD_FUNCTIONS(LIBRARY_MEMBER)
};

/* NULL where it is not installed; whoever has a connection has it. */
const struct systemd_library *systemd(void);

#define BUS_LOGIN                                                                                  \
	"org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"

static inline void bus_done(sd_bus *bus)
{
	systemd()->sd_bus_flush_close_unref(bus);
}

static inline void message_done(sd_bus_message *message)
{
	systemd()->sd_bus_message_unref(message);
}

DEFINE_AUTO(bus, sd_bus *, bus_done)
#define auto_bus __attribute__((cleanup(auto_bus_)))
DEFINE_AUTO(message, sd_bus_message *, message_done)
#define auto_message __attribute__((cleanup(auto_message_)))

/* A connection on which no call takes longer than ten seconds. */
int bus_connect(sd_bus **ret);

/* linux_surroundings.c */
/* 1 = NetworkManager says that the link costs by the byte; it is not started for this question. */
int metered_link(sd_bus *bus);
/* What blocks a shutdown, as "who (why)". */
int shutdown_inhibitors(sd_bus *bus, struct host_strings *ret);
