/*
 * linux_bus - the system bus, for the files that are its clients; nobody else includes it.
 */
#pragma once
#include <systemd/sd-bus.h>
#include "linux_internal.h"

#define BUS_LOGIN                                                                                  \
	"org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"

DEFINE_AUTO(bus, sd_bus *, sd_bus_flush_close_unref)
#define auto_bus __attribute__((cleanup(auto_bus_)))
DEFINE_AUTO(message, sd_bus_message *, sd_bus_message_unref)
#define auto_message __attribute__((cleanup(auto_message_)))

/* A connection on which no call takes longer than ten seconds. */
int bus_connect(sd_bus **ret);

/* linux_surroundings.c */
/* 1 = NetworkManager says that the link costs by the byte; it is not started for this question. */
int metered_link(sd_bus *bus);
/* What blocks a shutdown, as "who (why)". */
int shutdown_inhibitors(sd_bus *bus, struct host_strings *ret);
