#include <string.h>
#include <time.h>
#include "render.h"
#include "unit.h"

/* 2026-11-22T22:00:00Z */
#define NOW 1795384800

static const struct view plain = {.now = NOW, .columns = 100};

static json_t *document_of(const char *text)
{
	json_t *document = json_loads(text, 0, NULL);

	ck_assert_msg(document != NULL, "%s", text);
	return document;
}

static char *shown(render_fn *render, const struct view *view, const char *text)
{
	auto_json json_t *document = document_of(text);
	struct text out = {0};

	setenv("TZ", "UTC0", 1);
	tzset();
	render(document, view, &out);
	return text_take(&out);
}

#define assert_shown(render, text, expected)                                                       \
	do {                                                                                       \
		auto_free char *got = shown(render, &plain, text);                                 \
		ck_assert_str_eq(got, expected);                                                   \
	} while (0)

#define GENERATIONS                                                                                \
	"\"generations\":["                                                                        \
	"{\"id\":0,\"state\":\"good\",\"source\":\"init\",\"created\":\"2026-11-01T22:00:00Z\","   \
	" \"kernel\":\"6.1.0-49-amd64\"},"                                                         \
	"{\"id\":7,\"state\":\"good\",\"booted\":true,\"current\":true,\"name\":\"party\","        \
	" \"pinned\":true,\"created\":\"2026-11-20T22:00:00Z\",\"kernel\":\"6.1.0-50-amd64\","     \
	" \"what\":\"apt full-upgrade\"},"                                                         \
	"{\"id\":8,\"state\":\"bad\",\"reason\":\"health: nginx.service \\u001b[31m\","            \
	" \"created\":\"2026-11-22T19:00:00Z\",\"kernel\":\"6.1.0-51-amd64\"},"                    \
	"{\"id\":9,\"state\":\"trial\",\"next\":true,\"stale\":true,"                              \
	" \"created\":\"2026-11-22T21:59:30Z\",\"kernel\":\"6.1.0-51-amd64\","                     \
	" \"what\":\"run\"}]"

START_TEST(list_marks_what_runs_what_boots_and_what_is_bad)
{
	assert_shown(
		render_list, "{" GENERATIONS "}",
		"   ID  STATE     MADE         KERNEL          REMARKS\n"
		"   0   good      3 weeks ago  6.1.0-49-amd64  init\n"
		"*  7   good      2 days ago   6.1.0-50-amd64  'party', pinned, apt full-upgrade\n"
		"!  8   bad       3 hours ago  6.1.0-51-amd64  health: nginx.service \\x1b[31m\n"
		"+  9   on trial  just now     6.1.0-51-amd64  stale, run\n");
	assert_shown(render_list, "{\"generations\":[]}", "There are no generations.\n");
}
END_TEST

START_TEST(a_terminal_gets_colours_and_a_legend)
{
	static const struct view view = {
		.now = NOW, .columns = 100, .terminal = true, .colour = true};
	auto_free char *got = shown(render_list, &view, "{" GENERATIONS "}");

	ck_assert_ptr_nonnull(strstr(got, "\033[31mbad\033[0m"));
	ck_assert_ptr_nonnull(
		strstr(got, "* running and current   - running   + boots next   ! bad"));
}
END_TEST

START_TEST(status_says_what_runs_what_boots_and_what_is_wrong)
{
	assert_shown(
		render_status,
		"{\"adopted\":true,\"booted\":{\"id\":7,\"serial\":12},\"current\":{\"id\":7},"
		"\"next\":{\"id\":9,\"why\":\"it is on trial\"},"
		"\"pending\":{\"id\":9,\"stale\":true,\"why\":\"packages changed\"}," GENERATIONS
		",\"session\":\"normal\",\"last\":{\"verb\":\"upgrade\",\"outcome\":\"done\","
		"\"when\":\"2026-11-22T21:00:00Z\"},"
		"\"space\":{\"data_free\":123456789012,\"esp_free\":123456789}}",
		"running     generation 7, good, kernel 6.1.0-50-amd64, named 'party'\n"
		"next boot   generation 9 (it is on trial)\n"
		"last        upgrade done, 2026-11-22 21:00 (1 hour ago)\n"
		"free        data 115.0 GiB, ESP 117.7 MiB\n"
		"! generation 8 did not come up: health: nginx.service \\x1b[31m\n"
		"  try: sudo moult log 8\n"
		"! generation 9 is stale and will not be booted: packages changed\n"
		"  try: sudo moult upgrade\n");
}
END_TEST

START_TEST(status_names_one_that_never_got_far_enough_to_be_bad)
{
	assert_shown(render_status,
		     "{\"adopted\":true,\"current\":{\"id\":1},\"generations\":["
		     "{\"id\":1,\"state\":\"good\"},{\"id\":2,\"state\":\"built\","
		     "\"reason\":\"3 tries ended without a verdict\"},"
		     "{\"id\":3,\"state\":\"built\"}],\"session\":\"offline\"}",
		     "current     generation 1, good\n"
		     "session     another system's disk\n"
		     "! generation 2 did not come up: 3 tries ended without a verdict\n"
		     "  try: sudo moult log 2\n");
}
END_TEST

/* Nothing mends its documents by itself; what is wrong with them can be read. */
START_TEST(status_says_where_to_look_into_a_damaged_one)
{
	assert_shown(render_status,
		     "{\"adopted\":true,\"generations\":[{\"id\":2,\"state\":\"damaged\","
		     "\"reason\":\"state.json is missing\"}],\"session\":\"offline\"}",
		     "session     another system's disk\n"
		     "! generation 2 is damaged: state.json is missing\n"
		     "  try: moult show 2\n");
}
END_TEST

START_TEST(status_of_a_temporary_session_says_how_it_ends)
{
	assert_shown(
		render_status,
		"{\"adopted\":true,\"booted\":{\"id\":0},\"current\":{\"id\":7}," GENERATIONS
		",\"next\":{\"id\":null,\"why\":\"the boot volume was not found\"},"
		"\"session\":\"temporary\",\"as_of\":\"2026-11-22T21:58:00Z\"}",
		"running     generation 0, good, kernel 6.1.0-49-amd64\n"
		"current     generation 7, good, kernel 6.1.0-50-amd64, named 'party'\n"
		"next boot   nothing of moult (the boot volume was not found)\n"
		"session     temporary: the next boot leaves it; 'moult keep' makes it current\n"
		"! generation 8 did not come up: health: nginx.service \\x1b[31m\n"
		"  try: sudo moult log 8\n"
		"as of       2026-11-22 21:58 (2 minutes ago); as root, moult looks for itself\n");
}
END_TEST

START_TEST(status_of_a_foreign_system_says_where_to_begin)
{
	assert_shown(render_status, "{\"adopted\":false}",
		     "This system is not looked after by moult yet.\n"
		     "try: sudo moult init --dry-run\n");
}
END_TEST

START_TEST(show_tells_how_each_boot_went)
{
	assert_shown(
		render_show,
		"{\"id\":8,\"state\":\"bad\",\"reason\":\"deadline\",\"parent\":7,"
		"\"created\":\"2026-11-22T19:00:00Z\",\"source\":\"packages\","
		"\"what\":\"apt full-upgrade\",\"kernel\":\"6.1\",\"publications\":[{\"serial\":13,"
		"\"kind\":\"none\",\"failed\":true,\"kernel\":\"6.1\",\"options\":\"quiet\","
		"\"attempts\":[{\"when\":\"2026-11-22T20:00:00Z\",\"outcome\":\"failed\","
		"\"reason\":\"deadline\"},{\"when\":null,\"outcome\":\"unknown\"}]}]}",
		"generation  8\n"
		"state       bad: deadline\n"
		"made        2026-11-22 19:00 (3 hours ago)\n"
		"source      packages\n"
		"by          apt full-upgrade\n"
		"made from   generation 7\n"
		"kernel      6.1\n"
		"  publication 13: no longer in the menu, failed, kernel 6.1\n"
		"    quiet\n"
		"    booted 2026-11-22 20:00 (2 hours ago): failed: deadline\n"
		"    booted at an unknown time: ended without a verdict\n");
}
END_TEST

#define STEPS                                                                                      \
	"\"steps\":["                                                                              \
	"{\"name\":\"write\",\"volume\":\"pool\",\"object\":\"@gens/layout.json\","                \
	" \"why\":\"numbers persist before they are used\"},"                                      \
	"{\"name\":\"sync\",\"volume\":\"pool\",\"object\":\"\",\"why\":\"x\"},"                   \
	"{\"name\":\"fill the copy\",\"volume\":\"pool\",\"object\":\"@gens/.8.tmp\"},"            \
	"{\"name\":\"put-blob\",\"volume\":\"boot\",\"object\":\"moult/a\",\"from\":\"b\","        \
	"\"why\":\"kernel and initrd\"},"                                                          \
	"{\"name\":\"put-blob\",\"volume\":\"boot\",\"object\":\"moult/c\","                       \
	"\"why\":\"kernel and initrd\"},"                                                          \
	"{\"name\":\"set-byte\",\"volume\":\"boot\",\"object\":\"e.conf\","                        \
	" \"why\":\"the commit point\",\"commit\":true}]"

START_TEST(a_plan_groups_its_steps_into_sentences)
{
	assert_shown(
		render_plan,
		"{\"verb\":\"upgrade\",\"from\":7,\"to\":8,\"packages\":["
		"{\"name\":\"nginx\",\"from\":\"1\",\"to\":\"2\"},"
		"{\"name\":\"linux\",\"from\":null,\"to\":\"6\"},"
		"{\"name\":\"old\",\"from\":\"1\",\"to\":null}]," STEPS
		",\"not_rolled_back\":[\"/home\"],\"config\":[{\"code\":\"X\",\"level\":\"warn\","
		"\"file\":\"/etc/a\",\"line\":3,\"why\":\"it is old\",\"remedy\":\"vi /etc/a\"}]}",
		"upgrade     from generation 7 to generation 8\n"
		"Packages: 1 upgraded, 1 new, 1 removed\n"
		"  nginx  1    ->  2\n"
		"  linux  new  ->  6\n"
		"  old    1    ->  removed\n"
		"Configuration:\n"
		"  - /etc/a:3: it is old [X]\n"
		"    try: vi /etc/a\n"
		"What is to be done:\n"
		"   1. write @gens/layout.json: numbers persist before they are used\n"
		"   2. fill the copy\n"
		"   3. copy to the boot volume: kernel and initrd\n"
		"   4. switch the menu entry e.conf: the commit point; from here on it will be "
		"finished, not undone\n"
		"  (6 steps; -v lists each)\n"
		"Stays as it is, whatever is booted:\n"
		"  - /home\n");
}
END_TEST

START_TEST(the_top_level_has_a_name_in_a_plan)
{
	assert_shown(render_plan,
		     "{\"verb\":\"init\",\"steps\":[{\"name\":\"set-default\",\"volume\":\"pool\","
		     "\"object\":\"\",\"why\":\"it was so\"}]}",
		     "What is to be done:\n"
		     "   1. make this the default subvolume, the top level: it was so\n"
		     "  (1 step; -v lists each)\n");
}
END_TEST

START_TEST(a_plan_says_what_the_command_will_want_to_be_told)
{
	assert_shown(
		render_plan,
		"{\"verb\":\"rollback\",\"from\":7,\"to\":0,\"steps\":[],\"notes\":[\"it is old\"],"
		"\"not_rolled_back\":[],\"accept\":[\"ORIGINAL_DATA\",7]}",
		"rollback    from generation 7 to generation 0\n"
		"note: it is old\n"
		"needs       --accept ORIGINAL_DATA\n");
}
END_TEST

START_TEST(a_verbose_plan_lists_every_step)
{
	static const struct view view = {.now = NOW, .columns = 100, .verbose = true};
	auto_free char *got = shown(render_plan, &view, "{\"verb\":\"init\"," STEPS "}");

	ck_assert_str_eq(
		got, "Step by step, 6 steps:\n"
		     "   1. write pool: @gens/layout.json (numbers persist before they are used)\n"
		     "   2. sync pool (x)\n"
		     "   3. fill the copy pool: @gens/.8.tmp\n"
		     "   4. put-blob boot: moult/a from b (kernel and initrd)\n"
		     "   5. put-blob boot: moult/c (kernel and initrd)\n"
		     "   6. set-byte boot: e.conf (the commit point)\n");
}
END_TEST

START_TEST(long_package_lists_are_shortened)
{
	auto_text struct text text = {0};
	auto_free char *got = NULL;

	text_add(&text, "{\"packages\":[");
	for (int i = 0; i < 25; i++)
		text_addf(&text, "%s{\"name\":\"p%d\",\"from\":\"1\",\"to\":\"2\"}", i ? "," : "",
			  i);
	text_add(&text, "]}");
	got = shown(render_plan, &plain, text.bytes);
	ck_assert_ptr_nonnull(strstr(got, "Packages: 25 upgraded, 0 new, 0 removed\n"));
	ck_assert_ptr_nonnull(strstr(got, "  p19  1  ->  2\n  and 5 more; -v lists all of them\n"));
	ck_assert_ptr_null(strstr(got, "p20"));
}
END_TEST

START_TEST(a_change_ends_with_what_boots_next)
{
	assert_shown(render_change,
		     "{\"verb\":\"rollback\",\"outcome\":\"done\",\"notes\":[\"data stays\"],"
		     "\"sentence\":\"generation 5 is current; reboot to use it\"," STEPS ","
		     "\"next\":{\"id\":5,\"why\":\"it is current\"}}",
		     "note: data stays\n"
		     "Generation 5 is current; reboot to use it.\n"
		     "next boot   generation 5 (it is current)\n");
	assert_shown(render_change,
		     "{\"verb\":\"rollback\",\"outcome\":\"planned\","
		     "\"sentence\":\"nothing was changed\",\"steps\":[],"
		     "\"next\":{\"id\":8,\"why\":\"it is current\"}}",
		     "so far      nothing was changed\n"
		     "next boot   generation 8 (it is current)\n");
}
END_TEST

START_TEST(check_shows_the_worst_first_each_with_a_remedy)
{
	assert_shown(
		render_check,
		"{\"findings\":[{\"code\":\"SPACE\",\"level\":\"warn\",\"why\":\"little space\","
		"\"remedy\":\"sudo moult cleanup\"},{\"code\":\"BLOB\",\"level\":\"error\","
		"\"object\":\"moult/sha256-x\",\"why\":\"the kernel is damaged\"}]}",
		"error: the kernel is damaged [BLOB]\n"
		"warning: little space [SPACE]\n"
		"  try: sudo moult cleanup\n"
		"1 error, 1 warning.\n");
	assert_shown(render_check, "{\"findings\":[]}", "All promises hold.\n");
}
END_TEST

START_TEST(health_says_which_check_failed)
{
	assert_shown(render_health,
		     "{\"healthy\":false,\"checks\":[{\"name\":\"units\",\"required\":true,"
		     "\"passed\":false,\"why\":\"a.service fails\"},{\"name\":\"wanted-x\","
		     "\"required\":false,\"passed\":true}]}",
		     "failed  units: a.service fails\n"
		     "passed  wanted-x (wanted only)\n"
		     "This system is not healthy.\n");
}
END_TEST

START_TEST(log_keeps_the_lines_of_programs_whole)
{
	assert_shown(render_log,
		     "{\"operations\":[{\"verb\":\"upgrade\",\"event\":\"failed\","
		     "\"when\":\"2026-11-22T20:00:00Z\",\"why\":\"no space\"}],"
		     "\"lines\":[\"Setting up \\u0007x\"]}",
		     "2026-11-22 20:00 (2 hours ago) upgrade: failed: no space\n\n"
		     "Setting up \\x07x\n");
	assert_shown(render_log, "{\"operations\":[],\"lines\":[]}", "Nothing was logged.\n");
}
END_TEST

/* Whatever a document has where something else should be, showing it neither fails nor crashes. */
START_TEST(documents_of_the_wrong_shape_are_shown_as_far_as_they_go)
{
	static const char *const hostile[] = {
		"{}",
		"{\"generations\":7,\"next\":[],\"steps\":{},\"packages\":\"x\",\"findings\":1}",
		"{\"generations\":[1,null,\"x\",{}],\"next\":{\"id\":\"7\"},\"steps\":[1,{},null],"
		"\"packages\":[2,{\"name\":[]}],\"findings\":[null,{\"level\":3}],"
		"\"checks\":[0],\"operations\":[[]],\"lines\":[1,{}],\"notes\":[{},1],"
		"\"config\":[1],\"space\":{\"a\":\"b\",\"c\":-1},\"last\":{},\"booted\":{},"
		"\"current\":{},\"pending\":{\"stale\":true},\"publications\":[1,{\"attempts\":[0]}"
		"],"
		"\"conflicts\":[[]],\"not_rolled_back\":[1],\"sentence\":\"\",\"id\":-1}",
	};
	static render_fn *const all[] = {render_status, render_list,   render_show, render_log,
					 render_check,	render_health, render_plan, render_change};

	for (size_t i = 0; i < COUNT(all); i++)
		for (size_t j = 0; j < COUNT(hostile); j++) {
			auto_free char *got = shown(all[i], &plain, hostile[j]);

			ck_assert(*got == '\0' || got[strlen(got) - 1] == '\n');
		}
}
END_TEST

UNIT_MAIN("cli_text",

	  list_marks_what_runs_what_boots_and_what_is_bad, a_terminal_gets_colours_and_a_legend,
	  status_says_what_runs_what_boots_and_what_is_wrong,
	  status_says_where_to_look_into_a_damaged_one,
	  status_of_a_temporary_session_says_how_it_ends,
	  status_names_one_that_never_got_far_enough_to_be_bad,
	  status_of_a_foreign_system_says_where_to_begin, show_tells_how_each_boot_went,
	  a_plan_groups_its_steps_into_sentences, the_top_level_has_a_name_in_a_plan,
	  a_plan_says_what_the_command_will_want_to_be_told, a_verbose_plan_lists_every_step,
	  long_package_lists_are_shortened, a_change_ends_with_what_boots_next,
	  check_shows_the_worst_first_each_with_a_remedy, health_says_which_check_failed,
	  log_keeps_the_lines_of_programs_whole,
	  documents_of_the_wrong_shape_are_shown_as_far_as_they_go)
