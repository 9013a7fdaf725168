/* Where a subvolume differs from an older snapshot of it: by transaction ids, against looking at all of both. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "host_disk.h"
#include "text.h"

#define TOP "/run/moult/pool/"
/* xa FILE NAME VALUE: an extended attribute, for the shell */
#define XA                                                                                         \
	"xa() { python3 -c 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], "                \
	"sys.argv[3].encode())' $1 $2 $3; }; "

static struct disk disk;
static struct host *host;
static uint64_t since;

/* "root" with 40 directories of 8 files each, two of them one file; "then" is its snapshot. */
static void set_up(void)
{
	struct host_subvolume then = {0};

	host = disk_open_with_root(&disk);
	run("cd " TOP
	    "root && for d in $(seq 0 39); do mkdir -p d$((d %% 7))/e$d; for f in $(seq 0 6); "
	    "do echo $d $f > d$((d %% 7))/e$d/f$f; done; ln d$((d %% 7))/e$d/f0 d$((d %% "
	    "7))/e$d/f7; "
	    "done");
	run(XA "ln -s d0 " TOP "root/link; xa " TOP "root/d1/e1/f1 user.k 1");
	ck_assert_int_eq(host->ops->snapshot(host, "root", "then", true), 0);
	ck_assert_int_eq(host->ops->subvolume(host, "then", &then), 0);
	since = then.made_transid;
	ck_assert_uint_gt(since, 0);
	host_subvolume_done(&then);
}

static void tear_down(void)
{
	linux_host_close(host);
	disk_done(&disk);
}

static struct host_strings changed(void)
{
	struct host_since request = {.subvolume = "root", .ancestor = "then", .transid = since};
	struct host_strings found = {0};

	ck_assert_int_eq(host->ops->changed_since(host, &request, &found), 0);
	return found;
}

/* All that was found, with a blank after each; caller frees. */
static char *changed_text(void)
{
	auto_host_strings struct host_strings found = changed();
	struct text text = {0};

	for (size_t i = 0; i < found.count; i++)
		text_addf(&text, "%s ", found.strings[i]);
	return text.bytes ? text_take(&text) : xstrdup("");
}

START_TEST(nothing_changed_is_nothing_found)
{
	ck_text(changed_text(), "");
	run("sync -f " TOP);
	ck_text(changed_text(), "");
}
END_TEST

/* Reading writes the time of the last reading, in the same place as all the rest. */
START_TEST(reading_is_no_change)
{
	run("mount -o remount,strictatime " TOP);
	run("find " TOP "root -type f -exec cat {} + > /dev/null; ls -lR " TOP "root > /dev/null");
	run("sync -f " TOP);
	ck_text(changed_text(), "");
	ck_text(output_of("stat -c %%X " TOP "then/d1/e1/f2 | wc -w"), "1");
}
END_TEST

START_TEST(each_kind_of_change_is_found)
{
	run("cd " TOP "root && echo more >> d1/e1/f2");
	ck_text(changed_text(), "d1/e1/f2 ");
	run("cd " TOP "root && chmod 600 d2/e2/f3 && chown 7 d2/e2/f4");
	ck_text(changed_text(), "d1/e1/f2 d2/e2/f3 d2/e2/f4 ");
	ck_assert_int_eq(removexattr(TOP "root/d1/e1/f1", "user.k"), 0);
	ck_text(changed_text(), "d1/e1/f1 d1/e1/f2 d2/e2/f3 d2/e2/f4 ");
}
END_TEST

START_TEST(a_file_replaced_by_a_rename_is_found)
{
	run("cd " TOP
	    "root/d3/e3 && cp -p f2 .f2.new && echo x >> .f2.new && touch -r f2 .f2.new && "
	    "mv .f2.new f2");
	ck_text(changed_text(), "d3/e3 d3/e3/f2 ");
}
END_TEST

START_TEST(a_removed_directory_is_found_with_all_that_was_in_it)
{
	run("rm -r " TOP "root/d4/e4");
	ck_text(changed_text(), "d4 d4/e4 d4/e4/f0 d4/e4/f1 d4/e4/f2 d4/e4/f3 d4/e4/f4 d4/e4/f5 "
				"d4/e4/f6 d4/e4/f7 ");
}
END_TEST

START_TEST(a_moved_directory_is_found_at_both_places)
{
	run("mkdir " TOP "root/new && mv " TOP "root/d5/e5 " TOP "root/new/moved");
	ck_contains(changed_text(), " new/moved/f3 ");
	ck_contains(changed_text(), " d5/e5/f3 ");
}
END_TEST

START_TEST(a_change_of_one_name_is_found_at_all_names)
{
	run("echo x > " TOP "root/d6/e6/f7");
	ck_text(changed_text(), "d6/e6/f0 d6/e6/f7 ");
}
END_TEST

/* More names than fit into one item of the tree, or into one answer of the kernel's own resolver. */
START_TEST(hundreds_of_names_of_one_file_are_all_found)
{
	auto_host_strings struct host_strings found = {0};

	run("cd " TOP "root/d0 && for i in $(seq 1 400); do ln e0/f1 "
	    "a-name-that-is-long-enough-to-fill-a-reference-item-$i; done");
	found = changed();
	/* the directory, the first name, and the new ones */
	ck_assert_uint_eq(found.count, 402);
}
END_TEST

/* --- at random --------------------------------------------------------------------------------- */

static unsigned seed;

static unsigned random_below(unsigned bound)
{
	return (unsigned)rand_r(&seed) % bound;
}

static const char *any_file(char buffer[64])
{
	unsigned d = random_below(40);

	snprintf(buffer, 64, TOP "root/d%u/e%u/f%u", d % 7, d, random_below(8));
	return buffer;
}

static const char *any_directory(char buffer[64])
{
	unsigned d = random_below(40);

	snprintf(buffer, 64, TOP "root/d%u/e%u", d % 7, d);
	return buffer;
}

static void write_to(const char *path, int flags, off_t at)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);

	if (fd >= 0 && pwrite(fd, "changed", 7, at) < 0)
		ck_abort();
	if (fd >= 0)
		close(fd);
}

/* What fails because an earlier edit took its object away is an edit less. */
static void edit_at_random(void)
{
	char a[64], b[64], buffer[8];
	int fd, ignored = 0;

	any_file(a);
	any_file(b);
	switch (random_below(12)) {
	case 0:
		write_to(a, 0, 3);
		break;
	case 1:
		write_to(a, O_TRUNC, 0);
		break;
	case 2:
		write_to(a, 0, 300000);
		break; /* a hole */
	case 3:
		ignored = chmod(a, 0600);
		break;
	case 4:
		ignored = lchown(a, random_below(3), 5);
		break;
	case 5:
		ignored = setxattr(a, "user.k", "v", 1, 0);
		break;
	case 6:
		ignored = rename(a, b);
		break;
	case 7:
		ignored = unlink(a);
		break;
	case 8:
		ignored = link(a, b);
		break;
	case 9:
		ignored = unlink(a) == 0 && symlink("f1", a);
		break;
	case 10:
		ignored = rename(any_directory(a), any_directory(b));
		break;
	default:
		fd = open(a, O_RDONLY);
		if (fd >= 0 && read(fd, buffer, sizeof(buffer)) >= 0)
			ignored = close(fd);
	}
	(void)ignored;
}

/* Every path of either tree where they differ, by looking; caller frees. */
static char *brute_force(void)
{
	auto_free char *names =
		output_of("(cd " TOP "root && find . -mindepth 1; cd " TOP "then && "
			  "find . -mindepth 1) | cut -c3- | LC_ALL=C sort -u");
	struct text text = {0};
	char *save = NULL;

	for (char *name = strtok_r(names, "\n", &save); name; name = strtok_r(NULL, "\n", &save)) {
		auto_free char *now = xasprintf("root/%s", name);
		auto_free char *then = xasprintf("then/%s", name);
		int differs = host->ops->differ(host, now, then);

		ck_assert_int_ge(differs, 0);
		if (differs)
			text_addf(&text, "%s\n", name);
	}
	return text.bytes ? text_take(&text) : xstrdup("");
}

static bool has(const struct host_strings *found, const char *path)
{
	return host_strings_have(found, path);
}

/* What was found and does not differ was at least written to: its time of change is another. */
static void check_extra(const char *path)
{
	auto_free char *now = xasprintf(TOP "root/%s", path),
		       *then = xasprintf(TOP "then/%s", path);
	struct stat a, b;

	ck_assert_int_eq(lstat(now, &a), 0);
	ck_assert_int_eq(lstat(then, &b), 0);
	ck_assert_msg(a.st_ino != b.st_ino || a.st_ctim.tv_sec != b.st_ctim.tv_sec ||
			      a.st_ctim.tv_nsec != b.st_ctim.tv_nsec,
		      "%s did not change at all", path);
}

START_TEST(random_edits_are_found_as_by_looking_at_everything)
{
	auto_free char *expected = NULL, *lines = NULL;
	auto_host_strings struct host_strings found = {0};
	char *save = NULL;

	unsigned first = 1000 + (unsigned)_i;

	seed = first;
	for (unsigned i = 0; i < 1 + 4 * (unsigned)_i; i++) {
		edit_at_random();
		if (random_below(10) == 0)
			run("sync -f " TOP);
	}
	found = changed();
	expected = brute_force();
	lines = xstrdup(expected);
	for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		ck_assert_msg(has(&found, line), "seed %u: %s was not found", first, line);
	for (size_t i = 0; i < found.count; i++) {
		auto_free char *line = xasprintf("\n%s\n", found.strings[i]);
		auto_free char *all = xasprintf("\n%s", expected);

		if (!strstr(all, line))
			check_extra(found.strings[i]);
	}
}
END_TEST

START_TEST(a_snapshot_of_the_subvolume_tells_the_same)
{
	struct host_since request = {.subvolume = "now", .ancestor = "then", .transid = since};
	auto_host_strings struct host_strings found = {0};

	run("echo x > " TOP "root/d1/e1/f3; rm " TOP "root/d2/e2/f1");
	ck_assert_int_eq(host->ops->snapshot(host, "root", "now", true), 0);
	ck_assert_int_eq(host->ops->changed_since(host, &request, &found), 0);
	ck_assert_uint_eq(found.count, 3);
	ck_assert_str_eq(found.strings[0], "d1/e1/f3");
	ck_assert_str_eq(found.strings[1], "d2/e2");
	ck_assert_str_eq(found.strings[2], "d2/e2/f1");
}
END_TEST

START_TEST(what_is_no_subvolume_cannot_be_compared)
{
	struct host_since request = {.subvolume = "gone", .ancestor = "then", .transid = since};
	struct host_strings found;

	ck_assert_int_eq(host->ops->changed_since(host, &request, &found), -ENOENT);
	request = (struct host_since){.subvolume = "root", .ancestor = "gone"};
	ck_assert_int_eq(host->ops->changed_since(host, &request, &found), -ENOENT);
}
END_TEST

START_TEST(things_differ_by_all_but_their_times)
{
	static const struct {
		const char *make;
		int differs;
	} cases[] = {
		{"touch a b", 0},
		{"touch a", 1},
		{"touch a; touch -d 2001-01-01 b", 0},
		{"echo 1 > a; echo 1 > b", 0},
		{"echo 1 > a; echo 2 > b", 1},
		{"touch a b; chmod 600 b", 1},
		{"touch a b; chown 3 b", 1},
		{"touch a b; chgrp 3 b", 1},
		{"touch a b; xa b user.x 1", 1},
		{"touch a b; xa a user.x 1; xa b user.x 1", 0},
		{"touch a b; xa a user.x 1; xa b user.x 2", 1},
		{"touch a b; xa a user.x 1; xa b user.y 1", 1},
		{"touch a b; chattr +i b", 1},
		{"ln -s x a; ln -s x b", 0},
		{"ln -s x a; ln -s y b", 1},
		{"mkdir a b; touch b/inside", 0},
		{"mkdir a b; chmod 700 b", 1},
		{"mkdir a; touch b", 1},
		{"mknod a c 1 3; mknod b c 1 3", 0},
		{"mknod a c 1 3; mknod b c 1 5", 1},
		{"head -c 200000 /dev/zero > a; truncate -s 200000 b", 0},
		{"head -c 200000 /dev/zero > a; truncate -s 199999 b", 1},
	};

	run(XA "cd " TOP "root && mkdir t && cd t && %s", cases[_i].make);
	ck_assert_int_eq(host->ops->differ(host, "root/t/a", "root/t/b"), cases[_i].differs);
	ck_assert_int_eq(host->ops->differ(host, "root/t/b", "root/t/a"), cases[_i].differs);
	ck_assert_int_eq(host->ops->differ(host, "root/t/no", "root/none/no"), 0);
	run("chattr -i " TOP "root/t/* 2>/dev/null; true");
}
END_TEST

TCase *host_changed_case(void)
{
	TCase *group = tcase_create("changed");

	tcase_set_timeout(group, 300);
	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, nothing_changed_is_nothing_found);
	tcase_add_test(group, reading_is_no_change);
	tcase_add_test(group, each_kind_of_change_is_found);
	tcase_add_test(group, a_file_replaced_by_a_rename_is_found);
	tcase_add_test(group, a_removed_directory_is_found_with_all_that_was_in_it);
	tcase_add_test(group, a_moved_directory_is_found_at_both_places);
	tcase_add_test(group, a_change_of_one_name_is_found_at_all_names);
	tcase_add_test(group, hundreds_of_names_of_one_file_are_all_found);
	tcase_add_loop_test(group, random_edits_are_found_as_by_looking_at_everything, 0, 12);
	tcase_add_test(group, a_snapshot_of_the_subvolume_tells_the_same);
	tcase_add_test(group, what_is_no_subvolume_cannot_be_compared);
	tcase_add_loop_test(group, things_differ_by_all_but_their_times, 0, 22);
	return group;
}
