/* fill_internal - what the files of fill share; nobody else includes it. */
#pragma once
#include "fill.h"
#include "managers.h"

/* A program in the stage. */
struct fill_command {
	const char *const *argv;
	int status_fd;
	bool terminal;
	unsigned timeout_sec; /* 0 = none */
	void (*on_output)(struct fill *fill, const char *line); /* may be NULL */
	void (*on_status)(struct fill *fill, const char *line);
};

/* False where the stage could not be built, was interrupted or took too long. */
bool fill_run(struct fill *fill, const struct fill_command *command, int *ret_status,
	      struct err *err);
/* The last `count` lines of output, each indented on a line of its own. Caller frees. */
char *fill_tail(const struct fill *fill, size_t count);
void fill_forget_tail(struct fill *fill);

/* "cannot VERB PATH: reason", or true where r is not an error. */
bool fill_check(int r, const char *verb, const char *path, struct err *err);
/* Every directory of the path that is missing. */
bool fill_make_directories(struct fill *fill, const char *path, struct err *err);
/* Keeps a string for as long as the fill; returns it. */
const char *fill_keep(struct fill *fill, char *string);
void fill_add_mount(struct fill *fill, struct stage_mount mount);
void fill_note(struct fill *fill, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* data_lines.c: the volumes of the copy's fstab, parents before what is mounted in them. */
bool data_lines_read(struct fill *fill, struct err *err);
bool path_is_beneath(const char *path, const char *top);

/* data_volumes.c: snapshots, overlays, mounts of the stage. */
bool data_volumes_open(struct fill *fill, struct err *err);
/* Path on the pool of the live data at this absolute path; NULL = it is not data. Caller frees. */
char *data_volumes_path(const struct fill *fill, const char *path);
void data_volume_done(struct data_volume *volume);

/* seed.c: what the base was going to put into the data is there in the stage, and stays in replay. */
bool seed_open(struct fill *fill, struct err *err);
/* Finds what there is for a volume: fills seed and seed_changes. */
bool seed_find(struct fill *fill, struct data_volume *volume, struct err *err);
/* Into a volume's upper directory, and out of its lower one, which must be writable where there are changes. */
bool seed_volume(struct fill *fill, const struct data_volume *volume, struct err *err);
/* The accepted changes that the base's replay would have removed something by. Caller owns. */
json_t *seed_removed(const struct data_volume *volume);
/* At the end: what is for subvolumes that the stage did not have goes on as it is. */
bool seed_pass_on(struct fill *fill, json_t *replay, struct err *err);

/* prune.c: makes an upper directory a tree to be replayed. */
struct prune {
	struct fill *fill;
	const struct data_volume *volume;
	json_t *changes; /* [{path relative to the volume, kind}] is added to */
	size_t kept; /* entries left */
};
bool prune_run(struct prune *prune, struct err *err);

/* defaults.c: *.dpkg-dist and the like in /etc */
bool defaults_note(struct fill *fill, struct err *err);
bool defaults_collect(struct fill *fill, struct err *err);

/* What is installed in the copy now. */
bool fill_installed(struct fill *fill, struct packages *ret, struct err *err);
