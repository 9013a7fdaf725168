#include "preflight.h"

bool preflight(struct machine *machine, enum check_context context, const char *root,
	       struct err *err)
{
	auto_findings struct findings findings = {0};

	if (!checks_run(machine, context, root, &findings, err) ||
	    !findings_refuse(&findings, NULL, err))
		return false;
	for (size_t i = 0; i < findings.count; i++)
		/* what an adoption makes of what it finds is said before */
		if (findings.all[i].level == FINDING_WARN || context == CHECK_INIT)
			machine->progress->note(machine->progress, findings.all[i].why);
	return true;
}
