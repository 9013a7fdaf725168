/* Sentences, their hints and their contexts. */
#include <errno.h>
#include <string.h>
#include "err.h"
#include "unit.h"

static bool fail_deep(struct err *err)
{
	return err_set(err, ERR_SYSTEM, ENOENT, "cannot read %s", "'x'");
}

static bool fail_in_context(struct err *err, bool fail)
{
	ERR_CONTEXT(err, "making generation %d", 7);

	return fail ? fail_deep(err) : true;
}

START_TEST(sentence)
{
	struct err err = {0};

	ck_assert(!fail_deep(&err));
	ck_assert_int_eq(err.kind, ERR_SYSTEM);
	ck_assert_int_eq(err.errnum, ENOENT);
	ck_assert_str_eq(err.text, "cannot read 'x': No such file or directory");
	ck_assert_str_eq(err.hint, "");
	ck_assert_ptr_nonnull(strstr(err.origin, "test_err.c:"));
}
END_TEST

START_TEST(without_errno)
{
	struct err err = {0};

	ck_assert(!err_set(&err, ERR_REFUSED, 0, "%s", "no"));
	ck_assert_str_eq(err.text, "no");
	ck_assert(!err_try(&err, "moult %s", "check"));
	ck_assert_str_eq(err.hint, "moult check");
	/* a new failure has no old hint */
	ck_assert(!err_set(&err, ERR_BUSY, 0, "later"));
	ck_assert_str_eq(err.hint, "");
}
END_TEST

START_TEST(context_prefixes_failures_only)
{
	struct err err = {0};

	ck_assert(fail_in_context(&err, false));
	ck_assert_int_eq(err.kind, ERR_NONE);
	ck_assert_str_eq(err.text, "");
	ck_assert(!fail_in_context(&err, true));
	ck_assert_str_eq(err.text,
			 "making generation 7: cannot read 'x': No such file or directory");
}
END_TEST

START_TEST(contexts_nest)
{
	struct err err = {0};

	{
		ERR_CONTEXT(&err, "outside");

		(void)fail_in_context(&err, true);
	}
	ck_assert_ptr_eq(strstr(err.text, "outside: making generation 7: cannot"), err.text);
}
END_TEST

START_TEST(far_too_long)
{
	struct err err = {0};
	char name[3000];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	{
		ERR_CONTEXT(&err, "%s", name);

		(void)err_set(&err, ERR_SYSTEM, EIO, "%s", name);
	}
	ck_assert_uint_lt(strlen(err.text), sizeof(err.text));
	(void)err_try(&err, "%s", name);
	ck_assert_uint_lt(strlen(err.hint), sizeof(err.hint));
}
END_TEST

/* There is no room for the reason, but the sentence stays whole. */
START_TEST(just_too_long_for_the_reason)
{
	struct err err = {0};
	char name[sizeof(err.text)];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	(void)err_set(&err, ERR_SYSTEM, EIO, "%s", name);
	ck_assert_str_eq(err.text, name);
}
END_TEST

UNIT_MAIN("err", sentence, without_errno, context_prefixes_failures_only, contexts_nest,
	  far_too_long, just_too_long_for_the_reason)
