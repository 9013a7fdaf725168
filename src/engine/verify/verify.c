#include "verify.h"
#include <string.h>
#include "verifying.h"

static const struct {
	const char *name; /* of the phase, for people */
	verify_check *run;
	bool of_edits; /* what somebody edits can break it */
} checks[] = {
	{"package database", verify_packages},
	{"fstab", verify_fstab, true},
	{"init", verify_init, true},
	{"way to log in", verify_login, true},
	{"kernel", verify_kernel},
	{"initrd", verify_initrd},
	{"files of changed packages", verify_files},
};

static void verifying_done(struct verifying *verifying)
{
	free(verifying->root);
	packages_done(&verifying->packages);
	packages_done(&verifying->parent_packages);
	fstab_done(&verifying->fstab);
	kernel_done(&verifying->kernel);
	findings_done(&verifying->findings);
}
DEFINE_AUTO_STRUCT(verifying, struct verifying, verifying_done)

static void tell_warnings(struct verifying *verifying)
{
	struct progress *progress = verifying->machine->progress;

	for (size_t i = 0; i < verifying->findings.count; i++) {
		const struct finding *finding = &verifying->findings.all[i];
		auto_free char *sentence = NULL;

		if (finding->level != FINDING_WARN)
			continue;
		sentence = xasprintf("%s: %s%s%s", finding->object, finding->why,
				     finding->remedy ? "; " : "",
				     finding->remedy ? finding->remedy : "");
		progress->note(progress, sentence);
	}
}

#define SAME_MAX 2

/* How many of the same kind have been said before this one. */
static unsigned count_before(const struct findings *findings, size_t at)
{
	unsigned count = 0;

	for (size_t i = 0; i < at; i++)
		count += strcmp(findings->all[i].code, findings->all[at].code) == 0;
	return count;
}

/* As many as fit, of each kind some, so that nobody has to come back once for each. */
static bool refuse(const struct verifying *verifying, const char *what, struct err *err)
{
	const size_t room = sizeof(err->text) - 160;
	const char *remedy = NULL;
	auto_text struct text text = {0};
	size_t left = 0, refusals = 0;

	for (size_t i = 0; i < verifying->findings.count; i++) {
		const struct finding *finding = &verifying->findings.all[i];

		if (finding->level != FINDING_REFUSE)
			continue;
		refusals++;
		if (!remedy)
			remedy = finding->remedy;
		if (count_before(&verifying->findings, i) >= SAME_MAX ||
		    (text.length > 0 && text.length + strlen(finding->why) > room))
			left++;
		else
			text_addf(&text, "%s%s", text.length ? "; " : "", finding->why);
	}
	if (refusals == 0)
		return true;
	if (left > 0)
		text_addf(&text, "; and %zu more", left);
	err_set(err, ERR_REFUSED, 0, "%s: %s", what, text.bytes);
	return remedy ? err_try(err, "%s", remedy) : false;
}

bool verify_edits(struct machine *machine, const char *root, const char *edited_root,
		  struct err *err)
{
	struct verify_request request = {.parent_root = edited_root};
	__attribute__((cleanup(auto_verifying_))) struct verifying verifying = {
		.machine = machine,
		.host = machine->host,
		.request = &request,
		.root = xstrdup(root),
	};

	for (size_t i = 0; i < COUNT(checks); i++)
		if (checks[i].of_edits)
			checks[i].run(&verifying);
	return refuse(&verifying, "the copy cannot become a generation", err);
}

bool verify_live_kernel(struct machine *machine, const char *root, struct kernel *ret,
			struct err *err)
{
	const struct verify_request request = {0};
	__attribute__((cleanup(auto_verifying_))) struct verifying verifying = {
		.machine = machine,
		.host = machine->host,
		.request = &request,
		.root = xstrdup(root),
	};

	*ret = (struct kernel){0};
	verify_kernel(&verifying);
	verify_initrd(&verifying);
	tell_warnings(&verifying);
	if (!refuse(&verifying, "what is in /boot cannot be booted", err))
		return false;
	*ret = verifying.kernel;
	verifying.kernel = (struct kernel){0};
	return true;
}

bool verify_generation(struct machine *machine, const struct verify_request *request,
		       struct kernel *ret, struct err *err)
{
	__attribute__((cleanup(auto_verifying_))) struct verifying verifying = {
		.machine = machine,
		.host = machine->host,
		.request = request,
		.root = xasprintf("%s/root", request->directory),
	};

	*ret = (struct kernel){0};
	for (size_t i = 0; i < COUNT(checks); i++) {
		if (machine->host->ops->interrupted(machine->host))
			return err_set(err, ERR_INTERRUPTED, 0, "interrupted");
		machine->progress->percent(machine->progress, (unsigned)(100 * i / COUNT(checks)),
					   checks[i].name);
		checks[i].run(&verifying);
	}
	tell_warnings(&verifying);
	if (!refuse(&verifying, "the copy cannot become a generation", err))
		return false;
	*ret = verifying.kernel;
	verifying.kernel = (struct kernel){0};
	return true;
}
