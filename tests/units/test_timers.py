"""The timers of what moult does by itself, in a real systemd: where they run, and where not."""

import re
import unittest

import container

GENERATION = "moult.gen=7 moult.serial=12"
STATES = "for timer in %s; do systemctl is-active $timer; done >/probe" % " ".join(container.TIMERS)
MASKED = ("mkdir -p /run/systemd/system; ln -s /dev/null /run/systemd/system/hibernate.target; "
          "systemctl start hibernate.target >/probe 2>&1")


class Timers(unittest.TestCase):
    """Scenarios share one unpacked root."""

    @classmethod
    def setUpClass(cls):
        cls.root = cls.enterClassContext(container.debian(container.SUITE))

    def boot(self, **how):
        """Boot, and fail with the console where the boot hangs."""
        outcome = container.boot(self.root, **how)
        self.assertEqual(outcome.end, "poweroff", outcome.console[-6000:])
        return outcome

    def test_they_run_on_a_generation(self):
        started = "; systemctl start " + " ".join(
            timer.replace(".timer", ".service") for timer in container.TIMERS)
        outcome = self.boot(command_line=GENERATION, probe=STATES + started)
        self.assertEqual(outcome.probe.split(), ["active"] * 3)
        for verb in ("timed-check", "timed-cleanup", "timed-upgrade"):
            self.assertIn(f"--no-progress internal {verb}", outcome.calls)

    def test_nothing_of_them_runs_on_a_machine_that_was_not_adopted(self):
        outcome = self.boot(command_line="quiet", probe=STATES)
        self.assertEqual((outcome.probe.split(), outcome.calls), (["inactive"] * 3, []))

    def test_a_busy_moult_is_no_failed_upgrade(self):
        script = '[ "${*##* }" != timed-upgrade ] || exit 75'
        outcome = self.boot(command_line=GENERATION, script=script,
                            probe="systemctl start moult-upgrade.service && echo fine >/probe")
        self.assertEqual(outcome.probe, "fine")

    def test_health_is_asked_after_a_lost_trial_only(self):
        script = ('[ "$*" != "internal reconcile" ] || '
                  '{ mkdir -p /run/moult; >/run/moult/returned; }')
        wait = "sleep 3; systemctl start moult-returned.service"
        lost = self.boot(command_line=GENERATION, script=script, probe=wait)
        self.assertIn("internal report-health", lost.calls)
        self.assertNotIn("internal report-health",
                         self.boot(command_line=GENERATION, probe="sleep 3").calls)

    def test_a_boot_is_over_before_health_has_its_verdict(self):
        script = ('[ "$*" != "internal reconcile" ] || '
                  '{ mkdir -p /run/moult; >/run/moult/returned; }\n'
                  '[ "$*" != "internal report-health" ] || sleep 30')
        jobs = "sleep 3; systemctl list-jobs --no-legend moult-returned.service >/probe"
        outcome = self.boot(command_line=GENERATION, script=script, probe=jobs)
        self.assertIn("internal report-health", outcome.calls)
        self.assertNotIn("moult-returned", outcome.probe)

    def test_a_link_in_run_masks_hibernation_at_once(self):
        self.assertIn("masked", self.boot(command_line=GENERATION, probe=MASKED).probe)


class Calendar(unittest.TestCase):
    """What the files say, without booting."""

    def test_the_upgrade_is_asked_about_more_often_than_the_shortest_window_lasts(self):
        timer = container.tree() / "usr/lib/systemd/system/moult-upgrade.timer"
        text = timer.read_text(encoding="utf-8")
        every = int(re.search(r"OnCalendar=\*:0/(\d+)", text)[1])
        delay = int(re.search(r"RandomizedDelaySec=(\d+)min", text)[1])
        accuracy = int(re.search(r"AccuracySec=(\d+)min", text)[1])
        self.assertLess(every + delay + accuracy, 30)


if __name__ == "__main__":
    unittest.main()
