/*
 * linux_stage_mounts - builds the stage's file systems and makes them /.
 *
 * Goes through the descriptor-based mount calls rather than libmount, which takes paths: every
 * target is resolved inside the new root, whatever links that holds, and is mounted on by
 * descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include "linux_stage.h"

#define LINK_DEPTH_MAX 8
#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- pieces ---------------------------------------------------------------------------------- */

static int set_option(int context, const char *option)
{
	const char *equals = strchr(option, '=');
	auto_free char *key = xstrndup(option, equals ? (size_t)(equals - option) : strlen(option));

	if (equals)
		return fsconfig(context, FSCONFIG_SET_STRING, key, equals + 1, 0);
	return fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0);
}

int stage_filesystem(const struct stage_filesystem *want)
{
	auto_close int context = fsopen(want->type, FSOPEN_CLOEXEC);
	int fd;

	if (context < 0)
		return -errno;
	for (const char *const *option = want->options; option && *option; option++)
		if (set_option(context, *option) < 0)
			return -errno;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(context, FSMOUNT_CLOEXEC, want->attributes);
	return fd < 0 ? -errno : fd;
}

static int attach(int tree, int target)
{
	int r = move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);

	return r < 0 ? -errno : 0;
}

static int bind_with(int fd, int target, const struct mount_attr *change)
{
	struct mount_attr set = *change;
	auto_close int tree =
		open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return -errno;
	if ((set.attr_set || set.attr_clr) &&
	    mount_setattr(tree, "", AT_EMPTY_PATH, &set, sizeof(set)) < 0)
		return -errno;
	return attach(tree, target);
}

int stage_bind(int fd, int target, uint64_t attributes)
{
	return bind_with(fd, target, &(struct mount_attr){.attr_set = attributes});
}

int stage_directory(int root, const char *path)
{
	auto_free char *prefix = xstrdup(path + strspn(path, "/"));
	auto_close int parent = open_in_root(root, ".", O_PATH | O_DIRECTORY);

	for (char *end = prefix; parent >= 0 && *end;) {
		char *name = end;
		char after;
		int fd;

		end = strchrnul(name, '/');
		after = *end;
		*end = '\0';
		fd = open_in_root(root, prefix, O_PATH | O_DIRECTORY);
		if (fd == -ENOENT && mkdirat(parent, name, 0755) == 0)
			fd = open_in_root(root, prefix, O_PATH | O_DIRECTORY);
		close(parent);
		parent = fd;
		*end = after;
		end += strspn(end, "/");
	}
	return take_fd(&parent);
}

int stage_mount_at(struct stage_build *build, const char *at, const struct stage_filesystem *want)
{
	auto_close int target = stage_directory(build->root, at);
	auto_close int tree = -1;
	int r;

	build->at = at;
	if (target < 0)
		return target;
	tree = stage_filesystem(want);
	if (tree < 0)
		return tree;
	r = attach(tree, target);
	return r < 0 ? r : take_fd(&tree);
}

/* --- files ----------------------------------------------------------------------------------- */

/*
 * A missing file: an empty one is made to mount on, where the links that lead there end. Outside
 * a tmpfs it is the caller who removes it afterwards, when the stage is gone.
 */
static int make_file(int root, const char *path, unsigned depth)
{
	const char *name = strrchr(path, '/');
	auto_free char *directory = name ? xstrndup(path, (size_t)(name - path)) : xstrdup("");
	auto_close int parent = stage_directory(root, directory);
	char link[1024];
	ssize_t length;
	int fd;

	name = name ? name + 1 : path;
	if (parent < 0)
		return parent;
	length = readlinkat(parent, name, link, sizeof(link) - 1);
	if (length > 0) {
		auto_free char *target = NULL;

		link[length] = '\0';
		target = link[0] == '/' ? xstrdup(link) : xasprintf("%s/%s", directory, link);
		return depth == 0 ? -ELOOP : make_file(root, target, depth - 1);
	}
	fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : fd;
}

static int open_or_make_file(int root, const char *path)
{
	int fd = open_in_root(root, path, O_PATH);

	return fd == -ENOENT ? make_file(root, path, LINK_DEPTH_MAX) : fd;
}

static int put_text(int fd, const struct stage_mount *file)
{
	int r = write_all(fd, file->text, strlen(file->text));

	return r == 0 && fchmod(fd, file->mode) < 0 ? -errno : r;
}

static bool is_on_tmpfs(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && st.f_type == TMPFS_MAGIC;
}

static int bind_file(struct stage_build *build, const struct stage_mount *file, int target)
{
	auto_free char *name = xasprintf("file%u", build->file_count++);
	auto_close int source =
		openat(build->scratch, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	int r = source < 0 ? -errno : put_text(source, file);

	return r < 0 ? r : stage_bind(source, target, MOUNT_ATTR_NODEV);
}

/* On a tmpfs it is an ordinary file, which programs may replace. */
static int mount_file(struct stage_build *build, const struct stage_mount *file)
{
	auto_close int target = open_in_root(build->root, file->at, O_PATH);

	if (target == -ENOENT) {
		target = make_file(build->root, file->at, LINK_DEPTH_MAX);
		if (target >= 0 && is_on_tmpfs(target))
			return put_text(target, file);
	}
	return target < 0 ? target : bind_file(build, file, target);
}

/* --- mounts that the caller asked for -------------------------------------------------------- */

static int open_pool(struct stage_build *build, const char *path)
{
	return open_beneath(build->pool, path, O_PATH, 0);
}

/* Descriptors instead of paths: no character of a path means anything to the option parser. */
static int mount_overlay(struct stage_build *build, const struct stage_mount *mount)
{
	auto_close int lower = open_pool(build, mount->lower);
	auto_close int upper = open_pool(build, mount->upper);
	auto_close int work = open_pool(build, mount->work);
	auto_free char *lower_option = xasprintf("lowerdir=/proc/self/fd/%d", lower);
	auto_free char *upper_option = xasprintf("upperdir=/proc/self/fd/%d", upper);
	auto_free char *work_option = xasprintf("workdir=/proc/self/fd/%d", work);
	struct stage_filesystem want = {
		.type = "overlay",
		/* one layer on another and nothing clever: what is in the upper one is plain files */
		.options = OPTIONS(lower_option, upper_option, work_option, "redirect_dir=off",
				   "index=off", "metacopy=off", "xino=off"),
		.attributes = MOUNT_ATTR_NODEV | (mount->read_only ? MOUNT_ATTR_RDONLY : 0),
	};
	auto_close int fd = -1;

	if (lower < 0 || upper < 0 || work < 0)
		return lower < 0 ? lower : upper < 0 ? upper : work;
	fd = stage_mount_at(build, mount->at, &want);
	return fd < 0 ? fd : 0;
}

static int bind_pool(struct stage_build *build, const struct stage_mount *mount,
		     uint64_t attributes)
{
	auto_close int source = open_pool(build, mount->lower);
	auto_close int target = -1;
	struct stat st;

	if (source < 0)
		return source;
	if (fstat(source, &st) < 0)
		return -errno;
	target = S_ISDIR(st.st_mode) ? stage_directory(build->root, mount->at)
				     : open_or_make_file(build->root, mount->at);
	return target < 0 ? target : stage_bind(source, target, attributes | MOUNT_ATTR_NODEV);
}

static int mount_bind(struct stage_build *build, const struct stage_mount *mount)
{
	return bind_pool(build, mount, 0);
}

static int mount_bind_read_only(struct stage_build *build, const struct stage_mount *mount)
{
	return bind_pool(build, mount, MOUNT_ATTR_RDONLY);
}

static int mount_directory(struct stage_build *build, const struct stage_mount *mount)
{
	auto_close int fd = stage_directory(build->root, mount->at);

	return fd < 0 ? fd : 0;
}

static int mount_tmpfs(struct stage_build *build, const struct stage_mount *mount)
{
	const struct stage_filesystem want = {"tmpfs", OPTIONS("mode=0755"),
					      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	auto_close int fd = stage_mount_at(build, mount->at, &want);

	return fd < 0 ? fd : 0;
}

static int mount_writable(struct stage_build *build, const struct stage_mount *mount)
{
	const char *path = mount->at + strspn(mount->at, "/");
	auto_close int fd = open_beneath(build->root, path, O_PATH, 0);
	const struct mount_attr change = {.attr_clr = MOUNT_ATTR_RDONLY};
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISLNK(st.st_mode) ? -ELOOP : bind_with(fd, fd, &change);
}

static int (*const mounters[])(struct stage_build *, const struct stage_mount *) = {
	[STAGE_OVERLAY] = mount_overlay,
	[STAGE_BIND] = mount_bind,
	[STAGE_BIND_READ_ONLY] = mount_bind_read_only,
	[STAGE_FILE] = mount_file,
	[STAGE_DIRECTORY] = mount_directory,
	[STAGE_TMPFS] = mount_tmpfs,
	[STAGE_WRITABLE] = mount_writable,
};

static int mount_wanted(struct stage_build *build)
{
	for (size_t i = 0; i < build->stage->mount_count; i++) {
		const struct stage_mount *mount = &build->stage->mounts[i];
		int r;

		build->at = mount->at;
		r = mounters[mount->kind](build, mount);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- what every stage has -------------------------------------------------------------------- */

/* Root needs no capability to write most of these: who owns a file may, and root owns them. */
static const char *const read_only_paths[] = {
	"proc/sys", "proc/sysrq-trigger", "proc/irq", "proc/bus", "proc/fs",
};

static int protect_proc(struct stage_build *build)
{
	for (size_t i = 0; i < COUNT(read_only_paths); i++) {
		auto_close int fd = open_in_root(build->root, read_only_paths[i], O_PATH);
		int r;

		build->at = read_only_paths[i];
		if (fd == -ENOENT)
			continue;
		r = fd < 0 ? fd : stage_bind(fd, fd, MOUNT_ATTR_RDONLY);
		if (r < 0)
			return r;
	}
	return 0;
}

#define PLAIN (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

static const struct {
	const char *at;
	struct stage_filesystem filesystem;
} standard_mounts[] = {
	{"proc", {"proc", NULL, PLAIN | MOUNT_ATTR_NOEXEC}},
	/* the mount, not the file system, is read-only: the running system uses the same one */
	{"sys", {"sysfs", NULL, PLAIN | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY}},
	{"run", {"tmpfs", (const char *const[]){"mode=0755", NULL}, PLAIN}},
	{"tmp", {"tmpfs", (const char *const[]){"mode=1777", NULL}, PLAIN}},
};

static int mount_standard(struct stage_build *build)
{
	const struct stage_filesystem empty = {"tmpfs", (const char *const[]){"mode=0555", NULL},
					       PLAIN | MOUNT_ATTR_RDONLY};
	auto_close int efivars = -1;
	auto_close int hidden = -1;
	auto_close int lock = -1;
	int r;

	for (size_t i = 0; i < COUNT(standard_mounts); i++) {
		auto_close int fd = stage_mount_at(build, standard_mounts[i].at,
						   &standard_mounts[i].filesystem);

		if (fd < 0)
			return fd;
	}
	lock = stage_directory(build->root, "run/lock");
	efivars = open_in_root(build->root, "sys/firmware/efi/efivars", O_PATH | O_DIRECTORY);
	if (efivars < 0)
		return protect_proc(build);
	build->at = "sys/firmware/efi/efivars";
	hidden = stage_filesystem(&empty);
	if (hidden < 0)
		return hidden;
	r = attach(hidden, efivars);
	return r < 0 ? r : protect_proc(build);
}

/* The tmpfs lies over the pool's mount point, which only this namespace has: nothing else sees it. */
static int mount_scratch(struct stage_build *build)
{
	const struct stage_filesystem scratch = {"tmpfs", (const char *const[]){"mode=0700", NULL},
						 PLAIN};

	build->at = "the pool";
	build->pool = open(build->pool_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (build->pool < 0)
		return -errno;
	build->scratch = stage_filesystem(&scratch);
	if (build->scratch < 0)
		return build->scratch;
	if (mkdirat(build->scratch, "root", 0755) < 0 || mkdirat(build->scratch, "nodes", 0755) < 0)
		return -errno;
	return attach(build->scratch, build->pool);
}

static int mount_root(struct stage_build *build)
{
	auto_close int source = open_pool(build, build->stage->root);
	auto_close int target = openat(build->scratch, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	build->at = build->stage->root;
	if (source < 0 || target < 0)
		return source < 0 ? source : -errno;
	r = stage_bind(source, target,
		       MOUNT_ATTR_NODEV | (build->stage->read_only ? MOUNT_ATTR_RDONLY : 0));
	if (r < 0)
		return r;
	build->root = openat(build->scratch, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return build->root < 0 ? -errno : 0;
}

/* As a rule it was put there (linux_stage_resolver), or the root has the same. */
static bool has_resolv_conf(struct stage_build *build)
{
	auto_close int fd = open_in_root(build->root, "etc/resolv.conf", O_RDONLY);
	size_t length = strlen(build->resolv_conf);
	auto_free char *bytes = xcalloc(1, length + 1);

	return fd >= 0 && read(fd, bytes, length + 1) == (ssize_t)length &&
	       memcmp(bytes, build->resolv_conf, length) == 0;
}

static int mount_resolv_conf(struct stage_build *build)
{
	const struct stage_mount file = {
		.at = "etc/resolv.conf",
		.text = build->resolv_conf,
		.mode = 0644,
	};

	build->at = file.at;
	if (!build->resolv_conf || has_resolv_conf(build))
		return 0;
	return mount_file(build, &file);
}

/* The new root lies over the old one, which then is what "." is, and goes. */
static int change_root(struct stage_build *build)
{
	build->at = "/";
	if (fchdir(build->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int stage_enter(struct stage_build *build)
{
	static int (*const steps[])(struct stage_build *) = {
		mount_scratch,	    mount_root,	       mount_standard, stage_make_dev,
		stage_show_devices, mount_resolv_conf, mount_wanted,   change_root,
	};

	build->at = "/";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < COUNT(steps); i++) {
		int r = steps[i](build);

		if (r < 0)
			return r;
	}
	return 0;
}
