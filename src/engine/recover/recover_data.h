/*
 * recover_data - data that was being put back when a rollback was cut off.
 *
 * @var.moult-back is either the snapshot that was going to become @var, which nobody has used yet,
 * or what @var was until then. The one that was made later has the higher number.
 */
#pragma once
#include "operation.h"

/* The former are deleted, the latter get the name that they are kept under, and it is said. */
bool recover_data(struct operation *operation, struct err *err);
/* Whether the data called `subvolume` is newer than `other`, so that they were exchanged. */
bool recover_data_is_put_back(struct machine *machine, const char *subvolume, const char *other);
/* A name that is free to keep the present @var under: "@var.moult-before-20261128T083500Z". Caller frees. */
char *recover_data_aside(struct machine *machine, const char *subvolume);
