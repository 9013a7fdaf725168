"""What is recorded of systems that run, in a chroot; see inside.py.

Each table is a chain on one disk, and a Home is what its rows are done to.
"""

import json

from operations import Operation, chain, moult  # first: it says where the others are
import inside
import world
from rig import MachineError, image
from rig.command import call


class Home:
    """A disk of which one system after the other runs; a context manager."""

    def __init__(self, shown):
        self.shown, self.inside = shown, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.inside:
            self.inside.__exit__()
            self.inside = None

    def _run(self, options):
        self.__exit__()
        self.inside = inside.Inside(self.shown, options).__enter__()

    def run_original(self):
        """The system as it was installed runs from here on."""
        self._run(inside.installed(self.shown))

    def boot(self):
        """What the loader takes runs from here on."""
        self._run(inside.boot(self.shown))

    def moult(self, *words):
        """Run it in the system that runs."""
        return self.inside.moult(*words)

    def roots(self):
        """The roots that are written to by others than moult."""
        return frozenset([self.inside.root()] if self.inside else [])

    def settle(self):
        """All that was written has reached the disk."""
        call("sync", "--file-system", self.inside.top)


def _boot_and_bless(home):
    home.boot()
    home.inside.mount_data()
    home.moult("internal", "first-boot")
    home.moult("internal", "bless")


# Bytes of no meaning after an initrd make it another one, that boots like the first.
OTHER_INITRD = "for i in /boot/initrd.img-*; do head -c 8192 /dev/zero >>$i; done"


def _two_more(home):
    """Generations 2 and 3 are older than the last other good one, and have their own initrd."""
    home.moult("run", "--", "sh", "-c", OTHER_INITRD)
    _boot_and_bless(home)
    home.moult("run", "--", "true")
    _boot_and_bless(home)
    path = home.inside.top / "etc/moult/moult.d/keep.yaml"
    path.write_text("retention:\n  keep: 0\n", encoding="ascii")


def _retire(home):
    """Generations go, and so do their entries and kernels."""
    before = [image.esp_list(home.shown, folder) for folder in ("/loader/entries", "/moult")]
    home.moult("cleanup")
    home.settle()
    after = [image.esp_list(home.shown, folder) for folder in ("/loader/entries", "/moult")]
    if not all(len(then) > len(now) for then, now in zip(before, after)):
        raise MachineError(f"the cleanup took nothing from the boot volume: {after}")


GENERATIONS = (
    Operation("count, first boot, bless", _boot_and_bless),
    Operation("run, with another initrd", moult("run", "--", "sh", "-c", OTHER_INITRD)),
    Operation("count, boot, bless", _boot_and_bless),
    Operation("rollback", moult("rollback", "1")),
    Operation("rollback, forward again", moult("rollback", "2")),
    Operation("run", moult("run", "--", "true")),
    Operation("count, boot, bless again", _boot_and_bless),
    # 1 is never retired before init --finalize, nor is the last other good one
    Operation("cleanup, which retires", _retire, _two_more),
)


# What its owner does to a system that runs


def _edit(home):
    """A generation is pending, and its owner goes on."""
    home.moult("run", "--", "true")
    etc = home.inside.top / "etc"
    (etc / "hosts").write_text("127.0.0.1 here\n", encoding="ascii")
    (etc / "by-hand.d").mkdir()
    (etc / "by-hand.d/part").write_bytes(b"mine\n" * 1000)
    (etc / "motd").unlink()


def _carry(home):
    """What was edited gets into the generation that is pending."""
    said = json.loads(home.moult("--json", "internal", "late-edits"))
    if said["outcome"] != "done":
        raise MachineError(f"no late edits were carried over: {said}")


def _prepare_package(home):
    """A newer package in the archive, and a generation that is pending."""
    home.moult("run", "--", "true")
    folder = home.inside.top / "srv/repo"
    world.make_deb(folder, world.NEW)
    world.index(folder)
    home.inside.call("apt-get", "-q", "update")


def _install_live(home):
    """apt itself, whose hook tells moult."""
    home.inside.call("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "install", "-y",
                     f"{world.NAME}={world.NEW}")
    if "is stale" not in " ".join(home.moult("status").split()):
        raise MachineError("apt's hook did not take the pending generation out of the menu")


def _write_data(home):
    """The generation that is pending runs, is found good, and writes."""
    _boot_and_bless(home)
    (home.inside.top / "srv/written").write_bytes(b"by the newer one\n" * 1000)


def _boot_and_prepare(home):
    home.boot()
    home.inside.mount_data()
    _prepare_package(home)


ARGUMENT = "crash=1"

OWNERS = (
    Operation("kargs add", moult("kargs", "add", ARGUMENT), _boot_and_bless),
    Operation("kargs: count, boot, bless", _boot_and_bless),
    Operation("kargs, taken back before a boot", moult("kargs", "remove", "other=2"),
              moult("kargs", "add", "other=2")),
    Operation("checkpoint", moult("checkpoint")),
    Operation("late edits, at the shutdown", _carry, _edit),
    Operation("rollback --data", moult("rollback", "1", "--data", "srv"), _write_data),
    Operation("apt live: the pending one is stale", _install_live, _boot_and_prepare),
)


# A system that is adopted while it runs


def _part_and_bless(home):
    home.boot()
    home.moult("internal", "carve")
    home.inside.mount_data()
    home.moult("internal", "first-boot")
    home.moult("internal", "bless")


ADOPTION = (
    Operation("init", moult("init"), Home.run_original),
    Operation("init --undo before the reboot", moult("init", "--undo")),
    Operation("count, parting the data, bless", _part_and_bless, moult("init")),
    Operation("clearing away", moult("internal", "prune")),
    Operation("init --finalize", moult("init", "--finalize", "--accept", "ORIGINAL_GONE")),
)

CHAINS = {"generations": (GENERATIONS, "adopted"), "owners": (OWNERS, "adopted"),
          "adoption": (ADOPTION, "fresh")}


def at_home(name, folder, numbers=None):
    """Record one of the chains, or only these of its operations."""
    operations, kind = CHAINS[name]
    return chain(folder, [operations[number] for number in numbers or range(len(operations))],
                 Home, kind)
