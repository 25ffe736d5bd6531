#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Confirming, right and wrong: every test's name is a claim.

usage: test-confirm.py DEADWATCH SAMPLE [unittest's arguments]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

DEADWATCH, SAMPLE = (os.path.abspath(a) for a in sys.argv[1:3])
del sys.argv[1:3]

CLEAN, FINDINGS, USAGE, BLIND, FAILED = range(5)
TIMEOUT = 240


def deadwatch(*args, **more):
    return subprocess.run([DEADWATCH, *args], capture_output=True, stdin=subprocess.DEVNULL,
                          text=True, timeout=TIMEOUT, check=False, **more)


class Confirm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="deadwatch-confirm-")
        cls.recording = os.path.join(cls.folder, "recording")
        deadwatch("run", "-o", cls.recording, "--", SAMPLE, "inversion")
        report = json.loads(deadwatch("report", "--format", "json", cls.recording).stdout)
        cls.finding = report["findings"][0]["fingerprint"]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def confirm(self, *args):
        return deadwatch("confirm", "--runs", "2", "--delay", "10", self.recording, *args)

    def refuses(self, r, *words):
        self.assertEqual(r.returncode, USAGE, r.stderr)
        for word in words:
            self.assertIn(word, r.stderr)

    def options_of(self, seed, runs):
        """What the program is told in each run."""
        script = "import os; print(os.environ['DEADWATCH_OPTIONS'])"
        r = deadwatch("confirm", "--runs", runs, "--seed", seed, self.recording, self.finding, "--",
                      sys.executable, "-c", script)
        return re.findall(r"delay=[^:\n]*", r.stdout)

    def test_orders_that_a_thread_has_one_after_the_other_are_not_reached(self):
        r = self.confirm(self.finding, "--", SAMPLE, "inversion")
        self.assertEqual(r.returncode, CLEAN, r.stderr)
        self.assertIn("not reached in 2 runs: ", r.stderr)

    def test_a_program_that_never_goes_there_makes_it_blind(self):
        r = self.confirm(self.finding, "--", SAMPLE, "order")
        self.assertEqual(r.returncode, BLIND, r.stderr)
        self.assertIn("in no run did a thread go from ", r.stderr)

    def test_a_fingerprint_may_be_cut_short_but_not_made_up(self):
        r = self.confirm(self.finding[:4], "--", SAMPLE, "inversion")
        self.assertEqual(r.returncode, CLEAN, r.stderr)
        self.refuses(self.confirm("0123456789abcdef", "--", SAMPLE), "has no finding",
                     "0123456789abcdef")
        self.refuses(self.confirm(self.finding[:2], "--", SAMPLE), "fingerprint")

    def test_a_fingerprint_may_be_written_in_capitals(self):
        r = self.confirm(self.finding.upper(), "--", SAMPLE, "inversion")
        self.assertEqual(r.returncode, CLEAN, r.stderr)

    def test_the_program_and_the_numbers_are_checked(self):
        self.refuses(deadwatch("confirm"), "a recording is missing")
        self.refuses(self.confirm(), "a finding's fingerprint is missing")
        self.refuses(self.confirm("--", SAMPLE), "a finding's fingerprint is missing")
        self.refuses(self.confirm("123", "--", SAMPLE), "'123' is too short")
        self.refuses(self.confirm("123"), "the program to run is missing")
        self.refuses(self.confirm(self.finding), "program")
        self.refuses(self.confirm(self.finding, "--"), "program")
        for option in ("--runs=0", "--runs=many", "--delay=-1", "--delay=1s", "--time-limit=",
                       "--seed=x"):
            r = deadwatch("confirm", option, self.recording, self.finding, "--", SAMPLE)
            self.refuses(r, option.partition("=")[0], option.partition("=")[2])
        r = deadwatch("confirm", "--time-limit=0", self.recording, self.finding, "--", SAMPLE)
        self.refuses(r, "--time-limit cannot be '0': it is a number from 1 to 86400")

    def test_a_program_that_is_not_there_is_said_once(self):
        r = self.confirm(self.finding, "--", "/no/such/program")
        self.assertEqual(r.returncode, 127)
        self.assertEqual(r.stderr.count("no such program"), 1)

    def test_a_recording_that_is_none_is_said(self):
        r = deadwatch("confirm", "/dev/null", self.finding, "--", SAMPLE)
        self.assertNotIn(r.returncode, (CLEAN, FINDINGS))
        self.assertIn("/dev/null", r.stderr)

    def test_a_run_that_takes_too_long_is_ended(self):
        since = time.monotonic()
        deadwatch("confirm", "--runs", "1", "--time-limit", "1", self.recording, self.finding, "--",
                  "sleep", "1000")
        self.assertLess(time.monotonic() - since, TIMEOUT / 2)

    def test_the_seed_alone_decides_how_threads_are_kept(self):
        ones = self.options_of("1", "5")
        self.assertEqual(len(ones), 5)
        self.assertEqual(ones, self.options_of("1", "5"))
        others = self.options_of("2", "5")
        # Each leg is the last one once, before anything is left to chance.
        self.assertEqual(ones[:3], others[:3])
        self.assertEqual([re.match("delay=200/(.)", one)[1] for one in ones[:3]], ["0", "1", "2"])
        self.assertNotEqual(ones, others)


if __name__ == "__main__":
    unittest.main()
