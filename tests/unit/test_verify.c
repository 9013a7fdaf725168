/*
 * What may become a generation: a copy that is whole passes, and each thing that would not boot, or
 * was not delivered so, is refused with its name. And what the record then says.
 */
#include <errno.h>
#include <string.h>
#include "fault_host.h"
#include "fake_host.h"
#include "record.h"
#include "unit.h"
#include "verify.h"

#define POOL "11111111-2222-3333-4444-555555555555"
#define COPY "@gens/.4.tmp/root"
#define PARENT "@gens/3/root"
#define OLD "6.1.0-9-amd64"
#define NEW "6.1.0-10-amd64"
#define FSTAB                                                                                      \
	"UUID=" POOL " / btrfs defaults 0 0\nUUID=" POOL " /var btrfs subvol=@var 0 0\n"           \
	"UUID=" POOL " /home btrfs subvol=@home 0 0\n"                                             \
	"UUID=ABCD-EF01 /boot/efi vfat umask=0077,nofail,x-systemd.automount 0 2\n"
#define DPKG "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
#define BASH(version)                                                                              \
	"Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: " version      \
	"\nConffiles:\n /etc/bash.bashrc 900150983cd24fb0d6963f7d28e17f72\n"                       \
	" /etc/bash/edited 900150983cd24fb0d6963f7d28e17f72\n"                                     \
	" /etc/bash/kept 900150983cd24fb0d6963f7d28e17f72\n"                                       \
	" /etc/bash/lost 900150983cd24fb0d6963f7d28e17f72\n"                                       \
	" /usr/share/x 900150983cd24fb0d6963f7d28e17f72\n"                                         \
	" /etc/../x 900150983cd24fb0d6963f7d28e17f72\n"                                            \
	" /etc/old 900150983cd24fb0d6963f7d28e17f72 obsolete\n\n"
#define MODULES                                                                                    \
	"init\nusr/lib/modules/%s/kernel/fs/btrfs/btrfs.ko.xz\n"                                   \
	"usr/lib/modules/%s/kernel/drivers/ata/ahci.ko.xz\n"                                       \
	"usr/lib/modules/%s/kernel/drivers/nvme/host/nvme-core.ko\n"                               \
	"usr/lib/modules/%s/kernel/drivers/gpu/drm/drm.ko\n"                                       \
	"usr/lib/modules/%s/kernel/drivers/virtio/gone.ko\ncryptroot/crypttab\n"
/* MD5 of "abc" */
#define ABC "900150983cd24fb0d6963f7d28e17f72"

struct verify_world {
	struct fake_host *fake;
	struct machine machine;
	struct progress progress;
	struct text notes;
};

static struct verify_world *world_of(struct progress *progress)
{
	return (struct verify_world *)((char *)progress - offsetof(struct verify_world, progress));
}

static void on_percent(struct progress *progress, unsigned percent, const char *what)
{
	(void)progress;
	ck_assert_uint_le(percent, 100);
	ck_assert_ptr_nonnull(what);
}

static void on_note(struct progress *progress, const char *sentence)
{
	text_addf(&world_of(progress)->notes, "%s\n", sentence);
}

static void put(struct verify_world *world, const char *root, const char *path, const char *text)
{
	auto_free char *whole = xasprintf("%s/%s", root, path);

	fake_host_put(world->fake, VOLUME_POOL, whole, text);
}

static void put_in_copy(struct verify_world *world, const char *path, const char *text)
{
	put(world, COPY, path, text);
}

static void set_mode(struct verify_world *world, const char *path, mode_t mode)
{
	struct fake_node *node = fake_disk_find(&world->fake->disk, VOLUME_POOL, path);

	ck_assert_ptr_nonnull(node);
	node->mode = mode;
}

static void drop(struct verify_world *world, const char *path)
{
	auto_free char *whole = xasprintf(COPY "/%s", path);
	struct host *host = &world->fake->host;

	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, whole), 0);
}

static void put_kernel(struct verify_world *world, const char *root, const char *release)
{
	auto_free char *linux_path = xasprintf("boot/vmlinuz-%s", release);
	auto_free char *initrd_path = xasprintf("boot/initrd.img-%s", release);
	auto_free char *dep = xasprintf("usr/lib/modules/%s/modules.dep", release);
	auto_free char *initrd = xasprintf(MODULES, release, release, release, release, release);

	put(world, root, linux_path, "kernel");
	put(world, root, initrd_path, initrd);
	put(world, root, dep,
	    "kernel/fs/btrfs/btrfs.ko.xz: kernel/lib/x.ko\nkernel/drivers/ata/ahci.ko.xz:\n"
	    "kernel/drivers/nvme/host/nvme-core.ko:\n");
}

static void put_root(struct verify_world *world, const char *root)
{
	struct host *host = &world->fake->host;
	auto_free char *lib = xasprintf("%s/lib", root), *bin = xasprintf("%s/bin", root);
	auto_free char *sbin = xasprintf("%s/sbin", root),
		       *init = xasprintf("%s/usr/sbin/init", root);

	fake_host_put_subvolume(world->fake, root);
	put(world, root, "etc/fstab", FSTAB);
	put(world, root, "etc/shadow", "root:*:1::::::\nanna:$y$j9T$x:1:0:99999:7:::\n");
	put(world, root, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
	put(world, root, "usr/lib/sysimage/dpkg/status", DPKG BASH("5.1"));
	put(world, root, "usr/lib/systemd/systemd", "elf");
	put(world, root, "usr/bin/bash", "old bash");
	put(world, root, "usr/sbin/x", "x");
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "usr/lib", lib), 0);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "usr/bin", bin), 0);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "usr/sbin", sbin), 0);
	ck_assert_int_eq(host->ops->make_symlink(host, VOLUME_POOL, "/lib/systemd/systemd", init),
			 0);
	put_kernel(world, root, OLD);
}

/* Generation 3, and a copy of it with a newer kernel and a newer bash. */
static void open_world(struct verify_world *world)
{
	*world = (struct verify_world){
		.fake = fake_host_new(),
		.progress = {.percent = on_percent, .note = on_note},
	};
	world->machine = (struct machine){
		.host = &world->fake->host,
		.progress = &world->progress,
		.identity = {.pool_uuid = (char *)POOL, .boot_uuid = (char *)"ABCD-EF01"},
	};
	fake_host_put_subvolume(world->fake, "@var");
	fake_host_put_subvolume(world->fake, "@home");
	put_root(world, PARENT);
	put_root(world, COPY);
	set_mode(world, COPY "/usr/lib/systemd/systemd", 0755);
	put_kernel(world, COPY, NEW);
	put_in_copy(world, "boot/vmlinuz-" NEW ".dpkg-new", "half");
	put_in_copy(world, "etc/crypttab", "# none\n\troot UUID=x none luks\n");
	put_in_copy(world, "usr/lib/sysimage/dpkg/status", DPKG BASH("5.2"));
	put_in_copy(world, "usr/bin/bash", "abc");
	put_in_copy(world, "usr/lib/sysimage/dpkg/info/bash.md5sums", ABC "  bin/bash\n");
	put_in_copy(world, "usr/lib/sysimage/dpkg/info/bash.list", "/.\n/bin\n/bin/bash\n");
}

static void close_world(struct verify_world *world)
{
	fake_host_free(world->fake);
	text_done(&world->notes);
}
DEFINE_AUTO_STRUCT(verify_world, struct verify_world, close_world)
#define auto_verify_world __attribute__((cleanup(auto_verify_world_)))

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

	open_world(&world);
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
	{"boot/initrd.img-" NEW, "init\ncryptroot/crypttab\n",
	 "the initrd of " NEW " cannot mount Btrfs"},
	/* a driver of another release is of no use */
	{"boot/initrd.img-" NEW,
	 "init\nlib/modules/" OLD "/kernel/fs/btrfs/btrfs.ko\ncryptroot/crypttab\n",
	 "the initrd of " NEW " cannot mount Btrfs"},
	{"boot/initrd.img-" NEW,
	 "./init\nlib/modules/" NEW "/kernel/fs/btrfs/btrfs.ko\nlib/modules/" NEW
	 "/kernel/drivers/ata/ahci.ko\n/cryptroot/crypttab\n",
	 "the initrd of " NEW " lacks storage drivers that the present one has: nvme_core"},
	{"boot/initrd.img-" NEW,
	 "init\nlib/modules/" NEW "/kernel/fs/btrfs/btrfs.ko\nlib/modules/" NEW
	 "/kernel/drivers/ata/ahci.ko\nlib/modules/" NEW "/kernel/drivers/nvme/nvme_core.ko\n",
	 "no longer opens encrypted disks"},
	{"usr/bin/bash", "changed",
	 "1 files of the package bash are not what was delivered: /bin/bash"},
	{"usr/bin/bash", NULL, "1 files of the package bash are not what was delivered: /bin/bash"},
};

START_TEST(test_faults)
{
	for (size_t i = 0; i < COUNT(faults); i++) {
		auto_verify_world struct verify_world world;

		open_world(&world);
		if (faults[i].text)
			put_in_copy(&world, faults[i].path, faults[i].text);
		else
			drop(&world, faults[i].path);
		check_refused(&world, faults[i].sentence);
	}
}
END_TEST

START_TEST(test_init_mode)
{
	auto_verify_world struct verify_world world;

	open_world(&world);
	set_mode(&world, COPY "/usr/lib/systemd/systemd", 0644);
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

	open_world(&world);
	drop(&world, "usr/sbin/init");
	drop(&world, "boot");
	check_refused(&world, "/sbin/init is missing; there is no kernel in /boot");
	for (int i = 0; i < 40; i++)
		text_addf(&fstab, "UUID=" POOL " /x%d btrfs subvolid=%d 0 0\n", i, i);
	put_in_copy(&world, "etc/fstab", fstab.bytes);
	ck_assert(!verify_generation(&world.machine, &request, &kernel, &err));
	ck_assert_ptr_nonnull(strstr(err.text, " more"));
	ck_assert_uint_lt(strlen(err.text), sizeof(err.text) - 1);
	ck_assert_str_ne(err.hint, "");
}
END_TEST

START_TEST(test_interrupted)
{
	auto_verify_world struct verify_world world;
	auto_kernel struct kernel kernel = {0};
	struct err err = {0};

	open_world(&world);
	world.fake->interrupt = true;
	ck_assert(!verify_generation(&world.machine, &request, &kernel, &err));
	ck_assert_int_eq(err.kind, ERR_INTERRUPTED);
}
END_TEST

START_TEST(test_warnings)
{
	auto_verify_world struct verify_world world;

	open_world(&world);
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

	open_world(&world);
	put_in_copy(&world, "etc/crypttab", "# none\n\n");
	put_in_copy(&world, "boot/initrd.img-" NEW,
		    "init\nlib/modules/" NEW "/kernel/fs/btrfs/btrfs.ko\nlib/modules/" NEW
		    "/kernel/drivers/ata/ahci.ko.zst\nlib/modules/" NEW
		    "/kernel/drivers/nvme/nvme_core.ko.gz\n");
	check_note(&world, "no longer opens encrypted disks");
}
END_TEST

START_TEST(test_builtin_btrfs)
{
	auto_verify_world struct verify_world world;

	open_world(&world);
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

	open_world(&world);
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

		open_world(&world);
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

	open_world(&world);
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

	open_world(&world);
	put_in_copy(&world, "etc/shadow", "root:*:1::::::\n");
	put(&world, PARENT, "etc/shadow", "root:*:1::::::\n");
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

		open_world(&world);
		put_in_copy(&world, "usr/sbin/x", "abc");
		if (excuses[i].gone)
			drop(&world, "usr/bin/bash");
		else
			put_in_copy(&world, "usr/bin/bash", "different");
		check_refused(&world, "files of the package bash");
		put_in_copy(&world, excuses[i].path, excuses[i].text);
		check_good(&world);
	}
}
END_TEST

START_TEST(test_no_excuses)
{
	auto_verify_world struct verify_world world;

	open_world(&world);
	put_in_copy(&world, "usr/bin/bash", "different");
	/* dpkg would not have left it out, and bash's own diversion does not move bash's file */
	put_in_copy(&world, "etc/dpkg/dpkg.cfg.d/slim",
		    "path-exclude=/bin/*\npath-include=/bin/bash\n");
	put_in_copy(&world, "usr/lib/sysimage/dpkg/diversions",
		    "/bin/bash\n/sbin/x\nbash\nrelative\n/x\ny\n/x\nrelative\ny\n/end\n");
	check_refused(&world, "files of the package bash");
	drop(&world, "usr/lib/sysimage/dpkg/info/bash.list");
	check_refused(&world, "files of the package bash");
	put_in_copy(&world, "usr/lib/sysimage/dpkg/info/bash.md5sums",
		    ABC "  a\n" ABC "  b\n" ABC "  c\n" ABC "  d\n");
	check_refused(&world,
		      "4 files of the package bash are not what was delivered: /a, /b, /c …");
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

	open_world(&world);
	put(&world, PARENT, "usr/lib/sysimage/dpkg/status", DPKG BASH("5.2"));
	put_in_copy(&world, "usr/bin/bash", "different");
	check_good(&world);
	/* but what the source says it installed again is */
	package_changes_add(&changes, "bash", "5.2", "5.2");
	package_changes_add(&changes, "zsh", "1", NULL);
	package_changes_add(&changes, "nowhere", NULL, "1");
	ck_assert(!verify_generation(&world.machine, &reinstalled, &kernel, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "files of the package bash"));
	package_changes_done(&changes);
}
END_TEST

START_TEST(test_parent_without_packages)
{
	auto_verify_world struct verify_world world;
	struct host *host;

	open_world(&world);
	host = &world.fake->host;
	ck_assert_int_eq(host->ops->remove_tree(host, VOLUME_POOL, PARENT "/usr/lib/sysimage"), 0);
	check_note(&world, "cannot read the package database /var/lib/dpkg/status");
	put_in_copy(&world, "usr/bin/bash", "different");
	check_refused(&world, "files of the package bash");
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

			open_world(&world);
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

/* --- the record ---------------------------------------------------------------------------------- */

static char *record_text(struct verify_world *world, const char *name)
{
	auto_free char *path = xasprintf("@gens/.4.tmp/record/%s", name);

	return xstrdup_or_null(fake_host_text(world->fake, VOLUME_POOL, path));
}

static void put_defaults(struct verify_world *world)
{
	put_in_copy(world, "etc/bash.bashrc", "abc");
	put_in_copy(world, "etc/bash/edited", "mine");
	put_in_copy(world, "etc/bash/kept", "mine too");
	put(world, "@gens/.4.tmp", "new-defaults/etc/bash/edited", "abc");
	put(world, "@gens/3/record", "etc.base/bash/kept", "abc");
	put(world, "@gens/3/record", "etc.base/bash/lost", "an older default");
}

START_TEST(test_record)
{
	auto_verify_world struct verify_world world;
	const struct record_request wanted = {"@gens/.4.tmp", "@gens/3/record"};
	auto_free char *digest = NULL, *packages = NULL, *families = NULL, *unknown = NULL;
	auto_host_subvolume struct host_subvolume subvolume = {0};
	struct host *host;
	struct err err = {0};

	open_world(&world);
	host = &world.fake->host;
	put_defaults(&world);
	if (!record_write(&world.machine, &wanted, &digest, &err))
		ck_abort_msg("%s", err.text);
	ck_assert(digest_is_sha256(digest));
	packages = record_text(&world, "packages.json");
	ck_assert_ptr_nonnull(strstr(packages, "\"version\": \"5.2\""));
	families = record_text(&world, "families.json");
	ck_assert_ptr_nonnull(strstr(families, "\"moult\""));
	unknown = record_text(&world, "etc.base.json");
	ck_assert_str_eq(unknown, "{\n  \"format_version\": 1,\n  \"unknown\": [\n"
				  "    \"/etc/bash/lost\"\n  ]\n}\n");
	ck_assert_str_eq(
		fake_host_text(world.fake, VOLUME_POOL, "@gens/.4.tmp/record/etc.base/bash.bashrc"),
		"abc");
	ck_assert_str_eq(
		fake_host_text(world.fake, VOLUME_POOL, "@gens/.4.tmp/record/etc.base/bash/edited"),
		"abc");
	ck_assert_str_eq(
		fake_host_text(world.fake, VOLUME_POOL, "@gens/.4.tmp/record/etc.base/bash/kept"),
		"abc");
	ck_assert_int_eq(host->ops->subvolume(host, "@gens/.4.tmp/record", &subvolume), 0);
	ck_assert(subvolume.read_only);
	ck_assert_int_lt(host->ops->subvolume(host, "@gens/.4.tmp/record.new", &subvolume), 0);
}
END_TEST

START_TEST(test_record_units)
{
	auto_verify_world struct verify_world world;
	const struct record_request wanted = {"@gens/.4.tmp", NULL};
	auto_free char *digest = NULL, *units = NULL;
	struct host *host;
	struct err err = {0};

	open_world(&world);
	host = &world.fake->host;
	put_in_copy(&world, "etc/systemd/system/own.service", "[Unit]\n");
	put_in_copy(&world, "etc/systemd/system/multi-user.target.wants/x", "a file");
	host->ops->make_symlink(host, VOLUME_POOL, "/dev/null",
				COPY "/etc/systemd/system/masked.service");
	host->ops->make_symlink(host, VOLUME_POOL, "/lib/systemd/system/ssh.service",
				COPY "/etc/systemd/system/multi-user.target.wants/ssh.service");
	ck_assert(record_write(&world.machine, &wanted, &digest, &err));
	units = record_text(&world, "units.json");
	ck_assert_str_eq(units, "{\n  \"format_version\": 1,\n  \"links\": {\n"
				"    \"masked.service\": \"/dev/null\",\n"
				"    \"multi-user.target.wants/ssh.service\": "
				"\"/lib/systemd/system/ssh.service\"\n  }\n}\n");
}
END_TEST

START_TEST(test_record_fails)
{
	auto_verify_world struct verify_world world;
	const struct record_request wanted = {"@gens/.4.tmp", NULL};
	auto_free char *digest = NULL;
	struct err err = {0};

	open_world(&world);
	fake_host_put_subvolume(world.fake, "@gens/.4.tmp/record.new");
	ck_assert(!record_write(&world.machine, &wanted, &digest, &err));
	ck_assert_int_eq(err.kind, ERR_SYSTEM);
	ck_assert_ptr_nonnull(strstr(err.text, "cannot write @gens/.4.tmp/record.new"));
	put_in_copy(&world, "usr/lib/sysimage/dpkg/status", "nonsense\n");
	ck_assert(!record_write(&world.machine, &wanted, &digest, &err));
	ck_assert_ptr_null(digest);
}
END_TEST

START_TEST(test_record_failing_calls)
{
	const struct record_request wanted = {"@gens/.4.tmp", "@gens/3/record"};
	unsigned calls = 1;

	for (unsigned at = 1; at <= calls; at++) {
		auto_verify_world struct verify_world world;
		auto_free char *digest = NULL;
		struct fault_host fault;
		struct err err = {0};
		bool written;

		open_world(&world);
		put_defaults(&world);
		fault_host_init(&fault, &world.fake->host);
		world.machine.host = &fault.host;
		fault.fail_at = at;
		fault.errnum = EIO;
		written = record_write(&world.machine, &wanted, &digest, &err);
		ck_assert_int_eq(written, digest != NULL);
		ck_assert_int_eq(written, err.kind == ERR_NONE);
		if (fault.calls > calls)
			calls = fault.calls;
	}
	ck_assert_uint_gt(calls, 15);
}
END_TEST

UNIT_MAIN("verify", test_good, test_faults, test_init_mode, test_all_at_once, test_interrupted,
	  test_warnings, test_crypttab_removed, test_builtin_btrfs, test_damaged_parent_initrd,
	  test_key, test_key_in_root, test_kiosk, test_excuses, test_no_excuses,
	  test_unchanged_not_hashed, test_parent_without_packages, test_failing_calls,
	  test_record_failing_calls, test_record, test_record_units, test_record_fails)
