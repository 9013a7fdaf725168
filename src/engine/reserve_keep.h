/*
 * reserve_keep - the reserve (reserve.h) is there again.
 */
#pragma once
#include "operation.h"

/* Made where it is missing and there is plenty of room, unless the volume is damaged; never fails. */
void reserve_keep(struct operation *operation);
