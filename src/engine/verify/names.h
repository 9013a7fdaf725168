/*
 * names - a list of names that is sorted once and then asked often.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "auto.h"

/* A zero-filled struct is an empty list. */
struct names {
	char **all;
	size_t count;
};

void names_add(struct names *names, const char *name, size_t length);
/* Each name once afterwards. */
void names_sort(struct names *names);
/* Of a sorted list. */
bool names_have(const struct names *names, const char *name);
void names_done(struct names *names);

DEFINE_AUTO_STRUCT(names, struct names, names_done)
#define auto_names __attribute__((cleanup(auto_names_)))
