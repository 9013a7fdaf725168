/*
 * linux_firmware - the firmware's boot menu: what is in it, in which order, and taking out of it.
 *
 * After the UEFI specification 2.10, 3.1 (boot manager) and 3.3 (global variables).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "linux_efi.h"
#include "linux_fat_name.h"

#define NUMBERS_MAX 4096 /* of a BootOrder that is not nonsense */

/* "\EFI\debian\grubx64.efi" → "EFI/debian/grubx64.efi" */
static char *slashed(const char *path)
{
	char *copy = xstrdup(path + strspn(path, "\\/"));

	for (char *at = copy; *at; at++)
		if (*at == '\\')
			*at = '/';
	return copy;
}

static void add_option(struct host_firmware *firmware, uint16_t number,
		       const struct partition *partition)
{
	char name[sizeof("Boot0000")];
	auto_variable struct variable variable = {0};
	auto_load_option struct load_option option = {0};
	struct host_boot_option *added;

	snprintf(name, sizeof(name), "Boot%04X", number);
	/* one that BootOrder names and that is gone is nothing the firmware could start */
	if (variable_read(EFI_GLOBAL_GUID, name, &variable) < 0)
		return;
	added = array_add(firmware->options, firmware->count);
	*added = (struct host_boot_option){.number = number};
	if (load_option_read(&variable, &option)) {
		added->active = option.active;
		if (partition && load_option_is_on(&option, partition))
			added->path = slashed(option.path.bytes);
	}
	added->label = xstrdup(option.label.bytes ? option.label.bytes : "");
}

static bool is_known(const struct host_firmware *firmware, uint16_t number)
{
	for (size_t i = 0; i < firmware->count; i++)
		if (firmware->options[i].number == number)
			return true;
	return false;
}

static int compare_numbers(const void *a, const void *b)
{
	return (int)((const struct host_boot_option *)a)->number -
	       (int)((const struct host_boot_option *)b)->number;
}

/* Those that BootOrder does not name, by their number. */
static int add_others(struct host_firmware *firmware, const struct partition *partition)
{
	efi_guid_t *guid = NULL, global = EFI_GLOBAL_GUID;
	auto_text struct text numbers = {0};
	char *name = NULL;
	int result;

	/* guid and name stay the library's; it frees them at the end */
	while ((result = efi_get_next_variable_name(&guid, &name)) > 0)
		if (efi_guid_cmp(guid, &global) == 0 && boot_number(name) >= 0)
			boot_order_add(&numbers, (unsigned)boot_number(name));
	if (result < 0)
		return -EIO;
	for (size_t at = 0; at + 2 <= numbers.length; at += 2) {
		uint16_t number = le16((const uint8_t *)numbers.bytes + at);

		if (!is_known(firmware, number))
			add_option(firmware, number, partition);
	}
	if (firmware->count > firmware->ordered)
		qsort(firmware->options + firmware->ordered, firmware->count - firmware->ordered,
		      sizeof(*firmware->options), compare_numbers);
	return 0;
}

int efi_firmware_read(const struct partition *partition, struct host_firmware *ret)
{
	auto_variable struct variable order = {0}, secure = {0};
	int result;

	*ret = (struct host_firmware){0};
	if (variable_read(EFI_GLOBAL_GUID, "SecureBoot", &secure) == 0 && secure.length > 0)
		ret->secure_boot = secure.bytes[0] == 1;
	variable_read(EFI_GLOBAL_GUID, "BootOrder", &order);
	for (size_t at = 0; at + 2 <= order.length && at < 2 * NUMBERS_MAX; at += 2)
		if (!is_known(ret, le16(order.bytes + at)))
			add_option(ret, le16(order.bytes + at), partition);
	ret->ordered = ret->count;
	result = add_others(ret, partition);
	if (result < 0)
		host_firmware_done(ret);
	return result;
}

static int reachable(struct host *host)
{
	if (!linux_of(host)->live)
		return -ENOSYS;
	return efi_variables_supported() ? 0 : -ENOTSUP;
}

int linux_firmware(struct host *host, struct host_firmware *ret)
{
	struct partition partition;
	int result = reachable(host);

	if (result < 0)
		return result;
	result = boot_partition(linux_of(host), &partition);
	return efi_firmware_read(result == 0 ? &partition : NULL, ret);
}

int efi_boot_order_write(const uint16_t *numbers, size_t count)
{
	auto_text struct text order = {0};

	for (size_t i = 0; i < count; i++)
		boot_order_add(&order, numbers[i]);
	return boot_order_write(&order);
}

int linux_set_boot_order(struct host *host, const uint16_t *numbers, size_t count)
{
	int result = reachable(host);

	return result < 0 ? result : efi_boot_order_write(numbers, count);
}

int efi_boot_option_remove(uint16_t number)
{
	char name[sizeof("Boot0000")];
	auto_variable struct variable variable = {0};

	snprintf(name, sizeof(name), "Boot%04X", number);
	if (variable_read(EFI_GLOBAL_GUID, name, &variable) < 0)
		return 0;
	return efi_del_variable(EFI_GLOBAL_GUID, name) < 0 ? (errno > 0 ? -errno : -EIO) : 0;
}

int linux_remove_boot_option(struct host *host, uint16_t number)
{
	int result = reachable(host);

	return result < 0 ? result : efi_boot_option_remove(number);
}
