/*
 * data_expire - how long the data is kept as it was before a generation first ran.
 *
 * For retention.data_days after the last boot of that generation that came to a verdict; while it is
 * on trial for ever; where the Btrfs lacks the room that its owner wants free, the oldest go before.
 */
#pragma once
#include "machine.h"
#include "plan.h"

/* Appends the deletion of those whose time is over; `*ret_count` says of how many generations. */
void data_expire_plan(struct machine *machine, struct plan *plan, size_t *ret_count);
