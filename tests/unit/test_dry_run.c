/* Verbs about sessions, pins and repair: what they show before, and names that are refused. */
#include <string.h>
#include "engine_judge.h"
#include "text.h"
#include "verbs.h"

/* 2 is current; somebody picked 1 in the menu. */
static void open_world(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	must(engine_offer(&world->machine, 2, &err));
	must(engine_bless(&world->machine, 2, &err));
	engine_runs(world, 1, 2, false, "b1");
	must(engine_world_reopen(world, &world->fake->host, &err));
	fake_host_mark(world->fake);
}

typedef bool verb_of(struct machine *, const struct verb_request *, json_t **, struct err *);

static const struct {
	verb_of *verb;
	struct verb_request request;
	const char *step, *note; /* that is shown; NULL = none */
} shown[] = {
	{verb_keep, {.verb = "keep"}, "set-default", "/home, /root"},
	{verb_discard, {.verb = "discard"}, NULL, "the next boot returns to generation 2"},
	{verb_pin, {.verb = "pin", .which = "2", .name = "party"}, "replace", NULL},
	{verb_pin, {.verb = "unpin", .which = "2"}, "replace", NULL},
	{verb_rollback, {.verb = "rollback", .which = "1"}, "set-default", "/home, /root"},
};

START_TEST(a_dry_run_shows_the_steps_and_does_none)
{
	for (size_t i = 0; i < COUNT(shown); i++) {
		struct verb_request request = shown[i].request;
		auto_free char *printed = NULL;
		struct engine_world world;
		struct err err = {0};
		json_t *answer = NULL;

		open_world(&world);
		request.dry_run = true;
		must(shown[i].verb(&world.machine, &request, &answer, &err));
		ck_assert_uint_eq(world.fake->effect_count, 0);
		ck_assert(!world.fake->locked && !world.fake->reboot_required);
		printed = json_dumps(answer, JSON_SORT_KEYS);
		ck_assert_ptr_nonnull(strstr(printed, "\"outcome\": \"planned\""));
		ck_assert_ptr_nonnull(strstr(printed, request.verb));
		ck_assert_msg(!shown[i].step || strstr(printed, shown[i].step), "%s", printed);
		ck_assert_msg(!shown[i].note || strstr(printed, shown[i].note), "%s", printed);
		json_decref(answer);
		engine_world_done(&world);
	}
}
END_TEST

START_TEST(what_would_be_refused_is_refused_before)
{
	static verb_of *const verbs[] = {verb_keep, verb_discard};
	struct verb_request request = {.verb = "keep", .dry_run = true};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	engine_runs(&world, 2, 4, false, "b2");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	for (size_t i = 0; i < COUNT(verbs); i++) {
		err = (struct err){0};
		ck_assert(!verbs[i](&world.machine, &request, &answer, &err));
		ck_assert_ptr_nonnull(strstr(err.text, "this is a normal session"));
	}
	engine_world_done(&world);
}
END_TEST

START_TEST(a_repair_is_not_foretold)
{
	struct verb_request request = {.verb = "repair", .dry_run = true};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	ck_assert(!verb_repair(&world.machine, &request, &answer, &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_str_eq(err.hint, "sudo moult check");
	ck_assert_uint_eq(world.fake->effect_count, 0);
	engine_world_done(&world);
}
END_TEST

static const struct {
	const char *name;
	enum err_kind refused; /* ERR_NONE = it is a name */
} names[] = {
	{"before-party", ERR_NONE},
	{"7up", ERR_NONE},
	{"a", ERR_NONE},
	{"v1.2+x_y", ERR_NONE},
	{"-n", ERR_USAGE},
	{"--json", ERR_USAGE},
	{".hidden", ERR_USAGE},
	{"+1", ERR_USAGE},
	{"_x", ERR_USAGE},
	{"last", ERR_USAGE},
	{"12", ERR_USAGE},
	{"", ERR_USAGE},
	{"a b", ERR_USAGE},
	{"taken", ERR_REFUSED},
	{"a123456789012345678901234567890123", ERR_USAGE},
};

START_TEST(a_name_is_a_word_that_no_other_generation_has)
{
	struct verb_request taken = {.verb = "pin", .which = "1", .name = "taken"};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	must(verb_pin(&world.machine, &taken, &answer, &err));
	json_decref(answer);
	for (size_t i = 0; i < COUNT(names); i++) {
		struct verb_request request = {.verb = "pin", .which = "2", .name = names[i].name};
		bool done;

		answer = NULL;
		err = (struct err){0};
		done = verb_pin(&world.machine, &request, &answer, &err);
		ck_assert_msg(done == (names[i].refused == ERR_NONE), "%s", names[i].name);
		ck_assert_int_eq(err.kind, names[i].refused);
		json_decref(answer);
	}
	ck_assert_str_eq(find(&world, 2)->name, "v1.2+x_y");
	/* its own it may have again */
	err = (struct err){0};
	must(verb_pin(&world.machine, &taken, &answer, &err));
	json_decref(answer);
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("dry_run", a_dry_run_shows_the_steps_and_does_none,
	  what_would_be_refused_is_refused_before, a_repair_is_not_foretold,
	  a_name_is_a_word_that_no_other_generation_has)
