#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a QEMU that boots a guest shows to `deadwatch attach --order` is what it shows to the shim.

usage: test-attach-needs.py DEADWATCH NEEDS MAKE_GUEST AWAIT_LIBRARY

NEEDS prints the needs of a recording. Two boots differ: how long the guest takes, who wakes whom.
So there are two under the shim; what both show, attach has to: if not in the first boot, in one of
some more, as long as every boot under the shim shows it too. What it shows else has to have a
reason, or to be seen in one of some more boots under the shim.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from guest import TIMEOUT, boot, boot_attached, skip_without_qemu

DEADWATCH, NEEDS, MAKE_GUEST, AWAIT = (os.path.abspath(a) for a in sys.argv[1:5])
del sys.argv[1:5]

LEAST = 40  # needs: with fewer, nothing was compared

BOOTS_MORE = 3

# Locks that are words are seen only by those who have to wait for them, which is chance.
BY_CHANCE = re.compile(r" -> the word ")

# Needs that attach may be alone with.
REASONS = (
    ("the C library makes the call on its own way, which the shim cannot see",
     re.compile(r" -> the call ")),
    ("who gives something has taken more in an activity that lasts longer",
     re.compile(r" given -> ")),
    ("GLib locks its slices when a thread has used up its own",
     re.compile(r" -> g_slice_")),
)


def needs_of(recording):
    done = subprocess.run([NEEDS, recording], capture_output=True, text=True, check=True,
                          timeout=TIMEOUT)
    return set(done.stdout.splitlines())


def has_reason(need):
    return BY_CHANCE.search(need) or any(pattern.search(need) for _, pattern in REASONS)


class Needs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="deadwatch-needs-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.guest = os.path.join(self.folder, "guest")
        subprocess.run([MAKE_GUEST, self.guest], check=True)

    def by_shim(self, name):
        recording = os.path.join(self.folder, name)
        done = boot(self.guest, (DEADWATCH, "run", "-o", recording, "--"))
        self.assertIn("guest: up, 2 CPUs", done.stdout, done.stderr)
        return needs_of(recording)

    def by_attach(self, name):
        recording = os.path.join(self.folder, name)
        out = boot_attached(self, self.guest, (DEADWATCH, "attach", "--order", "-o", recording),
                            preload=AWAIT)
        self.assertIn("guest: up, 2 CPUs", out)
        return needs_of(recording)

    def test_what_the_shim_finds_attach_finds(self):
        first, second = self.by_shim("first"), self.by_shim("second")
        attached = self.by_attach("attached")
        always = {need for need in first & second if not BY_CHANCE.search(need)}
        self.assertGreater(len(always), LEAST)
        missing = always - attached
        alone = {need for need in attached - first - second if not has_reason(need)}
        for i in range(BOOTS_MORE):
            if missing:
                missing -= self.by_attach(f"attached-{i}")
            if missing or alone:
                more = self.by_shim(f"more-{i}")
                missing &= more
                alone -= more
        self.assertEqual(sorted(missing), [], "found by the shim in each boot, by attach in none")
        self.assertEqual(sorted(alone), [], "found by attach, by the shim in no boot")


if __name__ == "__main__":
    skip_without_qemu()
    unittest.main(verbosity=2)
