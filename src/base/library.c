#include "library.h"
#include <dlfcn.h>

bool library_load(const char *soname, const struct library_function *functions, size_t count)
{
	void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

	bool all = library != NULL;

	for (size_t i = 0; all && i < count; i++) {
		*functions[i].address = dlsym(library, functions[i].name);
		all = *functions[i].address != NULL;
	}
	for (size_t i = 0; !all && i < count; i++)
		*functions[i].address = NULL;
	return all;
}
