#include "store.h"
#include <stdio.h>
#include <string.h>
#include "changes.h"
#include "text.h"

static bool read_document(struct host *host, const char *directory, const char *name,
			  struct host_bytes *ret, struct err *err)
{
	auto_free char *path = xasprintf("%s/%s", directory, name);
	int r = host->ops->read(host, VOLUME_POOL, path, STORE_DOCUMENT_MAX, ret);

	if (r == -ENOENT)
		return err_set(err, ERR_CORRUPT, 0, "%s is missing", name);
	if (r < 0)
		return err_set(err, ERR_CORRUPT, -r, "cannot read %s", name);
	if (strlen(ret->bytes) != ret->length)
		return err_set(err, ERR_CORRUPT, 0, "%s holds a zero byte", name);
	return true;
}

static bool check_root(struct host *host, const struct listing *listing,
		       const struct generation *gen, struct err *err)
{
	char root[GENERATION_PATH_MAX];
	struct host_stat stat;
	int r;

	if (listing_has_subvolume(listing, generation_root(gen, root)))
		return true;
	r = host->ops->stat(host, VOLUME_POOL, root, &stat);
	if (r < 0)
		return err_set(err, ERR_CORRUPT, -r, "its root %s", text_quote(root));
	if (!stat.subvolume)
		return err_set(err, ERR_CORRUPT, 0, "its root %s is not a subvolume",
			       text_quote(root));
	return true;
}

static void read_generation(struct host *host, const struct listing *listing, unsigned id,
			    struct generation *ret)
{
	char directory[GENERATION_PATH_MAX];
	auto_host_bytes struct host_bytes facts = {0}, state = {0};
	struct err err = {0};

	generation_directory(id, directory);
	if (read_document(host, directory, "generation.json", &facts, &err) &&
	    read_document(host, directory, "state.json", &state, &err) &&
	    generation_parse(id, facts.bytes, state.bytes, ret, &err) &&
	    check_root(host, listing, ret, &err))
		return;
	generation_done(ret);
	*ret = (struct generation){.id = id, .parent = -1, .damage = xstrdup(err.text)};
}

/* "7" is generation 7, ".7.tmp" the leftover of one; 0 = neither. */
static int parse_name(const char *name, unsigned *ret_id)
{
	bool leftover = name[0] == '.' && text_ends(name, ".tmp");
	auto_free char *digits =
		leftover ? xstrndup(name + 1, strlen(name) - strlen(".tmp") - 1) : xstrdup(name);
	unsigned long long id;

	if (!text_to_u64(digits, &id) || id > INT32_MAX || (digits[0] == '0' && digits[1]))
		return 0;
	*ret_id = (unsigned)id;
	return leftover ? 2 : 1;
}

static int by_id(const void *a, const void *b)
{
	const struct generation *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static bool read_generations(struct host *host, struct listing *ret, struct err *err)
{
	auto_host_names struct host_names names = {0};
	int r = host->ops->list(host, VOLUME_POOL, GENS_DIRECTORY, &names);

	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot list the generations in %s",
			       GENS_DIRECTORY);
	for (size_t i = 0; i < names.count; i++) {
		unsigned id;
		int kind = names.names[i].type == HOST_DIRECTORY
				   ? parse_name(names.names[i].name, &id)
				   : 0;

		if (kind == 1)
			read_generation(host, ret, id, array_add(ret->generations, ret->count));
		else if (kind == 2)
			*array_add(ret->leftovers, ret->leftover_count) = id;
	}
	if (ret->count > 1)
		qsort(ret->generations, ret->count, sizeof(*ret->generations), by_id);
	return true;
}

static bool read_layout(struct host *host, struct listing *ret, struct err *err)
{
	auto_host_bytes struct host_bytes bytes = {0};
	struct err trouble = {0};
	int r = host->ops->read(host, VOLUME_POOL, GENS_DIRECTORY "/layout.json",
				STORE_DOCUMENT_MAX, &bytes);

	if (r == -ENOENT)
		return true;
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot read %s/layout.json", GENS_DIRECTORY);
	ret->adopted = true;
	if (layout_parse(bytes.bytes, &ret->layout, &trouble))
		return true;
	/* the directories say all that it did: recovery writes it again, from the highest of them */
	ret->layout = (struct layout){0};
	if (trouble.kind != ERR_REFUSED)
		return true;
	*err = trouble;
	return false;
}

static bool read_subvolumes(struct host *host, struct listing *ret, struct err *err)
{
	auto_host_names struct host_names found = {0};
	int r = host->ops->list_subvolumes(host, &found);

	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot list the subvolumes");
	for (size_t i = 0; i < found.count; i++)
		*array_add(ret->subvolumes, ret->subvolume_count) = take(found.names[i].name);
	r = host->ops->get_default(host, &ret->default_root);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot read the default subvolume");
	return true;
}

/* The value of `name` (with its '=') among blank-separated arguments; caller frees; NULL = absent. */
static char *argument(const char *command_line, const char *name)
{
	const char *at = command_line;

	while ((at = strstr(at, name))) {
		if (at == command_line || at[-1] == ' ')
			return xstrndup(at + strlen(name), strcspn(at + strlen(name), " \n"));
		at += strlen(name);
	}
	return NULL;
}

static void note_booted(const struct listing *listing, const struct host_running *running,
			struct running *ret)
{
	const char *root = running->lower_path ? running->lower_path : running->root_path;
	const struct generation *gen = listing_of_root(listing, root);

	ret->booted = gen ? (int)gen->id : -1;
	ret->volatile_session = running->lower_path != NULL;
}

static bool read_running(struct host *host, struct listing *ret, struct err *err)
{
	auto_host_running struct host_running running = {0};
	auto_free char *serial = NULL, *trial = NULL;
	unsigned long long number;
	int r = host->ops->running(host, &running);

	if (r == -ENOSYS) {
		ret->running.booted = -1;
		return true;
	}
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot tell which root is running");
	ret->running.live = true;
	note_booted(ret, &running, &ret->running);
	ret->running.boot_id = take(running.boot_id);
	serial = argument(running.command_line, "moult.serial=");
	trial = argument(running.command_line, "moult.trial=");
	if (serial && text_to_u64(serial, &number))
		ret->running.serial = number;
	ret->running.trial = trial && strcmp(trial, "1") == 0;
	return true;
}

/* A snapshot has a higher number than what it was made of: the places they are in tell which is which. */
static bool read_exchange(struct host *host, struct listing *ret, struct err *err)
{
	auto_host_subvolume struct host_subvolume first = {0}, original = {0};
	const struct generation *zero = listing_find(ret, 0);
	int r;

	if (!listing_adopting(ret) || !zero || zero->damage || !*zero->original)
		return true;
	r = host->ops->subvolume(host, "@gens/1/root", &first);
	if (r == 0)
		r = host->ops->subvolume(host, zero->original, &original);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot look at the original, %s",
			       text_quote(zero->original));
	ret->exchanged = first.id < original.id;
	ret->original_used = original.transid != zero->original_transid;
	return true;
}

bool store_read_listing(struct host *host, struct listing *ret, struct err *err)
{
	*ret = (struct listing){0};
	if (!read_layout(host, ret, err) || !read_subvolumes(host, ret, err))
		return false;
	if (ret->adopted && (!read_generations(host, ret, err) || !read_exchange(host, ret, err)))
		return false;
	return read_running(host, ret, err);
}

struct loader_files {
	struct loader_file *files;
	size_t count;
};

static void loader_files_done(struct loader_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free((char *)files->files[i].path);
		free((char *)files->files[i].text);
	}
	free(files->files);
}

DEFINE_AUTO_STRUCT(loader_files, struct loader_files, loader_files_done)

static bool read_loader_directory(const struct store_boot *boot, const char *directory,
				  struct loader_files *files, struct err *err)
{
	struct host *host = boot->host;
	auto_host_names struct host_names names = {0};
	int r = host->ops->list(host, VOLUME_BOOT, directory, &names);

	if (r == -ENOENT)
		return true;
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot list '%s' on the boot volume",
			       directory);
	for (size_t i = 0; i < names.count; i++) {
		auto_host_bytes struct host_bytes bytes = {0};
		struct loader_file *file;

		if (names.names[i].type != HOST_FILE)
			continue;
		file = array_add(files->files, files->count);
		file->path = xasprintf("%s/%s", directory, names.names[i].name);
		if (!boot->loader->wants_text(file->path))
			continue;
		r = host->ops->read(host, VOLUME_BOOT, file->path, 64 * 1024, &bytes);
		/* too large to be an entry: one that is not whole. Unreadable is not the same as absent */
		if (r < 0 && r != -EFBIG)
			return err_set(err, ERR_SYSTEM, -r, "cannot read '%s' on the boot volume",
				       file->path);
		file->text = r < 0 ? xstrdup("") : take(bytes.bytes);
	}
	return true;
}

bool store_read_menu(const struct store_boot *boot, struct menu *ret, struct err *err)
{
	__attribute__((cleanup(auto_loader_files_))) struct loader_files files = {0};
	struct loader_found found;

	for (const char *const *directory = boot->loader->directories; *directory; directory++)
		if (!read_loader_directory(boot, *directory, &files, err))
			return false;
	found = (struct loader_found){files.files, files.count, boot->pool_uuid};
	return boot->loader->parse(&found, ret, err);
}
