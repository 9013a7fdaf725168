#!/usr/bin/python3
"""The owner's hooks in the stage of a real copy: the guide's sample, and what hooks may not do."""

import re
import unittest

import world
from world import NAME, TOP, tearDownModule  # noqa: F401

HOOKS = "etc/moult/hooks.d"
SAMPLE = re.compile(r"```\n(#!/bin/sh\n# /(etc/moult/hooks\.d/\S+)\n.*?)```", re.DOTALL)


class Hooks(world.BadDay):
    """Each is in /etc/moult/hooks.d of generation 1; then a generation is made."""

    def with_hook(self, name, text):
        """A disk with a hook in its current generation."""
        disk = self.disk()
        disk.write("@gens/1/root", {f"{HOOKS}/{name}": text})
        with disk.pool() as top:
            (top / "@gens/1/root" / HOOKS / name).chmod(0o755)
        return disk

    def test_the_sample_of_the_guide(self):
        text, path = SAMPLE.search((TOP / "docs/guide/daily.md").read_text()).groups()
        disk = self.with_hook(path.rpartition("/")[2], text)
        disk.moult("run", "--", "sh", "-c", "rm /etc/ssl/certs/*").ok()
        with disk.pool(read_only=True) as top:
            self.assertTrue(list((top / "@gens/2/root/etc/ssl/certs").iterdir()))
            self.assertTrue(list((top / "@gens/1/root/etc/ssl/certs").iterdir()))
        self.assert_sound(disk)

    def test_one_that_says_no(self):
        disk = self.with_hook("10-no", "#!/bin/sh\necho not on my watch\nexit 1\n")
        self.failed(disk, "run", "--", "true", says=("10-no", "not on my watch"),
                    tries="sudo moult .*log 2")
        self.assertIn("not on my watch", disk.moult("log", "2").ok().out)

    def test_one_that_writes_elsewhere(self):
        disk = self.with_hook("10-x", "#!/bin/sh\n# moult-hook: writes=/etc/ssl\ntouch /etc/x\n")
        self.failed(disk, "run", "--", "true", says=("10-x", "Read-only file system"), tries="")

    def test_one_that_asks_what_there_is(self):
        disk = self.with_hook("10-x", "#!/bin/sh -e\ndpkg-query -W bash\nls /var/lib/dpkg/status\n"
                                      f"cat /var/lib/{NAME}/db\nls /srv/repo /root/..\n"
                                      "! touch /var/x /root/x /srv/x /usr/local/x /home/x\n")
        disk.moult("run", "--", "true").ok()
        said = disk.moult("log", "2").ok().out
        self.assertRegex(said, r"10-x: bash\\x09\d")
        self.assertEqual(said.count("Read-only file system"), 2 * 5, said)
        self.assert_sound(disk)

    def test_one_that_adds_to_data(self):
        disk = self.with_hook("10-x", f"#!/bin/sh -e\n# moult-hook: writes=/var/lib/{NAME}\n"
                                      f"cd /var/lib/{NAME}; cat db; echo 2 >made; mkdir -p sub\n"
                                      "! touch ../other\n")
        disk.moult("run", "--", "true").ok()
        with disk.pool(read_only=True) as top:
            made = top / "@gens/2/replay/@var/lib" / NAME
            self.assertEqual(sorted(path.name for path in made.iterdir()), ["made", "sub"])
            self.assertEqual((made / "made").read_text(), "2\n")
            self.assertFalse((top / "@var/lib" / NAME / "made").exists())
            self.assertFalse((top / "@gens/2/root/var/lib").exists())
        self.assert_sound(disk)

    def test_one_that_changes_data(self):
        disk = self.with_hook("10-x", f"#!/bin/sh\n# moult-hook: writes=/var/lib/{NAME}\n"
                                      f"echo 2 >/var/lib/{NAME}/db\n")
        self.failed(disk, "run", "--", "true", says=("DATA_CHANGE", f"/var/lib/{NAME}/db"),
                    tries="sudo moult .*--accept DATA_CHANGE", status=3)
        disk.moult("run", "--accept", "DATA_CHANGE", "--", "true").ok()
        self.assertEqual(disk.read(f"@var/lib/{NAME}/db"), "1\n")

    def test_one_that_writes_data_elsewhere(self):
        disk = self.with_hook("10-x", f"#!/bin/sh\n# moult-hook: writes=/var/lib/{NAME}\n"
                                      "touch /var/lib/other\n")
        self.failed(disk, "run", "--", "true", says=("10-x", "Read-only file system"), tries="")

    def test_one_that_asks_to_write_what_is_not_there(self):
        disk = self.with_hook("10-x", "#!/bin/sh\n# moult-hook: writes=/var/lib/nowhere\n")
        self.failed(disk, "run", "--", "true", says=("10-x", "/var/lib/nowhere", "does not have"),
                    tries="")

    def test_one_that_adds_to_data_each_time(self):
        disk = self.with_hook("10-x", f"#!/bin/sh\n# moult-hook: writes=/var/lib/{NAME}\n"
                                      f"date +%N >>/var/lib/{NAME}/x\n")
        self.failed(disk, "run", "--", "true", says=("10-x", "second"), tries="")

    def test_one_that_is_not_idempotent(self):
        disk = self.with_hook("10-x", "#!/bin/sh\n# moult-hook: writes=/etc/ssl\n"
                                      "date +%N >>/etc/ssl/x\n")
        self.failed(disk, "run", "--", "true", says=("10-x", "second"), tries="")

    def test_one_that_asks_for_what_nobody_knows(self):
        disk = self.with_hook("10-x", "#!/bin/sh\n# moult-hook: capabilities=CAP_EVERYTHING\n")
        self.refused(disk, "run", "--", "true", says=("10-x", "CAP_EVERYTHING"), tries="")


if __name__ == "__main__":
    unittest.main(verbosity=2)
