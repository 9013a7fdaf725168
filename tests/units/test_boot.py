"""Every way a trial boot can fail in user space, in a real systemd: it comes back by itself."""

import unittest

import container
from container import TRIAL

SYSTEM = "etc/systemd/system/"
QUICK_GIVE_UP = {SYSTEM + "moult-give-up@.service.d/quick.conf": "[Service]\nTimeoutStartSec=3\n"}
HANG = "[Unit]\n%s\n[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n"
EARLY_HANG = {
    SYSTEM + "hang.service": HANG % "DefaultDependencies=no\nBefore=sysinit.target",
    SYSTEM + "sysinit.target.d/hang.conf": "[Unit]\nRequires=hang.service\n"}
LATE_HANG = {
    SYSTEM + "hang.service": HANG % "Before=multi-user.target",
    SYSTEM + "multi-user.target.d/hang.conf": "[Unit]\nRequires=hang.service\n"}
NO_DISK = {"etc/fstab": "none /data tmpfs size=nonsense 0 0\n"}
OWN_SHELL = "[Service]\nExecStart=\nExecStart=/bin/sleep infinity\n"
FIRST_BOOT, RECONCILE, BLESS = "internal first-boot", "internal reconcile", "internal bless"
LATE = "internal late-edits"
# Writes to the end, as a daemon that keeps its settings in /etc.
WRITER = """[Service]
ExecStart=/bin/sleep infinity
ExecStop=/bin/sh -c 'sleep 1; echo "writer ended" >>/calls'
[Install]
WantedBy=multi-user.target
"""


class Boots(unittest.TestCase):
    """Scenarios share one unpacked root."""

    @classmethod
    def setUpClass(cls):
        cls.root = cls.enterClassContext(container.debian(container.SUITE))

    def boot(self, **how):
        """Boot, and fail with the console where the boot hangs."""
        outcome = container.boot(self.root, **how)
        self.assertNotEqual(outcome.end, "hung", outcome.console[-6000:])
        self.assertNotIn("ordering cycle", outcome.console.lower())
        return outcome

    def assert_left(self, outcome, reason):
        """The boot was left by a reboot, and this reason was the first to be recorded."""
        self.assertEqual(outcome.end, "reboot", outcome.console[-6000:])
        reasons = [call for call in outcome.calls if "give-up" in call]
        self.assertEqual(reasons[:1], [f"internal give-up {reason}"])
        self.assertNotIn(BLESS, outcome.calls)


class Healthy(Boots):
    """Boots that are as they should be."""

    def test_trial_is_blessed_and_ends(self):
        asked = ("systemctl show --property=FragmentPath emergency.service >/probe; "
                 "systemctl is-active moult-deadline.timer >>/probe; "
                 "systemctl is-system-running >>/probe")
        outcome = self.boot(probe=asked)
        self.assertEqual(outcome.end, "poweroff", outcome.console[-6000:])
        self.assertEqual(outcome.calls, [FIRST_BOOT, RECONCILE, "health", BLESS, LATE])
        fragment, timer, running = outcome.probe.splitlines()
        self.assertIn("/lib/systemd/system/emergency.service", fragment)
        self.assertEqual(timer, "inactive")
        self.assertIn(running, ("running", "starting"))

    def test_blessing_is_tried_again(self):
        script = '[ "$*" != "internal bless" ] || [ "$(grep -c bless /calls)" -gt 1 ] || exit 75'
        files = {SYSTEM + "moult-bless.service.d/quick.conf": "[Service]\nRestartSec=1s\n"}
        outcome = self.boot(script=script, files=files,
                            probe="until [ -e /run/moult/blessed ]; do sleep 1; done")
        self.assertEqual(outcome.calls.count(BLESS), 2)
        self.assertEqual(outcome.end, "poweroff")

    def test_other_boots_are_only_reconciled(self):
        outcome = self.boot(command_line="moult.gen=7 moult.serial=12")
        self.assertEqual((outcome.end, outcome.calls), ("poweroff", [RECONCILE, LATE]))

    def test_late_edits_are_carried_when_all_services_have_ended(self):
        script = ('case "$*" in *late-edits*) '
                  'mountpoint -q /var/lib/moult && echo mounted >>/calls; '
                  'touch /etc/written && echo writable >>/calls ;; esac')
        outcome = self.boot(command_line="moult.gen=7", script=script, files={
            SYSTEM + "writer.service": WRITER,
            SYSTEM + "multi-user.target.d/writer.conf": "[Unit]\nWants=writer.service\n",
            "etc/fstab": "none /var/lib/moult tmpfs defaults 0 0\n"})
        self.assertEqual((outcome.end, outcome.calls), ("poweroff", [
            RECONCILE, "writer ended", LATE, "mounted", "writable"]))

    def test_late_edits_that_hang_do_not_keep_the_machine_up(self):
        script = 'case "$*" in *late-edits*) sleep infinity ;; esac'
        outcome = self.boot(command_line="moult.gen=7", script=script)
        self.assertEqual((outcome.end, outcome.calls), ("poweroff", [RECONCILE, LATE]))

    def test_nothing_waits_for_reconcile(self):
        unit = "[Unit]\nAfter=multi-user.target\nDefaultDependencies=no\n[Service]\nType=oneshot\n"
        outcome = self.boot(command_line="moult.gen=7", script="sleep infinity", files={
            SYSTEM + "probe.service": unit + "ExecStart=/bin/systemctl --no-block poweroff\n"})
        self.assertEqual((outcome.end, outcome.calls), ("poweroff", [RECONCILE, LATE]))

    def test_nothing_runs_where_moult_was_not_set_up(self):
        outcome = self.boot(command_line="quiet")
        self.assertEqual((outcome.end, outcome.calls), ("poweroff", []))

    def test_other_boots_keep_their_shell(self):
        outcome = self.boot(command_line="moult.gen=7", files={
            **NO_DISK, SYSTEM + "emergency.service.d/own.conf":
            "[Service]\nType=oneshot\nExecStart=\nExecStart=/bin/sh -c 'echo shell >>/calls'\n"
            "ExecStart=/bin/systemctl --force poweroff\n"})
        self.assertEqual((outcome.end, outcome.calls), ("poweroff", ["shell"]))


class Failing(Boots):
    """Trial boots that fail, each somewhere else."""

    def boot(self, **how):
        return super().boot(probe="sleep infinity", **how)

    def test_unhealthy(self):
        outcome = self.boot(script='[ "$*" != health ] || exit 1')
        self.assert_left(outcome, "health")

    def test_data_not_prepared(self):
        outcome = self.boot(script='[ "$*" != "internal first-boot" ] || exit 1')
        self.assert_left(outcome, "first-boot")
        self.assertNotIn("Started ssh.service", outcome.console)
        self.assertNotIn(RECONCILE, outcome.calls)

    def test_data_file_system_missing(self):
        outcome = self.boot(files=NO_DISK)
        self.assert_left(outcome, "emergency")
        self.assertNotIn(FIRST_BOOT, outcome.calls)

    def test_emergency_masked_by_the_owner(self):
        top = SYSTEM + "emergency.service"
        outcome = self.boot(files={**NO_DISK, top: "", top + ".d/own.conf": OWN_SHELL,
                                   top + ".d/99-own.conf": OWN_SHELL})
        self.assert_left(outcome, "emergency")

    def test_rescue(self):
        self.assert_left(self.boot(command_line=TRIAL + " systemd.unit=rescue.target"), "rescue")

    def test_hang_before_any_service(self):
        outcome = self.boot(command_line=TRIAL + " moult.deadline=10", files=EARLY_HANG)
        self.assert_left(outcome, "deadline")

    def test_hang_of_a_service(self):
        outcome = self.boot(command_line=TRIAL + " moult.deadline=20", files=LATE_HANG)
        self.assert_left(outcome, "deadline")

    def test_health_hangs(self):
        outcome = self.boot(command_line=TRIAL + " moult.deadline=20",
                            script='[ "$*" != health ] || sleep infinity')
        self.assert_left(outcome, "deadline")

    def test_blessing_impossible(self):
        outcome = self.boot(command_line=TRIAL + " moult.deadline=20",
                            script='[ "$*" != "internal bless" ] || exit 1')
        self.assertEqual(outcome.end, "reboot")
        self.assertIn("internal give-up deadline", outcome.calls)

    def test_giving_up_hangs(self):
        script = 'case "$*" in health) exit 1 ;; *give-up*) sleep infinity ;; esac'
        outcome = self.boot(files=QUICK_GIVE_UP, script=script)
        self.assert_left(outcome, "health")

    def test_giving_up_does_nothing(self):
        script = 'case "$*" in health) exit 1 ;; *give-up*) exit 0 ;; esac'
        self.assert_left(self.boot(script=script), "health")

    def test_moult_is_gone(self):
        outcome = self.boot(files={"usr/bin/moult": None})
        self.assertEqual((outcome.end, outcome.calls), ("reboot", []))

    def test_moult_is_gone_in_an_emergency(self):
        outcome = self.boot(files={"usr/bin/moult": None, **NO_DISK})
        self.assertEqual((outcome.end, outcome.calls), ("reboot", []))
        self.assertIn("emergency", outcome.console)


if __name__ == "__main__":
    unittest.main()
