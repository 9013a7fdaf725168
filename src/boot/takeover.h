/*
 * takeover - what an adoption changed of the way a machine boots, and what gives it back.
 *
 * Kept as @gens/0/loader.json, written before what it names is changed; the document goes when all of
 * it was given back. Fields of a newer moult survive a rewrite.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "auto.h"
#include "err.h"
#include "json.h"

#define TAKEOVER_PATH "@gens/0/loader.json"
/* What the entries in the firmware are called that moult made. */
#define TAKEOVER_LABEL "moult ("

struct takeover {
	/* BootOrder as it was; written down when moult first changes it */
	bool has_order;
	uint16_t *order;
	size_t order_count;
	/* The other loader's program, on the boot volume, that boots again; NULL = it was systemd-boot. */
	char *former;
	char *former_settings, *former_text; /* its own file there, as it was; NULL = it has none */
	char **files; /* programs that were not there before */
	size_t file_count;
	/* what lay under the fallback's name, and under which name it is kept; NULL = it lies there still */
	char *fallback, *kept;
	json_t *document; /* as read; NULL = none */
};

void takeover_done(struct takeover *takeover);
bool takeover_parse(const char *bytes, size_t length, struct takeover *ret, struct err *err);
char *takeover_print(const struct takeover *takeover);
void takeover_add_file(struct takeover *takeover, const char *path);
bool takeover_has_file(const struct takeover *takeover, const char *path);

/* One entry of the firmware, as far as the order goes by it. */
struct boot_place {
	uint16_t number;
	bool ours;
};

/*
 * The order to go back to: the recorded one as far as its entries are still there, then what others
 * added since. `present`: the entries there are, those of BootOrder (`ordered`) first. Caller frees.
 */
uint16_t *takeover_order_back(const struct takeover *takeover, const struct boot_place *present,
			      size_t ordered, size_t count, size_t *ret_count);

DEFINE_AUTO_STRUCT(takeover, struct takeover, takeover_done)
#define auto_takeover __attribute__((cleanup(auto_takeover_)))
