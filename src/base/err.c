#include "err.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool err_set_at(struct err *err, enum err_kind kind, int errnum, const char *origin,
		const char *format, ...)
{
	va_list args;
	int length;

	*err = (struct err){.kind = kind, .errnum = errnum, .origin = origin};
	va_start(args, format);
	length = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (errnum != 0 && length >= 0 && (size_t)length < sizeof(err->text))
		snprintf(err->text + length, sizeof(err->text) - (size_t)length, ": %s",
			 strerror(errnum));
	return false;
}

bool err_try(struct err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
	return false;
}

struct err_context err_enter(struct err *err, const char *format, ...)
{
	struct err_context context = {.err = err};
	va_list args;

	va_start(args, format);
	vsnprintf(context.text, sizeof(context.text), format, args);
	va_end(args);
	return context;
}

void err_leave(struct err_context *context)
{
	struct err *err = context->err;
	char inner[sizeof(err->text)];

	if (err->kind == ERR_NONE)
		return;
	memcpy(inner, err->text, sizeof(inner));
	if (snprintf(err->text, sizeof(err->text), "%s: %s", context->text, inner) < 0)
		memcpy(err->text, inner, sizeof(inner));
}
