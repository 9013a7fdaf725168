/* What a hook sees in the stage, what of it is writable, and where on the pool its writes land. */
#include <errno.h>
#include <string.h>
#include "fake_host.h"
#include "hook_mounts.h"
#include "text.h"
#include "unit.h"

static const struct stage_mount data[] = {
	{.kind = STAGE_OVERLAY, .at = "/usr/local", .lower = "l/local", .upper = "u/local"},
	{.kind = STAGE_OVERLAY, .at = "/var", .lower = "l/var", .upper = "u/var"},
	{.kind = STAGE_OVERLAY, .at = "/var/lib/deep", .lower = "l/deep", .upper = "u/deep"},
};

struct world {
	struct fake_host *fake;
	struct machine machine;
	struct hook hook;
	struct hook_job job;
};

static void open_world(struct world *world, const char *writes)
{
	auto_free char *header = xasprintf("# moult-hook: writes=%s\n", writes);
	struct err err = {0};

	*world = (struct world){.fake = fake_host_new(), .hook = {.name = (char *)"10-a"}};
	fake_host_put(world->fake, VOLUME_POOL, "m/root/usr/bin/sh", "");
	fake_host_put(world->fake, VOLUME_POOL, "m/root/etc/hostname", "");
	fake_host_put(world->fake, VOLUME_POOL, "l/var/lib/a/file", "");
	fake_host_put(world->fake, VOLUME_POOL, "u/var/lib/new/file", "");
	ck_assert_int_eq(world->fake->host.ops->make_symlink(&world->fake->host, VOLUME_POOL,
							     "elsewhere", "l/var/lib/link"),
			 0);
	ck_assert(hook_header_parse("10-a", header, strlen(header), &world->hook.header, &err));
	world->machine.host = &world->fake->host;
	world->job = (struct hook_job){.machine = &world->machine,
				       .hook = &world->hook,
				       .making = "m",
				       .data = data,
				       .data_count = COUNT(data)};
}

/* "/etc" bound, "w:/var/lib/a" made writable, "ro:/var" and "rw:/var" overlays. */
static char *describe(const struct hook_mounts *mounts)
{
	struct text text = {0};

	for (size_t i = 0; i < mounts->count; i++) {
		const struct stage_mount *mount = &mounts->mounts[i];

		text_addf(&text, "%s%s ",
			  mount->kind == STAGE_BIND	  ? ""
			  : mount->kind == STAGE_WRITABLE ? "w:"
			  : mount->read_only		  ? "ro:"
							  : "rw:",
			  mount->at);
	}
	return text_take(&text);
}

static const struct {
	const char *writes, *mounts, *places;
} cases[] = {
	{"", "ro:/usr/local ro:/var ro:/var/lib/deep ", ""},
	{"/etc", "/etc ro:/usr/local ro:/var ro:/var/lib/deep ", "m/root/etc "},
	{"/var/lib/a", "ro:/usr/local ro:/var w:/var/lib/a ro:/var/lib/deep ", "u/var/lib/a "},
	{"/var/lib/new", "ro:/usr/local ro:/var w:/var/lib/new ro:/var/lib/deep ",
	 "u/var/lib/new "},
	/* what is mounted below a declared path is part of it, and not hidden by it */
	{"/var/lib", "ro:/usr/local ro:/var w:/var/lib rw:/var/lib/deep ", "u/var/lib u/deep "},
	{"/var", "ro:/usr/local rw:/var rw:/var/lib/deep ", "u/var u/deep "},
	{"/usr", "/usr rw:/usr/local ro:/var ro:/var/lib/deep ", "m/root/usr u/local "},
	{"/var/lib/a,/etc", "/etc ro:/usr/local ro:/var w:/var/lib/a ro:/var/lib/deep ",
	 "u/var/lib/a m/root/etc "},
};

START_TEST(what_is_declared_is_writable_and_nothing_else)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_hook_mounts struct hook_mounts mounts = {0};
		auto_host_strings struct host_strings places = {0};
		auto_free char *described = NULL;
		auto_text struct text joined = {0};
		struct world world;
		struct err err = {0};

		open_world(&world, cases[i].writes);
		ck_assert_msg(hook_mounts_make(&world.job, &mounts, &err), "%s", err.text);
		described = describe(&mounts);
		ck_assert_str_eq(described, cases[i].mounts);
		hook_mounts_places(&world.job, &places);
		text_add(&joined, "");
		for (size_t j = 0; j < places.count; j++)
			text_addf(&joined, "%s ", places.strings[j]);
		ck_assert_str_eq(joined.bytes, cases[i].places);
		fake_host_free(world.fake);
	}
}
END_TEST

START_TEST(what_is_not_there_cannot_be_declared)
{
	static const char *const refused[][2] = {
		{"/etc/none", "'/etc/none', which the copy does not have"},
		{"/var/lib/none", "'/var/lib/none', which the copy does not have"},
		{"/variety", "which the copy does not have"},
		{"/var/lib/a,/var/lib/link", "'/var/lib/link', which is a link"},
	};

	for (size_t i = 0; i < COUNT(refused); i++) {
		auto_hook_mounts struct hook_mounts mounts = {0};
		struct world world;
		struct err err = {0};

		open_world(&world, refused[i][0]);
		ck_assert(!hook_mounts_make(&world.job, &mounts, &err));
		ck_assert_int_eq(err.kind, ERR_REFUSED);
		ck_assert_msg(strstr(err.text, refused[i][1]) != NULL, "%s", err.text);
		fake_host_free(world.fake);
	}
}
END_TEST

UNIT_MAIN("hook_mounts", what_is_declared_is_writable_and_nothing_else,
	  what_is_not_there_cannot_be_declared)
