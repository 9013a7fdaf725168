"""GRUB on UEFI as Debian's installer puts it there.

What `grub-install --uefi-secure-boot` writes is written here by hand, since it wants the EFI system
partition mounted and the host need not know vfat: Debian's signed images, the stub that finds
/boot/grub, the modules.  The menu is made by the real update-grub.
"""

import os
import pathlib
import re
import shutil

from rig import RigError, image, qemu, variables

PACKAGES = ("grub-efi-amd64", "grub-efi-amd64-signed", "shim-signed", "efibootmgr")
SHADOWED = "run/moult-vm"
VENDOR = "EFI/debian"
LOADER = r"\EFI\debian\shimx64.efi"
SIGNED = {"shimx64.efi": "usr/lib/shim/shimx64.efi.signed",
          "grubx64.efi": "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
          "mmx64.efi": "usr/lib/shim/mmx64.efi.signed",
          "fbx64.efi": "usr/lib/shim/fbx64.efi.signed",
          "BOOTX64.CSV": "usr/lib/shim/BOOTX64.CSV"}
# What the installer writes; the console is what the rig reads.
DEFAULTS = """\
GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"
"""


def install(inside, device, identity):
    """Put GRUB into a staged root, mounted from the device, and on the ESP below its /boot/efi."""
    root = inside.root
    vendor = root / "boot/efi" / VENDOR
    vendor.mkdir(parents=True)
    for name, source in SIGNED.items():
        shutil.copyfile(root / source, vendor / name)
    (vendor / "grub.cfg").write_text(
        f"search.fs_uuid {identity.btrfs} root \n"
        "set prefix=($root)'/@rootfs/boot/grub'\nconfigfile $prefix/grub.cfg\n", encoding="ascii")
    grub = root / "boot/grub"
    (grub / "fonts").mkdir(parents=True, exist_ok=True)
    shutil.copytree(root / "usr/lib/grub/x86_64-efi", grub / "x86_64-efi", dirs_exist_ok=True)
    shutil.copyfile(root / "usr/share/grub/unicode.pf2", grub / "fonts/unicode.pf2")
    (root / "etc/default/grub").write_text(DEFAULTS, encoding="ascii")
    _name_device(root, device, identity)
    inside.call("grub-editenv", "/boot/grub/grubenv", "create")
    inside.call("update-grub", PATH=f"/{SHADOWED}:/usr/sbin:/usr/bin:/sbin:/bin")
    _correct(grub / "grub.cfg")


def _correct(menu):
    """Here the disk is a file, which update-grub would have GRUB look for on the disk."""
    text = re.sub(r"^\s*loopback loop.*\n\s*set root=\(loop.*\n", "",
                  menu.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if "rootflags=subvol=@rootfs" not in text:
        raise RigError("update-grub found no kernel")
    menu.write_text(text, encoding="utf-8")


def _name_device(root, device, identity):
    """The disk as udev would show it: update-grub writes root=UUID= only if it sees the link."""
    number = os.stat(device).st_rdev
    inside = root / "dev" / pathlib.Path(device).name
    os.mknod(inside, 0o60600, number)
    by_id = root / "dev/disk/by-uuid"
    by_id.mkdir(parents=True)
    (by_id / identity.btrfs).symlink_to(f"../../{inside.name}")
    # a loop device is no place for a kernel to update-grub, unless it lies on a disk
    shadow = root / SHADOWED / "losetup"
    shadow.parent.mkdir()
    shadow.write_text("#!/bin/sh\necho \"$1: []: (/dev/vda2)\"\n", encoding="ascii")
    shadow.chmod(0o755)


def write_variables(disk):
    """The boot entry that the installer leaves in the firmware, beside a new disk."""
    kept = qemu.variables(disk, reset=True)
    variables.add_boot_option(kept, "debian", image.esp(disk), LOADER)
