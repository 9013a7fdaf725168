#include "verifying.h"
#include <errno.h>
#include <string.h>

void verifying_remark(struct verifying *verifying, const struct remark *remark, const char *why,
		      ...)
{
	struct finding finding = {
		.code = remark->code,
		.level = remark->level,
		.object = xstrdup(remark->object),
		.remedy = xstrdup_or_null(remark->remedy),
	};
	va_list args;

	va_start(args, why);
	finding.why = xvasprintf(why, args);
	va_end(args);
	findings_add(&verifying->findings, finding);
}

bool verifying_read(struct verifying *verifying, const char *path, size_t max_bytes,
		    struct host_bytes *ret)
{
	int r = verifying->host->ops->root_read(verifying->host, verifying->root, path, max_bytes,
						ret);

	if (r < 0 && r != -ENOENT)
		verifying_remark(verifying,
				 &(struct remark){"UNREADABLE", FINDING_REFUSE, path, NULL},
				 "/%s cannot be read: %s", path, strerror(-r));
	return r == 0;
}

bool verifying_have(const struct verifying *verifying, const char *path)
{
	struct host_stat stat;

	return verifying->host->ops->root_stat(verifying->host, verifying->root, path, &stat) == 0;
}
