/* What a hook may declare, and that nothing which is not understood passes. */
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include "hook_header.h"
#include "text.h"
#include "unit.h"

static bool parse(const char *text, struct hook_header *ret, struct err *err)
{
	return hook_header_parse("10-test", text, strlen(text), ret, err);
}

START_TEST(without_a_header_a_hook_gets_nothing)
{
	static const char *const texts[] = {"", "#!/bin/sh\necho\n",
					    "\177ELF\1\2\3\n# moult-hook: x",
					    "#!/bin/sh\n\n# moult-hook: network=yes\n"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct hook_header header = {.network = true};
		struct err err = {0};

		ck_assert(parse(texts[i], &header, &err));
		ck_assert_uint_eq(header.phases, HOOK_STAGED);
		ck_assert_uint_eq(header.capabilities, 0);
		ck_assert_uint_eq(header.write_count, 0);
		ck_assert(!header.network);
	}
}
END_TEST

START_TEST(a_header_is_read)
{
	struct hook_header header;
	struct err err = {0};

	ck_assert_msg(
		parse("#!/bin/sh\n# my hook\n"
		      "# moult-hook: phases=staged,first-boot capabilities=CAP_CHOWN,CAP_FOWNER\n"
		      "#moult-hook:\twrites=/etc/ssl,/usr/local/lib network=yes\r\n"
		      "echo\n",
		      &header, &err),
		"%s", err.text);
	ck_assert_uint_eq(header.phases, HOOK_STAGED | HOOK_FIRST_BOOT);
	ck_assert_uint_eq(header.capabilities, 1ULL << CAP_CHOWN | 1ULL << CAP_FOWNER);
	ck_assert_uint_eq(header.write_count, 2);
	ck_assert_str_eq(header.writes[0], "/etc/ssl");
	ck_assert_str_eq(header.writes[1], "/usr/local/lib");
	ck_assert(header.network);
}
END_TEST

START_TEST(phases_that_leave_staged_out_leave_it_out)
{
	struct hook_header header;
	struct err err = {0};

	ck_assert(parse("# moult-hook: phases=published,returned", &header, &err));
	ck_assert_uint_eq(header.phases, HOOK_PUBLISHED | HOOK_RETURNED);
	ck_assert_str_eq(hook_phase_name(HOOK_PUBLISHED), "published");
	ck_assert_str_eq(hook_phase_name(HOOK_RETURNED), "returned");
}
END_TEST

/* The rest of a line after "# moult-hook: ", and a part of the sentence that refuses it. */
static const struct {
	const char *line, *part;
} refused[] = {
	{"phases=later", "unknown phase 'later'"},
	{"phases=staged,", NULL},
	{"phases=,", "unknown phase"},
	{"phase=staged", "something unknown"},
	{"staged", "something unknown"},
	{"=staged", "something unknown"},
	{"capabilities=CAP_SYS_ADMIN", "that hooks do not get"},
	{"capabilities=CAP_MKNOD", "that hooks do not get"},
	{"capabilities=cap_chown", "that hooks do not get"},
	{"network=maybe", "neither yes nor no"},
	{"network=", "neither yes nor no"},
	{"network=no network=yes", "says twice"},
	{"writes=/etc writes=/usr", "says twice"},
	{"writes=etc", "plain absolute path"},
	{"writes=/etc/", "plain absolute path"},
	{"writes=//etc", "plain absolute path"},
	{"writes=/etc/../usr", "plain absolute path"},
	{"writes=/etc/..", "plain absolute path"},
	{"writes=/./etc", "plain absolute path"},
	{"writes=/", "may not ask to write"},
	{"writes=/proc/sys", "may not ask to write"},
	{"writes=/dev", "may not ask to write"},
	{"writes=/run", "may not ask to write"},
	{"writes=/a,/b,/c,/d,/e,/f,/g,/h,/i,/j,/k,/l,/m,/n,/o,/p,/q", "too many writable paths"},
};

START_TEST(what_is_not_understood_is_refused)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		auto_free char *text = xasprintf("#!/bin/sh\n# moult-hook: %s\n", refused[i].line);
		struct hook_header header;
		struct err err = {0};

		ck_assert_msg(parse(text, &header, &err) == !refused[i].part, "%s",
			      refused[i].line);
		if (!refused[i].part)
			continue;
		ck_assert_int_eq(err.kind, ERR_CONFIG);
		ck_assert_msg(strstr(err.text, refused[i].part), "%s: %s", refused[i].line,
			      err.text);
		ck_assert_ptr_nonnull(strstr(err.text, "10-test"));
	}
}
END_TEST

START_TEST(what_lies_beside_forbidden_paths_is_allowed)
{
	struct hook_header header;
	struct err err = {0};

	ck_assert_msg(parse("# moult-hook: writes=/runner,/etc/...,/procs", &header, &err), "%s",
		      err.text);
	ck_assert_uint_eq(header.write_count, 3);
}
END_TEST

START_TEST(a_path_too_long_is_refused)
{
	auto_free char *text = xmalloc(600);
	struct hook_header header;
	struct err err = {0};

	strcpy(text, "# moult-hook: writes=/");
	memset(text + strlen(text), 'x', 400);
	text[strlen("# moult-hook: writes=/") + 400] = '\0';
	ck_assert(!parse(text, &header, &err));
}
END_TEST

START_TEST(a_header_far_down_is_refused_not_overlooked)
{
	auto_text struct text text = {0};
	struct hook_header header;
	struct err err = {0};

	for (int i = 0; i < HOOK_HEADER_MAX_LINES; i++)
		text_add(&text, "# licence\n");
	text_add(&text, "# moult-hook: network=yes\n");
	ck_assert(!parse(text.bytes, &header, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "too far down"));
}
END_TEST

/* Whatever the bytes: no more than was declared, nothing off limits, and a sentence when refused. */
static void assert_sane(const char *bytes, size_t length)
{
	const uint64_t never = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_MKNOD | 1ULL << CAP_SYS_MODULE |
			       1ULL << CAP_SYS_BOOT | 1ULL << CAP_SYS_RAWIO |
			       1ULL << CAP_SYS_PTRACE;
	struct hook_header header;
	struct err err = {0};

	if (!hook_header_parse("fuzz", bytes, length, &header, &err)) {
		ck_assert_int_eq(err.kind, ERR_CONFIG);
		ck_assert(*err.text);
		return;
	}
	ck_assert_uint_ne(header.phases, 0);
	ck_assert_uint_eq(header.capabilities & never, 0);
	ck_assert_uint_le(header.write_count, HOOK_WRITES_MAX);
	for (size_t i = 0; i < header.write_count; i++) {
		const char *path = header.writes[i];

		ck_assert(path[0] == '/' && path[1] != '\0' && path[strlen(path) - 1] != '/');
		ck_assert_ptr_null(strstr(path, "/../"));
		ck_assert(!text_starts(path, "/proc/") && !text_starts(path, "/dev/"));
	}
}

START_TEST(random_headers_never_get_more_than_the_table)
{
	static const char *const parts[] = {"# moult-hook:",
					    "phases=",
					    "staged",
					    "capabilities=",
					    "CAP_CHOWN",
					    "CAP_SYS_ADMIN",
					    "writes=",
					    "/etc",
					    "/..",
					    "/proc",
					    "network=",
					    "yes",
					    ",",
					    " ",
					    "\n",
					    "=",
					    "\t",
					    "#",
					    "\r",
					    "\177",
					    "/",
					    "first-boot"};

	srand(1);
	for (int round = 0; round < 200000; round++) {
		char bytes[256] = "# moult-hook: ";
		size_t length = strlen(bytes);

		while (rand() % 12) {
			const char *part = parts[(size_t)rand() % COUNT(parts)];

			if (length + strlen(part) >= sizeof(bytes))
				break;
			memcpy(bytes + length, part, strlen(part));
			length += strlen(part);
		}
		if (rand() % 4 == 0)
			bytes[(size_t)rand() % length] = (char)rand();
		assert_sane(bytes, length);
	}
}
END_TEST

UNIT_MAIN("hook_header", without_a_header_a_hook_gets_nothing, a_header_is_read,
	  phases_that_leave_staged_out_leave_it_out, what_is_not_understood_is_refused,
	  what_lies_beside_forbidden_paths_is_allowed, a_path_too_long_is_refused,
	  a_header_far_down_is_refused_not_overlooked, random_headers_never_get_more_than_the_table)
