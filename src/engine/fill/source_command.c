/* source_command - whatever the owner wants to do to the copy: moult run, moult shell. */
#include "fill_internal.h"
#include "source_command.h"

static char *describe(const char *const *argv)
{
	auto_text struct text text = {0};

	for (size_t i = 0; argv[i]; i++)
		text_addf(&text, "%s%s", i == 0 ? "" : " ", argv[i]);
	return text_take(&text);
}

static bool apply(struct fill *fill, struct err *err)
{
	static const char *const shell[] = {"/bin/bash", "-i", NULL};
	struct fill_command command = {
		.argv = fill->command ? fill->command : shell,
		.terminal = fill->terminal,
	};
	auto_free char *tail = NULL;
	int status;

	free(fill->what);
	fill->what = fill->command ? describe(fill->command) : xstrdup("a shell");
	if (!fill_run(fill, &command, &status, err))
		return false;
	if (status == 0)
		return true;
	tail = fill_tail(fill, 5);
	err_set(err, ERR_REFUSED, 0, "%s ended with status %d, so the copy is discarded%s",
		text_quote(fill->what), status, tail);
	return err_try(err, "sudo moult log %u", fill->generation);
}

const struct source source_command = {.name = "command", .apply = apply};
