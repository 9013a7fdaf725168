#include "stage_world.h"
#include <string.h>

struct world world;

void stage_world_open(void)
{
	struct err err = {0};

	stage_root_make(&world.disk);
	if (!linux_host_open(&(struct linux_options){.sysroot = world.disk.image}, &world.host,
			     &err))
		ck_abort_msg("%s", err.text);
}

void stage_world_close(void)
{
	linux_host_close(world.host);
	stage_root_remove(&world.disk);
}

void stage_world_done(void)
{
	text_done(&world.output);
	text_done(&world.status);
}

static void on_line(void *userdata, enum stage_stream stream, const char *line)
{
	struct world *w = userdata;
	size_t length = strlen(line);

	text_addf(stream == STAGE_OUTPUT ? &w->output : &w->status, "%s\n", line);
	w->longest = length > w->longest ? length : w->longest;
	w->lines++;
}

static const char *const environment[] = {"PATH=/bin", "ONE=1", NULL};

int run_with(const struct stage *stage, struct stage_command command)
{
	text_done(&world.output);
	text_done(&world.status);
	text_add(&world.output, "");
	text_add(&world.status, "");
	world.longest = world.lines = 0;
	world.exit_status = -1;
	command.environment = environment;
	command.on_line = on_line;
	command.userdata = &world;
	if (command.timeout_sec == 0)
		command.timeout_sec = 20;
	return world.host->ops->run_stage(world.host, stage, &command, &world.exit_status);
}

int run_in(const struct stage *stage, const char *script)
{
	const char *const argv[] = {"sh", "-c", script, NULL};

	return run_with(stage, (struct stage_command){.argv = argv, .status_fd = 3});
}

const char *say(const char *script)
{
	static const struct stage stage = {
		.root = "root", .capabilities = ORDINARY, .hostname = "shed"};

	ck_assert_int_eq(run_in(&stage, script), 0);
	ck_assert_msg(world.exit_status == 0, "%s: status %d: %s", script, world.exit_status,
		      world.output.bytes);
	return world.output.bytes;
}

int64_t size_of(const char *path)
{
	struct host_stat st;

	return world.host->ops->stat(world.host, VOLUME_POOL, path, &st) < 0
		       ? -1
		       : (int64_t)st.size_bytes;
}
