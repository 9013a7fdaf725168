/*
 * replay: what the first boot adds to the data, with the power cut after every effect and with
 * every call failing once.
 */
#include <errno.h>
#include <string.h>
#include "fake_host.h"
#include "fault_host.h"
#include "fill.h"
#include "unit.h"

#define G "@gens/7/"

static void quiet(struct progress *progress, const char *sentence)
{
	(void)progress;
	(void)sentence;
}

static struct progress progress = {.note = quiet};

static const char document[] =
	"{\"format_version\":1,\"min_reader\":1,\"volumes\":["
	"{\"name\":\"@home\",\"subvolume\":\"@home\",\"mount_point\":\"/home\",\"changes\":[]},"
	"{\"name\":\"@var\",\"subvolume\":\"@var\",\"mount_point\":\"/var\",\"changes\":["
	"{\"path\":\"lib/db\",\"kind\":\"changed\"},{\"path\":\"lib/old\",\"kind\":\"removed\"},"
	"{\"path\":\"lib/dir\",\"kind\":\"removed\"}]}]}";

static struct fake_host *make_world(void)
{
	struct fake_host *fake = fake_host_new();

	fake_host_put_subvolume(fake, "@var");
	fake_host_put_subvolume(fake, "@home");
	fake_host_put(fake, VOLUME_POOL, "@var/lib/db", "1");
	fake_host_put(fake, VOLUME_POOL, "@var/lib/old", "x");
	fake_host_put(fake, VOLUME_POOL, "@var/lib/dir/inner", "x");
	fake_host_put(fake, VOLUME_POOL, "@var/lib/taken", "its own");
	fake_host_put(fake, VOLUME_POOL, "@var/lib/blocked", "a file where a directory would go");
	fake_host_put(fake, VOLUME_POOL, G "replay/@var/lib/db", "2");
	fake_host_put(fake, VOLUME_POOL, G "replay/@var/lib/dir/fresh", "y");
	fake_host_put(fake, VOLUME_POOL, G "replay/@var/lib/taken", "ours");
	fake_host_put(fake, VOLUME_POOL, G "replay/@var/lib/blocked/file", "ours");
	fake_host_put(fake, VOLUME_POOL, G "replay/@var/lib/new/deep/file", "n");
	fake_host_put(fake, VOLUME_POOL, G "replay/@home/user/.profile", "p");
	fake_host_put(fake, VOLUME_POOL, G "replay.json", document);
	return fake;
}

static bool replay(struct host *host, struct err *err)
{
	struct machine machine = {.host = host, .progress = &progress};

	return replay_run(&machine, 7, err);
}

static void assert_text(const struct fake_host *fake, const char *path, const char *wanted)
{
	ck_assert_msg(text_equal(fake_host_text(fake, VOLUME_POOL, path), wanted), "%s is %s", path,
		      fake_host_text(fake, VOLUME_POOL, path));
}

/* The data is as it shall be, and the data before the changes is kept. */
static void assert_replayed(const struct fake_host *fake)
{
	assert_text(fake, "@var/lib/db", "2");
	assert_text(fake, "@var/lib/old", NULL);
	assert_text(fake, "@var/lib/dir/inner", NULL);
	assert_text(fake, "@var/lib/dir/fresh", "y");
	assert_text(fake, "@var/lib/taken", "its own");
	assert_text(fake, "@var/lib/blocked", "a file where a directory would go");
	assert_text(fake, "@var/lib/new/deep/file", "n");
	assert_text(fake, "@home/user/.profile", "p");
	assert_text(fake, "@var/.moult-replay", NULL);
	assert_text(fake, G "data/@var/lib/db", "1");
	assert_text(fake, G "data/@var/lib/old", "x");
	assert_text(fake, G "data/@var/lib/dir/inner", "x");
	assert_text(fake, G "data/@home/user/.profile", NULL);
	assert_text(fake, G "replay/@var/lib/db", NULL);
	assert_text(fake, G "replay.done/@var/lib/db", "2");
}

START_TEST(new_names_appear_and_others_stay)
{
	auto_fake_host struct fake_host *fake = make_world();
	struct err err = {0};

	ck_assert_msg(replay(&fake->host, &err), "%s", err.text);
	assert_replayed(fake);
	/* what starts now may sync its own files alone: this must not be done over them once more */
	ck_assert_ptr_null(fake_host_pending(fake, 0));
	fake_host_mark(fake);
	ck_assert(replay(&fake->host, &err));
	ck_assert_uint_eq(fake->effect_count, 0);
}
END_TEST

START_TEST(a_generation_without_replay_has_nothing_to_do)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	struct err err = {0};

	ck_assert(replay(&fake->host, &err));
}
END_TEST

START_TEST(a_power_cut_anywhere_is_made_good_by_the_next_boot)
{
	auto_fake_host struct fake_host *fake = make_world();
	struct err err = {0};
	size_t cuts = 0;

	fake_host_mark(fake);
	ck_assert(replay(&fake->host, &err));
	for (size_t at = 0; at <= fake->effect_count; at++) {
		struct fake_cut cut;

		for (unsigned n = 0; fake_cut_some(fake, at, 100, n, &cut); n++, cuts++) {
			auto_fake_host struct fake_host *after = fake_host_after_cut(fake, &cut);

			ck_assert_msg(replay(&after->host, &err), "%s", err.text);
			assert_replayed(after);
		}
	}
	ck_assert_uint_gt(cuts, fake->effect_count);
}
END_TEST

START_TEST(a_failure_anywhere_is_told_and_made_good)
{
	unsigned failures = 0;

	for (unsigned call = 1;; call++) {
		auto_fake_host struct fake_host *fake = make_world();
		struct fault_host fault;
		struct err err = {0};

		fault_host_init(&fault, &fake->host);
		fault.fail_at = call;
		fault.errnum = EIO;
		if (replay(&fault.host, &err)) {
			if (fault.calls < call)
				break;
			continue;
		}
		failures++;
		ck_assert_int_ne(err.text[0], '\0');
		err = (struct err){0};
		ck_assert_msg(replay(&fake->host, &err), "%s", err.text);
		assert_replayed(fake);
	}
	ck_assert_uint_gt(failures, 20);
}
END_TEST

START_TEST(damaged_documents_are_refused)
{
	static const char *const documents[] = {
		"",
		"[]",
		"{\"min_reader\":2}",
		"{\"volumes\":3}",
		"{\"volumes\":[3]}",
		"{\"volumes\":[{}]}",
		"{\"volumes\":[{\"name\":\"../x\",\"subvolume\":\"@var\"}]}",
		"{\"volumes\":[{\"name\":\"@var\",\"subvolume\":\"\"}]}",
		"{\"volumes\":[{\"name\":\"@var\",\"subvolume\":\"@var\",\"changes\":7}]}",
	};

	for (size_t i = 0; i < COUNT(documents); i++) {
		auto_fake_host struct fake_host *fake = make_world();
		struct err err = {0};

		fake_host_put(fake, VOLUME_POOL, G "replay.json", documents[i]);
		ck_assert_msg(!replay(&fake->host, &err), "%s", documents[i]);
		assert_text(fake, "@var/lib/db", "1");
		assert_text(fake, G "replay/@var/lib/db", "2");
	}
}
END_TEST

UNIT_MAIN("replay", new_names_appear_and_others_stay, a_generation_without_replay_has_nothing_to_do,
	  a_power_cut_anywhere_is_made_good_by_the_next_boot,
	  a_failure_anywhere_is_told_and_made_good, damaged_documents_are_refused)
