/* A failing trial is left: the owner's checks may bring to an end what they began. */
#include <string.h>
#include "health.h"
#include "health_check.h"

static int64_t now_usec(struct host *host)
{
	return host->ops->clock(host, HOST_CLOCK_MONOTONIC_USEC);
}

/* The time that is left is shared: the reboot does not wait for longer, whatever they do. */
void health_stop(struct machine *machine)
{
	struct host *host = machine->host;
	int64_t end = now_usec(host) + HEALTH_STOP_SEC * INT64_C(1000000);
	auto_health struct health health = {0};
	auto_verdicts struct verdicts verdicts = {0};
	struct err unused = {0};

	if (!health_open(&health, machine, &unused) || !verdicts_list(&health, &verdicts, &unused))
		return;
	for (size_t i = 0; i < verdicts.count; i++) {
		int64_t left_sec = (end - now_usec(host)) / 1000000;
		auto_free char *output = NULL;
		int status;

		if (!verdicts.list[i].program || left_sec < 1)
			continue;
		host->ops->run_program(host,
				       &(struct host_program){.path = verdicts.list[i].program,
							      .argument = "stop",
							      .timeout_sec = (unsigned)left_sec},
				       &output, &status);
	}
}
