/* The boot volume as a file system. */
#include <string.h>
#include "checking.h"

const char *checking_boot_where(const struct checking *checking)
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
					checking_boot_where(checking));
		return;
	}
	finding = checking_add(checking, FINDING_ERROR, "ESP_READ_ONLY",
			       checking_boot_where(checking));
	finding_why(
		finding,
		"the EFI system partition on %s is read-only: its medium is write-protected, or "
		"the kernel met an error on it",
		checking_boot_where(checking));
	finding_remedy(finding, "sudo dmesg | grep -i fat-fs");
}

static void add_damage(struct checking *checking, const char *report)
{
	struct finding *finding =
		checking_add(checking, FINDING_ERROR, "ESP_DAMAGED", checking_boot_where(checking));
	size_t length = report ? strcspn(report, "\n") : 0;

	finding_why(finding, "the file system of the EFI system partition on %s is damaged%s%.*s",
		    checking_boot_where(checking), length > 0 ? ": " : "", (int)length,
		    report ? report : "");
	/* an image or a directory has no device to name */
	finding_remedy(
		finding, "sudo umount %s; sudo fsck.fat -a %s", checking_boot_mount_point(checking),
		text_starts(checking_boot_where(checking), "/dev/") ? checking_boot_where(checking)
								    : "DEVICE");
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
		checking_cannot(checking, r, "cannot examine %s", checking_boot_where(checking));
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

static void check_room_to_adopt(struct checking *checking, uint64_t free_bytes)
{
	uint64_t wanted = checking_adoption_bytes(checking);
	struct finding *finding;

	if (free_bytes >= wanted)
		return;
	finding = checking_add(checking, FINDING_ERROR, "ESP_ROOM", checking_boot_where(checking));
	finding_why(
		finding,
		"the EFI system partition on %s has %llu MiB free, and kernel and initrd of two "
		"generations need %llu MiB",
		checking_boot_where(checking), (unsigned long long)(free_bytes >> 20),
		whole_mib(wanted));
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
			       "ESP_ROOM", checking_boot_where(checking));
	finding_why(
		finding,
		"the EFI system partition on %s has %llu MiB free; a new kernel and initrd need "
		"about %llu MiB, with %u MiB to spare",
		checking_boot_where(checking), (unsigned long long)(free_bytes >> 20),
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
	if (checking_cannot(checking, r, "cannot tell how full %s is",
			    checking_boot_where(checking)))
		return;
	if (checking->context == CHECK_INIT)
		check_room_to_adopt(checking, space.free_bytes);
	else
		check_room_to_publish(checking, space.free_bytes + reclaimable_bytes(checking));
}
