/* What a generation keeps beside its root: packages, units, families and pristine defaults. */
#include <errno.h>
#include <string.h>
#include "fault_host.h"
#include "record.h"
#include "unit.h"
#include "verify_world.h"

static char *record_text(struct verify_world *world, const char *name)
{
	auto_free char *path = xasprintf("@gens/.4.tmp/record/%s", name);

	return xstrdup_or_null(fake_host_text(world->fake, VOLUME_POOL, path));
}

static void put_defaults(struct verify_world *world)
{
	put_in_copy(world, "etc/bash.bashrc", "abc");
	put_in_copy(world, "etc/bash/edited", "mine");
	put_in_copy(world, "etc/bash/kept", "mine too");
	verify_world_put(world, "@gens/.4.tmp", "new-defaults/etc/bash/edited", "abc");
	verify_world_put(world, "@gens/3/record", "etc.base/bash/kept", "abc");
	verify_world_put(world, "@gens/3/record", "etc.base/bash/lost", "an older default");
}

START_TEST(test_record)
{
	auto_verify_world struct verify_world world;
	const struct record_request wanted = {"@gens/.4.tmp", "@gens/3/record"};
	auto_free char *digest = NULL, *packages = NULL, *families = NULL, *unknown = NULL;
	auto_host_subvolume struct host_subvolume subvolume = {0};
	struct host *host;
	struct err err = {0};

	verify_world_open(&world);
	host = &world.fake->host;
	put_defaults(&world);
	if (!record_write(&world.machine, &wanted, &digest, &err))
		ck_abort_msg("%s", err.text);
	ck_assert(digest_is_sha256(digest));
	packages = record_text(&world, "packages.json");
	ck_assert_ptr_nonnull(strstr(packages, "\"version\": \"5.2\""));
	families = record_text(&world, "families.json");
	ck_assert_ptr_nonnull(strstr(families, "\"moult\""));
	unknown = record_text(&world, "etc.base.json");
	ck_assert_str_eq(unknown, "{\n  \"format_version\": 1,\n  \"unknown\": [\n"
				  "    \"/etc/bash/lost\"\n  ]\n}\n");
	ck_assert_str_eq(
		fake_host_text(world.fake, VOLUME_POOL, "@gens/.4.tmp/record/etc.base/bash.bashrc"),
		"abc");
	ck_assert_str_eq(
		fake_host_text(world.fake, VOLUME_POOL, "@gens/.4.tmp/record/etc.base/bash/edited"),
		"abc");
	ck_assert_str_eq(
		fake_host_text(world.fake, VOLUME_POOL, "@gens/.4.tmp/record/etc.base/bash/kept"),
		"abc");
	ck_assert_int_eq(host->ops->subvolume(host, "@gens/.4.tmp/record", &subvolume), 0);
	ck_assert(subvolume.read_only);
	ck_assert_int_lt(host->ops->subvolume(host, "@gens/.4.tmp/record.new", &subvolume), 0);
}
END_TEST

START_TEST(test_record_units)
{
	auto_verify_world struct verify_world world;
	const struct record_request wanted = {"@gens/.4.tmp", NULL};
	auto_free char *digest = NULL, *units = NULL;
	struct host *host;
	struct err err = {0};

	verify_world_open(&world);
	host = &world.fake->host;
	put_in_copy(&world, "etc/systemd/system/own.service", "[Unit]\n");
	put_in_copy(&world, "etc/systemd/system/multi-user.target.wants/x", "a file");
	host->ops->make_symlink(host, VOLUME_POOL, "/dev/null",
				COPY "/etc/systemd/system/masked.service");
	host->ops->make_symlink(host, VOLUME_POOL, "/lib/systemd/system/ssh.service",
				COPY "/etc/systemd/system/multi-user.target.wants/ssh.service");
	ck_assert(record_write(&world.machine, &wanted, &digest, &err));
	units = record_text(&world, "units.json");
	ck_assert_str_eq(units, "{\n  \"format_version\": 1,\n  \"links\": {\n"
				"    \"masked.service\": \"/dev/null\",\n"
				"    \"multi-user.target.wants/ssh.service\": "
				"\"/lib/systemd/system/ssh.service\"\n  }\n}\n");
}
END_TEST

START_TEST(test_record_fails)
{
	auto_verify_world struct verify_world world;
	const struct record_request wanted = {"@gens/.4.tmp", NULL};
	auto_free char *digest = NULL;
	struct err err = {0};

	verify_world_open(&world);
	fake_host_put_subvolume(world.fake, "@gens/.4.tmp/record.new");
	ck_assert(!record_write(&world.machine, &wanted, &digest, &err));
	ck_assert_int_eq(err.kind, ERR_SYSTEM);
	ck_assert_ptr_nonnull(strstr(err.text, "cannot write @gens/.4.tmp/record.new"));
	put_in_copy(&world, "usr/lib/sysimage/dpkg/status", "nonsense\n");
	ck_assert(!record_write(&world.machine, &wanted, &digest, &err));
	ck_assert_ptr_null(digest);
}
END_TEST

START_TEST(test_record_failing_calls)
{
	const struct record_request wanted = {"@gens/.4.tmp", "@gens/3/record"};
	unsigned calls = 1;

	for (unsigned at = 1; at <= calls; at++) {
		auto_verify_world struct verify_world world;
		auto_free char *digest = NULL;
		struct fault_host fault;
		struct err err = {0};
		bool written;

		verify_world_open(&world);
		put_defaults(&world);
		fault_host_init(&fault, &world.fake->host);
		world.machine.host = &fault.host;
		fault.fail_at = at;
		fault.errnum = EIO;
		written = record_write(&world.machine, &wanted, &digest, &err);
		ck_assert_int_eq(written, digest != NULL);
		ck_assert_int_eq(written, err.kind == ERR_NONE);
		if (fault.calls > calls)
			calls = fault.calls;
	}
	ck_assert_uint_gt(calls, 15);
}
END_TEST

UNIT_MAIN("record", test_record, test_record_units, test_record_fails, test_record_failing_calls)
