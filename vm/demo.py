#!/usr/bin/python3
"""The story that ./demo tells: one machine from adoption to rollback, on real input."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent
sys.path.insert(0, str(HERE))

from rig import Machine, MachineError, RigError  # noqa: E402

STARTED = time.monotonic()
BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")
BOOT_TIMEOUT = 900


def say(text):
    """A sentence of the story."""
    passed = int(time.monotonic() - STARTED)
    print(f"\n{BOLD}[{passed // 60}:{passed % 60:02}] {text}{PLAIN}", flush=True)


def run(*words, quiet=False):
    """A command of the host, shown as a user would type it."""
    print(f"{DIM}# {' '.join(str(word) for word in words)}{PLAIN}", flush=True)
    subprocess.run([str(word) for word in words], check=True,
                   stdout=subprocess.DEVNULL if quiet else None)


def show(machine, command, timeout=600):
    """A command inside the machine, with what it prints."""
    print(f"{DIM}machine# {command}{PLAIN}", flush=True)
    out = machine.ok(command, timeout)
    print(out.rstrip(), flush=True)
    return out


class Binary:
    """moult and its package, built from this checkout; both stay, for looking at the disk later."""

    def __init__(self, work):
        say("Building moult and its Debian package")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        run(TREE / "tools/build-deb", work, quiet=True)
        self.deb = next(work.glob("moult_*.deb"))
        root = work / "root"
        run("dpkg-deb", "-x", self.deb, root)
        self.path = root / "usr/bin/moult"

    def offline(self, image, *words):
        """moult on the disk image, as a rescue system or a fleet's build machine would run it."""
        print(f"{DIM}# moult --sysroot {image} {' '.join(words)}{PLAIN}", flush=True)
        subprocess.run([self.path, "--sysroot", image, *words], check=True)


def wait_blessed(machine, generation):
    """Watch the trial until the machine says that the generation is good."""
    limit = time.monotonic() + BOOT_TIMEOUT
    while time.monotonic() < limit:
        out = machine.run("moult list 2>/dev/null | cat", 120).out
        if re.search(rf"^\s*[*+\- ]*{generation}\b.*\bgood\b", out, re.M):
            return
        print(f"{DIM}  ... generation {generation} is on trial{PLAIN}", flush=True)
        time.sleep(5)
    raise MachineError(f"generation {generation} was not blessed in {BOOT_TIMEOUT} s\n"
                       + machine.run("moult status; systemctl --failed; journalctl -b -u 'moult*' "
                                     "--no-pager | tail -40").out)


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


def main():
    """Tell it."""
    image = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "demo.img").absolute()
    if image.exists() and len(sys.argv) > 1:
        sys.exit(f"demo: {image} is there already")
    moult = Binary(TREE / "build-demo")
    adopt_and_upgrade(moult, image)
    try_and_bless(image)
    go_back(image)
    say("The disk as it is now")
    moult.offline(image, "list")
    print(f"\nThe disk image is {image}\n"
          f"try: sudo {moult.path} --sysroot {image} status --json")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    try:
        main()
    except (MachineError, RigError, subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"demo: {error}")
