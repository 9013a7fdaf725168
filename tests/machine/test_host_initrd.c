/* Names in an initrd, made by the programs that make them, and by somebody who means harm. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "host_disk.h"
#include "text.h"

#define IN "cd /run/moult/pool && "

static struct disk disk;
static struct host *host;

static void set_up(void)
{
	disk_make(&disk);
	host = open_host(disk.image);
	/* as initramfs-tools does it: microcode first and bare, then the rest */
	run(IN "mkdir -p early/kernel/x86/microcode main/etc main/usr/bin && "
	       "head -c 70000 /dev/urandom >early/kernel/x86/microcode/GenuineIntel.bin && "
	       "echo root /dev/x >main/etc/crypttab && ln -s usr/bin main/bin && "
	       "head -c 3000000 /dev/urandom >main/usr/bin/busybox");
	run(IN "(cd early && find . | sort | cpio -o -H newc --quiet) >early.cpio");
	run(IN "(cd main && find . | sort | cpio -o -H newc --quiet) >main.cpio");
}

static void tear_down(void)
{
	linux_host_close(host);
	disk_done(&disk);
}

static void add_name(void *userdata, const char *name)
{
	text_addf(userdata, "%s ", name);
}

static int list(const char *path, struct text *names)
{
	text_done(names);
	text_add(names, "");
	return host->ops->list_initrd(host, "", path, add_name, names);
}

#define EARLY "kernel kernel/x86 kernel/x86/microcode kernel/x86/microcode/GenuineIntel.bin "
#define MAIN "bin etc etc/crypttab usr usr/bin usr/bin/busybox "

START_TEST(every_compression_is_read)
{
	static const char *const packers[] = {
		"cat",	       "gzip -9", "zstd -q -19", "xz --check=crc32",
		"lz4 -l -q -", "bzip2",	  "lzma"};
	auto_text struct text names = {0};

	for (size_t i = 0; i < COUNT(packers); i++) {
		run(IN "(cat early.cpio; head -c 212 /dev/zero; "
		       "%s <main.cpio) >initrd",
		    packers[i]);
		ck_assert_msg(list("initrd", &names) == 0, "%s", packers[i]);
		ck_assert_str_eq(names.bytes, EARLY MAIN);
		run(IN "%s <main.cpio >initrd", packers[i]);
		ck_assert_msg(list("initrd", &names) == 0, "%s alone", packers[i]);
		ck_assert_str_eq(names.bytes, MAIN);
	}
}
END_TEST

START_TEST(what_follows_a_compressed_part_is_read)
{
	auto_text struct text names = {0};

	run(IN "(gzip <main.cpio; head -c 4096 /dev/zero; cat early.cpio; zstd -q <main.cpio; "
	       "head -c 512 /dev/zero) >initrd");
	ck_assert_int_eq(list("initrd", &names), 0);
	ck_assert_str_eq(names.bytes, MAIN EARLY MAIN);
	/* zstd in several frames, one of them to be skipped, as pzstd and zstd --adapt write it */
	run(IN "(head -c 1000000 main.cpio | zstd -q --check; printf 'P*M\\030\\3\\0\\0\\0abc'; "
	       "tail -c +1000001 main.cpio | zstd -q --no-check; cat early.cpio) >initrd");
	ck_assert_int_eq(list("initrd", &names), 0);
	ck_assert_str_eq(names.bytes, MAIN EARLY);
	run(IN "(xz --check=crc32 <main.cpio; head -c 512 /dev/zero) >initrd");
	ck_assert_int_eq(list("initrd", &names), 0);
	ck_assert_str_eq(names.bytes, MAIN);
}
END_TEST

START_TEST(a_damaged_initrd_is_refused)
{
	static const char *const bad[] = {
		"head -c 500000 main.cpio",
		"head -c 60 main.cpio",
		"cat early.cpio; head -c 1000000 main.gz",
		"zstd -q <main.cpio | head -c 1000000",
		"cat early.cpio; zstd -q <main.cpio | head -c 3",
		"head -c 100000 main.cpio | gzip",
		"echo what is this",
		"cat early.cpio; echo 0what is this",
		"true",
		"head -c 8192 /dev/zero",
		/* a name of 4 GiB, a name of no byte, a size of 4 GiB, digits that are none */
		"sed 's/^\\(.\\{94\\}\\)......../\\1ffffffff/;q' early.cpio",
		"sed 's/^\\(.\\{94\\}\\)......../\\100000000/;q' early.cpio",
		"sed 's/^\\(.\\{54\\}\\)......../\\1ffffffff/;q' early.cpio",
		"sed 's/^\\(.\\{54\\}\\)......../\\1-000001x/;q' early.cpio",
	};
	auto_text struct text names = {0};

	run(IN "gzip <main.cpio >main.gz");
	for (size_t i = 0; i < COUNT(bad); i++) {
		run(IN "(%s) >initrd", bad[i]);
		ck_assert_msg(list("initrd", &names) == -EBADMSG, "%s", bad[i]);
	}
	ck_assert_int_eq(list("none", &names), -ENOENT);
	ck_assert_int_eq(list("main", &names), -EINVAL);
}
END_TEST

START_TEST(memory_stays_small)
{
	auto_text struct text names = {0};
	struct rusage before, after;

	/* 60 MB unpacked, far more than may be held */
	run(IN "mkdir -p large && head -c 60000000 /dev/urandom >large/module.ko && "
	       "(cd large && find . | cpio -o -H newc --quiet | gzip -1) >initrd && rm -r large");
	getrusage(RUSAGE_SELF, &before);
	ck_assert_int_eq(list("initrd", &names), 0);
	getrusage(RUSAGE_SELF, &after);
	ck_assert_str_eq(names.bytes, "module.ko ");
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 4096);
}
END_TEST

TCase *host_initrd_case(void)
{
	TCase *group = tcase_create("initrd");

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, every_compression_is_read);
	tcase_add_test(group, what_follows_a_compressed_part_is_read);
	tcase_add_test(group, a_damaged_initrd_is_refused);
	tcase_add_test(group, memory_stays_small);
	return group;
}
