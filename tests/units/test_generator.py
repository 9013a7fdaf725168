"""The generator, for a table of kernel command lines; no container needed."""

import pathlib
import subprocess
import tempfile
import unittest

import container

TRIAL = "root=UUID=1234 rootflags=subvol=@gens/7/root moult.gen=7 moult.serial=12 moult.trial=1"
LINKS = {
    "sysinit.target.wants/moult-deadline.timer",
    "sysinit.target.requires/moult-first-boot.service",
    "boot-complete.target.requires/moult-health.service",
    "basic.target.wants/moult-bless.service",
}
EARLY = {
    "emergency.service", "emergency.service.d/zzzz-moult.conf",
    "rescue.service", "rescue.service.d/zzzz-moult.conf",
    "reboot.target.d/zzzz-moult.conf",
}
ARMED = [
    (TRIAL, 600),
    ("moult.trial=1", 600),
    ("moult.trial=1\n", 600),
    ("  moult.trial=1  ", 600),
    (TRIAL + " moult.deadline=90 quiet", 90),
    (TRIAL + " moult.deadline=10", 10),
    (TRIAL + " moult.deadline=86400", 86400),
    (TRIAL + " moult.deadline=90 moult.deadline=120", 120),
    (TRIAL + " moult.deadline=9", 600),
    (TRIAL + " moult.deadline=86401", 600),
    (TRIAL + " moult.deadline=99999999999999999999", 600),
    (TRIAL + " moult.deadline=-60", 600),
    (TRIAL + " moult.deadline=", 600),
    (TRIAL + " moult.deadline", 600),
    (TRIAL + " moult.deadline=60s", 600),
    (TRIAL + " moult.deadline=120 moult.deadline=soon", 120),
    ("moult.trial=0 moult.trial=1", 600),
    ('dyndbg="file a.c +p" moult.trial=1', 600),
    ('moult.trial=1 name="never closed', 600),
    ("moult.trial=1 " + "x" * 4000, 600),
    ("* ? [a-z] $(id) `id` moult.trial=1", 600),
]
IDLE = [
    "", " ", "\n", "quiet", "moult.gen=7 moult.serial=12",
    "moult.trial", "moult.trial=", "moult.trial=0", "moult.trial=10", "moult.trial=yes",
    "xmoult.trial=1", "moult.trial=1x", "rd.moult.trial=1", "moult.deadline=90",
    "moult.trial=1 moult.trial=0",
    'init="/bin/sh moult.trial=1"',
]


def files(place):
    """Everything in a directory of the generator that is not a directory, by its path there."""
    return {str(path.relative_to(place)): path for path in pathlib.Path(place).rglob("*")
            if path.is_symlink() or path.is_file()}


class Generator(unittest.TestCase):
    """Runs the installed program as systemd would."""

    def setUp(self):
        self.program = container.tree() / "usr/lib/systemd/system-generators/moult-generator"
        self.places = [self.enterContext(tempfile.TemporaryDirectory()) for _ in range(3)]

    def run_with(self, command_line, *words):
        """Run it and return what it wrote: [normal, early, late]."""
        done = subprocess.run([self.program, *(words or self.places)], check=False, text=True,
                              env={"SYSTEMD_PROC_CMDLINE": command_line},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said, self.status = done.stdout, done.returncode
        return [files(place) for place in self.places]

    def test_trials_are_armed(self):
        for command_line, seconds in ARMED:
            with self.subTest(command_line):
                normal, early, late = self.run_with(command_line)
                self.assertEqual((self.status, self.said), (0, ""))
                self.assertEqual(set(normal), LINKS | {"moult-deadline.timer.d/deadline.conf"})
                self.assertEqual((set(early), late), (EARLY, {}))
                timer = normal["moult-deadline.timer.d/deadline.conf"].read_text(encoding="utf-8")
                self.assertEqual(timer.splitlines()[-2:], ["OnBootSec=", f"OnBootSec={seconds}s"])

    def test_other_boots_are_left_alone(self):
        for command_line in IDLE:
            with self.subTest(command_line):
                self.assertEqual(self.run_with(command_line), [{}, {}, {}])
                self.assertEqual((self.status, self.said), (0, ""))

    def test_links_name_units_that_are_installed(self):
        normal, _, _ = self.run_with(TRIAL)
        for link in LINKS:
            target = normal[link].readlink()
            self.assertTrue((container.tree() / target.relative_to("/")).is_file(), target)

    def test_again_makes_the_same(self):
        first = {path: file.lstat().st_size for path, file in self.run_with(TRIAL)[1].items()}
        again = {path: file.lstat().st_size for path, file in self.run_with(TRIAL)[1].items()}
        self.assertEqual((first, self.status), (again, 0))

    def test_what_cannot_be_written_does_not_stop_the_rest(self):
        pathlib.Path(self.places[0], "basic.target.wants").write_text("", encoding="utf-8")
        normal, early, _ = self.run_with(TRIAL)
        self.assertEqual(self.status, 1)
        self.assertIn("basic.target.wants", self.said)
        self.assertLessEqual(LINKS - {"basic.target.wants/moult-bless.service"}, set(normal))
        self.assertEqual(set(early), EARLY)

    def test_one_path_is_not_enough(self):
        self.run_with(TRIAL, self.places[0])
        self.assertEqual(self.status, 1)
        self.assertEqual(len(self.said.splitlines()), 1)

    def test_reads_the_real_command_line(self):
        done = subprocess.run([self.program, *self.places], env={}, check=False)
        with open("/proc/cmdline", encoding="utf-8", errors="replace") as file:
            armed = file.read().split().count("moult.trial=1") > 0
        self.assertEqual((done.returncode, bool(files(self.places[0]))), (0, armed))


if __name__ == "__main__":
    unittest.main()
