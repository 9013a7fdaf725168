/*
 * What may become a generation: a copy that is whole passes, and each thing that would not boot, or
 * was not delivered so, is refused with its name.
 */
#include <errno.h>
#include <string.h>
#include "fault_host.h"
#include "unit.h"
#include "verify.h"
#include "verify_world.h"

static const struct verify_request request = {"@gens/.4.tmp", PARENT, NULL};

static void check_good(struct verify_world *world)
{
	auto_kernel struct kernel kernel = {0};
	struct err err = {0};

	if (!verify_generation(&world->machine, &request, &kernel, &err))
		ck_abort_msg("%s", err.text);
	ck_assert_str_eq(kernel.release, NEW);
	ck_assert_str_eq(kernel.linux_path, COPY "/boot/vmlinuz-" NEW);
	ck_assert_str_eq(kernel.initrd_path, COPY "/boot/initrd.img-" NEW);
}

/* The refusal contains the sentence. */
static void check_refused(struct verify_world *world, const char *sentence)
{
	auto_kernel struct kernel kernel = {0};
	struct err err = {0};

	ck_assert(!verify_generation(&world->machine, &request, &kernel, &err));
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_ptr_null(kernel.release);
	if (!strstr(err.text, sentence))
		ck_abort_msg("not said: %s\nbut: %s", sentence, err.text);
}

static void check_note(struct verify_world *world, const char *sentence)
{
	check_good(world);
	if (!world->notes.bytes || !strstr(world->notes.bytes, sentence))
		ck_abort_msg("not noted: %s\nbut: %s", sentence, world->notes.bytes);
}

START_TEST(test_good)
{
	auto_verify_world struct verify_world world;

	verify_world_open(&world);
	check_good(&world);
	ck_assert_ptr_null(world.notes.bytes);
}
END_TEST

/* One thing wrong at a time: path, its new text (NULL = removed), what the refusal says. */
static const struct {
	const char *path, *text, *sentence;
} faults[] = {
	{"usr/lib/sysimage/dpkg/status",
	 DPKG "Package: bash\nStatus: install ok half-installed\nVersion: 5.2\n",
	 "the package bash is half-installed"},
	{"usr/lib/sysimage/dpkg/status", "nonsense\n",
	 "/usr/lib/sysimage/dpkg/status:1: this is not a field"},
	{"usr/lib/sysimage", NULL, "cannot read the package database /var/lib/dpkg/status"},
	{"etc/fstab", "UUID=" POOL " / btrfs subvol=@rootfs 0 0\n",
	 "/etc/fstab:1: the line of / names a subvolume"},
	{"etc/fstab", "tmpfs /tmp tmpfs x 0 0\n", "/etc/fstab has no line for /"},
	{"etc/fstab", NULL, "there is no /etc/fstab"},
	{"usr/sbin/init", NULL, "/sbin/init is missing"},
	{"usr/lib/systemd/systemd", NULL, "/sbin/init is missing"},
	{"etc/shadow", "root:*:1::::::\nx:!$y$z:1::::::\ny:!!:1\nz:x:1\n:$y:\nbad\n",
	 "nobody could log in"},
	{"etc/shadow", NULL, "nobody could log in"},
	{"boot", NULL, "there is no kernel in /boot"},
	{"boot/initrd.img-" NEW, NULL, "the kernel " NEW " has no /boot/initrd.img-" NEW},
	{"boot/initrd.img-" NEW, "", "/boot/initrd.img-" NEW " is not a file with content"},
	{"boot/vmlinuz-" NEW, "", "/boot/vmlinuz-" NEW " is not a file with content"},
	{"usr/lib/modules/" NEW, NULL, "the kernel " NEW " has no modules in /lib/modules/" NEW},
	{"boot/initrd.img-" NEW, "cryptroot/crypttab\n", "the initrd of " NEW " has no init"},
	{"boot/initrd.img-" NEW, "init\ncryptroot/crypttab\nsbin/lvm\n",
	 "the initrd of " NEW " cannot mount Btrfs"},
	/* a driver of another release is of no use */
	{"boot/initrd.img-" NEW,
	 "init\nlib/modules/" OLD "/kernel/fs/btrfs/btrfs.ko\ncryptroot/crypttab\nsbin/lvm\n",
	 "the initrd of " NEW " cannot mount Btrfs"},
	{"boot/initrd.img-" NEW,
	 "./init\nlib/modules/" NEW "/kernel/fs/btrfs/btrfs.ko\nlib/modules/" NEW
	 "/kernel/drivers/ata/ahci.ko\n/cryptroot/crypttab\nsbin/lvm\n",
	 "the initrd of " NEW " lacks storage drivers that the present one has: nvme_core"},
	{"boot/initrd.img-" NEW,
	 "init\nlib/modules/" NEW "/kernel/fs/btrfs/btrfs.ko\nlib/modules/" NEW
	 "/kernel/drivers/ata/ahci.ko\nlib/modules/" NEW "/kernel/drivers/nvme/nvme_core.ko\n",
	 "no longer opens encrypted disks"},
	{"usr/bin/bash", "changed", "1 file of the package bash not as delivered: /bin/bash"},
	{"usr/bin/bash", NULL, "1 file of the package bash not as delivered: /bin/bash"},
};

START_TEST(test_faults)
{
	for (size_t i = 0; i < COUNT(faults); i++) {
		auto_verify_world struct verify_world world;

		verify_world_open(&world);
		if (faults[i].text)
			put_in_copy(&world, faults[i].path, faults[i].text);
		else
			verify_world_drop(&world, faults[i].path);
		check_refused(&world, faults[i].sentence);
	}
}
END_TEST

START_TEST(test_init_mode)
{
	auto_verify_world struct verify_world world;

	verify_world_open(&world);
	verify_world_mode(&world, COPY "/usr/lib/systemd/systemd", 0644);
	check_refused(&world, "/sbin/init is not a program");
}
END_TEST

/* Everything that is wrong is said at once, as far as it fits. */
START_TEST(test_all_at_once)
{
	auto_verify_world struct verify_world world;
	auto_kernel struct kernel kernel = {0};
	struct err err = {0};
	auto_text struct text fstab = {0};

	verify_world_open(&world);
	verify_world_drop(&world, "usr/sbin/init");
	verify_world_drop(&world, "boot");
	check_refused(&world, "/sbin/init is missing; there is no kernel in /boot");
	for (int i = 0; i < 40; i++)
		text_addf(&fstab, "UUID=" POOL " /x%d btrfs subvolid=%d 0 0\n", i, i);
	put_in_copy(&world, "etc/fstab", fstab.bytes);
	ck_assert(!verify_generation(&world.machine, &request, &kernel, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "there is no kernel in /boot; and 38 more"));
	ck_assert_uint_lt(strlen(err.text), sizeof(err.text) - 1);
	ck_assert_str_ne(err.hint, "");
}
END_TEST

START_TEST(test_interrupted)
{
	auto_verify_world struct verify_world world;
	auto_kernel struct kernel kernel = {0};
	struct err err = {0};

	verify_world_open(&world);
	world.fake->interrupt = true;
	ck_assert(!verify_generation(&world.machine, &request, &kernel, &err));
	ck_assert_int_eq(err.kind, ERR_INTERRUPTED);
}
END_TEST

START_TEST(test_warnings)
{
	auto_verify_world struct verify_world world;

	verify_world_open(&world);
	put_in_copy(&world, "boot/vmlinuz-a b", "x");
	put_in_copy(&world, "etc/fstab", FSTAB "/dev/sdb1 /mnt ext4 rw 0 0\n");
	check_note(&world, "/boot: 1 files are called vmlinuz-… but name no release");
	check_note(&world, "/etc/fstab:5: the boot stops if this device is missing");
}
END_TEST

/* A crypttab line that its owner removed is a note, not a refusal. */
START_TEST(test_crypttab_removed)
{
	auto_verify_world struct verify_world world;

	verify_world_open(&world);
	put_in_copy(&world, "etc/crypttab", "# none\n\n");
	put_in_copy(&world, "boot/initrd.img-" NEW,
		    "init\nlib/modules/" NEW "/kernel/fs/btrfs/btrfs.ko\nlib/modules/" NEW
		    "/kernel/drivers/ata/ahci.ko.zst\nlib/modules/" NEW
		    "/kernel/drivers/nvme/nvme_core.ko.gz\n");
	check_note(&world, "no longer opens encrypted disks");
}
END_TEST

/* The same of LVM: the tool is still there, so the root may still need it. */
START_TEST(test_tool)
{
	static const char without[] = "init\ncryptroot/crypttab\nlib/modules/" NEW
				      "/kernel/fs/btrfs/btrfs.ko\nlib/modules/" NEW
				      "/kernel/drivers/ata/ahci.ko\nlib/modules/" NEW
				      "/kernel/drivers/nvme/nvme_core.ko\n";
	auto_verify_world struct verify_world world;

	verify_world_open(&world);
	put_in_copy(&world, "boot/initrd.img-" NEW, without);
	check_note(&world, "the initrd of " NEW " has no lvm, the present one has");
	put_in_copy(&world, "usr/sbin/lvm", "elf");
	check_refused(&world, "the initrd of " NEW " has no lvm, the present one has");
}
END_TEST

START_TEST(test_builtin_btrfs)
{
	auto_verify_world struct verify_world world;

	verify_world_open(&world);
	put_in_copy(&world, "boot/initrd.img-" NEW,
		    "usr/lib/systemd/systemd\ncryptroot/crypttab\nlib/modules/" NEW
		    "/kernel/drivers/ata/ahci.ko.zst\nlib/modules/" NEW
		    "/kernel/drivers/nvme/nvme_core.ko.gz\n");
	put_in_copy(&world, "usr/lib/modules/" NEW "/modules.builtin",
		    "kernel/fs/btrfs/btrfs.ko\n");
	check_good(&world);
}
END_TEST

START_TEST(test_damaged_parent_initrd)
{
	auto_verify_world struct verify_world world;
	struct host *host;

	verify_world_open(&world);
	host = &world.fake->host;
	ck_assert_int_eq(host->ops->remove(host, VOLUME_POOL, PARENT "/boot/initrd.img-" OLD), 0);
	check_note(&world, "the present initrd cannot be read");
}
END_TEST

/* Homes are data: a key counts where the copy's fstab mounts it, or beside it during an adoption. */
START_TEST(test_key)
{
	static const char *const places[] = {"@home/anna/.ssh/authorized_keys",
					     "@gens/.4.tmp/carve/@home/anna/.ssh/authorized_keys"};
	static const char locked[] = "root:*:1::::::\nanna:!:1::::::\n";

	for (size_t i = 0; i < COUNT(places); i++) {
		auto_verify_world struct verify_world world;

		verify_world_open(&world);
		put_in_copy(&world, "etc/shadow", locked);
		put_in_copy(&world, "etc/passwd",
			    "x:x\nbin:x:1:1::/home/anna:/usr/sbin/nologin\n"
			    "bob:x:1:1::relative:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n");
		fake_host_put(world.fake, VOLUME_POOL, places[i], "ssh-ed25519 AAAA");
		check_refused(&world, "nobody could log in");
		put_in_copy(&world, "usr/sbin/sshd", "elf");
		check_good(&world);
	}
}
END_TEST

START_TEST(test_key_in_root)
{
	auto_verify_world struct verify_world world;

	verify_world_open(&world);
	put_in_copy(&world, "etc/shadow", "root:*:1::::::\n");
	put_in_copy(&world, "usr/sbin/dropbear", "elf");
	put_in_copy(&world, "root/.ssh/authorized_keys", "key");
	check_good(&world);
}
END_TEST

/* A kiosk that nobody could log into before may stay one. */
START_TEST(test_kiosk)
{
	auto_verify_world struct verify_world world;

	verify_world_open(&world);
	put_in_copy(&world, "etc/shadow", "root:*:1::::::\n");
	verify_world_put(&world, PARENT, "etc/shadow", "root:*:1::::::\n");
	check_note(&world, "nobody could log in");
}
END_TEST

/* Why a delivered file may differ and still be right. */
static const struct {
	const char *why, *path, *text;
	bool gone; /* the file itself is missing, not different */
} excuses[] = {
	{"diverted by dash", "usr/lib/sysimage/dpkg/diversions",
	 "/usr/bin/bash\n/usr/sbin/x\ndash\n", false},
	{"diverted by nobody", "usr/lib/sysimage/dpkg/diversions", "/bin/bash\n/sbin/x\n:\n",
	 false},
	{"taken over", "usr/lib/sysimage/dpkg/info/bash.list", "/.\n/bin\n/bin/rbash\n", false},
	{"excluded", "etc/dpkg/dpkg.cfg.d/slim", "# x\npath-exclude=/bin/*\n", true},
	{"excluded late", "etc/dpkg/dpkg.cfg", "path-include=/bin/bash\npath-exclude=/bin/bas?\n",
	 true},
	{"no digests", "usr/lib/sysimage/dpkg/info/bash.md5sums", "", false},
	{"strange digests", "usr/lib/sysimage/dpkg/info/bash.md5sums",
	 "short\n" ABC " one blank\nX" ABC "  bin/bash\n" ABC "  /bin/bash\n" ABC "x  bin/bash\n",
	 false},
	{"data", "usr/lib/sysimage/dpkg/info/bash.md5sums", ABC "  var/x\n" ABC "  home/y\n",
	 false},
	{"conffile", "usr/lib/sysimage/dpkg/info/bash.md5sums", ABC "  etc/bash.bashrc\n", false},
};

START_TEST(test_excuses)
{
	for (size_t i = 0; i < COUNT(excuses); i++) {
		auto_verify_world struct verify_world world;

		verify_world_open(&world);
		put_in_copy(&world, "usr/sbin/x", "abc");
		if (excuses[i].gone)
			verify_world_drop(&world, "usr/bin/bash");
		else
			put_in_copy(&world, "usr/bin/bash", "different");
		check_refused(&world, " of the package bash ");
		put_in_copy(&world, excuses[i].path, excuses[i].text);
		check_good(&world);
	}
}
END_TEST

START_TEST(test_no_excuses)
{
	auto_verify_world struct verify_world world;

	verify_world_open(&world);
	put_in_copy(&world, "usr/bin/bash", "different");
	/* dpkg would not have left it out, and bash's own diversion does not move bash's file */
	put_in_copy(&world, "etc/dpkg/dpkg.cfg.d/slim",
		    "path-exclude=/bin/*\npath-include=/bin/bash\n");
	put_in_copy(&world, "usr/lib/sysimage/dpkg/diversions",
		    "/bin/bash\n/sbin/x\nbash\nrelative\n/x\ny\n/x\nrelative\ny\n/end\n");
	check_refused(&world, " of the package bash ");
	verify_world_drop(&world, "usr/lib/sysimage/dpkg/info/bash.list");
	check_refused(&world, " of the package bash ");
	put_in_copy(&world, "usr/lib/sysimage/dpkg/info/bash.md5sums",
		    ABC "  a\n" ABC "  b\n" ABC "  c\n" ABC "  d\n");
	check_refused(&world, "4 files of the package bash not as delivered: /a, /b, /c …");
}
END_TEST

/* Only what changed is hashed: a damaged file of another package is not this change's business. */
START_TEST(test_unchanged_not_hashed)
{
	auto_verify_world struct verify_world world;
	struct package_changes changes = {0};
	const struct verify_request reinstalled = {"@gens/.4.tmp", PARENT, &changes};
	auto_kernel struct kernel kernel = {0};
	struct err err = {0};

	verify_world_open(&world);
	verify_world_put(&world, PARENT, "usr/lib/sysimage/dpkg/status", DPKG BASH("5.2"));
	put_in_copy(&world, "usr/bin/bash", "different");
	check_good(&world);
	/* but what the source says it installed again is */
	package_changes_add(&changes, "bash", "5.2", "5.2");
	package_changes_add(&changes, "zsh", "1", NULL);
	package_changes_add(&changes, "nowhere", NULL, "1");
	ck_assert(!verify_generation(&world.machine, &reinstalled, &kernel, &err));
	ck_assert_ptr_nonnull(strstr(err.text, " of the package bash "));
	package_changes_done(&changes);
}
END_TEST

START_TEST(test_parent_without_packages)
{
	auto_verify_world struct verify_world world;
	struct host *host;

	verify_world_open(&world);
	host = &world.fake->host;
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, PARENT "/usr/lib/sysimage"), 0);
	check_note(&world, "cannot read the package database /var/lib/dpkg/status");
	put_in_copy(&world, "usr/bin/bash", "different");
	check_refused(&world, " of the package bash ");
}
END_TEST

/*
 * Whatever call fails, whichever way: a copy with a fault never passes, and one without passes or
 * is refused with a sentence.
 */
START_TEST(test_failing_calls)
{
	static const int errors[] = {EIO, ENOENT};
	unsigned calls = 1;

	for (unsigned at = 1; at <= calls; at++)
		for (size_t i = 0; i < 2 * COUNT(errors); i++) {
			auto_verify_world struct verify_world world;
			auto_kernel struct kernel kernel = {0};
			struct fault_host fault;
			struct err err = {0};

			verify_world_open(&world);
			if (i % 2 == 0)
				put_in_copy(&world, "usr/bin/bash", "different");
			fault_host_init(&fault, &world.fake->host);
			world.machine.host = &fault.host;
			fault.fail_at = at;
			fault.errnum = errors[i / 2];
			if (verify_generation(&world.machine, &request, &kernel, &err))
				/* what is said not to be there may have been an excuse or a digest */
				ck_assert(i % 2 == 1 || fault.errnum == ENOENT);
			else
				ck_assert_str_ne(err.text, "");
			if (fault.calls > calls)
				calls = fault.calls;
		}
	ck_assert_uint_gt(calls, 20);
}
END_TEST

UNIT_MAIN("verify", test_good, test_faults, test_init_mode, test_all_at_once, test_interrupted,
	  test_warnings, test_crypttab_removed, test_tool, test_builtin_btrfs,
	  test_damaged_parent_initrd, test_key, test_key_in_root, test_kiosk, test_excuses,
	  test_no_excuses, test_unchanged_not_hashed, test_parent_without_packages,
	  test_failing_calls)
