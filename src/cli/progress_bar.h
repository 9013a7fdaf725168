/*
 * progress_bar - progress on standard error: a bar, plain lines, or nothing; and JSON lines.
 *
 * The bar is one line of at most 79 columns that is wiped before anything else is written. Notes
 * are kept until the end, so that what a person has to know is not scrolled away by what comes
 * after it; with JSON lines they are written at once, too.
 */
#pragma once
#include <stdio.h>
#include "json.h"
#include "progress.h"
#include "text.h"

enum progress_style { PROGRESS_SILENT, PROGRESS_LINES, PROGRESS_BAR };

struct progress_bar {
	struct progress progress; /* first: the engine is given this */
	FILE *stream; /* borrowed */
	enum progress_style style;
	bool output; /* lines of programs are shown */
	int json_fd; /* -1 = none; borrowed */
	json_t *notes; /* sentences, in order */
	struct text phase; /* its sentence */
	char drawn[128]; /* what is on the line now */
};

/* Zero-fills *bar and sets `stream`, style and callbacks. */
void progress_bar_start(struct progress_bar *bar, FILE *stream, enum progress_style style);
/* The line is empty again. */
void progress_bar_wipe(struct progress_bar *bar);
void progress_bar_done(struct progress_bar *bar);
