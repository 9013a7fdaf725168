/*
 * host_disk - a disk image as a small machine has it: GPT, an ESP, a Btrfs with one root in it.
 *
 * Everything lies in one temporary directory. Helpers abort the test where the machine cannot.
 */
#pragma once
#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "host.h"
#include "linux.h"

#define DISK_ESP_OFFSET_BYTES (1024 * 1024)
#define DISK_ESP_SIZE_BYTES (64 * 1024 * 1024)

struct disk {
	char *directory; /* temporary; removed with all in it by disk_done */
	char *image; /* partition 1 the ESP (FAT32), partition 2 the Btrfs */
};

/*
 * Made once before the tests run, outside their processes: @rootfs with etc/hostname, the ESP with
 * loader/loader.conf.
 */
void disk_template_make(void);
void disk_template_remove(void);
/* A copy of the template, in a mount namespace of this process. */
void disk_make(struct disk *ret);
void disk_done(struct disk *disk);
/* A path in the disk's directory; freed with the process. */
char *disk_path(const struct disk *disk, const char *name);

/* Runs a shell command line, which must succeed. */
void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What a command prints, without the last newline; caller frees. */
char *output_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Opens what must open. */
struct host *open_host(const char *sysroot);
/* A disk that is made and opened, with an empty subvolume "root" beside @rootfs. */
struct host *disk_open_with_root(struct disk *ret);
/* Opens what must not: the sentence, and the hint after it. */
void refused(const struct linux_options *options, const char *sentence_part);

void put(struct host *host, enum volume volume, const char *path, const char *text);
/* The whole file as text; caller frees. */
char *get(struct host *host, enum volume volume, const char *path);
/* All names of a directory, "a b/ c@", sorted; caller frees. */
char *names_in(struct host *host, enum volume volume, const char *path);

/* For a text that is the test's to free. */
#define ck_text(expression, expected)                                                              \
	do {                                                                                       \
		auto_free char *text_ = (expression);                                              \
		ck_assert_str_eq(text_, expected);                                                 \
	} while (0)
#define ck_contains(expression, part)                                                              \
	do {                                                                                       \
		auto_free char *text_ = (expression);                                              \
		ck_assert_msg(strstr(text_, part) != NULL, "\"%s\" is not in: %s", part, text_);   \
	} while (0)

TCase *host_machine_case(void);
TCase *host_bus_case(void);
TCase *host_surroundings_case(void);
TCase *host_boot_case(void);
TCase *host_initrd_case(void);
TCase *host_efi_case(void);
TCase *host_changed_case(void);
TCase *host_difference_case(void);
TCase *host_exclusive_case(void);
TCase *host_open_case(void);
TCase *host_read_only_case(void);
/* In a process with an environment of its own; its exit status says where it failed. */
int efi_test_body(void);
