"""What tests do to a disk or a generation so that it cannot come up."""

from world import Fat32, image

BYTES = 64 << 10
PROGRAM = "/etc/moult/health.d/required-no"
UNHEALTHY = "#!/bin/sh\necho 'the pump is off'\nexit 1\n"
# In `moult run`: a generation that finds itself unhealthy.
MAKE_UNHEALTHY = f"cat >{PROGRAM} <<'END' && chmod 755 {PROGRAM}\n{UNHEALTHY}END"


def digest_of(disk, kind, entry):
    """The digest of the linux or initrd that a boot entry names."""
    return disk.entry(entry)[kind].strip().removeprefix("/moult/sha256-").partition(".")[0]


def zero_middle(disk, kind, digest):
    """Overwrite 64 KiB in the middle of a published linux or initrd, file system untouched."""
    with Fat32(disk.path, image.esp(disk.path).offset) as fat:
        clusters = fat.chain(fat.find(f"/moult/sha256-{digest}.{kind}").cluster)
        middle = len(clusters) // 2
        for cluster in clusters[middle:middle + BYTES // fat.cluster_size]:
            fat.write(fat.position(cluster), bytes(fat.cluster_size))
