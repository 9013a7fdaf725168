"""Run inside the machine of living.py: times verbs of moult and of snapper, turn by turn."""

import fcntl
import json
import os
import struct
import subprocess
import sys
import tempfile
import time

SNAPPER = ("snapper", "--no-dbus", "-c", "root")
GET_SUBVOL_INFO, SUBVOL_INFO_BYTES = 0x81F8943C, 504
OTIME_AT = 392  # of struct btrfs_ioctl_get_subvol_info_args
TICK = 0.004  # the kernel stamps subvolumes with a clock that goes by ticks


def timed(*words):
    """Seconds that a program takes."""
    start = time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def made_at(path):
    """When the kernel made a snapshot, in seconds since 1970."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        answer = fcntl.ioctl(folder, GET_SUBVOL_INFO, bytes(SUBVOL_INFO_BYTES))
    finally:
        os.close(folder)
    seconds, nanoseconds = struct.unpack_from("=QI", answer, OTIME_AT)
    return seconds + nanoseconds / 1e9


def checkpoint(top):
    """Seconds from its start until its snapshot was there."""
    start = time.time()
    done = subprocess.run(["moult", "--json", "checkpoint"], check=True, stdout=subprocess.PIPE)
    made = json.loads(done.stdout)["generation"]
    return made_at(f"{top}/@gens/{made}/root") + TICK - start


def main():
    """So many turns; the figures as one document."""
    names = ("list", "moult list", "status", "create", "checkpoint until its snapshot exists")
    found = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as top:
        device = subprocess.run(["findmnt", "-nvo", "SOURCE", "/"], check=True, text=True,
                                stdout=subprocess.PIPE).stdout.strip()
        subprocess.run(["mount", "-o", "subvolid=5", device, top], check=True)
        try:
            for _ in range(int(sys.argv[1])):
                turn = (timed(*SNAPPER, "list"), timed("moult", "list"), timed("moult", "status"),
                        timed(*SNAPPER, "create"), checkpoint(top))
                for name, seconds in zip(names, turn):
                    found[name].append(seconds)
        finally:
            subprocess.run(["umount", top], check=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
