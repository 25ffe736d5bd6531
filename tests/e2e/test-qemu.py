#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A stock QEMU boots a Linux guest, bare and with deadwatch watching.

usage: test-qemu.py DEADWATCH INVERT_LIBRARY MAKE_GUEST REPORT_SCHEMA AWAIT_LIBRARY
                    [unittest's arguments]

It asks the distribution's qemu-system-x86_64, not one that was built for it. The names and
sources that it looks for are those of QEMU 7.2 (Debian 12) and of 9.0 and later.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from guest import TIMEOUT, boot, boot_attached, skip_without_qemu

DEADWATCH, INVERT, MAKE_GUEST, SCHEMA, AWAIT = (os.path.abspath(a) for a in sys.argv[1:6])
del sys.argv[1:6]

CLEAN, FINDINGS = range(2)
# Where QEMU takes the big lock for an access to a device: it was softmmu/ until 8.2.
PHYSMEM = ("softmmu/physmem.c", "system/physmem.c")


def report_of(recording):
    done = subprocess.run([DEADWATCH, "report", "--all", "--format=json", recording],
                          capture_output=True, text=True, timeout=TIMEOUT)
    return done.returncode, json.loads(done.stdout)


def unexcused(report):
    """What fails: neither excused nor just a hazard."""
    return [finding for finding in report["findings"]
            if not finding["excuse"] and finding["verdict"] != "hazard"]


def places(stack):
    return {(frame["function"], os.path.basename(frame["file"] or "")) for frame in stack}


class Qemu(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="deadwatch-qemu-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.guest = os.path.join(cls.folder, "guest")
        subprocess.run([MAKE_GUEST, cls.guest], check=True)
        cls.bare = boot(cls.guest)
        cls.watched = cls.boot_watched("watched")

    @classmethod
    def recording(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def boot_watched(cls, name, **more):
        return boot(cls.guest, (DEADWATCH, "run", "-o", cls.recording(name), "--"), **more)

    @classmethod
    def boot_inverted(cls):
        if not hasattr(cls, "inverted"):
            cls.inverted = cls.boot_watched("inverted",
                                            environment=dict(os.environ, LD_PRELOAD=INVERT))
        return cls.inverted

    def test_the_guest_boots_bare(self):
        self.assertEqual(self.bare.returncode, 0, self.bare.stderr)
        self.assertIn("guest: up, 2 CPUs", self.bare.stdout)

    def test_the_guest_and_its_user_notice_nothing(self):
        self.assertEqual(self.watched.returncode, 0, self.watched.stderr)
        self.assertEqual(self.watched.stdout, self.bare.stdout)

    def test_the_report_is_valid_and_about_qemu(self):
        _, report = report_of(self.recording("watched"))
        self.check_schema(report)
        self.assertEqual(report["counts"]["processes"], 1)
        self.assertGreater(report["counts"]["threads"], 3)
        self.assertGreater(report["counts"]["needs"], 10)
        self.assertEqual(report["blind"], [])

    def check_schema(self, report):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        with open(SCHEMA) as schema:
            jsonschema.validate(report, json.load(schema))

    def test_a_boot_without_a_bug_has_no_finding(self):
        status, report = report_of(self.recording("watched"))
        self.assertEqual(unexcused(report), [])
        self.assertEqual(status, 0)

    def test_an_inversion_with_the_big_lock_is_found_with_both_stacks(self):
        self.assertEqual(self.boot_inverted().stdout, self.bare.stdout)
        status, report = report_of(self.recording("inverted"))
        self.check_schema(report)
        self.assertEqual(status, FINDINGS)
        (finding,) = unexcused(report)
        self.assertEqual(finding["verdict"], "potential")
        self.assertEqual(sorted(set(finding["chain"])), ["BQL", "inverted_lock"])
        self.assertEqual(len(finding["legs"]), 2)
        self.assertEqual({leg["thread"]["name"] for leg in finding["legs"]},
                         {"inverter 1", "inverter 2"})
        taken = {leg["thread"]["name"]: leg["needs"]["stack"] for leg in finding["legs"]}
        self.assertIn(("bql_first", "invert.c"), places(taken["inverter 1"]))
        self.assertIn("ours_first", {function for function, _ in places(taken["inverter 2"])})

    def boot_attached(self, recording, *more):
        """The inversion as attach sees it."""
        return boot_attached(self, self.guest,
                             (DEADWATCH, "attach", "--order", *more, "-o", recording),
                             preload=AWAIT + ":" + INVERT)

    def test_attach_finds_the_inversion_too(self):
        if not os.path.exists(AWAIT):
            self.skipTest("deadwatch was built without attach")
        self.assertEqual(self.boot_attached(self.recording("attached")), self.bare.stdout)
        _, report = report_of(self.recording("attached"))
        self.check_schema(report)
        (finding,) = unexcused(report)
        self.assertEqual((finding["verdict"], sorted(set(finding["chain"]))),
                         ("potential", ["BQL", "inverted_lock"]))
        self.assertEqual({leg["thread"]["name"] for leg in finding["legs"]},
                         {"inverter 1", "inverter 2"})

    def test_attach_sees_the_big_lock_alone(self):
        if not os.path.exists(AWAIT):
            self.skipTest("deadwatch was built without attach")
        said = self.boot_attached(self.recording("alone"), "--only", "bql")
        self.assertEqual(said, self.bare.stdout)
        _, report = report_of(self.recording("alone"))
        self.check_schema(report)
        self.assertEqual((report["counts"]["locks"], report["blind"]), (1, []))
        self.assertGreater(report["counts"]["left_out"], 0)
        self.assertGreater(report["counts"]["needs"], 0)
        self.assertEqual(unexcused(report), [])
        self.assertEqual({finding["chain"][0] for finding in report["findings"]} - {"BQL"}, set())

    def test_the_big_lock_was_taken_where_qemu_itself_says(self):
        self.boot_inverted()
        _, report = report_of(self.recording("inverted"))
        (finding,) = unexcused(report)
        (stack,) = (leg["needs"]["stack"] for leg in finding["legs"]
                    if leg["needs"]["name"] == "BQL")
        said = [frame for frame in stack if (frame["file"] or "").endswith(PHYSMEM)]
        self.assertEqual(len(said), 1, stack)
        self.assertGreater(said[0]["line"], 0)
        self.assertIn("cpu_physical_memory_rw", {frame["function"] for frame in stack})

    def test_the_text_shows_the_inversion(self):
        text = self.boot_inverted().stderr
        for word in ("potential", "BQL", "inverted_lock", "inverter 1", "inverter 2",
                     "bql_first", "ours_first"):
            self.assertIn(word, text)

    def confirm(self, runs, **more):
        self.boot_inverted()
        _, report = report_of(self.recording("inverted"))
        (finding,) = unexcused(report)
        return boot(self.guest, (DEADWATCH, "confirm", "--runs", str(runs),
                                 self.recording("inverted"), finding["fingerprint"], "--"),
                    environment=dict(os.environ, LD_PRELOAD=INVERT, **more))

    def test_the_inversion_is_confirmed_where_it_can_happen(self):
        done = self.confirm(20, INVERT_RACE="1")
        self.assertEqual(done.returncode, FINDINGS, done.stderr)
        self.assertRegex(done.stderr, "confirmed in run .* of 20: BQL -> inverted_lock -> BQL")

    def test_the_inversion_is_not_confirmed_where_it_cannot(self):
        done = self.confirm(1)
        self.assertEqual(done.returncode, CLEAN, done.stderr)
        self.assertIn("not reached in 1 run: BQL -> inverted_lock -> BQL", done.stderr)


if __name__ == "__main__":
    skip_without_qemu()
    unittest.main(verbosity=2)
