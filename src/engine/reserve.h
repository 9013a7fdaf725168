/*
 * reserve - a small file on the boot volume that makes room for an entry when nothing else can.
 *
 * A rollback writes one small file. Where the boot volume is full this is given up first; recovery
 * makes it again once there is room.
 */
#pragma once
#include "operation.h"

#define RESERVE_PATH "moult/reserve"

/* True if there was one, and its room is free now. */
bool reserve_give_up(struct host *host);
/* Made where it is missing and there is plenty of room; never fails. */
void reserve_keep(struct operation *operation);
