/* The boot volume as a file system, and the loader's own program on it. */
#include <string.h>
#include "checking.h"
#include "loader_program.h"

static const char *where(const struct checking *checking)
{
	return checking->machine->identity.boot_where;
}

const char *checking_boot_mount_point(const struct checking *checking)
{
	for (size_t i = 0; i < checking->fstab.count; i++) {
		const struct fstab_line *line = &checking->fstab.lines[i];

		if (fstab_is_boot(line, checking->machine->identity.boot_uuid) &&
		    checking_is_pasteable(line->mount_point))
			return line->mount_point;
	}
	return "/boot/efi";
}

/* --- the volume --------------------------------------------------------------------------------- */

static const char *verb_of(enum check_context context)
{
	return context == CHECK_INIT ? "init" : context == CHECK_UPGRADE ? "upgrade" : "check";
}

void check_boot_volume(struct checking *checking)
{
	struct machine *machine = checking->machine;
	struct finding *finding;
	int r;

	if (!machine->has_boot) {
		finding = checking_add(checking, FINDING_ERROR, "ESP_MISSING",
				       "the EFI system partition");
		finding_why(finding, "no EFI system partition was found");
		finding_remedy(finding, "sudo moult --esp DEVICE %s", verb_of(checking->context));
		return;
	}
	r = machine->host->ops->writable(machine->host, VOLUME_BOOT);
	if (r != -EROFS) {
		/* -EPERM: moult itself was told to look only */
		if (r != -EPERM)
			checking_cannot(checking, r, "cannot tell whether %s can be written",
					where(checking));
		return;
	}
	finding = checking_add(checking, FINDING_ERROR, "ESP_READ_ONLY", where(checking));
	finding_why(
		finding,
		"the EFI system partition on %s is read-only: its medium is write-protected, or "
		"the kernel met an error on it",
		where(checking));
	finding_remedy(finding, "sudo dmesg | grep -i fat-fs");
}

static void add_damage(struct checking *checking, const char *report)
{
	struct finding *finding =
		checking_add(checking, FINDING_ERROR, "ESP_DAMAGED", where(checking));
	size_t length = report ? strcspn(report, "\n") : 0;

	finding_why(finding, "the file system of the EFI system partition on %s is damaged%s%.*s",
		    where(checking), length > 0 ? ": " : "", (int)length, report ? report : "");
	/* an image or a directory has no device to name */
	finding_remedy(finding, "sudo umount %s; sudo fsck.fat -a %s",
		       checking_boot_mount_point(checking),
		       text_starts(where(checking), "/dev/") ? where(checking) : "DEVICE");
}

void check_boot_damage(struct checking *checking)
{
	struct host *host = checking->machine->host;
	auto_free char *report = NULL;
	int r;

	if (!checking->machine->has_boot)
		return;
	r = host->ops->check(host, VOLUME_BOOT, &report);
	if (r == -EUCLEAN)
		add_damage(checking, report);
	else
		checking_cannot(checking, r, "cannot examine %s", where(checking));
}

/* --- room --------------------------------------------------------------------------------------- */

/* What publishing would sweep away first. */
static uint64_t reclaimable_bytes(struct checking *checking)
{
	const struct machine *machine = checking->machine;
	auto_plan struct plan plan = {0};
	struct host_stat stat;
	uint64_t bytes = 0;

	loader_sweep(machine->loader, &machine->menu, machine->listing.generations,
		     machine->listing.count, &plan);
	for (size_t i = 0; i < plan.count; i++)
		if (plan.steps[i].kind == STEP_REMOVE &&
		    checking_on_boot(checking, plan.steps[i].path, &stat))
			bytes += stat.size_bytes;
	return bytes;
}

static unsigned long long whole_mib(uint64_t bytes)
{
	return (bytes + (1 << 20) - 1) >> 20;
}

/* The original's kernel and initrd, and those of the generation made of it, which may differ. */
static void check_room_to_adopt(struct checking *checking, uint64_t free_bytes)
{
	unsigned margin_mib = checking->machine->policy.min_free_boot_mib;
	uint64_t wanted = 2 * checking->kernel_bytes + ((uint64_t)margin_mib << 20);
	struct finding *finding;

	if (free_bytes >= wanted)
		return;
	finding = checking_add(checking, FINDING_ERROR, "ESP_ROOM", where(checking));
	finding_why(
		finding,
		"the EFI system partition on %s has %llu MiB free, and kernel and initrd of two "
		"generations need %llu MiB",
		where(checking), (unsigned long long)(free_bytes >> 20), whole_mib(wanted));
	finding_remedy(finding, "sudo apt-get autoremove --purge");
}

/* An upgrade without a new kernel or initrd needs no room: only the owner's own margin refuses. */
static void check_room_to_publish(struct checking *checking, uint64_t free_bytes)
{
	uint64_t margin = (uint64_t)checking->machine->policy.min_free_boot_mib << 20;
	struct finding *finding;

	if (free_bytes >= margin + checking->kernel_bytes)
		return;
	finding = checking_add(checking,
			       free_bytes < margin
				       ? checking_level(checking, CHECK_UPGRADE, FINDING_WARN)
				       : FINDING_WARN,
			       "ESP_ROOM", where(checking));
	finding_why(
		finding,
		"the EFI system partition on %s has %llu MiB free; a new kernel and initrd need "
		"about %llu MiB, with %u MiB to spare",
		where(checking), (unsigned long long)(free_bytes >> 20),
		whole_mib(checking->kernel_bytes), checking->machine->policy.min_free_boot_mib);
	finding_remedy(finding, "sudo moult cleanup");
}

void check_boot_room(struct checking *checking)
{
	struct machine *machine = checking->machine;
	struct host_space space = {0};
	int r;

	if (!machine->has_boot)
		return;
	r = machine->host->ops->space(machine->host, VOLUME_BOOT, &space);
	if (checking_cannot(checking, r, "cannot tell how full %s is", where(checking)))
		return;
	if (checking->context == CHECK_INIT)
		check_room_to_adopt(checking, space.free_bytes);
	else
		check_room_to_publish(checking, space.free_bytes + reclaimable_bytes(checking));
}

/* --- the loader's program ----------------------------------------------------------------------- */

static bool is_there(struct checking *checking, const char *path)
{
	struct host_stat stat;

	return checking_on_boot(checking, path, &stat) && stat.type == HOST_FILE;
}

static bool is_systemd_boot(struct checking *checking, const char *path)
{
	int r = loader_program_is(checking->machine->host, path);

	return !checking_cannot(checking, r, "cannot read %s", path) && r > 0;
}

static const struct loader_program *find_systemd_boot(struct checking *checking)
{
	for (size_t i = 0; i < loader_program_count; i++)
		if (is_there(checking, loader_programs[i].systemd_boot) ||
		    is_systemd_boot(checking, loader_programs[i].fallback))
			return &loader_programs[i];
	return NULL;
}

static bool has_grub(struct checking *checking)
{
	for (size_t i = 0; i < loader_program_count; i++)
		if (is_there(checking, loader_programs[i].grub))
			return true;
	return checking->root && checking_in_root(checking, "boot/grub/grub.cfg", NULL);
}

void check_loader(struct checking *checking)
{
	struct finding *finding;

	if (!checking->machine->has_boot || find_systemd_boot(checking))
		return;
	if (has_grub(checking)) {
		finding = checking_add(checking, FINDING_ERROR, "LOADER_GRUB", "GRUB");
		finding_why(finding, "this machine boots by GRUB, which moult cannot steer yet; it "
				     "needs systemd-boot");
		finding_remedy(finding,
			       "sudo apt-get install systemd-boot && sudo bootctl install");
		return;
	}
	finding = checking_add(checking, FINDING_ERROR, "LOADER_MISSING", "systemd-boot");
	finding_why(finding, "there is no systemd-boot on the EFI system partition on %s",
		    where(checking));
	finding_remedy(finding, "sudo bootctl install");
}

static bool same_content(struct checking *checking, const char *a, const char *b)
{
	struct host *host = checking->machine->host;
	struct digest first, second;
	int r = host->ops->digest(host, VOLUME_BOOT, a, DIGEST_SHA256, &first);

	if (r == 0)
		r = host->ops->digest(host, VOLUME_BOOT, b, DIGEST_SHA256, &second);
	if (checking_cannot(checking, r, "cannot compare %s with %s", a, b))
		return true;
	return strcmp(first.hex, second.hex) == 0;
}

/* One copy is enough to boot, but then a torn update of it leaves nothing. */
void check_loader_copies(struct checking *checking)
{
	const struct loader_program *found =
		checking->machine->has_boot ? find_systemd_boot(checking) : NULL;
	struct finding *finding;
	bool both;

	if (!found)
		return;
	both = is_there(checking, found->systemd_boot) &&
	       is_systemd_boot(checking, found->fallback);
	if (both && same_content(checking, found->systemd_boot, found->fallback))
		return;
	finding = checking_add(checking, FINDING_WARN, both ? "LOADER_COPIES" : "LOADER_SINGLE",
			       found->fallback);
	if (both)
		finding_why(finding, "the two copies of systemd-boot, %s and %s, differ",
			    found->systemd_boot, found->fallback);
	else
		finding_why(finding,
			    "there is only one copy of systemd-boot: %s and %s should both "
			    "be it",
			    found->systemd_boot, found->fallback);
	finding_remedy(finding, "sudo bootctl install");
}

void check_random_seed(struct checking *checking)
{
	struct finding *finding;

	if (!checking->machine->has_boot || !is_there(checking, "loader/random-seed"))
		return;
	finding = checking_add(checking, FINDING_WARN, "RANDOM_SEED", "loader/random-seed");
	finding_why(finding,
		    "loader/random-seed makes the loader write to the EFI system partition "
		    "at every boot");
	finding_remedy(finding, "sudo rm %s/loader/random-seed",
		       checking_boot_mount_point(checking));
}
