/*
 * Firmware boot entries, in a directory that libefivar takes for efivarfs.
 *
 * The library looks at its environment when it is loaded, so each test runs in this program
 * started again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "host_disk.h"
#include "linux_internal.h"
#include "text.h"

#define GLOBAL "8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define LOADER "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

static char *directory;

static const struct partition esp = {
	.number = 1,
	.start = 2048,
	.size = 131072,
	.uuid = "0d3c0f4e-9a5b-4e0a-8f1c-2b6f3a1d5e77",
	.gpt = true,
};

static const char *const loaders[] = {"EFI/systemd/systemd-bootx64.efi", "EFI/BOOT/BOOTX64.EFI"};

static void put_variable(const char *name, const char *python_bytes)
{
	run("python3 -c 'import sys\nopen(sys.argv[1],\"wb\").write(b\"\\x07\\0\\0\\0\"+%s)' "
	    "'%s/%s'",
	    python_bytes, directory, name);
}

static bool variables_are(const char *expected)
{
	auto_free char *names =
		output_of("cd %s && ls | sed 's/-%s//' | tr '\\n' ' '", directory, GLOBAL);

	return strcmp(names, expected) == 0;
}

static bool boot_order_is(const char *expected)
{
	auto_free char *order =
		output_of("cd %s && tail -c +5 BootOrder-%s | od -An -tx2 -v", directory, GLOBAL);

	return strcmp(order, expected) == 0;
}

/* What there is after the entries above were made: read, reordered, taken out. */
static int firmware_body(void)
{
	auto_host_firmware struct host_firmware firmware = {0};
	static const uint16_t order[] = {0, 2};

	if (efi_firmware_read(&esp, &firmware) != 0 || firmware.ordered != 5 ||
	    firmware.count != 5 || firmware.secure_boot)
		return 11;
	/* the first is on another partition; the second is on ours; one lies about itself */
	if (firmware.options[0].path || !text_equal(firmware.options[1].path, loaders[0]) ||
	    !text_starts(firmware.options[1].label, "moult (") || firmware.options[3].path)
		return 12;
	if (firmware.options[4].number != 0 || !text_equal(firmware.options[4].label, "Ui"))
		return 13;
	/* a variable is written as a whole, a file that stands for one keeps its end */
	run("rm %s/BootOrder-" GLOBAL, directory);
	if (efi_boot_order_write(order, COUNT(order)) != 0 || !boot_order_is(" 0000 0002"))
		return 14;
	for (int again = 0; again < 2; again++)
		if (efi_boot_option_remove(1) != 0)
			return 15;
	if (!variables_are("Boot0000 Boot0002 Boot0003 Boot0004 BootOrder "
			   "LoaderEntrySelected-" LOADER " "))
		return 16;
	host_firmware_done(&firmware);
	put_variable("SecureBoot-" GLOBAL, "b\"\\1\"");
	if (efi_firmware_read(NULL, &firmware) != 0 || !firmware.secure_boot)
		return 17;
	/* those that are in no order come last, by number; without the boot volume none is on it */
	if (firmware.ordered != 2 || firmware.count != 4 || firmware.options[2].number != 3 ||
	    firmware.options[2].path)
		return 18;
	return 0;
}

int efi_test_body(void)
{
	struct partition other = esp;
	auto_free char *entry = NULL, *touched = NULL;

	directory = getenv("EFIVARFS_PATH");
	put_variable("Boot0000-" GLOBAL, "b\"\\1\\0\\0\\0\\4\\0U\\0i\\0\\0\\0\\x7f\\xff\\4\\0\"");
	put_variable("Boot0002-" GLOBAL, "b\"\\1\\0\\0\\0\\xff\\xffX\""); /* lies about itself */
	put_variable("BootOrder-" GLOBAL, "b\"\\2\\0\\0\\0\"");
	put_variable("LoaderEntrySelected-" LOADER,
		     "\"moult-000012+3-0.conf\\0\".encode(\"utf-16-le\")");
	if (loader_variable("LoaderEntryDefault", &entry) != -ENOENT)
		return 2;
	if (loader_variable("LoaderEntrySelected", &entry) < 0 ||
	    strcmp(entry, "moult-000012+3-0.conf") != 0)
		return 3;
	if (efi_entries_write(&esp, loaders, COUNT(loaders)) != 0)
		return 4;
	if (!variables_are("Boot0000 Boot0001 Boot0002 Boot0003 BootOrder "
			   "LoaderEntrySelected-" LOADER " "))
		return 5;
	if (!boot_order_is(" 0001 0003 0002 0000"))
		return 6;
	/* already right: not one file is touched */
	run("touch -d @1000 %s/*", directory);
	if (efi_entries_write(&esp, loaders, COUNT(loaders)) != 0)
		return 7;
	touched = output_of("find %s -newermt @1001 -type f | wc -l", directory);
	if (strcmp(touched, "0") != 0)
		return 8;
	/* another partition of the same number is another place */
	strcpy(other.uuid, "1d3c0f4e-9a5b-4e0a-8f1c-2b6f3a1d5e77");
	if (efi_entries_write(&other, loaders, 1) != 0)
		return 9;
	if (!boot_order_is(" 0004 0001 0003 0002 0000"))
		return 10;
	return firmware_body();
}

START_TEST(entries_are_made_once_and_put_first)
{
	char self[4096] = "";
	struct disk disk;

	disk_make(&disk);
	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	run("mkdir %s/efi && EFIVARFS_PATH=%s/efi/ LIBEFIVAR_OPS=efivarfs %s --efi-test",
	    disk.directory, disk.directory, self);
	/* an independent reader: the device path of one that is still there */
	ck_contains(
		output_of("tail -c +5 %s/efi/Boot0004-" GLOBAL " | tr -d '\\0'", disk.directory),
		"\\EFI\\systemd\\systemd-bootx64.efi");
	disk_done(&disk);
}
END_TEST

TCase *host_efi_case(void)
{
	TCase *group = tcase_create("efi");

	tcase_add_test(group, entries_are_made_once_and_put_first);
	return group;
}
