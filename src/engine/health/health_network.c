/* Whether the machine can be reached as before, reaches its neighbours, and knows what time it is. */
#include <string.h>
#include "health_check.h"
#include "text.h"

static struct host *host_of(const struct health *health)
{
	return health->machine->host;
}

static bool unknown(int r, const char *what, char **ret_why)
{
	*ret_why = xasprintf("cannot tell %s: %s", what, strerror(-r));
	return false;
}

/* Asked once for all checks of one round: it may take seconds. */
static bool network_of(struct health *health, const char *what, char **ret_why)
{
	int r;

	if (health->network_round == health->round)
		return true;
	host_network_done(&health->network);
	r = host_of(health)->ops->network(host_of(health), &health->network);
	if (r < 0)
		return unknown(r, what, ret_why);
	health->network_round = health->round;
	return true;
}

/* Those of a list kept in the last good boot that are not there now; "" = all are. Caller frees. */
static char *missing(const struct health *health, const char *list, const struct host_strings *now)
{
	const json_t *before = json_object_get(health->memory, list);
	struct text text = {0};

	for (size_t i = 0; i < json_array_size(before); i++) {
		const char *name = json_string_value(json_array_get(before, i));

		if (name && !host_strings_have(now, name))
			text_addf(&text, "%s%s", text.length > 0 ? ", " : "", text_quote(name));
	}
	return text_take(&text);
}

/* The unit may run and let nobody in: it is the greeting that counts. */
bool check_remote(struct health *health, char **ret_why)
{
	auto_free char *ports = NULL;

	if (!network_of(health, "whether remote logins answer", ret_why))
		return false;
	ports = missing(health, "remote", &health->network.remote);
	if (!*ports)
		return true;
	*ret_why = xasprintf("no remote login answers on TCP port %s, where one did in the last "
			     "good boot",
			     ports);
	return false;
}

/* One that answers is as good as another; but a link over which no packet goes is none. */
bool check_gateway(struct health *health, char **ret_why)
{
	const json_t *before = json_object_get(health->memory, "gateways");
	auto_free char *silent = NULL;

	if (!network_of(health, "whether the gateway answers", ret_why))
		return false;
	if (json_array_size(before) == 0 || health->network.gateways.count > 0)
		return true;
	silent = missing(health, "gateways", &health->network.gateways);
	*ret_why = xasprintf("no gateway answers; the last good boot had %s", silent);
	return false;
}

/* Whether they answer is up to others. */
bool check_name_servers(struct health *health, char **ret_why)
{
	const json_t *before = json_object_get(health->memory, "name_servers");

	if (!network_of(health, "which name servers are set", ret_why))
		return false;
	if (json_array_size(before) == 0 || health->network.name_servers.count > 0)
		return true;
	*ret_why = xstrdup("/etc/resolv.conf names no name server; the last good boot had one");
	return false;
}

/* --- the clock ---------------------------------------------------------------------------------- */

/* Certificates are not valid yet on such a machine, and nothing that asks for one works. */
bool check_clock_is_sane(struct health *health, char **ret_why)
{
	const struct listing *listing = &health->machine->listing;
	const struct generation *gen = listing_find(listing, (unsigned)listing->running.booted);
	int64_t now = host_of(health)->ops->clock(host_of(health), HOST_CLOCK_REAL_SEC);

	if (!gen || now >= gen->created)
		return true;
	*ret_why = xasprintf("the clock is %lld hours before the time when generation %u was made",
			     (long long)((gen->created - now + 3599) / 3600), gen->id);
	return false;
}

bool check_clock_is_set(struct health *health, char **ret_why)
{
	bool synchronised;
	int r;

	if (!json_is_true(json_object_get(health->memory, "clock_synchronised")))
		return true;
	r = host_of(health)->ops->clock_synchronised(host_of(health), &synchronised);
	if (r < 0)
		return unknown(r, "whether the clock is synchronised", ret_why);
	if (!synchronised)
		*ret_why = xstrdup("the clock is not synchronised; in the last good boot it was");
	return synchronised;
}
