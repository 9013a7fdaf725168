/*
 * What is taken from GRUB's menu for the kernel's command line: one line of text, no byte that the
 * menu has not, and the same however much follows it in the file.
 */
#include "fuzz.h"
#include "grubmenu.h"

static void check_line(const char *line, const char *bytes, size_t length)
{
	bool quoted = false;

	must(strlen(line) <= 3 * length);
	for (const char *at = line; *at; at++)
		must((unsigned char)*at >= ' ' && *at != 127);
	for (const char *at = line; *at; at++)
		must(memchr(bytes, *at, length) || *at == '"' || *at == ' ');
	/* as the kernel reads it: what is quoted ends, unless its own quotes were never closed */
	for (const char *at = line; *at; at++)
		quoted ^= *at == '"';
	must(!quoted || memchr(bytes, '"', length));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
	const char *bytes = (const char *)input;
	auto_free char *line = grub_menu_command_line(bytes, length);
	auto_free char *longer = xmalloc(length + 32);
	auto_free char *again = NULL;

	if (!line)
		return 0;
	check_line(line, bytes, length);
	memcpy(longer, bytes, length);
	memcpy(longer + length, "\nlinux /another other\n", 22);
	again = grub_menu_command_line(longer, length + 22);
	/* a line that goes on, or a quote that is open, may take in what follows */
	must(again);
	if (length > 0 && bytes[length - 1] == '\n')
		must(strcmp(line, again) == 0);
	return 0;
}
