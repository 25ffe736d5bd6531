#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What two runs show together, and none of them alone: every test's name is a claim.

usage: test-merge.py DEADWATCH SPLIT OTHER_SPLIT [unittest's arguments]

SPLIT does the half of something that it is told to; OTHER_SPLIT is another build of it.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

DEADWATCH, SPLIT, OTHER_SPLIT = (os.path.abspath(a) for a in sys.argv[1:4])
del sys.argv[1:4]

CLEAN, FINDINGS = 0, 1
TIMEOUT = 240
ENVIRONMENT = dict(os.environ, DEADWATCH_OPTIONS="monitor=0")


def run(*args):
    return subprocess.run(args, capture_output=True, stdin=subprocess.DEVNULL, text=True,
                          timeout=TIMEOUT, env=ENVIRONMENT)


class Merge(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="deadwatch-merge-")
        self.addCleanup(shutil.rmtree, self.folder)

    def record(self, what, halves, program=SPLIT, name=None):
        path = os.path.join(self.folder, name or "%s-%s" % (what, halves))
        done = run(DEADWATCH, "run", "-o", path, "--", program, what, halves)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def gate(self, *recordings, expect):
        done = run(DEADWATCH, "gate", "-f", "json", *recordings)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)["findings"]

    def expect_together(self, what, chain, expect=FINDINGS):
        """Found in both runs together, as it is in one that does both, and in none alone."""
        halves = [self.record(what, half) for half in "12"]
        for half in halves:
            self.gate(half, expect=CLEAN)
        (finding,) = self.gate(*halves, expect=expect)
        self.assertEqual(finding["standing"], "new" if expect == FINDINGS else "listed")
        self.assertEqual(finding["verdict"], "potential")
        self.assertEqual(sorted(finding["chain"][:-1]), sorted(chain))
        self.assertEqual(sorted(finding["leg_recordings"]), halves)
        self.assertEqual(finding["recordings"], 2)
        (whole,) = self.gate(self.record(what, "12"), expect=FINDINGS)
        self.assertEqual(whole["fingerprint"], finding["fingerprint"])
        self.assertNotIn("leg_recordings", whole)
        return finding

    def expect_nothing(self, what):
        self.assertEqual(
            self.gate(self.record(what, "1"), self.record(what, "2"), expect=CLEAN), [])

    def test_two_orders_of_two_runs_are_one_finding(self):
        self.expect_together("inversion", ["a", "b"])

    def test_it_says_that_they_were_seen_in_different_runs(self):
        halves = [self.record("inversion", half) for half in "12"]
        text = run(DEADWATCH, "gate", *halves).stdout
        self.assertIn("seen in different runs:", text)
        for half, thread in zip(halves, ("one", "two")):
            self.assertRegex(text, r"%s \(\d+\) in '%s'" % (thread, half))

    def test_the_order_of_the_recordings_does_not_matter(self):
        halves = [self.record("inversion", half) for half in "12"]
        one, other = (self.gate(*order, expect=FINDINGS) for order in (halves, halves[::-1]))
        self.assertEqual(one[0]["fingerprint"], other[0]["fingerprint"])

    def test_what_one_run_shows_is_not_told_again(self):
        found = self.gate(self.record("inversion", "12"), self.record("inversion", "1"),
                          self.record("inversion", "2"), expect=FINDINGS)
        self.assertEqual(len(found), 1)
        self.assertNotIn("leg_recordings", found[0])

    def test_two_threads_of_one_kind_can_meet_if_each_run_had_two(self):
        self.expect_together("pool", ["a", "b"])

    def test_a_condition_is_a_thing_like_others(self):
        self.expect_together("condition", ["a", "condition"])

    def test_what_need_not_be_one_lock_is_listed_and_no_reason_to_fail(self):
        born = "mutex of new_lock, " + self.line_of("pthread_mutex_init(lock")
        finding = self.expect_together("born", ["a", born], expect=CLEAN)
        self.assertIn("need not be the same", finding["reason"])
        # Of two in each run only one is taken, and so seen, in each.
        (finding,) = self.gate(*[self.record("instances-of-one", half) for half in "12"],
                               expect=CLEAN)
        self.assertEqual(finding["standing"], "listed")

    def line_of(self, text):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "split.c")
        with open(path, encoding="utf-8") as file:
            numbers = [n for n, line in enumerate(file, 1) if text in line]
        return "tests/e2e/split.c:%d" % numbers[0]

    def test_one_kind_of_thread_alone_meets_nobody(self):
        self.expect_nothing("pool-of-one")
        self.expect_nothing("one-thread")
        self.expect_nothing("main-thread")

    def test_a_gate_keeps_runs_apart(self):
        self.expect_nothing("gated")

    def test_a_gate_that_is_only_of_one_class_does_too(self):
        self.expect_nothing("born-gate")
        self.expect_nothing("instances-gate")

    def test_what_was_before_or_after_a_thread_does_not_meet_it(self):
        self.expect_nothing("early")
        self.expect_nothing("late")

    def test_what_was_in_a_run_without_the_thread_does_not_meet_it(self):
        self.expect_nothing("absent")

    def test_instances_of_a_class_are_not_one_lock(self):
        self.expect_nothing("instances")

    def test_locks_of_one_function_that_were_made_in_two_ways_are_not_one(self):
        self.expect_nothing("born-elsewhere")

    def test_who_tries_or_reads_does_not_wait(self):
        self.expect_nothing("try")
        self.expect_nothing("readers")

    def test_lives_of_one_address_are_not_one_lock(self):
        self.expect_nothing("reused")

    def test_what_nothing_is_known_of_is_not_one_lock(self):
        self.expect_nothing("unknown")

    def test_only_declared_waits_are_allowed_under_a_lock(self):
        recording = self.record("sleep", "1")
        order = os.path.join(self.folder, "order")
        for text, expect in (("waits b:", CLEAN), ("waits a:", FINDINGS),
                             ("waits a: something else", FINDINGS),
                             ("waits a: x, usleep in a_sleeps", CLEAN)):
            with open(order, "w", encoding="utf-8") as file:
                file.write("# deadwatch order 1\n%s\n" % text)
            found = self.gate("--order", order, recording, expect=expect)
            self.assertEqual([f["chain"] for f in found if f["verdict"] == "undeclared"],
                             [["a", "usleep in a_sleeps"]] if expect else [])

    def elsewhere(self, program):
        """As on another host: in a folder that is not there any more when its run is judged."""
        folder = tempfile.mkdtemp(dir=self.folder)
        copy = shutil.copy(program, os.path.join(folder, os.path.basename(SPLIT)))
        recording = self.record("inversion", "2", program=copy)
        shutil.rmtree(folder)
        return recording

    def test_one_build_in_two_places_is_one_program(self):
        (finding,) = self.gate(self.record("inversion", "1"), self.elsewhere(SPLIT),
                               expect=FINDINGS)
        (whole,) = self.gate(self.record("inversion", "12"), expect=FINDINGS)
        self.assertEqual(finding["fingerprint"], whole["fingerprint"])

    def test_two_builds_are_two_programs(self):
        self.gate(self.record("inversion", "1"), self.elsewhere(OTHER_SPLIT), expect=CLEAN)


if __name__ == "__main__":
    unittest.main()
