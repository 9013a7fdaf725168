"""A disk as Debian's installer lays it out: GPT, an ESP, one Btrfs with the root in @rootfs."""

import dataclasses
import pathlib
import shutil
import tempfile
import uuid

from rig import archive, cache, image
from rig.command import call, say

from . import grub, guest, root, stage

MIB = 1 << 20
RECIPE = sorted(pathlib.Path(__file__).parent.glob("*.py")) + sorted(guest.FILES.iterdir())
LOADER_CONF = "timeout 3\nconsole-mode keep\n"


@dataclasses.dataclass(frozen=True)
class Spec:
    """What a disk is made from."""
    suite: str = "bookworm"
    security: bool = True
    debs: tuple = ()
    include: tuple = ()
    size: int = 8 << 30
    esp_size: int = 512 << 20
    loader: str = "systemd-boot"
    kernel: str = "cloud"
    salt: str = ""  # makes the ids this disk's alone: it is not cached, and mounts beside others


@dataclasses.dataclass(frozen=True)
class Identity:
    """The ids of one machine, derived from what it is made of: the same inputs, the same ids."""
    machine_id: str
    btrfs: str
    esp: str

    @classmethod
    def of(cls, name):
        """The identity that belongs to a name in the cache."""
        def some(what):
            return uuid.uuid5(uuid.NAMESPACE_OID, f"moult-vm {what} {name}")
        serial = some("esp").hex[:8].upper()
        return cls(some("machine").hex, str(some("btrfs")), f"{serial[:4]}-{serial[4:]}")


def build(spec, output):
    """Make a disk image, or copy the one that was made from the same inputs before."""
    tar = root.named(spec)
    if spec.salt:
        _make(spec, tar, output)
    else:
        _copy_made(spec, tar, output)
    if spec.loader == "grub":
        grub.write_variables(output)


def _copy_made(spec, tar, output):
    debs = [cache.digest(path.name, path.read_bytes()) for path in spec.debs]
    sources = archive.source_lines(spec.suite, True), archive.options()
    name = cache.digest(tar, sources, spec.size, spec.esp_size, spec.loader, debs,
                        cache.digest_files(*RECIPE))
    with cache.entry("images", f"{name}.img", lambda path: _make(spec, tar, path)) as made:
        cache.copy(made, output)


def _make(spec, tar, path):
    identity = Identity.of(spec.salt or path.name)
    with root.obtain(spec, tar) as archived:
        say(f"laying out a disk of {spec.size // MIB} MiB")
        _partition(path, spec)
        _format(path, identity)
        _fill(spec, path, archived, identity)


def _partition(path, spec):
    with open(path, "wb") as file:
        file.truncate(spec.size)
    script = (f"label: gpt\nstart=1MiB, size={spec.esp_size // MIB}MiB, type={image.ESP_TYPE}\n"
              f"type={image.LINUX_TYPE}\n")
    call("sfdisk", "--quiet", path, input=script.encode())


def _format(path, identity):
    esp = image.esp(path)
    start = str(esp.offset // 512)
    # mkfs.vfat's own choice of cluster size for a partition this big; it would see the whole disk.
    per_cluster = "8" if esp.size > 260 * MIB else "1"
    call("mkfs.vfat", "-F", "32", "-s", per_cluster, "-i", identity.esp.replace("-", ""),
         "-h", start, "--offset", start, path, str(esp.size // 1024))
    with image.loop(path, image.root(path)) as device:
        call("mkfs.btrfs", "--quiet", "--nodiscard", "--uuid", identity.btrfs, device)


def _fill(spec, path, archived, identity):
    with image.mounted(path) as top, tempfile.TemporaryDirectory() as boot:
        call("btrfs", "subvolume", "create", top / "@rootfs")
        call("tar", "-C", top / "@rootfs", "--numeric-owner", "--xattrs", "--xattrs-include=*",
             "--xattrs-exclude=btrfs.*", "-xf", archived)
        guest.configure(top / "@rootfs", spec, identity)
        # as `/` will be: a mount of its own
        call("mount", "--bind", top / "@rootfs", top / "@rootfs")
        with stage.staged(top / "@rootfs") as inside:
            if spec.debs:
                say("installing " + ", ".join(deb.name for deb in spec.debs))
                inside.install(spec)
            if spec.loader == "systemd-boot":
                _install_loader(inside)
            elif spec.loader == "grub":
                grub.install(inside, call("findmnt", "-nvo", "SOURCE", top).decode().strip(),
                             identity)
            _take(top / "@rootfs/boot/efi", pathlib.Path(boot))
        image.esp_add_tree(path, boot)


def _install_loader(inside):
    """Let Debian's own tools lay out the ESP, in the directory that will be its mount point."""
    inside.call("bootctl", "install", "--no-variables")
    (inside.root / "boot/efi/loader/loader.conf").write_text(LOADER_CONF, encoding="ascii")
    for modules in sorted((inside.root / "usr/lib/modules").iterdir()):
        release = modules.name
        inside.call("kernel-install", "add", release, f"/boot/vmlinuz-{release}",
                    f"/boot/initrd.img-{release}", BOOT_ROOT="/boot/efi")


def _take(source, target):
    """Move what is in a directory elsewhere: the mount point itself stays empty."""
    for item in sorted(source.iterdir()):
        shutil.move(item, target / item.name)
