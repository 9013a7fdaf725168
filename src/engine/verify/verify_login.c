/*
 * At least one way to log in: a password that can be typed, or a key and a daemon that takes it.
 *
 * Homes are data, so they are looked up where the copy's fstab mounts them. A machine that had no
 * way before (a kiosk) only gets a warning.
 */
#include <string.h>
#include "verifying.h"

#define ACCOUNTS_MAX_BYTES (1024 * 1024)
#define FIELDS_MAX 7

struct accounts {
	struct host *host;
	const char *root;
	const char *directory; /* of the generation, or NULL */
	const struct fstab *fstab;
};

/* The fields of a line of passwd or shadow, which is cut up in place. */
static size_t split(char *line, char *fields[FIELDS_MAX])
{
	size_t count = 0;

	while (line && count < FIELDS_MAX)
		fields[count++] = strsep(&line, ":");
	return count;
}

/* Empty is a password too; "!" and "*" begin what nobody can type. */
static bool is_password(const char *field)
{
	return *field != '!' && *field != '*' && strcmp(field, "x") != 0;
}

typedef bool account_test(const struct accounts *accounts, char *fields[FIELDS_MAX], size_t count);

/* Whether the test holds for any line. */
static bool any_line(const struct accounts *accounts, const char *path, account_test *test)
{
	auto_host_bytes struct host_bytes bytes = {0};
	const char *cursor, *line;
	size_t length;

	if (accounts->host->ops->root_read(accounts->host, accounts->root, path, ACCOUNTS_MAX_BYTES,
					   &bytes) < 0)
		return false;
	cursor = bytes.bytes;
	while (text_next_line(&cursor, bytes.bytes + bytes.length, &line, &length)) {
		auto_free char *copy = xstrndup(line, length);
		char *fields[FIELDS_MAX];
		size_t count = split(copy, fields);

		if (test(accounts, fields, count))
			return true;
	}
	return false;
}

static bool has_password(const struct accounts *accounts, char *fields[FIELDS_MAX], size_t count)
{
	(void)accounts;
	return count > 1 && fields[0][0] && is_password(fields[1]);
}

static bool is_shell(const char *path)
{
	return !text_ends(path, "/nologin") && !text_ends(path, "/false");
}

/* The mount point of fstab that `path` lies beneath, the longest one; NULL = it is in the root. */
static const struct fstab_line *covering(const struct fstab *fstab, const char *path)
{
	const struct fstab_line *best = NULL;

	for (size_t i = 0; fstab && i < fstab->count; i++) {
		const struct fstab_line *line = &fstab->lines[i];
		size_t length = line->mount_point ? strlen(line->mount_point) : 0;

		if (length < 2 || !text_starts(path, line->mount_point) ||
		    (path[length] != '/' && path[length] != '\0'))
			continue;
		if (!best || length > strlen(best->mount_point))
			best = line;
	}
	return best;
}

static bool has_file(const struct accounts *accounts, const char *root, const char *path)
{
	struct host_stat stat;

	return accounts->host->ops->root_stat(accounts->host, root, path, &stat) == 0 &&
	       stat.type == HOST_FILE && stat.size_bytes > 0;
}

/* While a machine is adopted, its data is still beside the root. */
static bool has_data_file(const struct accounts *accounts, const char *subvolume, const char *path)
{
	auto_free char *carved = NULL;

	if (has_file(accounts, subvolume, path))
		return true;
	if (!accounts->directory)
		return false;
	carved = xasprintf("%s/carve/%s", accounts->directory, subvolume);
	return has_file(accounts, carved, path);
}

static bool has_key(const struct accounts *accounts, char *fields[FIELDS_MAX], size_t count)
{
	auto_free char *path = NULL, *subvolume = NULL;
	const struct fstab_line *mount;

	if (count < FIELDS_MAX || fields[5][0] != '/' || !is_shell(fields[6]))
		return false;
	path = xasprintf("%s/.ssh/authorized_keys", fields[5]);
	if (has_file(accounts, accounts->root, path + 1))
		return true;
	mount = covering(accounts->fstab, path);
	subvolume = mount ? fstab_option(mount, "subvol") : NULL;
	return subvolume && has_data_file(accounts, subvolume + (*subvolume == '/'),
					  path + strlen(mount->mount_point) + 1);
}

static bool has_daemon(const struct accounts *accounts)
{
	return has_file(accounts, accounts->root, "usr/sbin/sshd") ||
	       has_file(accounts, accounts->root, "usr/sbin/dropbear");
}

static bool can_log_in(const struct accounts *accounts)
{
	return any_line(accounts, "etc/shadow", has_password) ||
	       (has_daemon(accounts) && any_line(accounts, "etc/passwd", has_key));
}

void verify_login(struct verifying *verifying)
{
	struct accounts accounts = {
		.host = verifying->host,
		.root = verifying->root,
		.directory = verifying->request->directory,
		.fstab = &verifying->fstab,
	};
	struct accounts parent = {
		.host = verifying->host,
		.root = verifying->request->parent_root,
		.fstab = &verifying->fstab,
	};
	bool had;

	if (can_log_in(&accounts))
		return;
	had = !parent.root || can_log_in(&parent);
	verifying_remark(verifying,
			 &(struct remark){"LOGIN", had ? FINDING_REFUSE : FINDING_WARN,
					  "/etc/shadow",
					  "set a password, or give a user an authorized_keys file"},
			 "nobody could log in: no password that can be typed, no key for SSH");
}
