"""Where installers put a root: a disk as vm/ makes it, changed to what others make."""

from rig import image
from rig.command import call


def relayout(disk, layout):
    """Move the root of a disk image to this subvolume, or to the top ("")."""
    with image.mounted(disk) as top:
        root = top / "@rootfs"
        home = {"@": "@home"}.get(layout)
        fstab = (root / "etc/fstab").read_text()
        if home:
            call("btrfs", "-q", "subvolume", "create", top / home)
            fstab += f"UUID={image.btrfs_uuid(disk)} /home btrfs subvol={home} 0 0\n"
        if layout:
            root.rename(top / layout)
            root = top / layout
        else:
            call("cp", "-a", "--reflink=always", f"{root}/.", top)
            call("btrfs", "-q", "subvolume", "delete", root)
            root = top
        (root / "etc/fstab").write_text(fstab.replace("subvol=@rootfs", f"subvol=/{layout}"))
        line = root / "etc/kernel/cmdline"
        line.write_text(line.read_text().replace("subvol=@rootfs", f"subvol={layout or '/'}"))
    for name in image.esp_list(disk, "/loader/entries"):
        path = f"/loader/entries/{name}"
        text = image.esp_read(disk, path).decode()
        image.esp_write(disk, path, text.replace("subvol=@rootfs",
                                                 f"subvol={layout or '/'}").encode())
