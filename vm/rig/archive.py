"""Where this machine gets Debian from.

The archive's address is a property of the machine, not of moult: it is taken from apt's own
configuration, proxies included, and whatever runs in a guest gets the same.
"""

import functools
import os
import pathlib
import re
import tempfile
import urllib.parse

from .cache import digest
from .command import RigError, call

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
HOST_SEEN_FROM_GUEST = "10.0.2.2"
CARRIED_OVER = ("Acquire::Check-Valid-Until", "Acquire::Check-Date",
                "Acquire::http::Proxy", "Acquire::https::Proxy")


@functools.cache
def mirror():
    """The address of the main archive; MOULT_MIRROR names one for a host that is not Debian."""
    if os.environ.get("MOULT_MIRROR"):
        return os.environ["MOULT_MIRROR"].rstrip("/")
    for uri, release in _targets():
        if "-" not in release and uri.endswith("/debian"):
            return uri
    raise RigError("apt knows no Debian archive here: set MOULT_MIRROR to the address of one")


@functools.cache
def security():
    """The address of the security archive, beside the main one if apt does not know it."""
    for uri, release in _targets():
        if release.endswith("-security"):
            return uri
    return mirror().removesuffix("/debian") + "/debian-security"


@functools.cache
def _targets():
    lines = call("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)",
                 "Created-By: Packages").decode().splitlines()
    pairs = [line.split() for line in lines]
    return [(pair[0].rstrip("/"), pair[1]) for pair in pairs if len(pair) == 2]


def sources(suite, with_security):
    """The (address, suite) pairs of a Debian release."""
    pairs = [(mirror(), suite), (mirror(), f"{suite}-updates")]
    return pairs + [(security(), f"{suite}-security")] if with_security else pairs


def source_lines(suite, with_security, for_guest=False):
    """The same as the lines of a sources.list."""
    change = seen_from_guest if for_guest else str
    return [f"deb {change(uri)} {name} main" for uri, name in sources(suite, with_security)]


def options(for_guest=False):
    """What apt is told here about proxies and clocks, as {name: value}."""
    dump = call("apt-config", "dump", '--format=%f "%v";%n', *CARRIED_OVER).decode()
    found = dict(re.findall(r'^(\S+) "(.+)";$', dump, re.MULTILINE))
    for scheme in ("http", "https"):
        proxy = os.environ.get(f"{scheme}_proxy")
        if proxy:
            found.setdefault(f"Acquire::{scheme}::Proxy", proxy)
    change = seen_from_guest if for_guest else str
    return {name: change(found[name]) for name in CARRIED_OVER if name in found}


def seen_from_guest(address):
    """An address on this host's loopback has another name inside QEMU's user network."""
    parts = urllib.parse.urlsplit(address)
    if parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        return address
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=HOST_SEEN_FROM_GUEST + port).geturl()


def state(suite, with_security):
    """A digest of the package lists as they are now in the archive; RigError without network."""
    return digest([_packages(uri, name) for uri, name in sources(suite, with_security)])


def _packages(uri, name):
    """The lines of a Release file about the packages of one suite: they change with the lists."""
    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch) / "InRelease"
        call("/usr/lib/apt/apt-helper", "download-file", f"{uri}/dists/{name}/InRelease", file)
        text = file.read_text(encoding="utf-8", errors="replace")
    lines = re.findall(r"^ [0-9a-f]{64} +\d+ main/binary-amd64/Packages\S*$", text, re.MULTILINE)
    if not lines:
        raise RigError(f"{uri}: {name} lists no packages for amd64")
    return sorted(lines)
