#include "dataclass.h"
#include <string.h>
#include "auto.h"
#include "territory.h"

static const struct {
	const char *path;
	enum data_class class;
} rows[] = {
	{"/var/log", DATA_LOG},
	{"/var/cache", DATA_CACHE},
	{"/var/tmp", DATA_DROP},
	{"/var/run", DATA_DROP},
	{"/var/lock", DATA_DROP},
	{"/var/lib/apt/lists", DATA_DROP},
	{"/var/lib/apt/mirrors", DATA_DROP},
	{"/var/lib/apt/periodic", DATA_CACHE},
	{"/var/lib/apt/daily_lock", DATA_DROP},
	{"/var/lib/command-not-found", DATA_CACHE},
	{"/var/lib/app-info", DATA_CACHE},
	{"/var/lib/swcatalog", DATA_CACHE},
	{"/var/lib/PackageKit", DATA_CACHE},
	{"/var/lib/man-db", DATA_CACHE},
	{"/var/lib/mlocate", DATA_CACHE},
	{"/var/lib/plocate", DATA_CACHE},
	{"/var/lib/needrestart", DATA_CACHE},
	{"/var/lib/update-notifier", DATA_CACHE},
	{"/var/lib/systemd/catalog", DATA_CACHE},
	{"/var/lib/systemd/random-seed", DATA_DROP},
	/* defaults that a package refreshes where nobody changed them, and its notes about that */
	{"/root/.profile", DATA_STAY},
	{"/root/.bashrc", DATA_STAY},
	{"/var/lib/shells.state", DATA_STAY},
	/* what a shell in the stage leaves behind */
	{"/root/.cache", DATA_DROP},
	{"/root/.bash_history", DATA_DROP},
	{"/root/.lesshst", DATA_DROP},
	{"/root/.viminfo", DATA_DROP},
};

/* Length of the row where it covers the path, else 0. */
static size_t covers(const char *row, const char *path)
{
	size_t length = strlen(row);

	if (strncmp(row, path, length) != 0 || (path[length] != '\0' && path[length] != '/'))
		return 0;
	return length;
}

/* The row of package state that covers the path; *ret_exact: it is the path. */
static const struct state_path *package_state(const char *path, bool *ret_exact)
{
	static const char var[] = "/var/";

	if (strncmp(path, var, strlen(var)) != 0)
		return NULL;
	path += strlen(var);
	for (size_t i = 0; i < state_path_count; i++) {
		*ret_exact = strcmp(state_paths[i].path, path) == 0;
		if (covers(state_paths[i].path, path))
			return &state_paths[i];
	}
	return NULL;
}

const char *dataclass_place(const char *path)
{
	bool exact;
	const struct state_path *state = package_state(path, &exact);

	return state && exact ? state->place : NULL;
}

enum data_class dataclass_of(const char *path)
{
	enum data_class class = DATA_KEEP;
	size_t longest = 0;
	bool exact;

	/* more precise than any row, as /var/cache/debconf is than /var/cache */
	if (package_state(path, &exact))
		return DATA_PACKAGE;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t length = covers(rows[i].path, path);

		if (length > longest) {
			longest = length;
			class = rows[i].class;
		}
	}
	return class;
}
