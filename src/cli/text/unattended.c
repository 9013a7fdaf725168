/* Of what nobody is asked about at the time: which generations go, and what timers wait for. */
#include "render.h"
#include "table.h"

void render_fates(const json_t *fates, const struct view *view, struct text *out)
{
	auto_table struct table table = {0};
	const json_t *fate;
	size_t i;

	json_array_foreach(fates, i, fate)
	{
		bool goes = document_true(fate, "goes");

		table_row(&table);
		table_setf(&table, 0, "generation %lld", document_number(fate, "id", -1));
		table_set(&table, 1, goes ? TINT_BAD : TINT_GOOD, goes ? "goes" : "stays");
		table_set(&table, 2, TINT_NONE, document_words(fate, "why"));
	}
	table_print(&table, view, 0, out);
}
