#!/usr/bin/python3
"""No global name of src/ is defined twice.

The libraries of the layers are linked into one program: of two functions with one name the linker
would take whichever library comes first. LIBRARIES has their paths, separated by colons.
"""

import collections
import os
import subprocess
import unittest

LIBRARIES = os.environ.get("LIBRARIES", "").split(":")


def global_names(library):
    """[(name, object file)] of what an archive defines for others."""
    said = subprocess.run(["nm", "--defined-only", "--extern-only", "--print-file-name", library],
                          check=True, text=True, stdout=subprocess.PIPE).stdout
    for line in said.splitlines():
        place, _, rest = line.rpartition(": ") if ": " in line else line.rpartition(":")
        words = rest.split()
        # weak ones are the sanitizers'
        if len(words) == 3 and words[1] in "TDBRGSC":
            yield words[2], place


class Symbols(unittest.TestCase):
    """One case for all libraries."""

    def test_no_global_name_is_defined_twice(self):
        places = collections.defaultdict(list)
        for library in LIBRARIES:
            for name, place in global_names(library):
                places[name].append(place)
        self.assertGreater(len(places), 200)
        self.assertEqual({name: where for name, where in places.items() if len(where) > 1}, {})


if __name__ == "__main__":
    unittest.main(verbosity=2)
