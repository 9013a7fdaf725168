/*
 * replay - runs a fuzz target over a corpus as a plain test.
 *
 * replay DIRECTORY: each file as it is, each of its first prefixes, and a fixed number of seeded
 * mutations. A target aborts when a property does not hold. With clang, link the target with
 * -fsanitize=fuzzer instead of this file.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "text.h"

#define FILE_MAX_BYTES (1024 * 1024)
#define PREFIXES 2000
#define MUTATIONS 2000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* A copy of exactly that size, so that a sanitizer sees every step beyond it. */
static void run(const uint8_t *bytes, size_t length)
{
	auto_free uint8_t *copy = xmalloc(length);

	memcpy(copy, bytes, length);
	LLVMFuzzerTestOneInput(copy, length);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void mutate(uint8_t *bytes, size_t length, uint32_t *state)
{
	static const char interesting[] = "\n\n\n \t:,=\"'\\/#-[]{}\r\0\xff";
	size_t count = 1 + next_random(state) % 4;

	while (count-- > 0) {
		size_t at = next_random(state) % length, from = next_random(state) % length;
		size_t span = next_random(state) % 16;

		if (next_random(state) % 3 > 0) {
			bytes[at] = (uint8_t)interesting[next_random(state) % sizeof(interesting)];
			continue;
		}
		if (span > length - at)
			span = length - at;
		if (span > length - from)
			span = length - from;
		memmove(bytes + at, bytes + from, span);
	}
}

static void run_file(const uint8_t *bytes, size_t length)
{
	uint32_t state = 20240229;

	run(bytes, length);
	for (size_t i = 0; i < length && i < PREFIXES; i++)
		run(bytes, i);
	for (size_t i = 0; length > 0 && i < MUTATIONS; i++) {
		auto_free uint8_t *copy = xmalloc(length);

		memcpy(copy, bytes, length);
		mutate(copy, length, &state);
		run(copy, length);
	}
}

static bool replay(const char *path)
{
	auto_free uint8_t *bytes = xmalloc(FILE_MAX_BYTES);
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		return false;
	length = fread(bytes, 1, FILE_MAX_BYTES, file);
	fclose(file);
	run_file(bytes, length);
	return true;
}

int main(int argc, char **argv)
{
	DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	unsigned files = 0;

	if (!directory)
		return EXIT_FAILURE;
	while ((entry = readdir(directory))) {
		auto_free char *path = xasprintf("%s/%s", argv[1], entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		if (!replay(path))
			return EXIT_FAILURE;
		files++;
	}
	closedir(directory);
	printf("%u files\n", files);
	return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
