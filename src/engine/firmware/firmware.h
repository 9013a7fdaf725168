/*
 * firmware - systemd-boot in front of the firmware's boot order, and the way back from it.
 *
 * What is changed is written down first (boot/takeover.h). Where the firmware is out of reach, which
 * it always is on another system's disk, its part is left for when that machine runs.
 */
#pragma once
#include "operation.h"
#include "takeover.h"

/* What an earlier run wrote down; *ret is empty where nothing was. */
bool takeover_read(struct machine *machine, struct takeover *ret, struct err *err);
/* Written and durable; generation 0 must be there. */
bool takeover_write(struct machine *machine, const struct takeover *takeover, struct err *err);

/*
 * Entries for the copies of systemd-boot there are, in front of BootOrder, read back. The order as it
 * was is written down before, if none is yet. Nothing to do where the firmware is out of reach.
 */
bool firmware_register(struct operation *operation, struct err *err);
/* The same for who has done what matters: what fails becomes a note. False only where interrupted. */
bool firmware_register_if_possible(struct operation *operation, struct err *err);

/*
 * All that was written down is given back, and then the document goes: the other loader's own file,
 * BootOrder, moult's entries in the firmware, the fallback, programs that moult put there. What cannot
 * be done from here is said, and left as it was written down.
 */
bool firmware_give_back(struct operation *operation, struct err *err);

/* "debian, UEFI Misc Device": what the firmware tries, in this order. Caller frees. */
char *firmware_order_text(const struct host_firmware *firmware);
/* Whether what the firmware starts first is systemd-boot on the boot volume. */
bool firmware_starts_us(struct host *host, const struct host_firmware *firmware);
