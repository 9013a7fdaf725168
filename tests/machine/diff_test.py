#!/usr/bin/python3
"""moult diff against looking at every file of both trees, after edits at random.

MOULT names the program.  The disk is a file with a Btrfs on it, mounted for us alone.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "vm"), str(TOP / "tests")]

import schemas  # noqa: E402
from rig import image  # noqa: E402

MOULT = os.environ.get("MOULT", "moult")
STATUS = "usr/lib/sysimage/dpkg/status"
SEEDS = range(int(os.environ.get("MOULT_SEED", 1)), int(os.environ.get("MOULT_SEED", 1)) + 12)
ACL = "system.posix_acl_access"
# version 2; user::rwx, user:7:r-x, group::r-x, mask::r-x, other::r-x
ACL_VALUE = bytes.fromhex("02000000" "0100070000000000" "0200050007000000" "0400050000000000"
                          "1000050000000000" "2000050000000000")


def call(*words):
    """Run a program that must not fail."""
    return subprocess.run([os.fspath(word) for word in words], check=True,
                          stdout=subprocess.PIPE).stdout


class Pool:
    """A Btrfs with generations that nobody booted."""

    def __init__(self, top):
        self.top = top
        (top / "@gens").mkdir()
        self.last = 0
        self.call("create", "@var")
        self.write("@gens/layout.json", {"format_version": 1, "min_reader": 1, "last_id": 9,
                                         "last_serial": 9})

    def call(self, verb, *paths):
        """btrfs subvolume."""
        call("btrfs", "-q", "subvolume", verb, *(self.top / path for path in paths))

    def write(self, path, document):
        """A document."""
        (self.top / path).write_text(json.dumps(document), encoding="utf-8")

    def begin(self, number, parent=None):
        """Its root: a copy of the parent's, or an empty one."""
        (self.top / f"@gens/{number}").mkdir()
        if parent is None:
            self.call("create", f"@gens/{number}/root")
            self.put(f"@gens/{number}/root/{STATUS}", "")
        else:
            self.call("snapshot", f"@gens/{parent}/root", f"@gens/{number}/root")
        return self.top / f"@gens/{number}/root"

    def finish(self, number, parent=None, state="good", name=None):
        """Built: its base, and its documents. Without its parent's number a stream is needed."""
        folder = f"@gens/{number}"
        call("btrfs", "-q", "subvolume", "snapshot", "-r", self.top / folder / "root",
             self.top / folder / "base")
        self.write(f"{folder}/generation.json",
                   {"format_version": 1, "min_reader": 1, "id": number, "source": "packages",
                    **({} if parent is None else {"parent": parent})})
        self.write(f"{folder}/state.json",
                   {"format_version": 1, "min_reader": 1, "state": state, "name": name,
                    "publications": [{"serial": number, "kind": "current"}]})
        call("btrfs", "subvolume", "set-default", self.top / folder / "root")

    def put(self, path, text):
        """A file, and the directories that lead there."""
        place = self.top / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode() if isinstance(text, str) else text)

    def moult(self, *words, status=0):
        """Run it; (standard output, standard error)."""
        done = subprocess.run([MOULT, "--sysroot", self.top, *map(str, words)], check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=240)
        if done.returncode != status:
            raise AssertionError(f"exit status {done.returncode}\n{done.stdout.decode()}"
                                 f"{done.stderr.decode()}")
        return done.stdout.decode(), done.stderr.decode()

    def diff(self, *words):
        """The document."""
        return schemas.check(("diff",), json.loads(self.moult("diff", "--json", *words)[0]))


@contextlib.contextmanager
def pool():
    """A new one."""
    image.private_mounts()
    with tempfile.TemporaryDirectory(prefix="moult-diff-") as scratch:
        disk, top = pathlib.Path(scratch) / "disk.img", pathlib.Path(scratch) / "top"
        top.mkdir()
        with open(disk, "wb") as file:
            file.truncate(512 << 20)
        call("mkfs.btrfs", "-q", disk)
        call("mount", "-o", "loop,subvolid=5", disk, top)
        try:
            yield Pool(top)
        finally:
            call("umount", top)


# What there is, by looking


def _xattrs(path):
    return {name: os.getxattr(path, name, follow_symlinks=False)
            for name in os.listxattr(path, follow_symlinks=False)}


def _content(path, mode, st):
    if stat.S_ISREG(mode):
        return path.read_bytes()
    if stat.S_ISLNK(mode):
        return os.readlink(path)
    return st.st_rdev if stat.S_ISCHR(mode) else None


def look(top):
    """{path: what one would notice a change of}"""
    found = {}
    for folder, names, files in os.walk(os.fsencode(top)):
        for name in [b"."] + names + files if folder == os.fsencode(top) else names + files:
            path = pathlib.Path(os.fsdecode(os.path.join(folder, name)))
            st = path.lstat()
            where = "/" + os.fspath(path.relative_to(top)).removeprefix(".")
            found[where] = {
                "type": stat.S_IFMT(st.st_mode), "mode": stat.S_IMODE(st.st_mode),
                "user": st.st_uid, "group": st.st_gid, "xattrs": _xattrs(path),
                "content": _content(path, st.st_mode, st)}
    return found


def _without(xattrs):
    return {name: value for name, value in xattrs.items() if name != ACL}


def marks(old, new):
    """As moult shows them; None where there is no difference."""
    if old is None or new is None:
        return ("+" if old is None else "-") + "....."
    if old["type"] != new["type"]:
        return "t....."
    flags = ["c" if old["content"] != new["content"] else "."]
    flags += [mark if old[key] != new[key] else "." for key, mark in
              (("mode", "p"), ("user", "u"), ("group", "g"))]
    flags.append("x" if _without(old["xattrs"]) != _without(new["xattrs"]) else ".")
    flags.append("a" if old["xattrs"].get(ACL) != new["xattrs"].get(ACL) else ".")
    return None if set(flags) == {"."} else "".join(flags)


def expected(old, new):
    """{path: marks} of two trees."""
    a, b = look(old), look(new)
    found = {path: marks(a.get(path), b.get(path)) for path in a.keys() | b.keys()}
    return {path: seen for path, seen in found.items() if seen}


def told(document):
    """The same from moult's document."""
    return {item["path"]: item["marks"] for item in document["config"] + document["files"]}


# Edits at random


class Editor:
    """Somebody who does anything to a tree, the same for the same seed."""

    def __init__(self, seed, top):
        self.random, self.top = random.Random(seed), top
        self.number = 0

    def all(self, kind):
        """Paths of one kind, in the order of their names."""
        found = []
        for folder, names, files in os.walk(self.top):
            for name in names + files:
                path = pathlib.Path(folder) / name
                mode = path.lstat().st_mode
                if kind(mode) and STATUS not in os.fspath(path):
                    found.append(path)
        return sorted(found)

    def pick(self, kind):
        """One of them."""
        return self.random.choice(self.all(kind) or [self.top / "none"])

    def place(self):
        """A name that is new, in a directory that is there."""
        self.number += 1
        return self.random.choice([self.top, *self.all(stat.S_ISDIR)]) / \
            f"n{self.number}-{self.random.randrange(1000)}"

    def create(self):
        self.place().write_bytes(self.random.randbytes(self.random.randrange(9000)))

    def rewrite(self):
        path = self.pick(stat.S_ISREG)
        path.write_bytes(self.random.randbytes(self.random.randrange(9000)))

    def same_bytes(self):
        path = self.pick(stat.S_ISREG)
        path.write_bytes(path.read_bytes())

    def same_length(self):
        path = self.pick(stat.S_ISREG)
        st = path.stat()
        path.write_bytes(self.random.randbytes(st.st_size))
        os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))

    def append(self):
        with open(self.pick(stat.S_ISREG), "ab") as file:
            file.write(b"more")

    def truncate(self):
        os.truncate(self.pick(stat.S_ISREG), self.random.randrange(5000))

    def replace(self):
        path, new = self.pick(stat.S_ISREG), self.place()
        shutil.copy(path, new)
        if self.random.random() < .5:
            new.write_bytes(b"other")
        os.rename(new, path)

    def mode(self):
        os.chmod(self.pick(lambda mode: not stat.S_ISLNK(mode)),
                 self.random.randrange(0o1000) | 0o700)

    def owner(self):
        os.lchown(self.pick(lambda mode: True), self.random.randrange(3), self.random.randrange(3))

    def attribute(self):
        os.setxattr(self.pick(lambda mode: stat.S_ISREG(mode) or stat.S_ISDIR(mode)), "user.k",
                    self.random.choice([b"a", b"b"]))

    def less_attribute(self):
        os.removexattr(self.pick(stat.S_ISREG), "user.k")

    def acl(self):
        os.setxattr(self.pick(stat.S_ISREG), ACL, ACL_VALUE)

    def touch(self):
        os.utime(self.pick(stat.S_ISREG))

    def unlink(self):
        self.pick(lambda mode: not stat.S_ISDIR(mode)).unlink()

    def symlink(self):
        os.symlink(self.random.choice(["a", "/etc/b", "../c"]), self.place())

    def symlink_over(self):
        path = self.pick(stat.S_ISREG)
        path.unlink()
        os.symlink("somewhere", path)

    def directory_over(self):
        path = self.pick(stat.S_ISREG)
        path.unlink()
        path.mkdir()
        (path / "inside").write_bytes(b"i")

    def file_over_directory(self):
        path = self.pick(stat.S_ISDIR)
        shutil.rmtree(path)
        path.write_bytes(b"was a directory")

    def link(self):
        os.link(self.pick(stat.S_ISREG), self.place())

    def node(self):
        os.mknod(self.place(), stat.S_IFIFO | 0o644)
        os.mknod(self.place(), stat.S_IFCHR | 0o600, os.makedev(1, self.random.randrange(9)))

    def directory(self):
        self.place().mkdir()

    def move(self):
        os.rename(self.pick(stat.S_ISREG), self.place())

    def move_over(self):
        os.rename(self.pick(stat.S_ISREG), self.pick(stat.S_ISREG))

    def move_directory(self):
        os.rename(self.pick(stat.S_ISDIR), self.place())

    def swap(self):
        a, b, aside = self.pick(stat.S_ISDIR), self.pick(stat.S_ISDIR), self.top / "aside"
        if a.parent == b.parent and a != b:
            os.rename(a, aside)
            os.rename(b, a)
            os.rename(aside, b)

    def remove_tree(self):
        shutil.rmtree(self.pick(stat.S_ISDIR))

    EDITS = (create, rewrite, same_bytes, same_length, append, truncate, replace, mode, owner,
             attribute, less_attribute, acl, touch, unlink, symlink, symlink_over, directory_over,
             file_over_directory, link, node, directory, move, move_over, move_directory, swap,
             remove_tree)

    def fill(self):
        """Something to edit."""
        for folder in ("etc/a/b", "etc/c", "usr/bin", "usr/lib/x/y", "opt"):
            (self.top / folder).mkdir(parents=True, exist_ok=True)
        for _ in range(60):
            self.create()
        for _ in range(6):
            self.symlink()
            self.link()

    def edit(self, count):
        """That many; what cannot be done any more is one less."""
        for _ in range(count):
            with contextlib.suppress(OSError, shutil.Error):
                self.random.choice(self.EDITS)(self)


class Random(unittest.TestCase):
    """What is said is what one finds by looking at everything."""

    maxDiff = None

    def check(self, made, *words, trees):
        """One diff, against looking."""
        document = made.diff("--config", "--files", *words)
        self.assertEqual(told(document), expected(*(made.top / tree for tree in trees)), words)
        self.assertNotIn("every file was looked at", " ".join(document["notes"]))

    def test_generations_after_edits_at_random_differ_as_by_looking(self):
        for seed in SEEDS:
            with self.subTest(seed=seed), pool() as made:
                first = Editor(seed, made.begin(1))
                first.fill()
                made.finish(1)
                first.edit(5)
                second = Editor(seed + 1000, made.begin(2, 1))
                second.edit(seed * 4)
                parent = 1 if seed % 2 else None
                made.finish(2, parent)
                third = Editor(seed + 2000, made.begin(3, 1))
                third.edit(10)
                made.finish(3, parent)
                roots = {number: f"@gens/{number}/root" for number in (1, 2, 3)}
                bases = {number: f"@gens/{number}/base" for number in (1, 2, 3)}
                self.check(made, 1, 2, trees=(roots[1], roots[2]))
                for editor in (first, second):
                    editor.edit(seed)
                for a, b in ((1, 2), (2, 1), (3, 2), (1, 3)):
                    self.check(made, a, b, trees=(roots[a], roots[b]))
                    self.check(made, "--base", a, b, trees=(bases[a], bases[b]))
                self.check(made, 2, 2, trees=(bases[2], roots[2]))


PACKAGE = "Package: a\nStatus: install ok installed\nVersion: {}\nArchitecture: all\n\n"


class Shown(unittest.TestCase):
    """What people see, and what is left behind."""

    maxDiff = None

    @contextlib.contextmanager
    def two(self):
        """Generations 1 and 2: a package, a setting, a program."""
        with pool() as made:
            root = made.begin(1)
            made.put(f"@gens/1/root/{STATUS}", PACKAGE.format(1))
            made.put("@gens/1/root/etc/ssh/sshd_config", "Port 22\nUsePAM yes\n")
            made.put("@gens/1/root/usr/bin/program", b"\x7fELF\0old")
            made.finish(1, name="before")
            made.begin(2, 1)
            made.put(f"@gens/2/root/{STATUS}", PACKAGE.format(2))
            made.put("@gens/2/root/etc/ssh/sshd_config", "Port 22\nUsePAM no\n")
            made.put("@gens/2/root/usr/bin/program", b"\x7fELF\0new")
            made.put("@gens/2/root/usr/bin/another", "x")
            made.finish(2, 1)
            os.chmod(root / "usr/bin/program", 0o755)
            yield made

    def test_counts_come_first_and_paths_have_the_marks_of_snapper(self):
        with self.two() as made:
            said, _ = made.moult("diff")
            self.assertEqual(said, f"""\
diff        from generation 1 (before) to generation 2
Packages: 1 upgraded, 0 new, 0 removed
  a  1  ->  2
Configuration: 1 changed
  c..... /etc/ssh/sshd_config
Files: 2 changed, 1 created
  +..... /usr/bin/another
  cp.... /usr/bin/program
  c..... /{STATUS}
note: data (/home, /var, /srv ...) is the same in all generations
""")
            said, _ = made.moult("diff", "--config")
            self.assertNotIn("Files", said)
            self.assertNotIn("Packages", said)

    def test_one_file_is_shown_line_by_line_and_a_program_is_not(self):
        with self.two() as made:
            said, _ = made.moult("diff", "--file", "/etc/ssh/sshd_config")
            self.assertIn("--- /etc/ssh/sshd_config (generation 1)\n"
                          "+++ /etc/ssh/sshd_config (generation 2)\n"
                          "@@ -1,2 +1,2 @@\n Port 22\n-UsePAM yes\n+UsePAM no\n", said)
            self.assertIn("  binary\n", made.moult("diff", "--file", "usr/bin/program")[0])
            self.assertIn("neither generation 1 nor generation 2 has",
                          made.moult("diff", "--file", "/etc/none", status=1)[1])

    def test_nothing_is_written_and_a_pool_that_is_read_only_will_do(self):
        def numbers():
            call("sync", "-f", made.top)
            return [call("btrfs", "subvolume", "show", made.top / f"@gens/{number}/{tree}")
                    for number in (1, 2) for tree in ("root", "base")]

        with self.two() as made:
            before = numbers()
            first = made.diff()
            made.diff("--base", 2, 1)
            self.assertEqual(numbers(), before)
            call("mount", "-o", "remount,ro", made.top)
            self.assertEqual(made.diff(), first)

    def test_hostile_names_are_compared_and_cannot_reach_the_terminal(self):
        names = [b"a\nb", b"\x1b[31mred", b"\xff\xfe", b" ", b"-n", b"'quoted\"", b"o257-9-0",
                 b"n" * 255]
        with self.two() as made:
            folder = os.fsencode(made.top / "@gens/2/root/etc")
            for name in names:
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(b"x")
            os.makedirs(os.path.join(folder, b"d" * 200, b"e" * 200))
            document = made.diff("--config")
            self.assertEqual(len(document["config"]), 1 + len(names) + 2)
            said, _ = made.moult("diff", "--config")
            self.assertNotIn("\x1b", said)
            self.assertIn("/etc/a\\x0ab", said)

    def test_a_path_too_long_to_name_is_refused_with_a_sentence(self):
        with self.two() as made:
            here = os.open(made.top / "@gens/2/root/etc", os.O_RDONLY)
            for _ in range(30):
                os.mkdir("l" * 200, dir_fd=here)
                deeper = os.open("l" * 200, os.O_RDONLY, dir_fd=here)
                os.close(here)
                here = deeper
            os.close(here)
            _, said = made.moult("diff", status=1)
            self.assertIn("cannot", said)
            self.assertNotIn("errno", said.lower())

    def test_many_names_of_one_file_change_together(self):
        with pool() as made:
            root = made.begin(1)
            made.put("@gens/1/root/usr/lib/file", "old")
            for number in range(700):
                os.link(root / "usr/lib/file", root / f"usr/lib/name-{number:0100}")
            made.finish(1)
            second = made.begin(2, 1)
            (second / "usr/lib/file").write_text("new", encoding="ascii")
            made.finish(2)
            self.assertEqual(len(told(made.diff("--files", "--config"))), 701)


if __name__ == "__main__":
    unittest.main()
