#include "loader.h"
#include <string.h>
#include "sdboot.h"
#include "text.h"

const struct loader *const loaders[] = {&sdboot_loader};
const size_t loader_count = COUNT(loaders);

const struct loader *loader_find(const char *name)
{
	for (size_t i = 0; i < loader_count; i++)
		if (text_equal(loaders[i]->name, name))
			return loaders[i];
	return NULL;
}

/* ---- the menu after a plan ---- */

/* The files of a boot volume that matter to a menu. Both strings of each are owned. */
struct files {
	struct file {
		char *path, *text;
	} * files;
	size_t count;
};

static void files_done(struct files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->files[i].path);
		free(files->files[i].text);
	}
	free(files->files);
}
DEFINE_AUTO_STRUCT(files, struct files, files_done)

static struct file *files_find(struct files *files, const char *path)
{
	for (size_t i = 0; i < files->count; i++)
		if (text_equal(files->files[i].path, path))
			return &files->files[i];
	return NULL;
}

static void files_remove(struct files *files, const char *path)
{
	struct file *file = files_find(files, path);

	if (!file)
		return;
	free(file->path);
	free(file->text);
	*file = files->files[--files->count];
}

static void files_put(struct files *files, const char *path, const char *text)
{
	struct file *file;

	files_remove(files, path);
	file = array_add(files->files, files->count);
	file->path = xstrdup(path);
	file->text = xstrdup_or_null(text);
}

static void files_rename(struct files *files, const char *from, const char *to)
{
	struct file *file = files_find(files, from);
	auto_free char *text = NULL;

	if (!file)
		return;
	text = take(file->text);
	files_remove(files, from);
	files_put(files, to, text);
}

static void files_apply(struct files *files, const struct step *step)
{
	struct file *file;

	if (step->volume != VOLUME_BOOT)
		return;
	if (step->kind == STEP_WRITE || step->kind == STEP_REPLACE)
		files_put(files, step->path, step->text);
	else if (step->kind == STEP_PUT_BLOB)
		files_put(files, step->path, NULL);
	else if (step->kind == STEP_REMOVE)
		files_remove(files, step->path);
	else if (step->kind == STEP_RENAME)
		files_rename(files, step->from, step->path);
	else if (step->kind == STEP_SET_BYTE) {
		file = files_find(files, step->path);
		if (file && file->text && step->offset < strlen(file->text))
			file->text[step->offset] = step->byte_to;
	}
}

static void files_from_menu(struct files *files, const struct loader *loader,
			    const struct menu *menu)
{
	for (size_t i = 0; i < menu->count; i++)
		files_put(files, menu->entries[i].path, menu->entries[i].text);
	for (size_t i = 0; i < menu->other_count; i++)
		files_put(files, menu->others[i].path, menu->others[i].text);
	for (size_t i = 0; i < menu->blob_count; i++)
		files_put(files, menu->blobs[i], NULL);
	if (menu->settings)
		files_put(files, loader->settings_path, menu->settings);
}

static bool names_an_entry(const struct menu *menu, const char *name)
{
	for (size_t i = 0; i < menu->count; i++)
		if (text_ends(menu->entries[i].path, name))
			return true;
	return false;
}

/* What no plan of ours touches: entries of others, and names without an entry. */
static void keep_others(const struct menu *menu, struct menu *ret)
{
	for (size_t i = 0; i < menu->foreign_count; i++)
		menu_add(&ret->foreign, &ret->foreign_count, menu->foreign[i]);
	for (size_t i = 0; i < menu->other_blob_count; i++)
		menu_add(&ret->other_blobs, &ret->other_blob_count, menu->other_blobs[i]);
	for (size_t i = 0; i < menu->torn_count; i++)
		if (!names_an_entry(menu, menu->torn[i]))
			menu_add(&ret->torn, &ret->torn_count, menu->torn[i]);
}

bool loader_after(const struct loader *loader, const struct menu *menu, const struct plan *plan,
		  struct menu *ret, struct err *err)
{
	__attribute__((cleanup(auto_files_))) struct files files = {0};
	auto_free struct loader_file *list = NULL;
	struct loader_found found;

	*ret = (struct menu){0};
	files_from_menu(&files, loader, menu);
	for (size_t i = 0; i < plan->count; i++)
		files_apply(&files, &plan->steps[i]);
	list = xcalloc(files.count, sizeof(*list));
	for (size_t i = 0; i < files.count; i++)
		list[i] = (struct loader_file){files.files[i].path, files.files[i].text};
	found = (struct loader_found){list, files.count, menu->root_uuid};
	if (!loader->parse(&found, ret, err))
		return false;
	keep_others(menu, ret);
	return true;
}

/* ---- mark and sweep ---- */

struct marks {
	const struct loader *loader;
	char **paths;
	size_t count;
};

static void marks_done(struct marks *marks)
{
	for (size_t i = 0; i < marks->count; i++)
		free(marks->paths[i]);
	free(marks->paths);
}
DEFINE_AUTO_STRUCT(marks, struct marks, marks_done)

static void mark_digest(struct marks *marks, const char *kind, const char *sha256)
{
	char path[128];

	if (!*sha256)
		return;
	marks->loader->blob_path(kind, sha256, path, sizeof(path));
	menu_add(&marks->paths, &marks->count, path);
}

static void mark_generation(struct marks *marks, const struct generation *generation)
{
	if (generation->state == GEN_BAD)
		return;
	for (size_t i = 0; i < generation->publication_count; i++) {
		const struct publication *publication = &generation->publications[i];

		if (publication->kind == PUB_NONE)
			continue;
		mark_digest(marks, "linux", publication->linux_sha256);
		mark_digest(marks, "initrd", publication->initrd_sha256);
	}
}

static void mark_menu(struct marks *marks, const struct menu *menu)
{
	for (size_t i = 0; i < menu->count; i++) {
		mark_digest(marks, "linux", menu->entries[i].linux_sha256);
		mark_digest(marks, "initrd", menu->entries[i].initrd_sha256);
	}
	for (size_t i = 0; i < menu->other_blob_count; i++)
		menu_add(&marks->paths, &marks->count, menu->other_blobs[i]);
}

/* What is put now is about to be named. */
static void mark_plan(struct marks *marks, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].kind == STEP_PUT_BLOB)
			menu_add(&marks->paths, &marks->count, plan->steps[i].path);
}

static bool is_marked(const struct marks *marks, const char *path)
{
	for (size_t i = 0; i < marks->count; i++)
		if (strcasecmp(marks->paths[i], path) == 0)
			return true;
	return false;
}

void loader_sweep(const struct loader *loader, const struct menu *menu,
		  const struct generation *generations, size_t count, struct plan *plan)
{
	__attribute__((cleanup(auto_marks_))) struct marks marks = {.loader = loader};
	auto_menu struct menu now = {0};
	struct err err = {0};
	size_t steps = plan->count;

	/* an unreadable menu names nothing, and then nothing may go */
	if (!loader_after(loader, menu, plan, &now, &err))
		return;
	mark_menu(&marks, &now);
	mark_plan(&marks, plan);
	for (size_t i = 0; i < count; i++)
		mark_generation(&marks, &generations[i]);
	for (size_t i = 0; i < now.blob_count; i++)
		if (!is_marked(&marks, now.blobs[i]))
			plan_at(plan, STEP_REMOVE, VOLUME_BOOT, now.blobs[i])->why =
				"nothing names it any more";
	if (plan->count > steps)
		plan_at(plan, STEP_SYNC, VOLUME_BOOT, "");
}
