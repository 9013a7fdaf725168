/*
 * exit_text - how a program ended, as people say it.
 *
 * One form for both doors of host.h: the exit status, or 128 + the number of the signal.
 */
#pragma once

/* From a status as waitpid() gives it. */
int exit_of_wait(int wait_status);
/* "failed with exit status 3", "was ended by signal 9 (Killed)"; caller frees. */
char *exit_text(int status);
