/* unit - what every file in tests/unit begins and ends with. */
#pragma once
#include <check.h>
#include <stdlib.h>

/* A case of its own for each test, so that CK_RUN_CASE=NAME runs that one; once for each of [first, end). */
static inline void unit_add(Suite *suite, const TTest *test, int first, int end)
{
	TCase *alone = tcase_create(test->name);

	tcase_set_timeout(alone, 1200);
	tcase_add_loop_test(alone, test, first, end);
	suite_add_tcase(suite, alone);
}

/* Runs all tests, each in a process of its own; meson reads the TAP that the environment asks for. */
static inline int unit_run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int unit_run(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);

	for (size_t i = 0; i < count; i++)
		unit_add(suite, tests[i], 0, 1);
	return unit_run_suite(suite);
}

#define UNIT_MAIN(name, ...)                                                                       \
	int main(void)                                                                             \
	{                                                                                          \
		const TTest *const tests[] = {__VA_ARGS__};                                        \
                                                                                                   \
		return unit_run(name, tests, sizeof(tests) / sizeof(tests[0]));                    \
	}
