#include <string.h>
#include "generation.h"
#include "listing.h"
#include "text.h"
#include "unit.h"

static const char facts[] =
	"{\"id\": 7, \"parent\": 5, \"created\": 1700000000, \"source\": \"packages\","
	" \"format_version\": 1, \"min_reader\": 1, \"from_the_future\": [1, 2]}";
static const char state[] =
	"{\"state\": \"trial\", \"pinned\": true, \"name\": \"before-party\", \"colour\": \"blue\","
	" \"publications\": [{\"serial\": 12, \"kind\": \"trial\", \"kernel\": \"6.1.0\", "
	"\"options\": \"quiet\","
	" \"linux_sha256\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
	" \"initrd_sha256\": \"\", \"tries\": 3, \"weather\": \"rain\","
	" \"attempts\": [{\"boot_id\": \"b1\", \"when\": 5, \"outcome\": \"failed\", \"reason\": "
	"\"sshd\"}]}]}";

static void parse(struct generation *gen)
{
	struct err err = {0};

	ck_assert_msg(generation_parse(7, facts, state, gen, &err), "%s", err.text);
}

START_TEST(documents_are_read_into_fields)
{
	auto_generation struct generation gen = {0};

	parse(&gen);
	ck_assert_int_eq(gen.parent, 5);
	ck_assert_int_eq(gen.state, GEN_TRIAL);
	ck_assert(gen.pinned);
	ck_assert_str_eq(gen.name, "before-party");
	ck_assert_uint_eq(gen.publication_count, 1);
	ck_assert_uint_eq(gen.publications[0].serial, 12);
	ck_assert_uint_eq(gen.publications[0].tries, 3);
	ck_assert_int_eq(gen.publications[0].attempts[0].outcome, OUTCOME_FAILED);
	ck_assert_str_eq(gen.publications[0].attempts[0].reason, "sshd");
}
END_TEST

/* Whatever a document says of what goes on from what, following it ends. */
START_TEST(a_trial_goes_on_from_an_earlier_one)
{
	static const char chain[] =
		"{\"state\": \"trial\", \"publications\": [{\"serial\": 5, \"kind\": \"none\", "
		"\"continues\": 6}, {\"serial\": 6, \"kind\": \"trial\", \"continues\": 5}, "
		"{\"serial\": 7, \"kind\": \"old\", \"continues\": 7}, {\"serial\": 8, "
		"\"kind\": \"old\", \"continues\": 4}]}";
	auto_generation struct generation gen = {0}, copy = {0};
	struct err err = {0};

	ck_assert_msg(generation_parse(7, facts, chain, &gen, &err), "%s", err.text);
	generation_copy(&gen, &copy);
	ck_assert_ptr_eq(generation_continued(&copy, &copy.publications[1]), &copy.publications[0]);
	ck_assert_ptr_null(generation_continued(&copy, &copy.publications[0]));
	ck_assert_ptr_null(generation_continued(&copy, &copy.publications[2]));
	ck_assert_ptr_null(generation_continued(&copy, &copy.publications[3]));
}
END_TEST

START_TEST(fields_of_a_newer_moult_survive_a_rewrite)
{
	auto_generation struct generation gen = {0};
	auto_free char *printed_facts = NULL, *printed_state = NULL;

	parse(&gen);
	gen.state = GEN_GOOD;
	printed_facts = generation_print_facts(&gen);
	printed_state = generation_print_state(&gen);
	ck_assert_ptr_nonnull(strstr(printed_facts, "from_the_future"));
	ck_assert_ptr_nonnull(strstr(printed_state, "\"colour\": \"blue\""));
	ck_assert_ptr_nonnull(strstr(printed_state, "\"weather\": \"rain\""));
	ck_assert_ptr_nonnull(strstr(printed_state, "\"state\": \"good\""));
}
END_TEST

START_TEST(a_copy_is_equal_and_its_own)
{
	auto_generation struct generation gen = {0}, copy = {0};
	auto_free char *one = NULL, *two = NULL;

	parse(&gen);
	generation_copy(&gen, &copy);
	one = generation_print_state(&gen);
	two = generation_print_state(&copy);
	ck_assert_str_eq(one, two);
	generation_publish(&copy, 13, PUB_CURRENT);
	ck_assert_uint_eq(gen.publication_count, 1);
	ck_assert_uint_eq(generation_last_publication(&copy)->serial, 13);
}
END_TEST

static const struct {
	const char *facts, *state, *says;
} refused[] = {
	{"{", state, "not JSON"},
	{"[]", state, "not a JSON object"},
	{"{\"id\": 8}", state, "says it is generation 8"},
	{"{\"id\": \"7\"}", state, "'id' is not a number"},
	{"{\"id\": 7, \"min_reader\": 2}", state, "newer moult"},
	{"{\"id\": 7, \"source\": 5}", state, "'source' is not a string"},
	{facts, "{\"state\": \"splendid\"}", "does not know"},
	{facts, "{\"state\": \"good\", \"pinned\": 1}", "'pinned' is not true or false"},
	{facts, "{\"state\": \"good\", \"min_reader\": 9}", "newer moult"},
	{facts, "{\"state\": \"good\", \"publications\": 3}", "'publications' is not an array"},
	{facts,
	 "{\"state\": \"good\", \"publications\": [{\"kind\": \"old\", \"linux_sha256\": "
	 "\"xyz\"}]}",
	 "not a SHA-256"},
	{facts, "{\"state\": \"good\", \"publications\": [{\"serial\": -1, \"kind\": \"old\"}]}",
	 "'serial' is not a number"},
	{facts,
	 "{\"state\": \"good\", \"publications\": [{\"kind\": \"old\", \"attempts\": [{}]}]}",
	 "'outcome' is"},
	{facts, "{\"state\": \"good\", \"state\": \"bad\"}", "not JSON"},
};

START_TEST(a_damaged_document_is_refused_with_its_reason)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		auto_generation struct generation gen = {0};
		struct err err = {0};

		ck_assert(!generation_parse(7, refused[i].facts, refused[i].state, &gen, &err));
		ck_assert_msg(strstr(err.text, refused[i].says), "'%s' lacks '%s'", err.text,
			      refused[i].says);
	}
}
END_TEST

START_TEST(generation_0_needs_the_path_of_the_original)
{
	auto_generation struct generation gen = {0}, zero = {0};
	char root[GENERATION_PATH_MAX];
	struct err err = {0};

	ck_assert(!generation_parse(0, "{\"id\": 0}", "{\"state\": \"good\"}", &gen, &err));
	ck_assert(generation_parse(0, "{\"id\": 0, \"original\": \"@rootfs\"}",
				   "{\"state\": \"good\"}", &zero, &err));
	ck_assert_str_eq(generation_root(&zero, root), "@rootfs");
}
END_TEST

START_TEST(one_boot_is_one_attempt)
{
	auto_generation struct generation gen = {0};
	struct publication *pub;

	parse(&gen);
	pub = &gen.publications[0];
	ck_assert_ptr_eq(publication_attempt(pub, "b1"), &pub->attempts[0]);
	publication_attempt(pub, "b2");
	publication_attempt(pub, "");
	publication_attempt(pub, "");
	ck_assert_uint_eq(pub->attempt_count, 4);
}
END_TEST

START_TEST(layout_numbers_survive)
{
	struct layout layout = {0};
	struct err err = {0};
	auto_free char *printed = NULL;

	ck_assert(layout_parse("{\"last_id\": 7, \"last_serial\": 12, \"later\": true}", &layout,
			       &err));
	layout.last_id = 8;
	printed = layout_print(&layout);
	ck_assert_ptr_nonnull(strstr(printed, "\"last_id\": 8"));
	ck_assert_ptr_nonnull(strstr(printed, "\"later\": true"));
	json_decref(layout.document);
	ck_assert(!layout_parse("{\"min_reader\": 2}", &layout, &err));
}
END_TEST

UNIT_MAIN("generation", a_trial_goes_on_from_an_earlier_one, documents_are_read_into_fields,
	  fields_of_a_newer_moult_survive_a_rewrite, a_copy_is_equal_and_its_own,
	  a_damaged_document_is_refused_with_its_reason,
	  generation_0_needs_the_path_of_the_original, one_boot_is_one_attempt,
	  layout_numbers_survive)
