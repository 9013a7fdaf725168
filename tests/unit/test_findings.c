/* Findings become one refusal: whole sentences, bounded, with the command that helps first. */
#include <string.h>
#include "findings.h"
#include "text.h"
#include "unit.h"

static void add(struct findings *findings, enum finding_level level, const char *object,
		const char *remedy)
{
	struct finding *finding = findings_make(findings, level, "CODE", object);

	finding_why(finding, "%s is wrong", object);
	if (remedy)
		finding_remedy(finding, "%s", remedy);
}

START_TEST(nothing_wrong_refuses_nothing)
{
	auto_findings struct findings findings = {0};
	struct err err = {0};

	ck_assert(findings_refuse(&findings, NULL, &err));
	add(&findings, FINDING_NOTE, "a", NULL);
	add(&findings, FINDING_WARN, "b", "fix b");
	ck_assert(findings_refuse(&findings, NULL, &err));
	ck_assert_int_eq(err.kind, ERR_NONE);
}
END_TEST

START_TEST(errors_are_one_refusal_with_the_first_remedy)
{
	auto_findings struct findings findings = {0};
	struct err err = {0};

	add(&findings, FINDING_WARN, "a", "fix a");
	add(&findings, FINDING_ERROR, "b", NULL);
	add(&findings, FINDING_ERROR, "c", "fix c");
	ck_assert(!findings_refuse(&findings, "nothing was changed", &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_str_eq(err.text, "nothing was changed: b is wrong; c is wrong");
	ck_assert_str_eq(err.hint, "fix c");
}
END_TEST

START_TEST(a_refusal_may_have_no_beginning_and_no_remedy)
{
	auto_findings struct findings findings = {0};
	struct err err = {0};

	add(&findings, FINDING_ERROR, "b", NULL);
	ck_assert(!findings_refuse(&findings, NULL, &err));
	ck_assert_str_eq(err.text, "b is wrong");
	ck_assert_str_eq(err.hint, "");
}
END_TEST

START_TEST(what_does_not_fit_is_counted)
{
	auto_findings struct findings findings = {0};
	struct err err = {0};

	for (int i = 0; i < 200; i++) {
		auto_free char *object = xasprintf("the object with number %d", i);

		add(&findings, FINDING_ERROR, object, NULL);
	}
	ck_assert(!findings_refuse(&findings, "cannot", &err));
	ck_assert(strlen(err.text) < sizeof(err.text));
	ck_assert(text_ends(err.text, " more, which 'moult check' lists"));
	ck_assert_ptr_nonnull(strstr(err.text, "is wrong; and "));
}
END_TEST

START_TEST(a_single_finding_may_be_longer_than_a_refusal)
{
	auto_findings struct findings findings = {0};
	auto_free char *object = xmalloc(5000);
	struct err err = {0};

	memset(object, 'x', 4999);
	object[4999] = '\0';
	add(&findings, FINDING_ERROR, object, NULL);
	ck_assert(!findings_refuse(&findings, NULL, &err));
	ck_assert(text_starts(err.text, "xxx"));
}
END_TEST

START_TEST(the_same_again_is_there_once)
{
	auto_findings struct findings findings = {0};

	add(&findings, FINDING_ERROR, "a", NULL);
	add(&findings, FINDING_ERROR, "a", "fix a");
	add(&findings, FINDING_ERROR, "b", NULL);
	ck_assert_uint_eq(findings.count, 2);
	ck_assert_str_eq(findings.all[0].remedy, "fix a");
	ck_assert_ptr_eq(findings_find(&findings, "CODE"), &findings.all[0]);
	ck_assert_ptr_null(findings_find(&findings, "OTHER"));
}
END_TEST

START_TEST(the_document_names_everything)
{
	auto_findings struct findings findings = {0};
	auto_free char *printed = NULL;
	auto_json json_t *array = NULL;

	add(&findings, FINDING_NOTE, "a", NULL);
	add(&findings, FINDING_ERROR, "b", "fix b");
	array = findings_json(&findings);
	printed = json_dumps(array, JSON_COMPACT | JSON_SORT_KEYS);
	ck_assert_str_eq(printed,
			 "[{\"code\":\"CODE\",\"level\":\"note\",\"object\":\"a\",\"remedy\":null,"
			 "\"why\":\"a is wrong\"},"
			 "{\"code\":\"CODE\",\"level\":\"error\",\"object\":\"b\","
			 "\"remedy\":\"fix b\",\"why\":\"b is wrong\"}]");
}
END_TEST

UNIT_MAIN("findings", nothing_wrong_refuses_nothing, errors_are_one_refusal_with_the_first_remedy,
	  a_refusal_may_have_no_beginning_and_no_remedy, what_does_not_fit_is_counted,
	  a_single_finding_may_be_longer_than_a_refusal, the_same_again_is_there_once,
	  the_document_names_everything)
