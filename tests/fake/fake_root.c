#include <string.h>
#include "fake_machine.h"
#include "text.h"

#define LINKS_MAX 40

/* Where a walk inside a root is, and what is left of the path. */
struct walk {
	const char *root;
	char *done, *rest;
	unsigned links;
};

static void walk_done(struct walk *walk)
{
	free(walk->done);
	free(walk->rest);
}
DEFINE_AUTO_STRUCT(walk, struct walk, walk_done)

/* Takes the next component off the rest. Returns the path it names; the caller frees. */
static char *next_component(struct walk *walk)
{
	char *start = walk->rest + strspn(walk->rest, "/");
	auto_free char *name = xstrndup(start, strcspn(start, "/"));

	memmove(walk->rest, start + strlen(name), strlen(start + strlen(name)) + 1);
	if (strcmp(name, "..") == 0)
		return strcmp(walk->done, walk->root) == 0 ? xstrdup(walk->root)
							   : fake_parent_of(walk->done);
	if (!*name || strcmp(name, ".") == 0)
		return xstrdup(walk->done);
	return *walk->done ? xasprintf("%s/%s", walk->done, name) : xstrdup(name);
}

static int follow(struct walk *walk, const char *target)
{
	char *longer;

	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	longer = xasprintf("%s/%s", target, walk->rest);
	free(walk->rest);
	walk->rest = longer;
	if (*target == '/') {
		free(walk->done);
		walk->done = xstrdup(walk->root);
	}
	return 0;
}

/* Whole path on the pool of `path` inside `root`, as a system running there would find it. */
static int resolve(struct host *host, const char *root, const char *path, char **ret)
{
	__attribute__((cleanup(auto_walk_))) struct walk walk = {
		.root = root, .done = xstrdup(root), .rest = xstrdup(path)};

	while (*walk.rest) {
		auto_free char *next = next_component(&walk);
		const struct fake_node *node =
			fake_disk_find(&fake_of(host)->disk, VOLUME_POOL, next);
		int r = 0;

		if (!node)
			return -ENOENT;
		if (node->type == HOST_SYMLINK)
			r = follow(&walk, node->bytes);
		else {
			free(walk.done);
			walk.done = take(next);
		}
		if (r < 0)
			return r;
	}
	*ret = take(walk.done);
	return 0;
}

int fake_root_read(struct host *host, const char *root, const char *path, size_t max_bytes,
		   struct host_bytes *ret)
{
	auto_free char *real = NULL;
	int r = resolve(host, root, path, &real);

	return r < 0 ? r : host->ops->read(host, VOLUME_POOL, real, max_bytes, ret);
}

int fake_root_stat(struct host *host, const char *root, const char *path, struct host_stat *ret)
{
	auto_free char *real = NULL;
	int r = resolve(host, root, path, &real);

	return r < 0 ? r : host->ops->stat(host, VOLUME_POOL, real, ret);
}

int fake_root_list(struct host *host, const char *root, const char *path, struct host_names *ret)
{
	auto_free char *real = NULL;
	int r = resolve(host, root, path, &real);

	return r < 0 ? r : host->ops->list(host, VOLUME_POOL, real, ret);
}

int fake_root_digest(struct host *host, const char *root, const char *path, enum digest_kind kind,
		     struct digest *ret)
{
	auto_free char *real = NULL;
	int r = resolve(host, root, path, &real);

	return r < 0 ? r : host->ops->digest(host, VOLUME_POOL, real, kind, ret);
}

/* A fake initrd is a text file with a name on each line. */
int fake_list_initrd(struct host *host, const char *root, const char *path,
		     void (*on_name)(void *userdata, const char *name), void *userdata)
{
	auto_host_bytes struct host_bytes bytes = {0};
	int r = fake_root_read(host, root, path, SIZE_MAX, &bytes);
	const char *cursor, *line;
	size_t length;

	if (r < 0)
		return r;
	cursor = bytes.bytes;
	while (text_next_line(&cursor, bytes.bytes + bytes.length, &line, &length)) {
		auto_free char *name = xstrndup(line, length);

		on_name(userdata, name);
	}
	return 0;
}
