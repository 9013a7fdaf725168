/* What a generation may be called. */
#include <string.h>
#include "listing.h"
#include "text.h"

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A name is shown in the menu and typed by people, also where options are: no number, no sign first. */
static bool is_good_name(const char *name)
{
	unsigned long long number;

	return is_letter_or_digit(*name) && strlen(name) <= 32 && !text_to_u64(name, &number) &&
	       !listing_is_word(name) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+") ==
		       strlen(name);
}

bool listing_check_name(const struct listing *listing, const struct generation *gen,
			const char *name, struct err *err)
{
	if (!is_good_name(name)) {
		err_set(err, ERR_USAGE, 0,
			"%s cannot be a name: up to 32 letters, digits, '-', '_', '.', '+', "
			"beginning with a letter or digit, not only digits, not 'last', "
			"'current' or 'running'",
			text_quote(name));
		return gen ? err_try(err, "sudo moult pin %u before-party", gen->id)
			   : err_try(err, "sudo moult checkpoint before-party");
	}
	for (size_t i = 0; i < listing->count; i++)
		if (&listing->generations[i] != gen &&
		    text_equal(listing->generations[i].name, name)) {
			err_set(err, ERR_REFUSED, 0, "generation %u is named %s already",
				listing->generations[i].id, text_quote(name));
			return err_try(err, "moult list");
		}
	return true;
}
