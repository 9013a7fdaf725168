#!/usr/bin/python3
"""The owner's hooks in the stage of a real copy: the guide's sample, and what hooks may not do."""

import re
import unittest

import world
from world import TOP, tearDownModule  # noqa: F401

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
        self.failed(disk, "run", "--", "true", says=("10-no", "not on my watch"), tries="")
        self.assertIn("not on my watch", disk.moult("log", "2").ok().out)

    def test_one_that_writes_elsewhere(self):
        disk = self.with_hook("10-x", "#!/bin/sh\n# moult-hook: writes=/etc/ssl\ntouch /etc/x\n")
        self.failed(disk, "run", "--", "true", says=("10-x", "Read-only file system"), tries="")

    def test_one_that_is_not_idempotent(self):
        disk = self.with_hook("10-x", "#!/bin/sh\n# moult-hook: writes=/etc/ssl\n"
                                      "date +%N >>/etc/ssl/x\n")
        self.failed(disk, "run", "--", "true", says=("10-x", "second"), tries="")

    def test_one_that_asks_for_what_nobody_knows(self):
        disk = self.with_hook("10-x", "#!/bin/sh\n# moult-hook: capabilities=CAP_EVERYTHING\n")
        self.refused(disk, "run", "--", "true", says=("10-x", "CAP_EVERYTHING"), tries="")


if __name__ == "__main__":
    unittest.main(verbosity=2)
