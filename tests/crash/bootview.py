"""What systemd-boot makes of an EFI system partition: its menu, in order, and the entry it boots.

Written from the rules of systemd-boot 252 and 257, which differ in one thing that matters here:
257's id of an entry is its file name without the counter.  Nobody is at the keyboard, and no EFI
variable names an entry: moult never sets one.  Entries that the loader finds by itself (other
loaders, Windows, a shell) sort behind and are never chosen unasked; they are not modelled.
"""

import dataclasses
import fnmatch
import functools
import re

from fatview import Unreadable

VERSIONS = (252, 257)
ARCHITECTURE = "x64"
BLANK = " \t"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of the menu."""
    file: str
    keys: dict
    initrds: tuple
    options: str
    left: int = None
    done: int = None
    stripped: str = ""

    def id(self, version):
        """What patterns are matched against."""
        return (self.stripped if version >= 257 else self.file).lower()

    @property
    def kernel(self):
        """The path of the kernel."""
        return self.keys["linux"]


def lines(data):
    """(key, value) of each line that says something, as the loader splits them."""
    text = data.partition(b"\0")[0].decode("utf-8", "replace")
    for line in re.split(r"[\n\r]", text):
        line = line.strip(BLANK)
        if not line or line[0] == "#":
            continue
        key, value = (re.split(f"[{BLANK}]+", line, maxsplit=1) + [""])[:2]
        if not value:
            continue
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        yield key, value


def counted(file):
    """(tries left, tries done, name without them) of a file name, or None."""
    found = re.fullmatch(r"(?s)(.*)\+(\d+)(?:-(\d+))?(\.conf)", file, re.IGNORECASE)
    if not found:
        return None
    return int(found[2]), int(found[3] or 0), found[1] + found[4]


def _entry(view, file, data):
    """An entry, or None where the loader drops it."""
    keys, initrds, options = {}, [], []
    for key, value in lines(data):
        if key == "initrd":
            initrds.append(value)
        elif key == "options":
            options.append(value)
        elif key == "architecture":
            if value.lower() != ARCHITECTURE:
                return None
        else:
            keys[key] = value
    if "linux" not in keys and "efi" not in keys:
        return None
    keys.setdefault("linux", keys.get("efi"))
    kernel = view.find(keys["linux"])
    if not kernel or kernel.is_folder:
        return None
    left, done, stripped = counted(file) or (None, None, file)
    return Entry(file, keys, tuple(initrds), " ".join(options), left, done, stripped)


def entries(view):
    """The entries that the loader takes, in the order of the directory."""
    found = []
    for name in view.list("/loader/entries"):
        if name.is_folder or name.text.startswith(".") or \
                not name.text.lower().endswith(".conf") or name.text.lower().startswith("auto-"):
            continue
        try:
            data = view.content(name)
        except Unreadable:
            continue
        entry = _entry(view, name.text, data)
        if entry:
            found.append(entry)
    return found


def pattern(view):
    """What loader.conf says is the default; None without one."""
    name = view.find("/loader/loader.conf")
    if not name or name.is_folder:
        return None
    try:
        data = view.content(name)
    except Unreadable:
        return None
    return dict(lines(data)).get("default")


def _order(a, b):
    return (a > b) - (a < b)


def compare_versions(a, b):
    """Segments of digits and of letters, numbers as numbers; before a segment ~ - ^ . weigh."""
    a, b = (re.sub(r"[^0-9A-Za-z~^.-]+", "\0", text) for text in (a, b))
    while True:
        a, b = a.lstrip("\0"), b.lstrip("\0")
        if "~" in (a[:1], b[:1]):
            if result := _order(a[:1] != "~", b[:1] != "~"):
                return result
            a, b = a[1:], b[1:]
        if not a or not b:
            return _order(a[:1], b[:1])
        for mark in "-^.":
            if mark in (a[:1], b[:1]):
                if result := _order(a[:1] != mark, b[:1] != mark):
                    return result
                a, b = a[1:], b[1:]
        if a[:1].isdigit() or b[:1].isdigit():
            one, two = (re.match(r"\d*", text)[0] for text in (a, b))
            result = _order(bool(one), bool(two)) or _order(int(one or 0), int(two or 0))
        else:
            one, two = (re.match(r"[A-Za-z]*", text)[0] for text in (a, b))
            result = _order(one, two)
        if result:
            return result
        a, b = a[len(one):], b[len(two):]


def compare(version, a, b):
    """Negative if a stands above b in the menu."""
    if result := _order(a.left == 0, b.left == 0):
        return result
    one, two = a.keys.get("sort-key"), b.keys.get("sort-key")
    if result := _order(one is None, two is None):
        return result
    if one is not None and two is not None:
        result = _order(one, two) or _order(a.keys.get("machine-id", ""),
                                            b.keys.get("machine-id", "")) or \
            -compare_versions(a.keys.get("version", ""), b.keys.get("version", ""))
        if result:
            return result
    if result := -compare_versions(a.id(version), b.id(version)):
        return result
    if a.left is None or b.left is None:
        return 0
    return -_order(a.left, b.left) or _order(a.done, b.done)


def menu(view, version):
    """The entries from top to bottom."""
    return sorted(entries(view), key=functools.cmp_to_key(functools.partial(compare, version)))


def default(view, version):
    """The entry that boots when nobody touches the keyboard; None if the loader waits there."""
    shown, wanted = menu(view, version), pattern(view)
    if wanted:
        for entry in shown:
            if fnmatch.fnmatchcase(entry.id(version), wanted):
                return entry
    return shown[0] if shown else None
