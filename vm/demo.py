#!/usr/bin/python3
"""The stories that ./demo tells: one machine from adoption to rollback, on real input.

./demo [IMAGE]          a disk image is adopted and upgraded; it boots, and is rolled back
./demo --live [IMAGE]   a machine that runs is adopted, and does not stop working meanwhile
"""

import argparse
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import demo_live  # noqa: E402
from rig import Machine, MachineError, RigError  # noqa: E402
from story import BOOT_TIMEOUT, TREE, Binary, run, say, show, wait_blessed  # noqa: E402


def adopt_and_upgrade(moult, image):
    """Everything that needs no machine: at native speed."""
    say("A disk as Debian 12's installer lays it out, without the security updates of since")
    run(HERE / "build", "--no-security", "--deb", moult.deb, image)
    say("moult adopts it: the original stays, bootable, as generation 0")
    moult.offline(image, "init")
    say("An upgrade from the live archive, kernel included, in a private copy")
    moult.offline(image, "upgrade")
    moult.offline(image, "list")


def try_and_bless(image):
    """First boot of the upgraded copy; then one more package from inside."""
    with Machine(image) as machine:
        say("The machine boots generation 2 on trial")
        machine.wait_shell(BOOT_TIMEOUT)
        show(machine, "uname -r; cat /proc/cmdline")
        wait_blessed(machine, 2)
        say("It came up healthy: blessed, and current")
        show(machine, "moult status")
        say("One more package, again in a copy: nothing that runs is touched")
        show(machine, "moult run -- apt-get install -y --no-install-recommends hello", 1800)
        show(machine, "hello || echo 'not in the running system, as promised'")
        say("Reboot: generation 3 is tried, found healthy, and kept")
        machine.run("systemctl reboot", 60)
        machine.wait_boot(BOOT_TIMEOUT)
        show(machine, "hello")
        wait_blessed(machine, 3)
        machine.poweroff()


def go_back(image):
    """The boot menu, a temporary session, and the way back for good."""
    with Machine(image) as machine:
        say("Next morning somebody picks generation 2 in the boot menu")
        print("  chosen:", machine.menu_choose(r"generation 2\b").strip())
        machine.wait_shell(BOOT_TIMEOUT)
        machine.ok("systemctl is-system-running --wait || true", BOOT_TIMEOUT)
        show(machine, "run-parts /etc/update-motd.d | grep moult -A2; moult status")
        say("A temporary session: the next boot would return to generation 3. Stay with 2 for good")
        show(machine, "moult rollback 2")
        machine.run("systemctl reboot", 60)
        machine.wait_boot(BOOT_TIMEOUT)
        machine.ok("systemctl is-system-running --wait || true", BOOT_TIMEOUT)
        show(machine, "moult list")
        machine.poweroff()


def tell(image):
    """The first story."""
    moult = Binary(TREE / "build-demo")
    adopt_and_upgrade(moult, image)
    try_and_bless(image)
    go_back(image)
    say("The disk as it is now")
    moult.offline(image, "list")
    return moult


def main():
    """Tell the one that was asked for."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", action="store_true", help="the machine that runs")
    parser.add_argument("image", nargs="?", type=pathlib.Path, metavar="IMAGE",
                        help="where the disk is made, and stays")
    args = parser.parse_args()
    image = (args.image or pathlib.Path("demo.img")).absolute()
    if image.exists() and args.image:
        sys.exit(f"demo: {image} is there already\ntry: sudo ./demo, or the name of a new file")
    moult = demo_live.tell(image) if args.live else tell(image)
    print(f"\nThe disk image is {image}\n"
          f"try: sudo {moult.path} --sysroot {image} status --json")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    try:
        main()
    except (MachineError, RigError, subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"demo: {error}")
