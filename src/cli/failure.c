#include "failure.h"
#include <string.h>

/* The last resort where nobody below knew a command that helps. */
static const struct {
	const char *name;
	enum exit_status status;
	const char *hint;
} kinds[ERR_KIND_COUNT] = {
	[ERR_NONE] = {"none", EXIT_DONE, ""},
	[ERR_USAGE] = {"usage", EXIT_USAGE, "moult help"},
	[ERR_CONFIG] = {"config", EXIT_FAILED, "man moult.yaml"},
	[ERR_REFUSED] = {"refused", EXIT_FAILED, "sudo moult check"},
	[ERR_NEEDS_ACK] = {"needs-ack", EXIT_NEEDS_ACK, "moult help"},
	[ERR_BUSY] = {"busy", EXIT_BUSY, "sudo moult status"},
	[ERR_NOTHING] = {"nothing", EXIT_UNCHANGED, ""},
	[ERR_SYSTEM] = {"system", EXIT_FAILED, "sudo moult check"},
	[ERR_CORRUPT] = {"corrupt", EXIT_FAILED, "sudo moult check"},
	[ERR_INTERRUPTED] = {"interrupted", EXIT_FAILED, "sudo moult status"},
};

static const char *hint_of(const struct err *err)
{
	return err->hint[0] || err->kind >= ERR_KIND_COUNT ? err->hint : kinds[err->kind].hint;
}

int failure_status(enum err_kind kind)
{
	return kind < ERR_KIND_COUNT ? (int)kinds[kind].status : EXIT_FAILED;
}

const char *failure_name(enum err_kind kind)
{
	return kind < ERR_KIND_COUNT ? kinds[kind].name : "system";
}

void failure_text(const struct err *err, const struct view *view, struct text *out)
{
	size_t length = strlen(err->text);

	while (length > 0 && err->text[length - 1] == '\n')
		length--;
	text_add(out, "moult: ");
	text_add_safe_lines(out, err->text);
	text_add(out, length > 0 && strchr(".!?", err->text[length - 1]) ? "\n" : ".\n");
	if (*hint_of(err))
		view_add_try(view, out, 0, hint_of(err));
	if (view->verbose && err->origin)
		text_addf(out, "at: %s\n", err->origin);
}

json_t *failure_json(const struct err *err)
{
	json_t *object = json_object();

	json_put_string(object, "kind", failure_name(err->kind));
	json_put_string(object, "text", err->text);
	json_put_string(object, "try", *hint_of(err) ? hint_of(err) : NULL);
	return object;
}
