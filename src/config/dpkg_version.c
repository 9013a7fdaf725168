/* The order of Debian versions. Source: deb-version(7). */
#include <stdlib.h>
#include <string.h>
#include "dpkg.h"

struct version {
	const char *epoch, *upstream, *revision;
	size_t epoch_length, upstream_length, revision_length;
};

static struct version split(const char *string)
{
	const char *colon = strchr(string, ':');
	const char *upstream = colon ? colon + 1 : string;
	const char *dash = strrchr(upstream, '-');
	size_t length = strlen(upstream);

	return (struct version){
		.epoch = string,
		.epoch_length = colon ? (size_t)(colon - string) : 0,
		.upstream = upstream,
		.upstream_length = dash ? (size_t)(dash - upstream) : length,
		.revision = dash ? dash + 1 : upstream + length,
		.revision_length = dash ? length - (size_t)(dash + 1 - upstream) : 0,
	};
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A tilde is below the end, the end and digits below letters, letters below the rest. */
static int weight(const char *c, const char *end)
{
	if (c == end || is_digit(*c))
		return 0;
	if (*c == '~')
		return -1;
	if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z'))
		return (unsigned char)*c;
	return (unsigned char)*c + 256;
}

/* The digits from *cursor on, without leading zeros. */
static size_t take_digits(const char **cursor, const char *end, const char **ret)
{
	while (*cursor < end && **cursor == '0')
		(*cursor)++;
	*ret = *cursor;
	while (*cursor < end && is_digit(**cursor))
		(*cursor)++;
	return (size_t)(*cursor - *ret);
}

static int compare_digits(const char **a, const char *a_end, const char **b, const char *b_end)
{
	const char *first, *second;
	size_t first_length = take_digits(a, a_end, &first);
	size_t second_length = take_digits(b, b_end, &second);

	if (first_length != second_length)
		return first_length < second_length ? -1 : 1;
	return memcmp(first, second, first_length);
}

static int compare_part(const char *a, size_t a_length, const char *b, size_t b_length)
{
	const char *a_end = a + a_length, *b_end = b + b_length;

	while (a < a_end || b < b_end) {
		int order;

		while ((a < a_end && !is_digit(*a)) || (b < b_end && !is_digit(*b))) {
			order = weight(a, a_end) - weight(b, b_end);
			if (order != 0)
				return order;
			a++;
			b++;
		}
		order = compare_digits(&a, a_end, &b, b_end);
		if (order != 0)
			return order;
	}
	return 0;
}

int dpkg_version_compare(const char *a, const char *b)
{
	struct version first = split(a), second = split(b);
	int order =
		compare_part(first.epoch, first.epoch_length, second.epoch, second.epoch_length);

	if (order == 0)
		order = compare_part(first.upstream, first.upstream_length, second.upstream,
				     second.upstream_length);
	if (order == 0)
		order = compare_part(first.revision, first.revision_length, second.revision,
				     second.revision_length);
	return order;
}
