/* linux_efi - what the two files about firmware variables share: load options, and whose they are. */
#pragma once
#include <efivar/efiboot.h>
#include <efivar/efivar.h>
#include "linux_internal.h"
#include "text.h"

#define VARIABLE_ATTRIBUTES                                                                        \
	(EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)

struct variable {
	uint8_t *bytes;
	size_t length;
};

/* A load option of Boot####, as far as it can be read. */
struct load_option {
	bool active;
	struct text label;
	uint32_t partition_number; /* where its device path ends; 0 = it names none */
	uint8_t signature[16];
	struct text path; /* as the firmware has it, with backslashes; empty = none */
};

int variable_read(efi_guid_t guid, const char *name, struct variable *ret);
/* False where the bytes are no load option; *ret is to be given back either way. */
bool load_option_read(const struct variable *variable, struct load_option *ret);
bool load_option_is_on(const struct load_option *option, const struct partition *partition);
void load_option_done(struct load_option *option);
/* Everything about the partition that is the boot volume. */
int boot_partition(const struct linux_host *host, struct partition *ret);
/* BootOrder, written only if it is another. */
int boot_order_write(const struct text *order);
void boot_order_add(struct text *order, unsigned number);
/* The number of "Boot001F"; -1 = another variable. */
int boot_number(const char *name);

static inline void variable_done(struct variable *variable)
{
	free(variable->bytes);
}

DEFINE_AUTO_STRUCT(variable, struct variable, variable_done)
#define auto_variable __attribute__((cleanup(auto_variable_)))
DEFINE_AUTO_STRUCT(load_option, struct load_option, load_option_done)
#define auto_load_option __attribute__((cleanup(auto_load_option_)))
