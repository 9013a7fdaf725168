#include "library.h"
#include <dlfcn.h>

static bool load(const struct library *library)
{
	void *object = dlopen(library->soname, RTLD_NOW | RTLD_LOCAL);
	bool all = object != NULL;

	for (size_t i = 0; all && i < library->count; i++) {
		*library->functions[i].address = dlsym(object, library->functions[i].name);
		all = *library->functions[i].address != NULL;
	}
	for (size_t i = 0; !all && i < library->count; i++)
		*library->functions[i].address = NULL;
	return all;
}

bool library_load(struct library *library)
{
	if (!library->tried)
		library->loaded = load(library);
	library->tried = true;
	return library->loaded;
}
