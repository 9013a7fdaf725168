/* source_packages - the distribution's package manager, run on the copy. */
#pragma once
#include "fill.h"

extern const struct source source_packages;
