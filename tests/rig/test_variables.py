"""The firmware's variables of a machine that is off."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "vm"))

from rig import image, qemu, variables  # noqa: E402

ESP = image.Partition(1, 1 << 20, 64 << 20, image.ESP_TYPE, "0D3C0F4E-9A5B-4E0A-8F1C-2B6F3A1D5E77")


class Variables(unittest.TestCase):
    """OVMF's own empty store, written to."""

    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.store = qemu.variables(pathlib.Path(folder) / "disk.img")

    def test_an_entry_is_put_in_front(self):
        self.assertEqual(variables.boot_order(self.store), [])
        variables.add_boot_option(self.store, "debian", ESP, r"\EFI\debian\shimx64.efi")
        variables.add_boot_option(self.store, "other", ESP, r"\EFI\other.efi")
        self.assertEqual(variables.boot_order(self.store), [1, 0])
        self.assertEqual(variables.boot_options(self.store), {0: "debian", 1: "other"})

    def test_a_file_of_something_else_is_refused(self):
        self.store.write_bytes(bytes(4096))
        with self.assertRaises(ValueError):
            variables.boot_order(self.store)


if __name__ == "__main__":
    unittest.main()
