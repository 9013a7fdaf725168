#include "notices.h"
#include <string.h>
#include "late.h"
#include "proposal.h"
#include "report.h"
#include "safe.h"

/* --- what a person reads who logs in ------------------------------------------------------------- */

/* Found bad, or out of tries before anything could be found. */
static bool came_to_nothing(const struct generation *gen)
{
	return !gen->damage && gen->reason && (gen->state == GEN_BAD || gen->state == GEN_BUILT);
}

/*
 * What it did to the data both share is done: its daemons may have changed it before they failed.
 * The generation that runs is the one to name, for it stays what it is.
 */
static void add_data(const struct machine *machine, const struct generation *gen, struct text *text)
{
	auto_free char *prefix = xasprintf("@gens/%u/data/", gen->id);
	const char *only = NULL;
	size_t count = 0;

	for (size_t i = 0; i < machine->listing.subvolume_count; i++)
		if (text_starts(machine->listing.subvolumes[i], prefix)) {
			only = machine->listing.subvolumes[i] + strlen(prefix);
			count++;
		}
	if (count == 0)
		return;
	text_addf(text, "       data as it was before that: sudo moult rollback %d --data ",
		  machine->listing.running.booted);
	if (count == 1)
		text_add_safe(text, only + (only[0] == '@' && only[1]));
	else
		text_add(text, "NAME");
	text_add(text, "\n");
}

static void add_left(const struct machine *machine, const struct generation *gen, struct text *text)
{
	auto_free char *place = xasprintf("@moult/left/%u", gen->id);
	struct host_stat stat;

	if (machine->host->ops->stat(machine->host, VOLUME_POOL, place, &stat) == 0)
		text_addf(text, "       edited in it: copies are in /var/lib/moult/left/%u\n",
			  gen->id);
}

/* The reason may be the last words of some program: they must not reach a terminal as they are. */
static void add_failed(const struct machine *machine, struct text *text)
{
	const struct generation *current = listing_current(&machine->listing);

	for (size_t i = machine->listing.count; i > 0; i--) {
		const struct generation *gen = &machine->listing.generations[i - 1];

		if (!came_to_nothing(gen) || !current || gen->id < current->id)
			continue;
		text_addf(text, "moult: generation %u did not come up (", gen->id);
		text_add_safe(text, gen->reason);
		text_addf(text,
			  "); this is generation %d.\n"
			  "       look into it: sudo moult log %u\n",
			  machine->listing.running.booted, gen->id);
		add_data(machine, gen, text);
		add_left(machine, gen, text);
		break;
	}
}

static void add_stale(const struct machine *machine, struct text *text)
{
	const struct generation *pending = listing_pending(&machine->listing);

	if (!pending || !pending->stale)
		return;
	text_addf(text, "moult: generation %u is stale and will not be booted: ", pending->id);
	text_add_safe(text, pending->stale_why ? pending->stale_why : "what runs was changed");
	text_addf(text, ".\n       build it again: %s\n", late_remedy(pending));
}

/* The same fault in what runs now: it lies in the data that both share, or around the machine. */
static void add_unhealthy(const struct machine *machine, const json_t *status, struct text *text)
{
	const json_t *health = json_object_get(json_object_get(status, "unattended"), "health");

	if (!json_is_false(json_object_get(health, "healthy")))
		return;
	text_add(text, "moult: ");
	text_add_safe(text, json_string_value(json_object_get(health, "why")));
	text_addf(text,
		  "\n       this is generation %d, which was good before: look for the cause in "
		  "data and surroundings.\n       try: sudo moult health\n",
		  machine->listing.running.booted);
}

/* The same for what current tried: it runs as it did before. */
static void add_refused(const struct machine *machine, struct text *text)
{
	const struct generation *current = listing_current(&machine->listing);
	const struct publication *pub = current ? generation_refused(current) : NULL;

	if (!pub)
		return;
	text_addf(text, "moult: the new %s of generation %u did not come up (",
		  generation_novelty(current, pub), current->id);
	text_add_safe(text, pub->reason);
	text_addf(text,
		  "); it runs without.\n"
		  "       look into it: sudo moult show %u\n",
		  current->id);
}

static void add_session(const struct machine *machine, struct text *text)
{
	const char *session = report_session(machine);
	const struct generation *current = listing_current(&machine->listing);
	const struct running *running = &machine->listing.running;
	bool same = current && running->booted == (int)current->id;
	const struct publication *pub = same ? generation_proposed(current) : NULL;

	if (strcmp(session, "temporary") == 0 && same)
		text_addf(text,
			  "moult: this is a temporary session of generation %u with its former "
			  "kernel or command line;\n       the next boot returns to the present "
			  "one.\n",
			  current->id);
	else if (strcmp(session, "temporary") == 0)
		text_addf(text,
			  "moult: this is a temporary session of generation %d; the next boot "
			  "returns to "
			  "generation %u.\n",
			  running->booted, current ? current->id : 0);
	if (strcmp(session, "temporary") == 0)
		text_add(text, "       keep it: sudo moult keep     leave it: sudo reboot\n");
	if (strcmp(session, "trial") == 0 && pub)
		text_addf(text, "moult: the new %s of generation %u is on trial.\n",
			  generation_novelty(current, pub), current->id);
	else if (strcmp(session, "trial") == 0)
		text_addf(text, "moult: generation %d is on trial.\n", running->booted);
}

static char *motd_text(const struct machine *machine, const json_t *status)
{
	struct text text = {0};

	add_session(machine, &text);
	add_failed(machine, &text);
	add_stale(machine, &text);
	add_unhealthy(machine, status, &text);
	add_refused(machine, &text);
	return text_take(&text);
}

/* --- whether a reboot is wanted ------------------------------------------------------------------ */

static bool same_content(const struct publication *a, const struct publication *b)
{
	return strcmp(a->linux_sha256, b->linux_sha256) == 0 &&
	       strcmp(a->initrd_sha256, b->initrd_sha256) == 0 &&
	       text_equal(a->options, b->options);
}

/* A bless gives what runs a new serial; with the same kernel that is no other system. */
static bool is_what_runs(const struct machine *machine, const struct menu_entry *next)
{
	const struct running *running = &machine->listing.running;
	const struct generation *gen = listing_find(&machine->listing, next->generation);
	const struct publication *booted, *boots;

	if ((int)next->generation != running->booted || listing_adopting(&machine->listing))
		return false;
	if (next->serial == running->serial || !gen || gen->damage)
		return true;
	booted = generation_find_publication(gen, running->serial);
	boots = generation_find_publication(gen, next->serial);
	return !booted || !boots || same_content(booted, boots);
}

/*
 * A trial, and a session that somebody picked in the menu, are left by the next boot anyhow: that
 * alone is nothing to hurry a reboot for.
 */
static void publish_reboot(const struct operation *operation)
{
	struct machine *machine = operation->machine;
	const struct menu_entry *next = machine->has_boot ? menu_next(&machine->menu) : NULL;
	bool same;

	if (!next || machine->listing.running.booted < 0)
		return;
	same = is_what_runs(machine, next);
	if (!same && strcmp(report_session(machine), "normal") != 0 &&
	    next->serial == operation->next_serial)
		return;
	machine->host->ops->reboot_required(machine->host, !same);
}

/* systemd-shutdown runs moult for every machine; this tells it apart where there is something to do. */
static void publish_shutdown(const struct machine *machine)
{
	const struct generation *first = listing_adopting(&machine->listing);

	if (first && first->carve == CARVE_SHUTDOWN)
		machine->host->ops->publish_status(machine->host, "at-shutdown",
						   "generation 1 is made at shutdown\n");
}

/* --- the whole ---------------------------------------------------------------------------------- */

void notices_tell(struct machine *machine)
{
	const struct host_ops *ops = machine->host->ops;
	auto_json json_t *status = report_status(machine);
	auto_free char *printed = json_print(status), *motd = motd_text(machine, status);

	ops->publish_status(machine->host, "status.json", printed);
	ops->publish_status(machine->host, "motd", motd);
}

/* A kernel that wakes up again would go on writing to file systems that another generation used meanwhile. */
static void mask_hibernation(struct machine *machine)
{
	machine->host->ops->hibernation(machine->host, listing_pending(&machine->listing) == NULL);
}

void notices_publish(const struct operation *operation)
{
	struct machine *machine = operation->machine;
	struct err unused = {0};

	if (!machine->listing.running.live || !machine_refresh(machine, &unused))
		return;
	notices_tell(machine);
	mask_hibernation(machine);
	publish_reboot(operation);
	publish_shutdown(machine);
}
