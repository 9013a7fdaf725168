/*
 * linux_efi - firmware variables: what the loader said, and the firmware's own boot entries.
 *
 * After the UEFI specification 2.10, 3.1.3 (load options) and 10.3 (device paths), and systemd's
 * boot loader interface. A firmware's store wears out: nothing is written that is already right.
 */
#include "linux_efi.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "linux_fat_name.h"

#define LOADER_GUID EFI_GUID(0x4a67b082, 0x0a4c, 0x41cf, 0xb6c7, 0x44, 0x0b, 0x29, 0xbb, 0x8c, 0x4f)
#define OPTION_ACTIVE 1u
#define OPTION_BYTES_MAX 4096
#define NODE_MEDIA 4
#define NODE_HARD_DRIVE 1
#define NODE_FILE 4
#define NODE_END 0x7f
#define HARD_DRIVE_BYTES 42
#define NUMBERS 0x10000

/* One loader on the boot volume, and the entry that starts it. */
struct wanted {
	const char *path; /* relative, with slashes */
	int number; /* of Boot####; -1 = there is none */
};

struct entries {
	struct partition partition; /* the boot volume */
	struct wanted *wanted;
	size_t count;
	uint8_t used[NUMBERS / 8]; /* numbers that are taken */
};

int variable_read(efi_guid_t guid, const char *name, struct variable *ret)
{
	uint32_t attributes;

	return efi_get_variable(guid, name, &ret->bytes, &ret->length, &attributes) < 0 ? -ENOENT
											: 0;
}

static void utf16_add(struct text *text, const uint8_t *bytes, size_t units)
{
	for (size_t i = 0; i < units; i++) {
		unsigned unit = le16(bytes + 2 * i);
		char raw[3] = {(char)unit};
		size_t length = 1;

		if (unit == 0)
			return;
		if (unit >= 0x800) {
			raw[0] = (char)(0xe0 | unit >> 12);
			raw[1] = (char)(0x80 | (unit >> 6 & 0x3f));
			raw[2] = (char)(0x80 | (unit & 0x3f));
			length = 3;
		} else if (unit >= 0x80) {
			raw[0] = (char)(0xc0 | unit >> 6);
			raw[1] = (char)(0x80 | (unit & 0x3f));
			length = 2;
		}
		text_add_bytes(text, raw, length);
	}
}

int loader_variable(const char *name, char **ret)
{
	auto_variable struct variable variable = {0};
	auto_text struct text text = {0};
	int result = variable_read(LOADER_GUID, name, &variable);

	if (result < 0)
		return result;
	utf16_add(&text, variable.bytes, variable.length / 2);
	*ret = text_take(&text);
	return 0;
}

/* What a hard drive node calls this partition: 16 bytes, and how they are to be read. */
static int signature_of(const struct partition *partition, uint8_t signature[16], uint8_t *ret_type)
{
	efi_guid_t guid;
	unsigned id;

	memset(signature, 0, 16);
	if (partition->gpt) {
		*ret_type = EFIDP_HD_SIGNATURE_GUID;
		if (efi_str_to_guid(partition->uuid, &guid) < 0)
			return -EINVAL;
		memcpy(signature, &guid, sizeof(guid));
		return 0;
	}
	*ret_type = EFIDP_HD_SIGNATURE_MBR;
	if (sscanf(partition->uuid, "%8x-", &id) != 1)
		return -EINVAL;
	for (int i = 0; i < 4; i++)
		signature[i] = (uint8_t)(id >> 8 * i);
	return 0;
}

static bool same_path(const char *linux_path, const char *dos_path)
{
	while (*dos_path == '\\' || *dos_path == '/')
		dos_path++;
	for (; *linux_path && *dos_path; linux_path++, dos_path++) {
		bool both_slashes = *linux_path == '/' && *dos_path == '\\';

		if (!both_slashes && strncasecmp(linux_path, dos_path, 1) != 0)
			return false;
	}
	return *linux_path == *dos_path;
}

void load_option_done(struct load_option *option)
{
	text_done(&option->label);
	text_done(&option->path);
}

static void device_path_read(const uint8_t *path, size_t length, struct load_option *ret)
{
	while (length >= 4) {
		size_t node = le16(path + 2);

		if (node < 4 || node > length || path[0] == NODE_END)
			return;
		if (path[0] == NODE_MEDIA && path[1] == NODE_HARD_DRIVE &&
		    node >= HARD_DRIVE_BYTES) {
			ret->partition_number = le32(path + 4);
			memcpy(ret->signature, path + 24, sizeof(ret->signature));
		} else if (path[0] == NODE_MEDIA && path[1] == NODE_FILE) {
			utf16_add(&ret->path, path + 4, (node - 4) / 2);
		}
		path += node;
		length -= node;
	}
}

bool load_option_read(const struct variable *variable, struct load_option *ret)
{
	size_t at = 6, length;

	*ret = (struct load_option){0};
	if (variable->length < at)
		return false;
	ret->active = le32(variable->bytes) & OPTION_ACTIVE;
	length = le16(variable->bytes + 4);
	utf16_add(&ret->label, variable->bytes + at, (variable->length - at) / 2);
	while (at + 2 <= variable->length && le16(variable->bytes + at) != 0)
		at += 2;
	at += 2;
	if (at > variable->length || length > variable->length - at)
		return false;
	device_path_read(variable->bytes + at, length, ret);
	return true;
}

bool load_option_is_on(const struct load_option *option, const struct partition *partition)
{
	uint8_t signature[16], type;

	return signature_of(partition, signature, &type) == 0 && option->path.length > 0 &&
	       option->partition_number == (uint32_t)partition->number &&
	       memcmp(option->signature, signature, sizeof(signature)) == 0;
}

/* Whether a load option that the firmware would use starts this file on this partition. */
static bool option_matches(const struct variable *variable, const struct partition *partition,
			   const char *path)
{
	auto_load_option struct load_option option = {0};

	return load_option_read(variable, &option) && option.active &&
	       load_option_is_on(&option, partition) && same_path(path, option.path.bytes);
}

int boot_number(const char *name)
{
	unsigned number;
	char end;

	if (strlen(name) != 8 || sscanf(name, "Boot%4x%c", &number, &end) != 1)
		return -1;
	return (int)number;
}

static void entry_seen(struct entries *entries, const char *name)
{
	auto_variable struct variable option = {0};
	int number = boot_number(name);

	if (number < 0)
		return;
	entries->used[number / 8] |= (uint8_t)(1u << number % 8);
	if (variable_read(EFI_GLOBAL_GUID, name, &option) < 0)
		return;
	for (size_t i = 0; i < entries->count; i++)
		if (entries->wanted[i].number < 0 &&
		    option_matches(&option, &entries->partition, entries->wanted[i].path))
			entries->wanted[i].number = number;
}

static int entries_read(struct entries *entries)
{
	efi_guid_t *guid = NULL, global = EFI_GLOBAL_GUID;
	char *name = NULL;
	int result;

	/* guid and name stay the library's; it frees them at the end */
	while ((result = efi_get_next_variable_name(&guid, &name)) > 0)
		if (efi_guid_cmp(guid, &global) == 0)
			entry_seen(entries, name);
	return result < 0 ? -EIO : 0;
}

/* The device path of a file on the partition, into a buffer of OPTION_BYTES_MAX. */
static ssize_t make_device_path(const struct partition *partition, const char *path,
				uint8_t *buffer)
{
	auto_free char *dos = xasprintf("\\%s", path);
	uint8_t signature[16], type;
	ssize_t length = 0, added;

	if (signature_of(partition, signature, &type) < 0)
		return -EINVAL;
	for (char *at = dos; *at; at++)
		if (*at == '/')
			*at = '\\';
	added = efidp_make_hd(buffer, OPTION_BYTES_MAX, (uint32_t)partition->number,
			      partition->start, partition->size, signature,
			      partition->gpt ? EFIDP_HD_FORMAT_GPT : EFIDP_HD_FORMAT_PCAT, type);
	if (added < 0)
		return -EINVAL;
	length += added;
	added = efidp_make_file(buffer + length, OPTION_BYTES_MAX - length, dos);
	if (added < 0)
		return -EINVAL;
	length += added;
	added = efidp_make_end_entire(buffer + length, OPTION_BYTES_MAX - length);
	return added < 0 ? -EINVAL : length + added;
}

static int free_number(struct entries *entries)
{
	for (int i = 0; i < NUMBERS; i++) {
		if (entries->used[i / 8] & 1u << i % 8)
			continue;
		entries->used[i / 8] |= (uint8_t)(1u << i % 8);
		return i;
	}
	return -ENOSPC;
}

static int entry_create(struct entries *entries, struct wanted *wanted)
{
	auto_free char *description = xasprintf("moult (%s)", wanted->path);
	uint8_t path[OPTION_BYTES_MAX], option[2 * OPTION_BYTES_MAX];
	ssize_t path_bytes = make_device_path(&entries->partition, wanted->path, path);
	ssize_t option_bytes;
	int number = free_number(entries);
	char name[sizeof("Boot0000")];

	if (path_bytes < 0 || number < 0)
		return path_bytes < 0 ? (int)path_bytes : number;
	option_bytes = efi_loadopt_create(option, sizeof(option), OPTION_ACTIVE, (efidp)path,
					  path_bytes, (unsigned char *)description, NULL, 0);
	if (option_bytes < 0)
		return -EINVAL;
	snprintf(name, sizeof(name), "Boot%04X", (unsigned)number & 0xffff);
	if (efi_set_variable(EFI_GLOBAL_GUID, name, option, (size_t)option_bytes,
			     VARIABLE_ATTRIBUTES, 0644) < 0)
		return errno > 0 ? -errno : -EIO;
	wanted->number = number;
	return 0;
}

void boot_order_add(struct text *order, unsigned number)
{
	uint8_t raw[2] = {(uint8_t)number, (uint8_t)(number >> 8)};

	text_add_bytes(order, raw, sizeof(raw));
}

static bool is_wanted(const struct entries *entries, int number)
{
	for (size_t i = 0; i < entries->count; i++)
		if (entries->wanted[i].number == number)
			return true;
	return false;
}

int boot_order_write(const struct text *order)
{
	auto_variable struct variable present = {0};

	variable_read(EFI_GLOBAL_GUID, "BootOrder", &present);
	if (order->length == present.length &&
	    (order->length == 0 || memcmp(order->bytes, present.bytes, order->length) == 0))
		return 0;
	return efi_set_variable(EFI_GLOBAL_GUID, "BootOrder", (uint8_t *)order->bytes,
				order->length, VARIABLE_ATTRIBUTES, 0644) < 0
		       ? (errno > 0 ? -errno : -EIO)
		       : 0;
}

/* Ours first, then what was there in its order. */
static int order_write(const struct entries *entries)
{
	auto_variable struct variable present = {0};
	auto_text struct text order = {0};

	variable_read(EFI_GLOBAL_GUID, "BootOrder", &present);
	for (size_t i = 0; i < entries->count; i++)
		boot_order_add(&order, (unsigned)entries->wanted[i].number);
	for (size_t at = 0; at + 2 <= present.length; at += 2)
		if (!is_wanted(entries, le16(present.bytes + at)))
			boot_order_add(&order, le16(present.bytes + at));
	return boot_order_write(&order);
}

int boot_partition(const struct linux_host *host, struct partition *ret)
{
	const char *device = host->volumes[VOLUME_BOOT].device;
	struct partition_list list = {0};
	auto_free char *disk = NULL;
	auto_close int fd = -1;
	struct stat st;
	int result;

	if (!device || stat(device, &st) < 0)
		return -ENODEV;
	result = partition_parent(st.st_rdev, &disk, ret);
	if (result < 0)
		return result;
	fd = open(disk, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	result = partitions_read(fd, &list);
	for (size_t i = 0; result == 0 && i < list.count; i++)
		if (list.entries[i].partition.number == ret->number)
			*ret = list.entries[i].partition;
	free(list.entries);
	return result < 0 ? result : ret->uuid[0] ? 0 : -ENOENT;
}

int efi_entries_write(const struct partition *partition, const char *const *loader_paths,
		      size_t count)
{
	auto_free struct wanted *wanted = xcalloc(count, sizeof(*wanted));
	struct entries entries = {.partition = *partition, .wanted = wanted, .count = count};
	int result;

	for (size_t i = 0; i < count; i++)
		wanted[i] = (struct wanted){.path = loader_paths[i], .number = -1};
	result = entries_read(&entries);
	for (size_t i = 0; result == 0 && i < count; i++)
		if (wanted[i].number < 0)
			result = entry_create(&entries, &wanted[i]);
	return result < 0 ? result : order_write(&entries);
}

int linux_loader_entries(struct host *host, const char *const *loader_paths, size_t count)
{
	struct partition partition;
	int result;

	/* the firmware of this machine has nothing to do with a disk that is worked on elsewhere */
	if (!linux_of(host)->live || !efi_variables_supported())
		return -ENOTSUP;
	result = count > 0 ? boot_partition(linux_of(host), &partition) : 0;
	return result < 0 || count == 0 ? result
					: efi_entries_write(&partition, loader_paths, count);
}
