#include "adoption.h"
#include <stdio.h>
#include <string.h>
#include "adapt.h"
#include "changes.h"
#include "publish.h"
#include "record.h"

/* --- plans -------------------------------------------------------------------------------------- */

void adoption_plan_copy(const struct machine *machine, const struct adoption *adoption,
			struct plan *plan)
{
	plan_at(plan, STEP_CREATE_SUBVOLUME, VOLUME_POOL, MOULT_DIRECTORY)->why =
		"journal and lock, in every generation at /var/lib/moult";
	plan_at(plan, STEP_MAKE_DIRECTORY, VOLUME_POOL, GENS_DIRECTORY);
	plan_reserve(plan, &machine->listing.layout, 1, 0);
	plan_begin(plan, 1, adoption->original, NULL);
}

/* Its root is the original's. Written before generation 1 is listed. */
void adoption_plan_zero(const struct machine *machine, const struct adoption *adoption, int64_t now,
			struct plan *plan)
{
	auto_generation struct generation zero = {.id = 0, .parent = -1, .state = GEN_GOOD};
	auto_free char *facts = NULL;
	struct publication *pub;

	zero.source = xstrdup("init");
	zero.what = xstrdup("the system as it was before moult");
	zero.created = now;
	zero.original = xstrdup(adoption->original);
	zero.original_default = xstrdup(machine->listing.default_root);
	zero.original_loader_conf = xstrdup_or_null(adoption->loader_conf);
	zero.original_transid = adoption->original_transid;
	pub = generation_publish(&zero, 0, PUB_CURRENT);
	pub->kernel = xstrdup_or_null(adoption->kernel.release);
	pub->options = xstrdup(adoption->options);
	memcpy(pub->linux_sha256, adoption->linux_digest.hex, sizeof(pub->linux_sha256));
	memcpy(pub->initrd_sha256, adoption->initrd_digest.hex, sizeof(pub->initrd_sha256));
	facts = generation_print_facts(&zero);
	plan_at(plan, STEP_MAKE_DIRECTORY, VOLUME_POOL, "@gens/0");
	plan_replace(plan, VOLUME_POOL, "@gens/0/generation.json", facts)->why =
		"the original stays, untouched, as generation 0";
	plan_state(plan, &zero);
}

void adoption_begin_first(struct adoption *adoption, int64_t now)
{
	generation_done(&adoption->first);
	adoption->first = (struct generation){.id = 1, .parent = 0, .state = GEN_BUILT};
	adoption->first.source = xstrdup("init");
	adoption->first.what = xstrdup("the original, with its data parted");
	adoption->first.created = now;
}

/* --- works -------------------------------------------------------------------------------------- */

bool adoption_adapt(struct operation *operation, struct err *err)
{
	return adapt_root(operation->machine, "@gens/.1.tmp", err);
}

/* Kernel and initrd of generation 1 are those of the original: the copy has not touched them. */
static bool digest_kernel(struct host *host, struct adoption *adoption, struct err *err)
{
	const struct kernel *kernel = &adoption->kernel;
	int r = host->ops->digest(host, VOLUME_POOL, kernel->linux_path, DIGEST_SHA256,
				  &adoption->linux_digest);

	if (r == 0 && kernel->initrd_path)
		r = host->ops->digest(host, VOLUME_POOL, kernel->initrd_path, DIGEST_SHA256,
				      &adoption->initrd_digest);
	return r < 0 ? err_set(err, ERR_SYSTEM, -r, "cannot read the kernel %s", kernel->release)
		     : true;
}

bool adoption_verify(struct operation *operation, struct err *err)
{
	struct adoption *adoption = operation->context;
	struct verify_request request = {.directory = "@gens/.1.tmp",
					 .parent_root = adoption->original};

	return verify_generation(operation->machine, &request, &adoption->kernel, err) &&
	       digest_kernel(operation->machine->host, adoption, err);
}

bool adoption_record(struct operation *operation, struct err *err)
{
	struct adoption *adoption = operation->context;
	struct record_request request = {.directory = "@gens/.1.tmp"};

	free(take(adoption->first.package_digest));
	return record_write(operation->machine, &request, &adoption->first.package_digest, err);
}

/* --- the loader --------------------------------------------------------------------------------- */

bool adoption_publish_first(struct operation *operation, const struct adoption *adoption,
			    struct plan *before_commit, struct err *err)
{
	auto_free char *linux_path = generation_listed_path(1, adoption->kernel.linux_path);
	auto_free char *initrd_path = generation_listed_path(1, adoption->kernel.initrd_path);
	struct boot_files files = {
		.release = adoption->kernel.release,
		.linux_path = linux_path,
		.initrd_path = initrd_path,
		.options = adoption->options,
		.before_commit = before_commit,
	};

	return publish_trial(operation, 1, &files, err);
}
