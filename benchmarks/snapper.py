"""snapper beside moult: the machine's own program, told of one subvolume of a disk image."""

import contextlib
import pathlib
import subprocess
import tempfile

CONFIG = "bench"
COMMAND = ("snapper", "--no-dbus", "-c", CONFIG)
SETTINGS = """SUBVOLUME="{top}"
FSTYPE="btrfs"
QGROUP=""
"""


def _call(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def knows(top):
    """Its settings, in front of the machine's own in this mount namespace; room for snapshots."""
    with tempfile.TemporaryDirectory() as settings:
        configs = pathlib.Path(settings) / "configs"
        configs.mkdir()
        (configs / CONFIG).write_text(SETTINGS.format(top=top), encoding="ascii")
        _call("btrfs", "-q", "subvolume", "create", top / ".snapshots")
        _call("mount", "--bind", settings, "/etc/snapper")
        try:
            yield
        finally:
            _call("umount", "/etc/snapper")
