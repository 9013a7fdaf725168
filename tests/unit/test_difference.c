/* From the commands of a stream to the paths that may differ, and from bytes to commands. */
#include "difference.h"
#include <string.h>
#include "unit.h"

/*
 * "make PATH", "move FROM TO", "link PATH", "drop PATH", "data PATH", "mode PATH", one a line. A
 * path alone may differ; "PATH/" and two stars: with all below it; one star: its bytes, too.
 */
static const struct {
	const char *name, *commands, *expected;
} cases[] = {
	{"nothing", "", ""},
	{"a new file is named by the kernel first",
	 "make o257-9-0\nmove o257-9-0 etc/new\ndata etc/new\nmode etc/new\n", "etc/new*"},
	{"written", "data etc/hosts\n", "etc/hosts*"},
	{"mode, owner or attributes", "mode etc/hosts\n", "etc/hosts"},
	{"the top itself", "mode \n", ""},
	{"removed", "drop etc/hosts\n", "etc/hosts"},
	{"replaced by a rename over it",
	 "make o300-9-0\ndrop etc/hosts\nmove o300-9-0 etc/hosts\ndata etc/hosts\n", "etc/hosts*"},
	{"renamed", "move etc/a etc/b\n", "etc/a/** etc/b/**"},
	{"renamed twice, and named once", "move etc/a etc/b\nmove etc/b etc/c\n",
	 "etc/a/** etc/c/**"},
	{"renamed to and fro", "move a b\nmove b a\n", ""},
	{"renamed to and fro, and written", "move a b\ndata b\nmove b a\n", "a*"},
	{"two files changed places", "move a o1-1-0\nmove b a\nmove o1-1-0 b\n", "a/** b/**"},
	{"three in a ring", "move a o1-1-0\nmove b a\nmove c b\nmove o1-1-0 c\n", "a/** b/** c/**"},
	{"two directories changed places, and a file in one was written",
	 "move d/a o1-1-0\nmove d/b d/a\nmove o1-1-0 d/b\ndata d/b/file\n",
	 "d/a/** d/b/** d/b/file*"},
	{"a directory moved into one that is new",
	 "make o9-1-0\nmove o9-1-0 new\nmove old new/old\ndata new/old/f\n",
	 "new* new/old/** new/old/f* old/**"},
	{"a directory was emptied, set aside and removed",
	 "drop d/a\ndrop d/b\nmove d o5-1-0\ndrop o5-1-0\n", "d d/a d/b"},
	{"what is removed from a directory that was set aside",
	 "move d o5-1-0\ndrop o5-1-0/a\ndrop o5-1-0\nmake o6-1-0\nmove o6-1-0 d\n", "d* d/a"},
	{"a file came out of a directory that is removed", "move d/a b\ndrop d\n", "b/** d d/a/**"},
	{"one more name", "link b\n", "b*"},
	{"one name less", "drop a\n", "a"},
	{"one name for another", "link b\ndrop a\n", "a b*"},
	{"made and gone again", "make o7-1-0\nmove o7-1-0 x\ndrop x\n", ""},
	{"a directory in the place of a file",
	 "drop a\nmake o8-1-0\nmove o8-1-0 a\nmake o9-1-0\nmove o9-1-0 a/in\n", "a* a/in*"},
	{"below a directory that moved nothing is named by its old path",
	 "move a b\ndata b/x\ndrop b/y\nmove b/z q\n", "a/** a/y a/z/** b/** b/x* q/**"},
	{"parent and child changed places", "move a/b o1-1-0\nmove a o1-1-0/a\nmove o1-1-0 b\n",
	 "a/** a/b/** b/** b/a/**"},
	{"a name that was left is taken by another",
	 "move a b\nmake o2-1-0\nmove o2-1-0 a\ndata a\n", "a/*** b/**"},
};

static enum send_kind kind_of(const char *word)
{
	static const struct {
		const char *word;
		enum send_kind kind;
	} kinds[] = {{"make", SEND_MAKE},   {"move", SEND_RENAME},  {"link", SEND_LINK},
		     {"drop", SEND_REMOVE}, {"data", SEND_CONTENT}, {"mode", SEND_ATTRIBUTE},
		     {"time", SEND_NOTHING}};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i].word, word) == 0)
			return kinds[i].kind;
	ck_abort_msg("%s", word);
	return SEND_NOTHING;
}

static bool take_line(struct difference *difference, char *line, struct err *err)
{
	char *path = strchr(line, ' ') + 1, *to = strchr(path, ' ');
	struct send_command command = {.path = path, .to = to ? to + 1 : NULL};

	path[-1] = '\0';
	if (to)
		*to = '\0';
	command.kind = kind_of(line);
	return difference_take(difference, &command, err);
}

static bool take_lines(struct difference *difference, const char *lines, struct err *err)
{
	const char *end = lines + strlen(lines), *line;
	size_t length;

	while (text_next_line(&lines, end, &line, &length)) {
		auto_free char *one = xstrndup(line, length);

		if (!take_line(difference, one, err))
			return false;
	}
	return true;
}

static char *listed(const struct difference *difference)
{
	auto_touched_list struct touched_list list = {0};
	struct text text = {0};

	difference_list(difference, &list);
	touched_settle(&list);
	for (size_t i = 0; i < list.count; i++)
		text_addf(&text, "%s%s%s%s", i ? " " : "", list.all[i].path,
			  list.all[i].whole ? "/**" : "", list.all[i].content ? "*" : "");
	return text_take(&text);
}

START_TEST(paths_are_followed_from_the_first_tree_to_the_second)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_difference struct difference *difference = difference_new();
		auto_free char *found = NULL;
		struct err err = {0};

		ck_assert_msg(take_lines(difference, cases[i].commands, &err), "%s: %s",
			      cases[i].name, err.text);
		found = listed(difference);
		ck_assert_msg(strcmp(found, cases[i].expected) == 0, "%s: %s, not %s",
			      cases[i].name, found, cases[i].expected);
	}
}
END_TEST

START_TEST(commands_that_cannot_be_are_refused)
{
	static const char *const wrong[] = {
		"drop a\ndrop a\n", /* gone */
		"make a\nmake a\n", /* there */
		"make n\ndata n/x\n", /* what is new was empty */
		"make n\nmove a n\n", /* over something */
		"move a a/b\n", /* into itself */
		"drop d\nmake d/x\n", /* where no directory is any more */
		"make ../x\n",	      "make x/../y\n", "make /x\n", "make x//y\n",
		"make ./x\n",	      "drop \n",       "move a \n",
	};

	for (size_t i = 0; i < COUNT(wrong); i++) {
		auto_difference struct difference *difference = difference_new();
		struct err err = {0};

		ck_assert_msg(!take_lines(difference, wrong[i], &err), "%s", wrong[i]);
		ck_assert_int_eq(err.kind, ERR_SYSTEM);
	}
}
END_TEST

START_TEST(many_paths_take_no_longer_each)
{
	auto_difference struct difference *difference = difference_new();
	auto_touched_list struct touched_list list = {0};
	struct err err = {0};

	for (int i = 0; i < 20000; i++) {
		auto_free char *aside = xasprintf("o%d-1-0", i);
		auto_free char *path = xasprintf("usr/share/doc/p%d/f%d", i / 100, i);

		ck_assert(difference_take(difference,
					  &(struct send_command){SEND_MAKE, aside, NULL}, &err));
		ck_assert(difference_take(difference,
					  &(struct send_command){SEND_REMOVE, path, NULL}, &err));
		ck_assert(difference_take(difference,
					  &(struct send_command){SEND_RENAME, aside, path}, &err));
	}
	difference_list(difference, &list);
	touched_settle(&list);
	ck_assert_uint_eq(list.count, 20000);
}
END_TEST

/* --- the stream ----------------------------------------------------------------------------------- */

static void put_number(struct text *stream, size_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		text_add_bytes(stream, &(unsigned char){(unsigned char)(value >> 8 * i)}, 1);
}

static void put_attribute(struct text *attributes, unsigned number, const char *value)
{
	put_number(attributes, number, 2);
	put_number(attributes, strlen(value), 2);
	text_add(attributes, value);
}

static void put_command(struct text *stream, unsigned number, const struct text *attributes)
{
	put_number(stream, attributes->length, 4);
	put_number(stream, number, 2);
	put_number(stream, 0, 4);
	text_add_bytes(stream, attributes->bytes ? attributes->bytes : "", attributes->length);
}

static void put_head(struct text *stream)
{
	text_add_bytes(stream, "btrfs-stream", 13);
	put_number(stream, 1, 4);
}

/* A rename, an update of an extent, a change of times, the end. */
static struct text good_stream(void)
{
	struct text stream = {0}, attributes = {0};

	put_head(&stream);
	put_attribute(&attributes, 15, "a");
	put_attribute(&attributes, 16, "d/b");
	put_command(&stream, 9, &attributes);
	text_done(&attributes);
	put_attribute(&attributes, 18, "12345678");
	put_attribute(&attributes, 15, "d/b");
	put_command(&stream, 22, &attributes);
	text_done(&attributes);
	put_attribute(&attributes, 15, "d");
	put_command(&stream, 20, &attributes);
	text_done(&attributes);
	put_command(&stream, 21, &attributes);
	return stream;
}

static bool write_down(void *userdata, const struct send_command *command, struct err *err)
{
	struct text *said = userdata;

	(void)err;
	text_addf(said, "%d %s %s;", (int)command->kind, command->path,
		  command->to ? command->to : "-");
	return true;
}

/* Fed `piece` bytes at a time. */
static bool read_stream(const struct text *bytes, size_t piece, struct text *said, struct err *err)
{
	auto_send_stream struct send_stream stream = {0};
	const struct send_taker taker = {write_down, said};
	bool fine = true;

	for (size_t at = 0; fine && at < bytes->length; at += piece) {
		struct send_bytes next = {bytes->bytes + at, bytes->length - at};

		if (next.length > piece)
			next.length = piece;
		fine = send_stream_feed(&stream, &next, &taker, err);
	}
	return fine && stream.ended;
}

START_TEST(a_stream_says_the_same_however_it_is_cut)
{
	auto_text struct text stream = good_stream();

	for (size_t piece = 1; piece <= stream.length; piece++) {
		auto_text struct text said = {0};
		struct err err = {0};

		ck_assert_msg(read_stream(&stream, piece, &said, &err), "%zu: %s", piece, err.text);
		ck_assert_str_eq(said.bytes, "3 a d/b;5 d/b -;");
	}
}
END_TEST

START_TEST(a_stream_that_ends_early_has_no_end)
{
	auto_text struct text stream = good_stream(), said = {0};
	struct err err = {0};

	for (stream.length--; stream.length > 0; stream.length--)
		ck_assert(!read_stream(&stream, 4096, &said, &err));
}
END_TEST

static bool is_refused(const struct text *stream)
{
	auto_text struct text said = {0};
	struct err err = {0};

	return !read_stream(stream, 4096, &said, &err) && err.kind == ERR_SYSTEM;
}

START_TEST(bytes_that_are_no_stream_are_refused)
{
	static const struct {
		size_t at;
		unsigned char byte;
	} wrong[] = {
		{0, 'x'},  {12, 'x'}, /* magic */
		{13, 2}, /* version */
		{17, 5}, /* the command is shorter than its paths */
		{20, 1}, /* it is longer than any */
		{21, 0},   {21, 27},  {22, 1}, /* its number */
		{27, 14}, /* the path has another number */
		{29, 0}, /* the path is empty */
		{29, 200}, /* longer than the command */
		{31, 0}, /* a path with a zero byte */
	};
	auto_text struct text good = good_stream();

	for (size_t i = 0; i < COUNT(wrong); i++) {
		auto_text struct text bad = {0};

		text_add_bytes(&bad, good.bytes, good.length);
		bad.bytes[wrong[i].at] = (char)wrong[i].byte;
		ck_assert_msg(is_refused(&bad), "byte %zu", wrong[i].at);
	}
	put_command(&good, 21, &(struct text){0});
	ck_assert_msg(is_refused(&good), "after the end");
}
END_TEST

UNIT_MAIN("difference", paths_are_followed_from_the_first_tree_to_the_second,
	  commands_that_cannot_be_are_refused, many_paths_take_no_longer_each,
	  a_stream_says_the_same_however_it_is_cut, a_stream_that_ends_early_has_no_end,
	  bytes_that_are_no_stream_are_refused)
