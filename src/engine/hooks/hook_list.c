#include "hook_list.h"
#include <string.h>
#include "hooks.h"
#include "text.h"

static bool is_hook_name(const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "._-";
	static const char *const leftovers[] = {".dpkg-", ".ucf-", ".bak", ".swp", ".orig"};

	if (name[0] == '.' || name[strspn(name, plain)])
		return false;
	for (size_t i = 0; i < COUNT(leftovers); i++)
		if (strstr(name, leftovers[i]))
			return false;
	return true;
}

static bool unreadable(const char *name, int r, struct err *err)
{
	if (r == -EFBIG)
		return err_set(err, ERR_CONFIG, 0, "the hook %s is larger than %d KiB",
			       text_quote(name), HOOK_MAX_BYTES / 1024);
	return err_set(err, ERR_SYSTEM, -r, "cannot read the hook %s", text_quote(name));
}

static bool read_hook(struct host *host, const char *root, const char *name, struct hook *ret,
		      struct err *err)
{
	auto_free char *path = xasprintf(HOOKS_DIRECTORY "/%s", name);
	auto_host_bytes struct host_bytes bytes = {0};
	int r = host->ops->root_read(host, root, path, HOOK_MAX_BYTES, &bytes);

	if (r < 0)
		return unreadable(name, r, err);
	digest_bytes(DIGEST_SHA256, bytes.bytes, bytes.length, &ret->digest);
	if (hook_header_parse(name, bytes.bytes, bytes.length, &ret->header, err))
		return true;
	return err_try(err, "sudoedit /%s", path);
}

static bool is_executable(struct host *host, const char *root, const char *name, bool *ret,
			  struct err *err)
{
	auto_free char *path = xasprintf(HOOKS_DIRECTORY "/%s", name);
	struct host_stat stat;
	int r = host->ops->root_stat(host, root, path, &stat);

	/* a link to nothing is no hook */
	if (r < 0 && r != -ENOENT)
		return unreadable(name, r, err);
	*ret = r == 0 && stat.type == HOST_FILE && (stat.mode & 0111);
	return true;
}

/* The hook of this name is added, if there is one for these phases. */
static bool add_hook(struct host *host, const char *root, const char *name, struct hooks *hooks,
		     struct err *err)
{
	struct hook hook = {0};
	bool executable = false;

	if (!is_hook_name(name))
		return true;
	if (!is_executable(host, root, name, &executable, err))
		return false;
	if (!executable)
		return true;
	if (!read_hook(host, root, name, &hook, err))
		return false;
	if (!(hook.header.phases & hooks->phases))
		return true;
	hook.name = xstrdup(name);
	*array_add(hooks->list, hooks->count) = hook;
	return true;
}

bool hooks_read(struct host *host, const char *root, unsigned phases, struct hooks *ret,
		struct err *err)
{
	auto_host_names struct host_names names = {0};
	int r = host->ops->root_list(host, root, HOOKS_DIRECTORY, &names);

	*ret = (struct hooks){.phases = phases};
	if (r == -ENOENT)
		return true;
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot list /%s", HOOKS_DIRECTORY);
	if (names.count > HOOKS_MAX)
		return err_set(err, ERR_CONFIG, 0, "/%s has more than %d files", HOOKS_DIRECTORY,
			       HOOKS_MAX);
	for (size_t i = 0; i < names.count; i++)
		if (!add_hook(host, root, names.names[i].name, ret, err))
			return false;
	return true;
}

void hooks_done(struct hooks *hooks)
{
	for (size_t i = 0; i < hooks->count; i++)
		free(hooks->list[i].name);
	free(hooks->list);
	*hooks = (struct hooks){0};
}
