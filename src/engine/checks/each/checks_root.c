/* The root that is looked at: where it lies, what is in it that would get lost or get in the way. */
#include <string.h>
#include "checking.h"
#include "hooks.h"

/* --- layout ------------------------------------------------------------------------------------- */

/* Where installers put a root, in the order in which it is looked for; "" is the top of the Btrfs. */
static const char *const layouts[] = {"@rootfs", "@", ""};

static bool is_root(struct machine *machine, const char *path)
{
	struct host *host = machine->host;
	struct host_stat stat;

	return host->ops->root_stat(host, path, "etc/fstab", &stat) == 0 &&
	       host->ops->root_stat(host, path, "usr/lib/os-release", &stat) == 0;
}

char *checks_find_root(struct machine *machine)
{
	auto_host_running struct host_running running = {0};

	int r = machine->host->ops->running(machine->host, &running);

	/* what cannot be told on a live system must not be guessed from its disk */
	if (r != -ENOSYS)
		return take(running.root_path);
	for (size_t i = 0; i < COUNT(layouts); i++)
		if (is_root(machine, layouts[i]))
			return xstrdup(layouts[i]);
	for (size_t i = 0; i < machine->listing.subvolume_count; i++) {
		const char *path = machine->listing.subvolumes[i];

		/* deeper ones are snapshots of other tools */
		if (!strchr(path, '/') && is_root(machine, path))
			return xstrdup(path);
	}
	return NULL;
}

/* Where other tools keep snapshots: they would take one that was adopted for theirs. */
static const char *const not_here[] = {".snapshots/", "timeshift-btrfs/"};

void check_layout(struct checking *checking)
{
	struct finding *finding;

	if (!checking->root) {
		finding = checking_add(checking, FINDING_ERROR, "NO_ROOT", "the Btrfs");
		finding_why(finding, "no Debian was found on the Btrfs");
		return;
	}
	for (size_t i = 0; i < COUNT(not_here); i++) {
		if (!strstr(checking->root, not_here[i]))
			continue;
		finding =
			checking_add(checking, FINDING_ERROR, "LAYOUT_UNSUPPORTED", checking->root);
		finding_why(finding,
			    "the system lies in %s, among the snapshots of another tool; moult "
			    "adopts @rootfs, @, any other subvolume, and the top of the Btrfs",
			    text_quote(checking->root));
	}
}

/* --- kernel ------------------------------------------------------------------------------------- */

void check_kernel(struct checking *checking)
{
	struct finding *finding;

	if (checking->kernel_bytes > 0)
		return;
	finding = checking_add(checking, FINDING_ERROR, "NO_KERNEL", "/boot");
	finding_why(finding, "/boot of %s has no kernel with an initrd",
		    text_quote(checking->root));
	finding_remedy(finding, "sudo update-initramfs -c -k all");
}

/* /lib is a link to /usr/lib in most systems, and a directory in some. */
static bool has_modules(struct checking *checking, const char *release)
{
	static const char *const places[] = {"usr/lib/modules", "lib/modules"};
	static const char *const lists[] = {"modules.dep", "modules.builtin"};
	bool there = false;

	for (size_t i = 0; !there && i < COUNT(places) * COUNT(lists); i++) {
		auto_free char *path = xasprintf("%s/%s/%s", places[i / COUNT(lists)], release,
						 lists[i % COUNT(lists)]);

		there = checking_in_root(checking, path, NULL);
	}
	return there || checking->trouble.kind != ERR_NONE;
}

/* A kernel that was removed still boots from the boot volume, and then finds no driver in the root. */
void check_modules(struct checking *checking)
{
	const struct generation *gen = listing_current(&checking->machine->listing);
	const struct publication *pub =
		gen && !gen->damage ? generation_last_publication(gen) : NULL;
	struct finding *finding;

	if (!pub || !pub->kernel || has_modules(checking, pub->kernel))
		return;
	finding = checking_add(checking, FINDING_ERROR, "MODULES_MISSING", pub->kernel);
	finding_why(finding,
		    "generation %u boots the kernel %s, but its root has no /lib/modules/%s: no "
		    "driver would be found there",
		    gen->id, pub->kernel, pub->kernel);
	if (checking_is_pasteable(pub->kernel))
		finding_remedy(finding, "sudo apt-get install --reinstall linux-image-%s",
			       pub->kernel);
}

/* --- nested subvolumes -------------------------------------------------------------------------- */

/* Where they come from, for people. */
static const struct {
	const char *beneath, *maker;
} makers[] = {
	{"var/lib/portables", "systemd-tmpfiles"},
	{"var/lib/machines", "systemd-tmpfiles"},
	{"var/lib/docker", "docker"},
	{"var/lib/containers", "podman"},
	{".snapshots", "snapper"},
	{"home/.snapshots", "snapper"},
	{"timeshift-btrfs", "timeshift"},
};

static const char *maker_of(const char *path)
{
	for (size_t i = 0; i < COUNT(makers); i++)
		if (text_starts(path, makers[i].beneath))
			return makers[i].maker;
	return NULL;
}

static bool is_empty(struct checking *checking, const char *path)
{
	struct host *host = checking->machine->host;
	auto_host_names struct host_names names = {0};
	int r = host->ops->list(host, VOLUME_POOL, path, &names);

	return !checking_cannot(checking, r, "cannot list %s", text_quote(path)) &&
	       names.count == 0;
}

/* A snapshot shows a nested subvolume as an empty directory: an empty one loses nothing by that. */
static void add_nested(struct checking *checking, const char *path, const char *inside)
{
	bool empty = is_empty(checking, path);
	const char *maker = maker_of(inside);
	enum finding_level level = !empty			     ? FINDING_ERROR
				   : checking->context == CHECK_INIT ? FINDING_NOTE
								     : FINDING_WARN;
	auto_free char *object = xasprintf("/%s", inside);
	struct finding *finding = checking_add(checking, level, "NESTED_SUBVOLUME", object);

	finding_why(finding, "%s%s%s%s is a subvolume inside the root: %s", text_quote(object),
		    maker ? ", made by " : "", maker ? maker : "", maker ? "," : "",
		    empty ? "a generation has an empty directory there"
			  : "what it holds would be missing in every new generation; move it to a "
			    "data subvolume");
	if (checking_is_pasteable(object))
		finding_remedy(finding, "sudo btrfs subvolume delete %s", object);
}

/* At the top level everything is nested: what fstab mounts by name, or has a name to be mounted by, is not meant. */
static bool is_apart(const struct checking *checking, const char *path)
{
	if (strchr(path, '/') ? text_starts(path, "@") : *path == '@')
		return true;
	for (size_t i = 0; i < checking->fstab.count; i++) {
		const struct fstab_line *line = &checking->fstab.lines[i];
		auto_free char *name = line->device ? fstab_option(line, "subvol") : NULL;
		size_t length = name ? strlen(name + strspn(name, "/")) : 0;

		if (length > 0 && strncmp(path, name + strspn(name, "/"), length) == 0 &&
		    (path[length] == '/' || path[length] == '\0'))
			return true;
	}
	return false;
}

static void check_nested_at_top(struct checking *checking)
{
	const struct listing *listing = &checking->machine->listing;

	for (size_t i = 0; i < listing->subvolume_count; i++)
		if (!is_apart(checking, listing->subvolumes[i]))
			add_nested(checking, listing->subvolumes[i], listing->subvolumes[i]);
}

void check_nested(struct checking *checking)
{
	const struct listing *listing = &checking->machine->listing;
	auto_free char *prefix = xasprintf("%s/", checking->root);

	if (!*checking->root) {
		check_nested_at_top(checking);
		return;
	}
	for (size_t i = 0; i < listing->subvolume_count; i++)
		if (text_starts(listing->subvolumes[i], prefix))
			add_nested(checking, listing->subvolumes[i],
				   listing->subvolumes[i] + strlen(prefix));
}

/* --- units -------------------------------------------------------------------------------------- */

/* They write to the ESP at a boot, or call it good, behind moult's back. */
static const char *const masked_units[] = {
	"systemd-bless-boot.service",
	"systemd-boot-update.service",
	"systemd-boot-random-seed.service",
};

static bool has_unit(struct checking *checking, const char *unit)
{
	auto_free char *path = xasprintf("usr/lib/systemd/system/%s", unit);

	return checking_in_root(checking, path, NULL);
}

static bool is_masked(struct checking *checking, const char *unit)
{
	struct host *host = checking->machine->host;
	auto_free char *path = xasprintf("%s%setc/systemd/system/%s", checking->root,
					 *checking->root ? "/" : "", unit);
	auto_free char *target = NULL;
	int r = host->ops->read_link(host, VOLUME_POOL, path, &target);

	/* a file of that name, or none, is no mask */
	if (r == -EINVAL || r == -ENOENT || r == -ENOTDIR)
		return false;
	return !checking_cannot(checking, r, "cannot read %s", path) &&
	       strcmp(target, "/dev/null") == 0;
}

void check_units(struct checking *checking)
{
	for (size_t i = 0; !checking->original && i < COUNT(masked_units); i++) {
		struct finding *finding;

		if (!has_unit(checking, masked_units[i]) || is_masked(checking, masked_units[i]))
			continue;
		finding = checking_add(checking, FINDING_ERROR, "UNIT_NOT_MASKED", masked_units[i]);
		finding_why(
			finding,
			"%s is not masked: it would change the EFI system partition behind moult's "
			"back",
			masked_units[i]);
		finding_remedy(finding, "sudo systemctl mask %s", masked_units[i]);
	}
}

/* --- hooks -------------------------------------------------------------------------------------- */

void check_hooks(struct checking *checking)
{
	struct err refused = {0};
	struct finding *finding;

	if (hooks_lint(checking->machine, checking->root, &refused))
		return;
	finding = checking_add(checking, FINDING_ERROR, "HOOK", "/" HOOKS_DIRECTORY);
	finding_why(finding, "%s", refused.text);
	if (*refused.hint)
		finding_remedy(finding, "%s", refused.hint);
}
