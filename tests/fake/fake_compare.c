/* Two trees of the pool compared: by looking at all of both, which the real host must not do. */
#include <string.h>
#include "fake_machine.h"
#include "text.h"

static bool same_node(const struct fake_node *a, const struct fake_node *b)
{
	return a->type == b->type && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	       a->rdev == b->rdev && a->length == b->length &&
	       (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

int fake_differ(struct host *host, const char *a, const char *b)
{
	const struct fake_disk *disk = &fake_of(host)->disk;
	const struct fake_node *left = fake_disk_find(disk, VOLUME_POOL, a);
	const struct fake_node *right = fake_disk_find(disk, VOLUME_POOL, b);

	if (!left || !right)
		return left != right;
	return !same_node(left, right);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What lies in `one` and is not the same in `other`; of what is the same only what `other` has not. */
static void compare(const struct fake_disk *disk, const char *one, const char *other,
		    struct host_strings *ret)
{
	const struct fake_volume *v = &disk->volumes[VOLUME_POOL];

	for (size_t i = 0; i < v->count; i++) {
		const struct fake_node *there;
		auto_free char *path = NULL;

		if (!fake_is_below(v->nodes[i].path, one))
			continue;
		path = xasprintf("%s%s", other, v->nodes[i].path + strlen(one));
		there = fake_disk_find(disk, VOLUME_POOL, path);
		if (!there || !same_node(&v->nodes[i], there))
			*array_add(ret->strings, ret->count) = xstrdup(path + strlen(other) + 1);
	}
}

int fake_changed_since(struct host *host, const struct host_since *since, struct host_strings *ret)
{
	const struct fake_disk *disk = &fake_of(host)->disk;
	struct host_strings found = {0};
	size_t kept = 0;

	*ret = (struct host_strings){0};
	if (!fake_disk_find(disk, VOLUME_POOL, since->subvolume) ||
	    !fake_disk_find(disk, VOLUME_POOL, since->ancestor))
		return -ENOENT;
	compare(disk, since->subvolume, since->ancestor, &found);
	compare(disk, since->ancestor, since->subvolume, &found);
	if (found.count > 1)
		qsort(found.strings, found.count, sizeof(*found.strings), by_text);
	for (size_t i = 0; i < found.count; i++)
		if (kept > 0 && strcmp(found.strings[kept - 1], found.strings[i]) == 0)
			free(found.strings[i]);
		else
			found.strings[kept++] = found.strings[i];
	found.count = kept;
	*ret = found;
	return 0;
}
