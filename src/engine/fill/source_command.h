/* source_command - a program or a shell that the owner runs on the copy. */
#pragma once
#include "fill.h"

extern const struct source source_command;
