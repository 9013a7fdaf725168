#include "table.h"
#include <stdio.h>
#include <string.h>

#define GAP 2

void table_row(struct table *table)
{
	array_add(table->rows, table->count);
}

void table_set(struct table *table, size_t column, enum tint tint, const char *string)
{
	struct table_cell *cell = &table->rows[table->count - 1].cells[column];
	auto_text struct text safe = {0};

	text_add_safe(&safe, string ? string : "");
	free(cell->safe);
	*cell = (struct table_cell){.safe = text_take(&safe), .tint = tint};
	if (column >= table->columns)
		table->columns = column + 1;
}

void table_setf(struct table *table, size_t column, const char *format, ...)
{
	char buffer[256];
	va_list args;

	va_start(args, format);
	vsnprintf(buffer, sizeof(buffer), format, args);
	va_end(args);
	table_set(table, column, TINT_NONE, buffer);
}

static const char *cell_text(const struct table *table, size_t row, size_t column)
{
	const char *safe = table->rows[row].cells[column].safe;

	return safe ? safe : "";
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t width = 0;

	for (size_t i = 0; i < table->count; i++) {
		size_t cell = text_columns(cell_text(table, i, column));

		width = cell > width ? cell : width;
	}
	return width;
}

/* The longest beginning of a text that takes no more than `columns`; "..." at its end if cut. */
static char *cut(const char *string, size_t columns)
{
	if (text_columns(string) <= columns)
		return xstrdup(string);
	return xasprintf("%.*s...", (int)text_fit(string, columns > 3 ? columns - 3 : 0), string);
}

static bool is_last_used(const struct table *table, size_t row, size_t column)
{
	for (size_t i = column + 1; i < table->columns; i++)
		if (*cell_text(table, row, i))
			return false;
	return true;
}

struct frame {
	const struct table *table;
	const struct view *view;
	unsigned indent;
	size_t widths[TABLE_COLUMNS_MAX];
};

static void print_row(const struct frame *frame, size_t row, struct text *out)
{
	const struct table *table = frame->table;
	const struct view *view = frame->view;
	const size_t *widths = frame->widths;
	size_t start = frame->indent;

	text_addf(out, "%*s", (int)start, "");
	for (size_t column = 0; column < table->columns; column++) {
		size_t room = view->columns > start ? view->columns - start : 0;
		auto_free char *text = cut(cell_text(table, row, column), room > 8 ? room : 8);

		if (widths[column] == 0)
			continue;
		view_add(view, out, table->rows[row].cells[column].tint, text);
		if (is_last_used(table, row, column))
			break;
		text_addf(out, "%*s", (int)(widths[column] - text_columns(text) + GAP), "");
		start += widths[column] + GAP;
	}
	text_add(out, "\n");
}

void table_print(const struct table *table, const struct view *view, unsigned indent,
		 struct text *out)
{
	struct frame frame = {.table = table, .view = view, .indent = indent};

	for (size_t column = 0; column < table->columns; column++)
		frame.widths[column] = column_width(table, column);
	for (size_t row = 0; row < table->count; row++)
		print_row(&frame, row, out);
}

void table_done(struct table *table)
{
	for (size_t row = 0; row < table->count; row++)
		for (size_t column = 0; column < table->columns; column++)
			free(table->rows[row].cells[column].safe);
	free(table->rows);
	*table = (struct table){0};
}
