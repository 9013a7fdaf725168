#!/usr/bin/python3
"""Adoptions of machines that somebody has lived in, and ones that are begun a second time.

On the shipped binary and on disks of real machines that are off; see world.py.
"""

import unittest

import world
from rig import image
from rig.command import call
from world import tearDownModule  # noqa: F401

FSTAB = "etc/fstab"
LOADER, FALLBACK = "/EFI/systemd/systemd-bootx64.efi", "/EFI/BOOT/BOOTX64.EFI"


def killed_at(call_name, number):
    """Run under this, every process dies before its call of that number."""
    return ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call_name}",
            "-e", f"inject={call_name}:signal=SIGKILL:when={number}")


class LivedIn(world.BadDay):
    """What an owner has done to the layout before moult comes."""

    def fresh(self, line=""):
        """A disk that is not adopted, with one more line in its fstab."""
        disk = self.disk("fresh")
        disk.write("@rootfs", {FSTAB: disk.read(f"@rootfs/{FSTAB}") + line})
        return disk

    def pool_line(self, disk, where, subvolume):
        """A line of fstab that mounts a subvolume of the disk itself."""
        return f"UUID={image.btrfs_uuid(disk.path)} {where} btrfs nosuid,subvol={subvolume} 0 0\n"

    def test_a_data_subvolume_of_the_owners_own_is_kept(self):
        disk = self.fresh()
        line = self.pool_line(disk, "/home", "homes")
        disk.write("@rootfs", {FSTAB: disk.read(f"@rootfs/{FSTAB}") + line})
        with disk.pool() as top:
            call("btrfs", "-q", "subvolume", "create", top / "homes")
            (top / "homes/mine").write_text("mine\n")
        disk.moult("init").ok()
        self.assertIn(line, disk.read(f"@gens/1/root/{FSTAB}"))
        with disk.pool(read_only=True) as top:
            self.assertFalse((top / "@home").exists())
            self.assertEqual((top / "homes/mine").read_text(), "mine\n")
        disk.moult("run", "--", "grep", "-q", "mine", "/home/mine").ok()
        self.assert_sound(disk)

    def test_data_on_another_file_system_is_kept(self):
        line = "nas:/export/srv /srv nfs nofail 0 0\n"
        disk = self.fresh(line)
        disk.moult("init").ok()
        self.assertIn(line, disk.read(f"@gens/1/root/{FSTAB}"))
        with disk.pool(read_only=True) as top:
            self.assertFalse((top / "@srv").exists())
        self.assert_sound(disk)

    def test_the_system_must_lie_in_the_root(self):
        for where in ("/var", "/var/lib", "/usr"):
            with self.subTest(where=where):
                disk = self.fresh(f"UUID=0-0 {where} ext4 defaults 0 2\n")
                for words in (["init", "--dry-run"], ["init"]):
                    self.refused(disk, *words, says=(where, "must lie in the root"),
                                 tries=".*sudoedit /etc/fstab")

    def test_a_name_that_is_taken(self):
        for kind in ("subvolume", "directory"):
            with self.subTest(kind=kind):
                disk = self.fresh()
                with disk.pool() as top:
                    if kind == "subvolume":
                        call("btrfs", "-q", "subvolume", "create", top / "@home")
                    else:
                        (top / "@home").mkdir()
                for words in (["init", "--dry-run"], ["init"]):
                    self.refused(disk, *words, says=("'@home'",), tries=".*mv /mnt/@home")

    def test_immutable_files(self):
        disk = self.fresh()
        with disk.pool() as top:
            root = top / "@rootfs"
            (root / "home/u").mkdir()
            (root / "home/u/kept").write_text("kept\n")
            (root / "var/empty").mkdir(exist_ok=True)
            call("chattr", "+i", root / "etc/hostname", root / "home/u/kept", root / "var/empty")
        disk.moult("init").ok()
        with disk.pool(read_only=True) as top:
            for path in ("@gens/1/root/etc/hostname", "@home/u/kept", "@var/empty"):
                flags = call("lsattr", "-d", top / path).decode().split()[0]
                self.assertIn("i", flags, path)
        self.assert_sound(disk)

    def test_other_programs_on_the_boot_volume_stay(self):
        disk = self.fresh()
        loader = image.esp_read(disk.path, LOADER)
        image.esp_write(disk.path, FALLBACK, b"MZ somebody else's loader")
        image.esp_write(disk.path, "/startup.nsh", b"fs0:\\EFI\\BOOT\\BOOTX64.EFI\r\n")
        result = disk.moult("init").ok()
        said = " ".join((result.out + result.err).split())
        self.assertIn("EFI/BOOT/BOOTX64.EFI is not systemd-boot", said)
        self.assertIn("startup.nsh on the boot volume is not moult's", said)
        disk.moult("init", "--undo").ok()
        self.assertEqual(image.esp_read(disk.path, FALLBACK), b"MZ somebody else's loader")
        self.assertEqual(image.esp_read(disk.path, LOADER), loader)
        self.assertTrue(image.esp_read(disk.path, "/startup.nsh").startswith(b"fs0:"))

    def test_the_command_line_is_never_another_systems(self):
        disk = self.fresh()
        image.esp_write(disk.path, "/loader/entries/arch.conf", (
            "title Arch\nsort-key aarch\nversion 9\nlinux /vmlinuz\n"
            "options root=UUID=dead-beef init=/sbin/openrc-init resume=/dev/nowhere\n").encode())
        disk.moult("init").ok()
        for entry in ("moult-000000.conf", "moult-000001+3-0.conf"):
            text = image.esp_read(disk.path, f"/loader/entries/{entry}").decode()
            self.assertNotIn("openrc", text)
            self.assertIn("console=ttyS0", text)

    def test_what_moult_puts_on_the_boot_volume(self):
        disk = self.fresh()
        loader = image.esp_read(disk.path, LOADER)
        image.esp_remove(disk.path, FALLBACK)
        disk.moult("init").ok()
        self.assertEqual(image.esp_read(disk.path, FALLBACK), loader)
        self.assertEqual(image.esp_read(disk.path, "/startup.nsh"), b"reset -c\r\n")
        disk.moult("init", "--undo").ok()
        self.assertNotIn("startup.nsh", image.esp_list(disk.path, "/"))


class Again(world.BadDay):
    """The original boots and is written to between one adoption and the next."""

    def write_to_original(self, disk):
        """As its owner does when it has booted."""
        disk.write("@rootfs", {"home/new": "new\n", "etc/hostname": "renamed\n"})

    def interrupted(self):
        """A disk with a complete generation 1 in no menu: killed before it was published."""
        for number in range(1, 60):
            disk = self.disk("fresh")
            result = disk.moult("init", around=killed_at("syncfs", number))
            self.assertNotEqual(result.status, 0, "never between listing and publishing")
            self.assert_free(disk)
            listed = disk.moult("--json", "list").json
            first = [gen for gen in listed.get("generations", []) if gen["id"] == 1]
            with disk.pool(read_only=True) as top:
                placed = (top / "@home").exists() and not (top / "@gens/1/carve").exists()
            if first and placed and not first[0]["publications"]:
                return disk
        raise AssertionError("it was never there")

    def test_begun_and_gone_on_with(self):
        disk = self.interrupted()
        disk.moult("init").ok()
        self.assert_sound(disk)
        self.assert_works(disk)

    def test_begun_and_the_original_was_used_since(self):
        disk = self.interrupted()
        self.write_to_original(disk)
        result = disk.moult("init").ok()
        self.assertIn("its copy is made again", " ".join((result.out + result.err).split()))
        self.assertEqual(disk.read("@home/new"), "new\n")
        self.assertEqual(disk.read("@gens/1/root/etc/hostname"), "renamed\n")
        self.assert_sound(disk)
        self.assert_works(disk)

    def test_undone_and_both_were_used_since(self):
        disk = self.disk("fresh")
        disk.moult("init").ok()
        disk.write("@gens/1/root", {"etc/precious": "mine\n"})
        disk.moult("init", "--undo").ok()
        self.write_to_original(disk)
        self.refused(disk, "init", says=("OLD_COPY", "the original was changed"), status=3,
                     tries="sudo moult .*init --accept OLD_COPY")
        disk.moult("init", "--accept", "OLD_COPY").ok()
        self.assertEqual(disk.read("@gens/1/root/etc/precious"), "mine\n")
        self.assertEqual(disk.read("@rootfs/home/new"), "new\n")
        self.assert_sound(disk)

    def test_undone_and_generation_1_is_broken(self):
        disk = self.disk("fresh")
        disk.moult("init").ok()
        disk.moult("init", "--undo").ok()
        disk.write("@gens/1/root", {"etc/precious": "mine\n", "usr/sbin/init": None})
        for _ in range(2):
            result = disk.moult("init")
            self.assertEqual(result.status, 1, result)
            self.assertIn("init", result.err)
            self.assertEqual(disk.read("@gens/1/root/etc/precious"), "mine\n")

    def test_what_was_copied_with_an_old_date_is_named(self):
        disk = self.disk("fresh")
        disk.moult("init").ok()
        with disk.pool() as top:
            (top / "@home/old").write_text("from a backup\n")
            call("touch", "-d", "2017-01-01", top / "@home/old")
            (top / "@srv/link").symlink_to("/nowhere")
        result = disk.moult("init", "--undo").ok()
        said = " ".join((result.out + result.err).split())
        self.assertIn("@home/old", said)
        self.assertIn("@srv/link", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
