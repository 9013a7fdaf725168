"""The story that ./demo --live tells: the machine that one uses, while it is used.

It runs Debian as the installer leaves it, started by GRUB, and a shop's database writes an order
several times a second. It is adopted while it runs, upgraded by its timer, edited by hand, changed
by live apt, and rolled back. A file outside of the machine has each order that was acknowledged.
"""

import json
import time

from rig import Machine, MachineError, image as disk_image
from rig.command import call
from story import BOOT_TIMEOUT, DIM, PLAIN, TREE, Binary, run, say, show, wait_blessed

INSTALL = "apt-get install -qy --no-install-recommends"
KERNEL = "linux-image-cloud-amd64"
SHOP = TREE / "vm/shop"
WORK_TIMEOUT = 3600
UNIT = "/etc/systemd/system/orders.service"
ALL_ORDERS = ("python3 -c \"import sqlite3; print(*(row[0] for row in "
              "sqlite3.connect('/var/lib/orders/orders.sqlite', timeout=60)"
              ".execute('SELECT number FROM orders')))\"")
# The timer asks every ten minutes, spread over five more: here each minute, so that one can watch.
EACH_MINUTE = "[Timer]\nOnCalendar=\nOnCalendar=minutely\nRandomizedDelaySec=0\nAccuracySec=1s\n"
WINDOW_IN_SEC, WINDOW_SEC = 120, 240


class Shop:
    """The machine with its database, and what that has acknowledged."""

    def __init__(self, path):
        self.path, self.port = path, path.with_name(path.name + ".orders")
        self.machine = None

    def furnish(self):
        """Put the database's service into the root that is about to be adopted."""
        with disk_image.mounted(self.path) as top:
            root = top / "@rootfs"
            program = root / "usr/lib/orders"
            program.write_bytes((SHOP / "orders").read_bytes())
            program.chmod(0o755)
            (root / UNIT.lstrip("/")).write_bytes((SHOP / "orders.service").read_bytes())
            wanted = root / "etc/systemd/system/multi-user.target.wants/orders.service"
            wanted.symlink_to(UNIT)
            # an emulated processor takes many minutes for an initrd; ./demo shows a kernel
            call("chroot", root, "apt-mark", "hold", KERNEL)

    def switch_on(self):
        """The machine, with a port whose other end is a file."""
        self.port.write_bytes(b"")
        self.machine = Machine(self.path, memory="1536M", extra_args=(
            "-chardev", f"file,id=orders,path={self.port},append=on",
            "-device", "virtserialport,chardev=orders,name=orders"))
        return self.machine

    def acknowledged(self):
        """The number of the last order that was acknowledged."""
        lines = self.port.read_bytes().split(b"\n")[:-1]
        return int(lines[-1]) if lines else 0

    def wait_orders(self):
        """Until another order came: the database is at work."""
        before, limit = self.acknowledged(), time.monotonic() + BOOT_TIMEOUT
        while self.acknowledged() == before:
            if time.monotonic() > limit:
                raise MachineError("the database has stopped to take orders\n"
                                   + self.machine.run("systemctl status orders").out)
            time.sleep(1)

    def count_orders(self):
        """Each that was acknowledged is there, once."""
        self.wait_orders()
        acknowledged = self.acknowledged()
        numbers = [int(word) for word in self.machine.ok(ALL_ORDERS).split()]
        missing = set(range(1, acknowledged + 1)) - set(numbers)
        if missing:
            raise MachineError(f"orders are lost: {sorted(missing)}")
        print(f"orders: {acknowledged} acknowledged, {len(numbers)} in the database, none lost",
              flush=True)


def reboot(shop, generation=None):
    """Into what is pending; with a generation, until it is blessed."""
    shop.machine.power.shell.request("systemctl reboot", 60)
    shop.machine.wait_boot(BOOT_TIMEOUT)
    if generation is not None:
        wait_blessed(shop.machine, generation)
    shop.machine.ok("systemctl is-system-running --wait || true", BOOT_TIMEOUT)
    shop.count_orders()


def install(shop, moult):
    """A disk as the installer leaves it."""
    say("A disk as Debian 12's installer lays it out, started by GRUB; a shop's database is on it")
    run(TREE / "vm/build", "--no-security", "--loader", "grub", "--include",
        "python3,systemd-boot-efi", "--deb", moult.deb, shop.path)
    shop.furnish()


def adopt(shop):
    """Nobody stops working."""
    say("The machine runs, orders come in")
    shop.machine.wait_shell(BOOT_TIMEOUT)
    shop.wait_orders()
    show(shop.machine, "findmnt -no SOURCE,OPTIONS /; efibootmgr | grep -v '^Timeout'")
    say("moult adopts it while it runs, and puts systemd-boot beside GRUB, which stays")
    show(shop.machine, "moult init --loader systemd-boot 2>&1", WORK_TIMEOUT)
    shop.wait_orders()
    say("Reboot: generation 1 is what ran before, with its data on subvolumes of their own")
    reboot(shop, 1)
    show(shop.machine, "findmnt -rno TARGET,OPTIONS -t btrfs | sed 's/ .*subvol=/ /'; moult status")


def upgrade_by_timer(shop):
    """In its window; nobody asks for it."""
    machine = shop.machine
    now = int(machine.ok("date +%s"))
    times = "-".join(machine.ok(f"date -d @{now + later} +%H:%M").strip()
                     for later in (WINDOW_IN_SEC, WINDOW_IN_SEC + WINDOW_SEC))
    say(f"Upgrades are the timer's work, and it is allowed to work at {times}")
    machine.put(f"upgrade:\n  window: {times}\n".encode(), "/etc/moult/moult.d/window.yaml")
    machine.put(EACH_MINUTE.encode(), "/run/each-minute")
    machine.ok("mkdir -p /etc/systemd/system/moult-upgrade.timer.d && mv /run/each-minute "
               "/etc/systemd/system/moult-upgrade.timer.d/each-minute.conf && "
               "systemctl daemon-reload && systemctl restart moult-upgrade.timer")
    machine.ok("systemctl start moult-upgrade.service", WORK_TIMEOUT)
    show(machine, "cat /etc/moult/moult.d/window.yaml; date +%H:%M; moult status")
    wait_staged(machine, 2)
    say("The timer has made generation 2, with the security updates. Nothing that runs is touched")
    show(machine, "journalctl -u moult-upgrade.service _COMM=moult -o cat --no-pager", last=12)
    show(machine, "moult diff 1 2 --packages", last=12)
    shop.wait_orders()


def wait_staged(machine, generation):
    """Until it is what boots next."""
    limit = time.monotonic() + WORK_TIMEOUT
    while time.monotonic() < limit:
        document = json.loads(machine.ok("moult --json status", 120))
        if (document["next"] or {}).get("id") == generation:
            return
        works = machine.run("systemctl is-active moult-upgrade.service", 120).out.strip()
        doing = "waits for its window" if works == "inactive" else "makes a generation"
        print(f"{DIM}  ... {doing}{PLAIN}", flush=True)
        time.sleep(20)
    raise MachineError(f"generation {generation} was not made in {WORK_TIMEOUT} s\n" + machine.run(
        "moult status; journalctl -b -u moult-upgrade.service --no-pager | tail -40").out)


def edit(shop):
    """An owner does not wait for a machine."""
    say("Its owner edits files of the running system, after the copy was made")
    show(shop.machine, "echo 'We close at five today' >/etc/motd; "
                       "echo '192.0.2.7 till' >>/etc/hosts; sync; moult status")
    say("Reboot into the upgrade: the edits are carried into it")
    reboot(shop, 2)
    show(shop.machine, "cat /etc/motd; tail -n 1 /etc/hosts; moult list")


def change_live(shop):
    """apt on the running system overtakes what is pending."""
    machine = shop.machine
    say("Another package is prepared in a copy; then somebody installs one on the running system")
    show(machine, f"moult run -- {INSTALL} hello 2>&1", WORK_TIMEOUT, last=5)
    show(machine, f"(apt-get update && {INSTALL} sl) 2>&1", WORK_TIMEOUT, last=3)
    if "is stale" not in show(machine, "moult status"):
        raise MachineError("generation 3 lacks a package, and would be booted")
    say("The copy lacks that package: it is stale, and not booted. It is made again")
    show(machine, f"moult run --replace -- {INSTALL} hello 2>&1", WORK_TIMEOUT, last=5)
    reboot(shop, 4)
    show(machine, "dpkg-query -W hello sl && moult list")


def go_back(shop):
    """The system goes back, the orders do not."""
    say("Back to generation 2. The system goes back; the orders are data, and stay")
    show(shop.machine, "moult rollback 2")
    reboot(shop)
    show(shop.machine, "moult list; ! dpkg-query -W hello sl 2>&1")


def tell(image):
    """All of it."""
    disk_image.private_mounts()
    moult, shop = Binary(TREE / "build-demo"), Shop(image)
    install(shop, moult)
    with shop.switch_on() as machine:
        adopt(shop)
        upgrade_by_timer(shop)
        edit(shop)
        change_live(shop)
        go_back(shop)
        machine.poweroff()
    say("The disk as it is now")
    moult.offline(image, "list")
    return moult
