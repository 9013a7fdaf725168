/* What the root needs to come up: an fstab that does not stop it, and an init. */
#include <string.h>
#include "fstab_lint.h"
#include "verifying.h"

#define FSTAB "/etc/fstab"

/* The reason is the same one that the lint gives, with the line in front of it. */
static void lint(struct verifying *verifying)
{
	const struct host_identity *identity = &verifying->machine->identity;
	struct fstab_facts facts = {
		.pool_uuid = identity->pool_uuid ? identity->pool_uuid : "",
		.boot_uuid = identity->boot_uuid,
		.adopted = true,
	};
	auto_findings struct findings findings = {0};

	fstab_lint(FSTAB, &verifying->fstab, &facts, &findings);
	for (size_t i = 0; i < findings.count; i++) {
		const struct finding *finding = &findings.all[i];
		struct remark remark = {finding->code, finding->level, finding->object,
					finding->remedy};

		if (finding->level == FINDING_REFUSE)
			verifying_remark(verifying, &remark, "%s: %s", finding->object,
					 finding->why);
		else
			verifying_remark(verifying, &remark, "%s", finding->why);
	}
}

void verify_fstab(struct verifying *verifying)
{
	struct remark remark = {"FSTAB_NO_ROOT", FINDING_REFUSE, FSTAB, NULL};
	auto_host_bytes struct host_bytes bytes = {0};
	struct err err = {0};

	if (!verifying_read(verifying, FSTAB + 1, FSTAB_MAX_BYTES, &bytes)) {
		if (!verifying_have(verifying, FSTAB + 1))
			verifying_remark(verifying, &remark, "there is no " FSTAB);
		return;
	}
	if (!fstab_parse(FSTAB, bytes.bytes, bytes.length, &verifying->fstab, &err)) {
		remark.code = "FSTAB_UNREADABLE";
		verifying_remark(verifying, &remark, "%s", err.text);
		return;
	}
	if (!fstab_find(&verifying->fstab, "/"))
		verifying_remark(verifying, &remark,
				 FSTAB " has no line for /: the root would stay read-only");
	lint(verifying);
}

void verify_init(struct verifying *verifying)
{
	struct host *host = verifying->host;
	struct remark remark = {"INIT", FINDING_REFUSE, "/sbin/init", NULL};
	struct host_stat stat;

	if (host->ops->root_stat(host, verifying->root, "sbin/init", &stat) < 0)
		verifying_remark(verifying, &remark, "/sbin/init is missing");
	else if (stat.type != HOST_FILE || !(stat.mode & 0111))
		verifying_remark(verifying, &remark, "/sbin/init is not a program");
}
