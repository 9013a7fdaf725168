/* The host that fails: every call once, none forgotten, nothing else changed. */
#include <string.h>
#include "fake_host.h"
#include "fault_host.h"
#include "unit.h"

START_TEST(every_call_is_there)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	struct fault_host fault;
	void *const *calls;

	fault_host_init(&fault, &fake->host);
	for (calls = (void *const *)fault.host.ops; calls < (void *const *)(fault.host.ops + 1);
	     calls++)
		ck_assert_ptr_nonnull(*calls);
	for (calls = (void *const *)fake->host.ops; calls < (void *const *)(fake->host.ops + 1);
	     calls++)
		ck_assert_ptr_nonnull(*calls);
}
END_TEST

static int three_calls(struct host *host)
{
	struct host_stat stat;
	int r = host->ops->write(host, VOLUME_BOOT, "a", "1", 1);

	if (r == 0)
		r = host->ops->stat(host, VOLUME_BOOT, "a", &stat);
	if (r == 0)
		r = host->ops->sync(host, VOLUME_BOOT);
	return r;
}

START_TEST(nth_call_fails)
{
	static const char *const names[] = {NULL, "write", "stat", "sync"};

	for (unsigned n = 0; n <= 4; n++) {
		auto_fake_host struct fake_host *fake = fake_host_new();
		struct fault_host fault;

		fault_host_init(&fault, &fake->host);
		fault.fail_at = n;
		fault.errnum = ENOSPC;
		ck_assert_int_eq(three_calls(&fault.host), n >= 1 && n <= 3 ? -ENOSPC : 0);
		ck_assert_uint_eq(fault.calls, n >= 1 && n <= 3 ? n : 3);
		ck_assert(n == 0 || n == 4 ? !fault.failed : strcmp(fault.failed, names[n]) == 0);
		ck_assert((fake_host_text(fake, VOLUME_BOOT, "a") == NULL) == (n == 1));
	}
}
END_TEST

START_TEST(fails_although_it_happened)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	struct fault_host fault;

	fault_host_init(&fault, &fake->host);
	fault.fail_at = 1;
	fault.afterwards = true;
	ck_assert_int_eq(three_calls(&fault.host), -EIO);
	ck_assert_str_eq(fake_host_text(fake, VOLUME_BOOT, "a"), "1");
}
END_TEST

START_TEST(fails_for_ever)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	struct fault_host fault;

	fault_host_init(&fault, &fake->host);
	fault.fail_at = 2;
	ck_assert_int_eq(three_calls(&fault.host), -EIO);
	ck_assert_int_eq(three_calls(&fault.host), 0);
	fault.calls = 0;
	fault.forever = true;
	ck_assert_int_eq(three_calls(&fault.host), -EIO);
	ck_assert_int_eq(three_calls(&fault.host), -EIO);
}
END_TEST

START_TEST(what_cannot_fail_is_passed_on)
{
	auto_fake_host struct fake_host *fake = fake_host_new();
	struct fault_host fault;
	char *other = NULL;

	fault_host_init(&fault, &fake->host);
	fake->interrupt = true;
	ck_assert_int_eq(fault.host.ops->lock(&fault.host, "me", &other), 0);
	ck_assert_int_eq(fault.host.ops->package_lock(&fault.host, "@gens/1/root", 0), 0);
	fault.forever = true;
	fault.fail_at = 1;
	ck_assert_int_eq(fault.host.ops->clock(&fault.host, HOST_CLOCK_REAL_SEC), fake->now_sec);
	fault.host.ops->unlock(&fault.host);
	fault.host.ops->package_unlock(&fault.host);
	fault.host.ops->log(&fault.host, &(struct host_message){.text = "hello", .generation = -1});
	ck_assert(fault.host.ops->interrupted(&fault.host));
	ck_assert(!fake->locked && fake->package_locks == 0);
	ck_assert_str_eq(fake->log, "-: hello\n");
}
END_TEST

UNIT_MAIN("fault host", every_call_is_there, nth_call_fails, fails_although_it_happened,
	  fails_for_ever, what_cannot_fail_is_passed_on)
