#include "linux_archive.h"
#include <stdbool.h>
#include "auto.h"

const struct archive_library *archive_library(void)
{
	static struct archive_library functions;
	static const struct library_function wanted[] = {ARCHIVE_FUNCTIONS(LIBRARY_FUNCTION)};
	static bool tried, loaded;

	if (!tried)
		loaded = library_load("libarchive.so.13", wanted, COUNT(wanted));
	tried = true;
	return loaded ? &functions : NULL;
}
