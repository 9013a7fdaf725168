#include "linux_archive.h"
#include "auto.h"

const struct archive_library *archive_library(void)
{
	static struct archive_library functions;
	static const struct library_function wanted[] = {ARCHIVE_FUNCTIONS(LIBRARY_FUNCTION)};
	static struct library library = {"libarchive.so.13", wanted, COUNT(wanted), false, false};

	return library_load(&library) ? &functions : NULL;
}
