/*
 * table - rows of cells, printed in columns as wide as their widest cell.
 *
 * The last column is cut with "..." where the line would be longer than the view allows. Cells are
 * copied and made safe; text from outside can be put in as it is.
 */
#pragma once
#include "view.h"

#define TABLE_COLUMNS_MAX 8

struct table_cell {
	char *safe;
	enum tint tint;
};

struct table_row {
	struct table_cell cells[TABLE_COLUMNS_MAX];
};

struct table {
	struct table_row *rows;
	size_t count;
	size_t columns; /* in use, set by the highest cell */
};

void table_row(struct table *table); /* begins a row */
/* Sets a cell of the last row; NULL is "". */
void table_set(struct table *table, size_t column, enum tint tint, const char *string);
void table_setf(struct table *table, size_t column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Columns in which every row is empty are left out. */
void table_print(const struct table *table, const struct view *view, unsigned indent,
		 struct text *out);
void table_done(struct table *table);

DEFINE_AUTO_STRUCT(table, struct table, table_done)
#define auto_table __attribute__((cleanup(auto_table_)))
