#include "names.h"
#include <string.h>
#include "text.h"

void names_add(struct names *names, const char *name, size_t length)
{
	*array_add(names->all, names->count) = xstrndup(name, length);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(struct names *names)
{
	size_t kept = 0;

	if (names->count > 0)
		qsort(names->all, names->count, sizeof(*names->all), compare);
	for (size_t i = 0; i < names->count; i++) {
		if (kept > 0 && strcmp(names->all[kept - 1], names->all[i]) == 0)
			free(names->all[i]);
		else
			names->all[kept++] = names->all[i];
	}
	names->count = kept;
}

bool names_have(const struct names *names, const char *name)
{
	return names->count > 0 &&
	       bsearch(&name, names->all, names->count, sizeof(*names->all), compare);
}

void names_done(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->all[i]);
	free(names->all);
	*names = (struct names){0};
}
