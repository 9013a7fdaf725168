#include "library.h"
#include <dlfcn.h>

bool library_load(const char *soname, const struct library_function *functions, size_t count)
{
	void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; library && i < count; i++) {
		*functions[i].address = dlsym(library, functions[i].name);
		if (!*functions[i].address)
			return false;
	}
	return library != NULL;
}
