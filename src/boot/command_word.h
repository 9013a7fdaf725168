/*
 * command_word - a kernel command line, word by word as the kernel splits it, and whose each word is.
 *
 * Only src/boot includes it. Words are borrowed from the line.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Words that moult adds itself, and takes out of a publication's own part. */
enum command_drop {
	DROP_ALWAYS = 1 << 0,
	DROP_PANIC = 1 << 1, /* a trial's, which must reboot */
	DROP_WATCHDOG = 1 << 2, /* a trial's, if it brings its own */
	DROP_NORESUME = 1 << 3,
};

struct command_word {
	const char *start;
	size_t length;
};

/* Blanks part words, except between double quotes. False: there is none left. */
bool command_word_next(const char **cursor, struct command_word *ret);
/* "key" or "key=…", quoted or not; a key that ends with "." stands for all that begin so. */
bool command_word_has_key(const struct command_word *word, const char *key);
/* enum command_drop; 0 = the owner's, always. */
unsigned command_word_drop(const struct command_word *word);
