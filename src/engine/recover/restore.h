/*
 * restore - what the boot volume must have, made again from the directories.
 *
 * The boot volume holds derived state only: entries, blobs and settings follow from the generations.
 */
#pragma once
#include "operation.h"

/* The uncounted entry of current, where the menu has none that is newer than the original's. */
bool restore_current(struct operation *operation, struct err *err);
/*
 * The entry of generation 0, where it is listed and its entry is not enabled and whole; never the
 * commit point of anything.
 */
bool restore_original(struct operation *operation, struct err *err);
/* The file system's own damage, and the flag that a power cut leaves, by its checker, unmounted. */
bool restore_volume(struct operation *operation, struct err *err);
/* What a person does about a volume that is mounted elsewhere and has to be repaired. Returns false. */
bool restore_hint(const struct machine *machine, struct err *err);
/*
 * All of it: both entries above, entries that nobody can read, the
 * blobs of every enabled entry (read back, copied again where damaged), the loader's settings.
 */
bool restore_boot(struct operation *operation, struct err *err);
