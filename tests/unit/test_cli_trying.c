/* What a good generation tries, as status, list and show tell it; and what waits for that. */
#include <string.h>
#include "render.h"
#include "unit.h"

static const struct view plain = {.columns = 100};

static char *shown(render_fn *render, const char *text)
{
	auto_json json_t *document = json_loads(text, 0, NULL);
	struct text out = {0};

	ck_assert_msg(document != NULL, "%s", text);
	render(document, &plain, &out);
	return text_take(&out);
}

#define assert_shown(render, text, expected)                                                       \
	do {                                                                                       \
		auto_free char *got = shown(render, text);                                         \
		ck_assert_str_eq(got, expected);                                                   \
	} while (0)

#define GENERATIONS                                                                                \
	"\"generations\":[{\"id\":7,\"state\":\"good\"},"                                          \
	"{\"id\":8,\"state\":\"built\",\"waiting\":true}]"

START_TEST(status_says_what_came_to_nothing_and_why)
{
	assert_shown(render_status,
		     "{\"adopted\":true,\"current\":{\"id\":7},\"generations\":[{\"id\":7,"
		     "\"state\":\"good\"}],\"session\":\"offline\",\"proposal\":{\"id\":7,"
		     "\"serial\":9,\"what\":\"kernel\",\"failed\":true,"
		     "\"reason\":\"health: sshd is gone\"}}",
		     "current     generation 7, good\n"
		     "session     another system's disk\n"
		     "! the new kernel of generation 7 did not come up: health: sshd is gone\n"
		     "  try: moult show 7\n");
}
END_TEST

START_TEST(status_says_what_waits_and_for_what)
{
	assert_shown(
		render_status,
		"{\"adopted\":true,\"current\":{\"id\":7}," GENERATIONS
		",\"session\":\"offline\",\"next\":{\"id\":7,"
		"\"why\":\"its new kernel command line is on trial\"},"
		"\"pending\":{\"id\":8,\"stale\":false,\"waiting\":true},"
		"\"proposal\":{\"id\":7,\"what\":\"kernel command line\",\"failed\":false}}",
		"current     generation 7, good\n"
		"next boot   generation 7 (its new kernel command line is on trial)\n"
		"session     another system's disk\n"
		"waiting     generation 8 is tried once the new kernel command line of generation "
		"7 is found good or\n"
		"            bad\n");
	/* a document in which nothing is tried any more: the next command offers it */
	assert_shown(render_status,
		     "{\"adopted\":true,\"current\":{\"id\":7}," GENERATIONS
		     ",\"session\":\"normal\",\"booted\":{\"id\":7},"
		     "\"pending\":{\"id\":8,\"waiting\":true},\"proposal\":null}",
		     "running     generation 7, good\n"
		     "waiting     generation 8 is tried once nothing else is\n");
}
END_TEST

START_TEST(one_that_waits_is_not_only_built)
{
	auto_free char *list = shown(render_list, "{" GENERATIONS "}");

	ck_assert_msg(strstr(list, "8   waiting\n"), "%s", list);
	assert_shown(render_show, "{\"id\":8,\"state\":\"built\",\"waiting\":true}",
		     "generation  8\nstate       waiting\n");
	/* whoever made it so */
	assert_shown(render_show, "{\"id\":8,\"state\":\"trial\",\"waiting\":true}",
		     "generation  8\nstate       on trial\n");
}
END_TEST

START_TEST(show_says_why_a_publication_failed)
{
	assert_shown(render_show,
		     "{\"id\":7,\"state\":\"good\",\"publications\":[{\"serial\":9,"
		     "\"kind\":\"none\",\"failed\":true,\"kernel\":\"6.1\","
		     "\"reason\":\"health: \\u001b[2Jgone\",\"options\":\"quiet nosmt\"}]}",
		     "generation  7\n"
		     "state       good\n"
		     "  publication 9: no longer in the menu, failed, kernel 6.1\n"
		     "    failed: health: \\x1b[2Jgone\n"
		     "    quiet nosmt\n");
}
END_TEST

UNIT_MAIN("cli_trying", status_says_what_came_to_nothing_and_why,
	  status_says_what_waits_and_for_what, one_that_waits_is_not_only_built,
	  show_says_why_a_publication_failed)
