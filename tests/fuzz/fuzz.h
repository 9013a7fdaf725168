/* fuzz - what every fuzz target is: bytes in, abort() when a property does not hold. */
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static inline void must(bool property)
{
	if (!property)
		abort();
}
