/* How two trees differ: what each call gives, and what it answers where it cannot. */
#include <dirent.h>
#include <errno.h>
#include <sys/mount.h>
#include "host_disk.h"
#include "text.h"

#define TOP "/run/moult/pool/"
#define STREAM_MAGIC "btrfs-stream"

static struct disk disk;
static struct host *host;

/* "root" is a writable subvolume, "then" and "now" are snapshots of it, "plain" is a directory. */
static void set_up(void)
{
	host = disk_open_with_root(&disk);
	run("cd " TOP "root && mkdir -p d/e ../plain && echo 1 >d/f && ln -s f d/l && echo x >d/x");
	ck_assert_int_eq(host->ops->snapshot(host, "root", "then", true), 0);
	/* the kernel's stamps go by ticks: in one and the same nothing would have been touched */
	run("sleep 0.02; cd " TOP "root && echo 2 >d/f && ln -sf g d/l && rm d/x && mkdir d/x");
	ck_assert_int_eq(host->ops->snapshot(host, "root", "now", true), 0);
}

static void tear_down(void)
{
	linux_host_close(host);
	disk_done(&disk);
}

/* --- send --------------------------------------------------------------------------------------- */

struct received {
	char head[sizeof(STREAM_MAGIC)];
	size_t length;
	int answer; /* to each block */
};

static int receive(void *userdata, const void *bytes, size_t length)
{
	struct received *received = userdata;

	if (received->length == 0 && length >= sizeof(received->head))
		memcpy(received->head, bytes, sizeof(received->head));
	received->length += length;
	return received->answer;
}

static int send_between(const char *from, const char *to, struct received *received)
{
	return host->ops->send(
		host, &(struct host_sending){
			      .from = from, .to = to, .feed = receive, .userdata = received});
}

START_TEST(what_turns_one_snapshot_into_another_is_told)
{
	struct received received = {0};

	ck_assert_int_eq(send_between("then", "now", &received), 0);
	ck_assert_str_eq(received.head, STREAM_MAGIC);
	ck_assert_uint_gt(received.length, sizeof(STREAM_MAGIC));
}
END_TEST

/* Descriptors of this process, the one that is looked through among them. */
static size_t open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	ck_assert_ptr_nonnull(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

START_TEST(whoever_hears_enough_ends_it_with_his_own_error)
{
	struct received received = {.answer = -ECANCELED};
	size_t before = open_files();

	ck_assert_int_eq(send_between("then", "now", &received), -ECANCELED);
	ck_assert_uint_eq(open_files(), before);
}
END_TEST

START_TEST(what_cannot_be_sent)
{
	static const struct {
		const char *from, *to;
		int expected;
	} cases[] = {
		{"then", "none", -ENOENT},   {"none", "now", -ENOENT},
		{"then", "root", -EPERM}, /* it may change meanwhile */
		{"then", "plain", -EPERM},   {"plain", "now", -EINVAL},
		{"then", "../now", -EINVAL}, {"then", "now/d/f", -ENOTDIR},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct received received = {0};
		int r = send_between(cases[i].from, cases[i].to, &received);

		ck_assert_msg(r == cases[i].expected, "%s to %s: %d", cases[i].from, cases[i].to,
			      r);
	}
}
END_TEST

/* --- compare ------------------------------------------------------------------------------------ */

static struct host_comparison compare(const char *a, const char *b)
{
	struct host_comparison found = {0};

	ck_assert_int_eq(host->ops->compare(host, &(struct host_pair){.a = a, .b = b}, &found), 0);
	return found;
}

START_TEST(what_is_the_same_and_what_is_not)
{
	struct host_comparison found = compare("then/d/f", "now/d/f");

	ck_assert(found.there[0] && found.there[1] && found.same_object && found.content);
	ck_assert(!found.type && !found.mode && !found.owner && !found.attributes);
	found = compare("then/d/l", "now/d/l");
	ck_assert(found.types[0] == HOST_SYMLINK && found.content && !found.mode);
	found = compare("then/d/x", "now/d/x");
	ck_assert(found.type && !found.same_object && found.types[1] == HOST_DIRECTORY);
	found = compare("then/d/e", "now/d/e");
	ck_assert(found.same_object && !found.content && !found.attributes);
	run("chattr +i " TOP "root/d/e");
	found = compare("now/d/e", "root/d/e");
	ck_assert(found.attributes && !found.content);
	run("chattr -i " TOP "root/d/e");
}
END_TEST

START_TEST(what_is_not_there_is_no_error)
{
	struct host_comparison found = compare("then/d/none", "now/d/f");

	ck_assert(!found.there[0] && found.there[1]);
	/* a file or a link on the way */
	found = compare("then/d/f/below", "then/d/l/below");
	ck_assert(!found.there[0] && !found.there[1]);
	found = compare("none/at/all", "now");
	ck_assert(!found.there[0] && found.there[1]);
}
END_TEST

START_TEST(what_cannot_be_compared)
{
	struct host_comparison found = {.linked = true};
	struct host_pair outside = {.a = "../etc/passwd", .b = "now/d/f"};

	ck_assert_int_eq(host->ops->compare(host, &outside, &found), -EINVAL);
	ck_assert(found.linked); /* untouched */
}
END_TEST

/* --- links -------------------------------------------------------------------------------------- */

START_TEST(every_name_of_a_file)
{
	auto_host_strings struct host_strings names = {0};

	run("cd " TOP "root && for i in $(seq 300); do ln d/f "
	    "d/e/a-name-that-takes-some-room-in-the-item-$i; done; sync");
	ck_assert_int_eq(host->ops->links(host, "root", "d/f", &names), 0);
	ck_assert_uint_eq(names.count, 301);
}
END_TEST

START_TEST(what_has_no_names)
{
	struct host_strings names = {0};

	ck_assert_int_eq(host->ops->links(host, "none", "d/f", &names), -ENOENT);
	ck_assert_int_eq(host->ops->links(host, "root", "d/none", &names), -ENOENT);
	ck_assert_int_eq(host->ops->links(host, "root", "../now/d/f", &names), -EINVAL);
	ck_assert_int_eq(host->ops->links(host, "root/d/f", "x", &names), -ENOTDIR);
	ck_assert_ptr_null(names.strings);
	/* a link on the way is not followed */
	run("ln -s d " TOP "root/way");
	ck_assert_int_eq(host->ops->links(host, "root", "way/f", &names), -ELOOP);
}
END_TEST

/* --- texts -------------------------------------------------------------------------------------- */

static int difference(const char *a, const char *b, size_t max_bytes, struct host_bytes *ret)
{
	const struct host_text_side sides[2] = {{"a", a, strlen(a)}, {"b", b, strlen(b)}};

	return host->ops->text_difference(host, sides, max_bytes, ret);
}

START_TEST(texts_differ_line_by_line)
{
	struct host_bytes bytes = {0};

	ck_assert_int_eq(difference("same\n", "same\n", 1000, &bytes), 0);
	ck_assert_uint_eq(bytes.length, 0);
	host_bytes_done(&bytes);
	ck_assert_int_eq(difference("one\ntwo\n", "one\n2\n", 1000, &bytes), 0);
	ck_assert_str_eq(bytes.bytes, "--- a\n+++ b\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n");
	host_bytes_done(&bytes);
}
END_TEST

START_TEST(texts_whose_difference_cannot_be_had)
{
	struct host_bytes bytes = {0};
	int r;

	ck_assert_int_eq(difference("one\n", "two\n", 5, &bytes), -EFBIG);
	ck_assert_ptr_null(bytes.bytes);
	/* where there is no diff(1); the mount is this process's own */
	ck_assert_int_eq(mount(disk.directory, "/usr/bin", NULL, MS_BIND, NULL), 0);
	r = difference("one\n", "two\n", 1000, &bytes);
	ck_assert_int_eq(umount2("/usr/bin", 0), 0);
	ck_assert_int_eq(r, -ENOENT);
	ck_assert_ptr_null(bytes.bytes);
}
END_TEST

TCase *host_difference_case(void)
{
	TCase *group = tcase_create("difference");

	tcase_set_timeout(group, 120);
	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, what_turns_one_snapshot_into_another_is_told);
	tcase_add_test(group, whoever_hears_enough_ends_it_with_his_own_error);
	tcase_add_test(group, what_cannot_be_sent);
	tcase_add_test(group, what_is_the_same_and_what_is_not);
	tcase_add_test(group, what_is_not_there_is_no_error);
	tcase_add_test(group, what_cannot_be_compared);
	tcase_add_test(group, every_name_of_a_file);
	tcase_add_test(group, what_has_no_names);
	tcase_add_test(group, texts_differ_line_by_line);
	tcase_add_test(group, texts_whose_difference_cannot_be_had);
	return group;
}
