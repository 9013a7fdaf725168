#include "fingerprint.h"
#include <string.h>
#include "text.h"

#define DEPTH_MAX 128

struct walk {
	struct host *host;
	struct digest_stream *stream;
	unsigned depth;
};

static int add_path(struct walk *walk, const char *path, const char *name);

static int add_directory(struct walk *walk, const char *path)
{
	auto_host_names struct host_names names = {0};
	int r = walk->host->ops->list(walk->host, VOLUME_POOL, path, &names);

	if (walk->depth == DEPTH_MAX)
		return -ELOOP;
	walk->depth++;
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		auto_free char *child = xasprintf("%s/%s", path, names.names[i].name);

		r = add_path(walk, child, names.names[i].name);
	}
	walk->depth--;
	/* so that a file after a directory differs from one in it */
	digest_feed(walk->stream, "/end", sizeof("/end"));
	return r;
}

static int add_link(struct walk *walk, const char *path)
{
	auto_free char *target = NULL;
	int r = walk->host->ops->read_link(walk->host, VOLUME_POOL, path, &target);

	if (r == 0)
		digest_feed(walk->stream, target, strlen(target) + 1);
	return r;
}

static int add_file(struct walk *walk, const char *path)
{
	struct digest digest;
	int r = walk->host->ops->digest(walk->host, VOLUME_POOL, path, DIGEST_SHA256, &digest);

	if (r == 0)
		digest_feed(walk->stream, digest.hex, sizeof(digest.hex));
	return r;
}

static int add_path(struct walk *walk, const char *path, const char *name)
{
	auto_free char *facts = NULL;
	struct host_stat stat;
	int r = walk->host->ops->stat(walk->host, VOLUME_POOL, path, &stat);

	if (r < 0)
		return r;
	facts = xasprintf("%d %o %u %u %llu", (int)stat.type, stat.mode, stat.uid, stat.gid,
			  (unsigned long long)stat.rdev);
	digest_feed(walk->stream, name, strlen(name) + 1);
	digest_feed(walk->stream, facts, strlen(facts) + 1);
	switch (stat.type) {
	case HOST_FILE:
		return add_file(walk, path);
	case HOST_DIRECTORY:
		return add_directory(walk, path);
	case HOST_SYMLINK:
		return add_link(walk, path);
	case HOST_OTHER:
		return 0;
	}
	return -EINVAL;
}

int fingerprint_tree(struct host *host, const char *path, struct digest *ret)
{
	struct walk walk = {.host = host, .stream = digest_start(DIGEST_SHA256)};
	int r = add_path(&walk, path, "");

	digest_finish(walk.stream, ret);
	return r;
}
