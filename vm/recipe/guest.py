"""What a root needs to be one particular machine: names, network, accounts, sources, test port."""

import pathlib
import shutil
import subprocess

from rig import archive

FILES = pathlib.Path(__file__).parent / "files"
PASSWORD = "moult"
NETWORK = "[Match]\nName=en* eth*\n\n[Network]\nDHCP=ipv4\n"
SHELL_WANTED_BY = ("sysinit", "emergency", "rescue")


def configure(root, spec, identity):
    """Write the configuration of the machine into its root directory."""
    _names(root, identity)
    _file_systems(root, spec, identity)
    _sources(root, spec)
    _network(root)
    _accounts(root)
    _command_port(root)


def _write(root, path, text):
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def _link(root, path, target):
    link = root / path.lstrip("/")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _names(root, identity):
    _write(root, "/etc/machine-id", identity.machine_id + "\n")
    _write(root, "/etc/hostname", "moult-vm\n")
    _write(root, "/etc/hosts", "127.0.0.1\tlocalhost\n127.0.1.1\tmoult-vm\n::1\tlocalhost\n")


def _file_systems(root, spec, identity):
    _write(root, "/etc/fstab",
           "# <file system> <mount point> <type> <options> <dump> <pass>\n"
           f"UUID={identity.btrfs} / btrfs defaults,subvol=@rootfs 0 0\n"
           f"UUID={identity.esp} /boot/efi vfat umask=0077 0 1\n")
    (root / "boot/efi").mkdir(parents=True, exist_ok=True)
    if spec.loader == "grub":
        return  # its command line is in /etc/default/grub
    _write(root, "/etc/kernel/cmdline",
           f"root=UUID={identity.btrfs} ro rootflags=subvol=@rootfs "
           "console=tty0 console=ttyS0,115200\n")


def _sources(root, spec):
    """Security is always configured, so that a root installed without it has upgrades to find."""
    for folder in ("sources.list.d", "apt.conf.d"):
        for leftover in (root / "etc/apt" / folder).glob("*mmdebstrap*"):
            leftover.unlink()
    _write(root, "/etc/apt/sources.list",
           "\n".join(archive.source_lines(spec.suite, True, for_guest=True)) + "\n")
    found = archive.options(for_guest=True)
    if found:
        _write(root, "/etc/apt/apt.conf.d/90moult-vm",
               "".join(f'{name} "{value}";\n' for name, value in found.items()))


def _network(root):
    _write(root, "/etc/systemd/network/80-dhcp.network", NETWORK)
    _link(root, "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service",
          "/lib/systemd/system/systemd-networkd.service")
    _write(root, "/etc/resolv.conf", "nameserver 10.0.2.3\n")


def _accounts(root):
    subprocess.run(["chroot", root, "chpasswd"], input=f"root:{PASSWORD}\n", text=True, check=True)
    _write(root, "/etc/ssh/sshd_config.d/moult-vm.conf", "PermitRootLogin yes\n")


def _command_port(root):
    shell = root / "usr/lib/moult-vm-shell"
    shutil.copyfile(FILES / "moult-vm-shell", shell)
    shell.chmod(0o755)
    unit = "moult-vm-shell.service"
    shutil.copyfile(FILES / unit, root / "etc/systemd/system" / unit)
    for target in SHELL_WANTED_BY:
        _link(root, f"/etc/systemd/system/{target}.target.wants/{unit}",
              f"/etc/systemd/system/{unit}")
