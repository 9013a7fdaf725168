#include "order.h"
#include <ctype.h>
#include <string.h>
#include "text.h"

/* The characters that separate segments, from the one that makes a version oldest. */
static const char separators[] = "-^.";

static const char *skip_unknown(const char *s)
{
	while (*s && !(isascii(*s) && (isalnum(*s) || strchr("~-^.", *s))))
		s++;
	return s;
}

/* Compares the longest runs that `in_run` accepts and moves both past them. */
static int compare_runs(const char **a, const char **b, int (*in_run)(int))
{
	const char *start_a = *a, *start_b = *b;
	size_t length_a, length_b, shorter;
	int r;

	while (in_run((unsigned char)**a))
		(*a)++;
	while (in_run((unsigned char)**b))
		(*b)++;
	length_a = (size_t)(*a - start_a);
	length_b = (size_t)(*b - start_b);
	/* of two numbers without leading zeros the longer one is larger */
	if (in_run == isdigit && length_a != length_b)
		return length_a < length_b ? -1 : 1;
	shorter = length_a < length_b ? length_a : length_b;
	r = memcmp(start_a, start_b, shorter);
	if (r != 0)
		return r;
	return (length_a > length_b) - (length_a < length_b);
}

static int compare_numbers(const char **a, const char **b)
{
	*a += strspn(*a, "0");
	*b += strspn(*b, "0");
	return compare_runs(a, b, isdigit);
}

/* One segment. Returns the verdict, or 0 with both moved on. */
static int compare_segment(const char **a, const char **b)
{
	if (**a == '~' || **b == '~') {
		if (**a != **b)
			return **a == '~' ? -1 : 1;
		(*a)++;
		(*b)++;
		return 0;
	}
	if (!**a || !**b)
		return !**b - !**a;
	for (const char *s = separators; *s; s++) {
		if (**a != *s && **b != *s)
			continue;
		if (**a != **b)
			return **a == *s ? -1 : 1;
		(*a)++;
		(*b)++;
		return 0;
	}
	if (isdigit((unsigned char)**a) || isdigit((unsigned char)**b))
		return compare_numbers(a, b);
	return compare_runs(a, b, isalpha);
}

int order_versions(const char *a, const char *b)
{
	for (;;) {
		int r;

		a = skip_unknown(a);
		b = skip_unknown(b);
		if (!*a && !*b)
			return 0;
		r = compare_segment(&a, &b);
		if (r != 0)
			return r;
	}
}

static int compare_strings(const char *a, const char *b)
{
	if (!a || !b)
		return !b - !a;
	return strcmp(a, b);
}

static int compare_names(const struct menu_entry *a, const struct menu_entry *b)
{
	const char *name_a = a->path ? strrchr(a->path, '/') : NULL;
	const char *name_b = b->path ? strrchr(b->path, '/') : NULL;

	return order_versions(name_b ? name_b + 1 : "", name_a ? name_a + 1 : "");
}

static bool is_exhausted(const struct menu_entry *entry)
{
	return entry->counted && entry->tries_left == 0;
}

int order_entries(const struct menu_entry *a, const struct menu_entry *b)
{
	int r = is_exhausted(a) - is_exhausted(b);

	if (r == 0)
		r = !a->sort_key - !b->sort_key;
	if (r == 0)
		r = compare_strings(a->sort_key, b->sort_key);
	if (r == 0 && a->sort_key)
		r = compare_strings(a->machine_id, b->machine_id);
	if (r == 0 && a->sort_key)
		r = order_versions(b->version ? b->version : "", a->version ? a->version : "");
	return r != 0 ? r : compare_names(a, b);
}
