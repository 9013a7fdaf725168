/*
 * dataclass - what becomes of a path that a program in the stage wrote into data. Pure.
 *
 * The longest row that is the path, or a directory above it, decides.
 */
#pragma once

enum data_class {
	DATA_KEEP, /* the machine's: new ones are replayed, changes need an ack */
	DATA_STAY, /* as configuration: new ones are replayed, changes are not carried over */
	DATA_PACKAGE, /* what the package manager remembers: belongs into the root */
	DATA_LOG, /* goes to the generation's own log */
	DATA_CACHE, /* made again by whoever needs it; its new directories are kept, empty */
	DATA_DROP, /* nobody needs it, directories included */
};

/* path: absolute, without a slash at the end. */
enum data_class dataclass_of(const char *path);
/* Where in /usr/lib/sysimage this very path of package state lies; NULL = it is not one. */
const char *dataclass_place(const char *path);
