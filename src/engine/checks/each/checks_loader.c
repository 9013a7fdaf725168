/* The loader's own program on the boot volume, and what the firmware starts. */
#include <string.h>
#include "checking.h"
#include "firmware.h"
#include "loader_program.h"

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

/* --- which loader it is ------------------------------------------------------------------------- */

/* GRUB for a BIOS leaves its core here; where an EFI one lies on the boot volume too, that one boots. */
static bool is_bios(struct checking *checking, const char *grub)
{
	struct host *host = checking->machine->host;
	auto_host_firmware struct host_firmware firmware = {0};
	int r = host->ops->firmware(host, &firmware);

	if (r != -ENOSYS)
		return r == -ENOTSUP;
	return !grub && checking->root && checking_in_root(checking, "boot/grub/i386-pc", NULL);
}

static void add_bios(struct checking *checking)
{
	struct finding *finding = checking_add(checking, FINDING_ERROR, "LOADER_BIOS", "GRUB");

	finding_why(finding,
		    "this machine is started by a legacy BIOS, or its firmware's variables "
		    "are out of reach; moult steers systemd-boot, which needs UEFI");
	finding_remedy(finding, "ls /sys/firmware/efi/efivars");
}

static void add_grub(struct checking *checking)
{
	struct finding *finding = checking_add(checking, FINDING_ERROR, "LOADER_GRUB", "GRUB");

	finding_why(finding, "this machine boots by GRUB, which moult cannot steer; it can put "
			     "systemd-boot beside it, and GRUB is kept");
	finding_remedy(finding, "sudo moult init --loader systemd-boot");
}

static void add_unsigned(struct checking *checking, const struct loader_package *package)
{
	struct finding *finding =
		checking_add(checking, FINDING_ERROR, "LOADER_UNSIGNED", "systemd-boot");

	if (package->is_signed)
		finding_why(finding,
			    "Secure Boot is on, and the firmware would start the signed "
			    "systemd-boot only by way of shim, which moult does not set up");
	else
		finding_why(finding,
			    "Secure Boot is on, and the systemd-boot in /%s is not signed: "
			    "the firmware would not start it",
			    package->path);
	finding_remedy(finding, "sudo systemctl reboot --firmware-setup");
}

/* Whether systemd-boot can be put beside what is there. */
static void check_beside(struct checking *checking)
{
	struct host *host = checking->machine->host;
	auto_host_firmware struct host_firmware firmware = {0};
	struct loader_package package = {0};
	struct finding *finding;
	int r = host->ops->firmware(host, &firmware);

	if (r != -ENOSYS && checking_cannot(checking, r, "cannot read the firmware's variables"))
		return;
	if (!checking->root)
		return;
	package = loader_program_packaged(host, checking->root);
	if (!package.program) {
		finding =
			checking_add(checking, FINDING_ERROR, "LOADER_PACKAGE", "systemd-boot-efi");
		finding_why(finding, "the system has no systemd-boot to put on the EFI system "
				     "partition: its package systemd-boot-efi is not installed");
		finding_remedy(finding, "sudo apt install systemd-boot-efi");
		return;
	}
	if (firmware.secure_boot)
		add_unsigned(checking, &package);
}

void check_loader(struct checking *checking)
{
	bool beside = checking->context == CHECK_INIT &&
		      strcmp(checking->machine->policy.loader, "systemd-boot") == 0;
	auto_free char *grub = NULL;
	struct finding *finding;

	if (!checking->machine->has_boot || find_systemd_boot(checking))
		return;
	grub = loader_program_grub(checking->machine->host);
	if ((grub || beside) && is_bios(checking, grub)) {
		add_bios(checking);
		return;
	}
	if (beside) {
		check_beside(checking);
		return;
	}
	if (grub || (checking->root && checking_in_root(checking, "boot/grub/grub.cfg", NULL))) {
		add_grub(checking);
		return;
	}
	finding = checking_add(checking, FINDING_ERROR, "LOADER_MISSING", "systemd-boot");
	finding_why(finding, "there is no systemd-boot on the EFI system partition on %s",
		    checking_boot_where(checking));
	finding_remedy(finding, "sudo bootctl install");
}

/* A package of another loader puts itself in front whenever it is installed anew. */
void check_boot_order(struct checking *checking)
{
	struct machine *machine = checking->machine;
	auto_host_firmware struct host_firmware firmware = {0};
	struct finding *finding;
	int r = machine->host->ops->firmware(machine->host, &firmware);

	/* an original that nothing was made of yet, and one that was gone back to, boot as they like */
	if (r == -ENOSYS || r == -ENOTSUP || !machine->has_boot ||
	    listing_undone(&machine->listing) || !find_systemd_boot(checking))
		return;
	if (checking_cannot(checking, r, "cannot read the firmware's boot entries") ||
	    firmware.ordered == 0 || firmware_starts_us(machine->host, &firmware))
		return;
	finding = checking_add(checking, FINDING_WARN, "BOOT_ORDER", "BootOrder");
	finding_why(finding,
		    "the firmware starts %s first, not systemd-boot: neither trials nor the way "
		    "back from them are moult's then",
		    text_quote(firmware.options[0].label));
	finding_remedy(finding, "sudo moult repair");
}

/* --- its copies --------------------------------------------------------------------------------- */

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
	bool both, taken;

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
	/* GRUB's, or shim: its owner's, and bootctl would write over it */
	taken = !both && is_there(checking, found->fallback) &&
		is_there(checking, found->systemd_boot);
	if (!taken)
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
