"""Keeps what is slow to make under a name that is a digest of everything it was made from.

Runs may overlap: each entry is made by one process under a lock and appears by one rename.
Whoever uses an entry holds the cache shared; old entries go only while nobody does.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import tempfile

from .command import call

KEPT_OF_A_KIND = 8
_used = set()


def folder(kind):
    """The directory for one kind of entry, created on demand."""
    base = os.environ.get("MOULT_CACHE") or "/var/cache/moult-tests"
    path = pathlib.Path(base).resolve() / kind
    path.mkdir(parents=True, exist_ok=True)
    return path


def digest(*inputs):
    """A name for a set of inputs: anything JSON can hold, bytes by their own digest."""
    def plain(value):
        return hashlib.sha256(value).hexdigest()

    return plain(json.dumps(inputs, sort_keys=True, default=plain).encode())[:24]


def digest_files(*paths):
    """The digest of the contents of some files: a recipe's own text is one of its inputs."""
    return digest(*[pathlib.Path(path).read_bytes() for path in paths])


@contextlib.contextmanager
def lock(name, shared=False):
    """Hold one named lock of the cache; waits for as long as it takes."""
    with open(folder("locks") / name, "a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def entry(kind, name, make):
    """Yield the path of an entry, calling make(path) first if there is none.

    The path is good until the block is left.  make() gets a path in the same directory that is
    renamed when it returns, so a half-made entry is never seen.
    """
    path = folder(kind) / name
    _used.add(kind)
    with lock("in-use", shared=True):
        with lock(f"{kind}-{name}"):
            if not path.exists():
                _make(path, make)
        os.utime(path)
        yield path
    _prune()


def _make(path, make):
    with tempfile.TemporaryDirectory(prefix="making-", dir=path.parent) as scratch:
        fresh = pathlib.Path(scratch) / path.name
        make(fresh)
        os.replace(fresh, path)


def _prune():
    """Drop the entries that were not used for longest, unless somebody is at work.

    Of every kind this process used: an entry made while another is being made is not the last.
    """
    with open(folder("locks") / "in-use", "a", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for kind in _used:
            files = [path for path in folder(kind).iterdir() if path.is_file()]
            files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
            for path in files[KEPT_OF_A_KIND:]:
                path.unlink()


def copy(source, target):
    """Copy a disk image without filling its holes; shares the blocks where that is possible."""
    call("cp", "--sparse=always", "--reflink=auto", source, target)
