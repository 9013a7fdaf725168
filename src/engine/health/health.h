/*
 * health - is the system that runs now as well as it was?
 *
 * Built-in checks compare with @moult/health.json, which health_remember() writes when a boot was
 * found good; then the owner's programs in /etc/moult/health.d/ are asked. `required` ones decide,
 * `wanted` ones are only told. What fails is asked again for a while: a boot is not an instant.
 * The verb itself, verb_health(), is declared in verbs.h.
 */
#pragma once
#include "machine.h"

#define HEALTH_DIRECTORY "etc/moult/health.d"
#define HEALTH_MEMORY "@moult/health.json"
#define HEALTH_FAILURE "@moult/health-failed.json"

/* How long what is required may go on failing before the verdict, and how often it is asked. */
#define HEALTH_PATIENCE_SEC 30
#define HEALTH_PAUSE_SEC 2
/* Of one program. */
#define HEALTH_TIMEOUT_SEC 60
/* Less than this free is not healthy. */
#define HEALTH_DATA_FLOOR_MIB 64
#define HEALTH_METADATA_FLOOR_MIB 16

/* All programs that are stopped for a reboot together take at most so long. */
#define HEALTH_STOP_SEC 20

/*
 * What later boots are compared with: failed units, default routes, remote logins, gateways, name
 * servers, the clock. Asked when a boot was found good, and before a change is put on trial: by then
 * its owner may have changed what was so at the boot. Not durable before a sync.
 */
bool health_remember(struct machine *machine, struct err *err);
/* The owner's checks with the argument `stop`: a failing trial is about to be rebooted. Never fails. */
void health_stop(struct machine *machine);
/* Why `moult health` failed last in this boot, where that is a trial; else NULL. Caller frees. */
char *health_failure(struct machine *machine);
