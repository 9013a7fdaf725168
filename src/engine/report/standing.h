/*
 * standing - what timers found and decided last, kept in @moult/unattended.json from one to the next.
 *
 * A document, not durable before a sync: what is lost is found out again. Its members:
 *	since, last, failed   when a timer first looked at this machine, when an upgrade was looked for
 *	                      last, whether that came to nothing; seconds since 1970
 *	upgrade, reboot       {waits:[{code, why}]}: what holds them back; of a reboot also
 *	                      {serial, window} that `upgrade --when` asked for, and postponed_until
 *	available             {packages, when}: what the source has
 *	check                 {errors, when}: what the last look at the whole machine came to
 *	health                {boot_id, healthy, why, when}: of a boot that is no trial
 */
#pragma once
#include "machine.h"

#define STANDING_PATH "@moult/unattended.json"

/* A new object, empty where there is none that can be understood. Caller owns. */
bool standing_read(struct machine *machine, json_t **ret, struct err *err);
/* Written only where it differs from what is there: a timer comes every few minutes. */
bool standing_write(struct machine *machine, json_t *standing, struct err *err);
/* A member that is an object, made where it is missing; borrowed. */
json_t *standing_part(json_t *standing, const char *name);
/* The part of `status`: the same with times as stamps, and what the settings say. Caller owns. */
json_t *standing_report(struct machine *machine);
