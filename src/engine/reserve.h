/*
 * reserve - a small file on the boot volume that makes room for an entry when nothing else can.
 *
 * A rollback writes one small file. Where the boot volume is full this is given up first; recovery
 * makes it again once there is room (reserve_keep.h).
 */
#pragma once
#include <stdbool.h>
#include "host.h"

#define RESERVE_PATH "moult/reserve"
/* 16 clusters of 4 KiB: an entry, a longer directory, and the same for the entry before it. */
#define RESERVE_BYTES (64 * 1024)

/* True if there was one, and its room is free now. */
bool reserve_give_up(struct host *host);
