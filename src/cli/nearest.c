/* Which word was meant: the distance of Damerau and Levenshtein, swapped neighbours count as one. */
#include <string.h>
#include "command.h"

#define WORD_MAX 40

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

unsigned edit_distance(const char *a, const char *b)
{
	size_t rows = strlen(a), columns = strlen(b);
	unsigned cost[WORD_MAX + 1][WORD_MAX + 1];

	if (rows > WORD_MAX || columns > WORD_MAX)
		return UINT32_MAX;
	for (size_t j = 0; j <= columns; j++)
		cost[0][j] = (unsigned)j;
	for (size_t i = 1; i <= rows; i++) {
		cost[i][0] = (unsigned)i;
		for (size_t j = 1; j <= columns; j++) {
			cost[i][j] = least(cost[i - 1][j] + 1, cost[i][j - 1] + 1,
					   cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    cost[i - 2][j - 2] + 1 < cost[i][j])
				cost[i][j] = cost[i - 2][j - 2] + 1;
		}
	}
	return cost[rows][columns];
}

bool edit_is_near(const char *word, const char *candidate)
{
	size_t length = strlen(word);
	unsigned allowed = length < 3 ? 0 : length < 6 ? 1 : 2;

	/* "up" or "roll" are the beginning of one, which counts as well */
	if (length >= 2 && strncmp(word, candidate, length) == 0)
		return true;
	return edit_distance(word, candidate) <= allowed;
}
