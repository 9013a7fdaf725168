#include "exit_text.h"
#include <string.h>
#include <sys/wait.h>
#include "text.h"

#define SIGNAL_BASE 128

int exit_of_wait(int wait_status)
{
	return WIFSIGNALED(wait_status) ? SIGNAL_BASE + WTERMSIG(wait_status)
					: WEXITSTATUS(wait_status);
}

char *exit_text(int status)
{
	const char *description = status > SIGNAL_BASE ? sigdescr_np(status - SIGNAL_BASE) : NULL;

	if (description)
		return xasprintf("was ended by signal %d (%s)", status - SIGNAL_BASE, description);
	return xasprintf("failed with exit status %d", status);
}
