#include "progress_bar.h"
#include <errno.h>
#include <string.h>
#include <time.h>
#include "view.h"

#define BAR_COLUMNS 20
#define LINE_COLUMNS 79

static struct progress_bar *bar_of(struct progress *progress)
{
	return (struct progress_bar *)progress;
}

static json_int_t monotonic_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (json_int_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* One JSON line; a reader that went away is no reason to stop an upgrade. */
static void tell(struct progress_bar *bar, json_t *object)
{
	auto_json json_t *owned = object;
	auto_free char *line = NULL, *whole = NULL;
	const char *at;

	if (bar->json_fd < 0)
		return;
	json_object_set_new(owned, "usec", json_integer(monotonic_usec()));
	line = json_print_line(owned);
	whole = xasprintf("%s\n", line);
	for (at = whole; *at;) {
		ssize_t written = write(bar->json_fd, at, strlen(at));

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			bar->json_fd = -1;
			return;
		}
		at += written;
	}
}

static json_t *event(const char *key, const char *words)
{
	json_t *object = json_object();

	json_put_string(object, key, words);
	return object;
}

/* One line that is there at once and as a whole. */
static void say(struct progress_bar *bar, const char *line)
{
	progress_bar_wipe(bar);
	fprintf(bar->stream, "%s\n", line);
	fflush(bar->stream);
}

static void draw(struct progress_bar *bar, unsigned percent, const char *what)
{
	auto_text struct text words = {0}, line = {0};
	unsigned full = percent * BAR_COLUMNS / 100;
	char blocks[BAR_COLUMNS + 1];

	memset(blocks, '#', full);
	memset(blocks + full, '.', BAR_COLUMNS - full);
	blocks[BAR_COLUMNS] = '\0';
	text_add_safe(&words, bar->phase.bytes ? bar->phase.bytes : "");
	if (what && *what) {
		text_add(&words, words.length ? ": " : "");
		text_add_safe(&words, what);
	}
	text_addf(&line, "[%s] %3u%% ", blocks, percent);
	if (words.length)
		text_add_bytes(&line, words.bytes,
			       text_fit(words.bytes, LINE_COLUMNS - BAR_COLUMNS - 8));
	if (strncmp(line.bytes, bar->drawn, sizeof(bar->drawn) - 1) == 0)
		return;
	snprintf(bar->drawn, sizeof(bar->drawn), "%s", line.bytes);
	fprintf(bar->stream, "\r\033[K%s", line.bytes);
	fflush(bar->stream);
}

static void on_phase(struct progress *progress, const char *name, const char *sentence)
{
	struct progress_bar *bar = bar_of(progress);
	json_t *object = event("phase", name);
	auto_text struct text line = {0};

	json_put_string(object, "sentence", sentence);
	tell(bar, object);
	text_done(&bar->phase);
	text_add(&bar->phase, sentence);
	if (bar->style == PROGRESS_BAR)
		draw(bar, 0, NULL);
	if (bar->style == PROGRESS_LINES) {
		text_add_safe(&line, sentence);
		say(bar, line.bytes ? line.bytes : "");
	}
}

static void on_percent(struct progress *progress, unsigned percent, const char *what)
{
	struct progress_bar *bar = bar_of(progress);
	json_t *object;

	if (percent > 100)
		percent = 100;
	object = event("what", what);
	json_object_set_new(object, "percent", json_integer(percent));
	tell(bar, object);
	if (bar->style == PROGRESS_BAR)
		draw(bar, percent, what);
}

static void on_output(struct progress *progress, const char *line)
{
	struct progress_bar *bar = bar_of(progress);
	auto_text struct text safe = {0};

	tell(bar, event("output", line));
	if (!bar->output)
		return;
	text_add(&safe, "  | ");
	text_add_safe(&safe, line);
	say(bar, safe.bytes);
}

static void on_note(struct progress *progress, const char *sentence)
{
	struct progress_bar *bar = bar_of(progress);

	tell(bar, event("note", sentence));
	json_array_append_new(bar->notes, json_text(sentence));
}

static void on_program(struct progress *progress, const char *const *argv, bool running)
{
	json_t *object = json_object(), *words = json_array();

	for (; *argv; argv++)
		json_array_append_new(words, json_text(*argv));
	json_object_set_new(object, "program", words);
	json_object_set_new(object, "running", json_boolean(running));
	tell(bar_of(progress), object);
}

void progress_bar_start(struct progress_bar *bar, FILE *stream, enum progress_style style)
{
	*bar = (struct progress_bar){
		.progress = {.phase = on_phase,
			     .percent = on_percent,
			     .output = on_output,
			     .note = on_note,
			     .program = on_program},
		.stream = stream,
		.style = style,
		.json_fd = -1,
		.notes = json_array(),
	};
}

void progress_bar_wipe(struct progress_bar *bar)
{
	if (bar->drawn[0] == '\0')
		return;
	fputs("\r\033[K", bar->stream);
	fflush(bar->stream);
	bar->drawn[0] = '\0';
}

void progress_bar_done(struct progress_bar *bar)
{
	progress_bar_wipe(bar);
	text_done(&bar->phase);
	json_decref(bar->notes);
	bar->notes = NULL;
}
