#include "fake_machine.h"
#include <stdio.h>
#include <string.h>
#include "text.h"

static int copy_strings(struct host *host, const struct host_strings *from,
			struct host_strings *ret)
{
	if (!fake_of(host)->live)
		return -ENOSYS;
	*ret = (struct host_strings){0};
	for (size_t i = 0; i < from->count; i++)
		*array_add(ret->strings, ret->count) = xstrdup(from->strings[i]);
	return 0;
}

static void remember(char **record, const char *name, const char *text)
{
	char *longer = xasprintf("%s%s: %s\n", *record ? *record : "", name, text);

	free(*record);
	*record = longer;
}

int fake_run_stage(struct host *host, const struct stage *stage,
		   const struct stage_command *command, int *ret_status)
{
	struct fake_host *fake = fake_of(host);

	return fake->source ? fake->source(fake, stage, command, ret_status) : -ENOENT;
}

int64_t fake_clock(struct host *host, enum host_clock clock)
{
	return clock == HOST_CLOCK_REAL_SEC ? fake_of(host)->now_sec : fake_of(host)->now_usec;
}

/* The mount of / follows its subvolume. */
static const char *running_path(const struct fake_host *fake)
{
	const struct fake_volume *pool = &fake->disk.volumes[VOLUME_POOL];

	for (size_t i = 0; fake->running_id > 0 && i < pool->count; i++)
		if (pool->nodes[i].subvolume && pool->nodes[i].id == fake->running_id)
			return pool->nodes[i].path;
	return fake->running.root_path;
}

int fake_running(struct host *host, struct host_running *ret)
{
	const struct host_running *from = &fake_of(host)->running;

	if (!fake_of(host)->live)
		return -ENOSYS;
	*ret = (struct host_running){
		.root_path = xstrdup_or_null(running_path(fake_of(host))),
		.command_line = xstrdup_or_null(from->command_line),
		.boot_id = xstrdup_or_null(from->boot_id),
		.lower_path = xstrdup_or_null(from->lower_path),
		.entry = xstrdup_or_null(from->entry),
		.entry_default = xstrdup_or_null(from->entry_default),
	};
	return 0;
}

int fake_lock(struct host *host, const char *holder, char **ret_other)
{
	struct fake_host *fake = fake_of(host);

	(void)holder;
	if (fake->lock_holder || fake->locked) {
		*ret_other = xstrdup(fake->lock_holder ? fake->lock_holder : "this very process");
		return -EBUSY;
	}
	fake->locked = true;
	fake->locked_at = fake->effect_count;
	return 0;
}

void fake_unlock(struct host *host)
{
	fake_of(host)->locked = false;
}

int fake_package_lock(struct host *host, const char *root, unsigned wait_sec)
{
	(void)root;
	(void)wait_sec;
	if (fake_of(host)->packages_busy)
		return -EBUSY;
	fake_of(host)->package_locks++;
	return 0;
}

void fake_package_unlock(struct host *host)
{
	/* who gives everything up does not ask what there is */
	if (fake_of(host)->package_locks > 0)
		fake_of(host)->package_locks--;
}

int fake_failed_units(struct host *host, struct host_strings *ret)
{
	return copy_strings(host, &fake_of(host)->failed, ret);
}

int fake_default_routes(struct host *host, struct host_strings *ret)
{
	return copy_strings(host, &fake_of(host)->routes, ret);
}

int fake_mount_points(struct host *host, struct host_strings *ret)
{
	return copy_strings(host, &fake_of(host)->mounts, ret);
}

static int copy_lists(struct host *host, const struct host_strings *const *from,
		      struct host_strings *const *ret)
{
	int result = 0;

	for (size_t i = 0; result == 0 && from[i]; i++)
		result = copy_strings(host, from[i], ret[i]);
	return result;
}

int fake_surroundings(struct host *host, struct host_surroundings *ret)
{
	const struct host_surroundings *from = &fake_of(host)->surroundings;

	*ret = *from;
	return copy_lists(
		host, (const struct host_strings *const[]){&from->users, &from->inhibitors, NULL},
		(struct host_strings *const[]){&ret->users, &ret->inhibitors});
}

int fake_network(struct host *host, struct host_network *ret)
{
	const struct host_network *from = &fake_of(host)->network;

	return copy_lists(
		host,
		(const struct host_strings *const[]){&from->remote, &from->gateways,
						     &from->name_servers, NULL},
		(struct host_strings *const[]){&ret->remote, &ret->gateways, &ret->name_servers});
}

int fake_clock_synchronised(struct host *host, bool *ret)
{
	*ret = !fake_of(host)->clock_unsynchronised;
	return fake_of(host)->live ? 0 : -ENOSYS;
}

int fake_utc_offset(struct host *host, int64_t when, int *ret_sec)
{
	(void)when;
	*ret_sec = fake_of(host)->utc_offset_sec;
	return 0;
}

int fake_hibernation(struct host *host, bool allowed)
{
	fake_of(host)->hibernation_masked = !allowed;
	return 0;
}

int fake_swap_files(struct host *host, struct host_swaps *ret)
{
	const struct host_swaps *from = &fake_of(host)->swaps;

	*ret = (struct host_swaps){0};
	for (size_t i = 0; i < from->count; i++)
		*array_add(ret->swaps, ret->count) = (struct host_swap){
			xstrdup(from->swaps[i].path), xstrdup(from->swaps[i].subvolume)};
	return 0;
}

int fake_run_program(struct host *host, const struct host_program *program, char **ret_output,
		     int *ret_status)
{
	if (fake_of(host)->program)
		fake_of(host)->program(fake_of(host), program);
	*ret_output = xstrdup(fake_of(host)->check_output ? fake_of(host)->check_output : "");
	*ret_status = fake_of(host)->check_status;
	return 0;
}

int fake_reboot(struct host *host, bool force)
{
	fake_of(host)->reboots++;
	fake_of(host)->reboot_forced = force;
	return 0;
}

int fake_loader_entries(struct host *host, const char *const *loader_paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		remember(&fake_of(host)->firmware, "loader", loader_paths[i]);
	if (fake_of(host)->uefi)
		fake_firmware_register(fake_of(host), loader_paths, count);
	return 0;
}

int fake_publish_status(struct host *host, const char *name, const char *text)
{
	remember(&fake_of(host)->status, name, text);
	return 0;
}

int fake_reboot_required(struct host *host, bool required)
{
	fake_of(host)->reboot_required = required;
	return 0;
}

/* "ID: TEXT", and in brackets what else is known of it. */
/* What is told as done must not be lost any more. */
static void assert_durable(const struct fake_host *fake, const char *sentence)
{
	const char *pending = fake_host_pending(fake, fake->locked_at);

	if (!text_ends(sentence, ": done") || !pending)
		return;
	fprintf(stderr, "fake_host: %s, but %s may be lost\n", sentence, pending);
	abort();
}

void fake_log(struct host *host, const struct host_message *message)
{
	struct text text = {0};

	assert_durable(fake_of(host), message->text);
	text_add(&text, message->text);
	if (message->verb)
		text_addf(&text, " [%s]", message->verb);
	if (message->generation >= 0)
		text_addf(&text, " [generation %d]", message->generation);
	remember(&fake_of(host)->log, message->id ? message->id : "-", text.bytes);
	text_done(&text);
}

bool fake_interrupted(struct host *host)
{
	return fake_of(host)->interrupt;
}

int fake_sleep(struct host *host, unsigned milliseconds)
{
	struct fake_host *fake = fake_of(host);

	if (fake->on_sleep)
		fake->on_sleep(fake);
	if (fake->interrupt)
		return -EINTR;
	fake->now_usec += 1000LL * milliseconds;
	fake->now_sec += milliseconds / 1000;
	return 0;
}
