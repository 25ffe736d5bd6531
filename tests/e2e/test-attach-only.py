#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What deadwatch attach --only leaves out, and what it does not.

    test-attach-only.py DEADWATCH PROGRAM STATIC

PROGRAM is of only.c, STATIC has the C library within it. Skipped where nobody may attach.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from attaching import TIMEOUT_S, skip_if_forbidden

DEADWATCH, PROGRAM, STATIC = sys.argv[1:4]
LOCK = {"name": "Big lock", "taken_in": ["own_lock"], "let_go_in": ["own_unlock"]}
OTHER = {"name": "other lock", "taken_in": ["other_lock"], "let_go_in": ["other_unlock"]}
MANY = [dict(LOCK, name="lock %d" % i) for i in range(9)]
PROFILE = {"name": "own", "locks": [LOCK, OTHER, {"name": "half", "taken_in": ["own_lock"]}, *MANY],
           "calls": [{"name": "wait_released", "releases": True}, {"name": "never_there"}]}


class Only(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.profile = os.path.join(folder.name, "own.json")
        self.record = os.path.join(folder.name, "record")
        with open(self.profile, "w", encoding="utf-8") as file:
            json.dump(PROFILE, file)

    def command(self, *only):
        words = [word for name in only for word in ("--only", name)]
        return [DEADWATCH, "attach", "--order", *words, "--profile", self.profile]

    def seen(self, *only, n_lines=1):
        """The report, and what the recording holds as text. That many lines say it is attached."""
        with subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as process:
            process.stdout.readline()
            with subprocess.Popen([*self.command(*only), "--format", "json", "-o", self.record,
                                   str(process.pid)], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True) as attached:
                self.assertIn("attached to process", attached.stderr.readline())
                self.said = [attached.stderr.readline() for _ in range(n_lines - 1)]
                process.communicate("\n\n", timeout=TIMEOUT_S)
                report = json.loads(attached.communicate(timeout=TIMEOUT_S)[0])
        told = subprocess.run([DEADWATCH, "dump", self.record], capture_output=True, text=True,
                              timeout=TIMEOUT_S, check=True).stdout
        named = dict(os.environ, DEADWATCH_OPTIONS="profile=" + self.profile)
        self.drawn = subprocess.run([DEADWATCH, "graph", "--all", self.record], env=named,
                                    capture_output=True, text=True, timeout=TIMEOUT_S,
                                    check=True).stdout
        os.unlink(self.record)
        return report, told

    def test_a_lock_alone(self):
        report, told = self.seen("big LOCK")
        self.assertEqual(report["counts"]["locks"], 1)
        self.assertGreater(report["counts"]["left_out"], 0)
        self.assertEqual(report["blind"], [])
        self.assertRegex(told, r" hold L1 @\w+; \d+ enter clock_nanosleep ")
        self.assertIn("Big lock", self.drawn)
        self.assertIn(" hold L1 retaken ", told)  # let go of by who waits for the condition

    def test_functions_with_those_that_let_go(self):
        report, told = self.seen("pthread_mutex_lock")
        self.assertEqual(report["counts"]["locks"], 2)
        self.assertGreater(report["counts"]["left_out"], 0)
        self.assertIn(" hold L1 retaken ", told)
        everything, _ = self.seen()
        self.assertEqual(everything["counts"]["locks"], 3)
        self.assertEqual(everything["counts"]["left_out"], 0)

    def test_several_locks(self):
        report, told = self.seen("big lock,other lock", "BIG LOCK")
        self.assertEqual(report["counts"]["locks"], 2)
        self.assertEqual(report["blind"], [])
        self.assertRegex(told, r" hold L1 @\w+; \d+ hold L2 @\w+; \d+ enter clock_nanosleep ")
        self.assertIn(" hold L1 retaken ", told)
        for name in ("Big lock", "other lock"):
            self.assertIn(name, self.drawn)

    def test_locks_with_functions_of_other_kinds(self):
        report, told = self.seen("big lock", "pthread_rwlock_rdlock,pthread_rwlock_wrlock")
        self.assertEqual(report["counts"]["locks"], 2)
        self.assertRegex(told, r" hold L1 @\w+; \d+ hold L2 rwlock shared ")
        self.assertRegex(told, r" hold L2 rwlock @\w+; \d+ hold L1 @")

    def test_locks_with_functions_of_their_own_kind_are_seen_once(self):
        for only, n in (("big lock,pthread_mutex_trylock", 1), ("big lock,pthread_mutex_lock", 2)):
            report, told = self.seen(only)
            self.assertEqual(report["counts"]["locks"], n, only)
            self.assertNotIn("misuse", [f["verdict"] for f in report["findings"]], only)
            self.assertIn("Big lock", self.drawn)
            self.assertIn(" hold L1 retaken ", told)
            self.assertNotRegex(told, r" hold L1 @\w+; \d+ hold L1 @", only)

    def test_a_call_that_is_nowhere_is_said(self):
        report, _ = self.seen("never_there,other lock", n_lines=2)
        self.assertEqual(report["counts"]["locks"], 1)
        self.assertRegex(self.said[0], "no file has the call 'never_there' so far")

    def test_a_call_that_lets_go_is_waited_for_under_what_remains(self):
        _, told = self.seen()
        number = re.search(r"^# (L\d+): left_out$", told, re.M).group(1)
        (line,) = (line for line in told.splitlines() if " enter wait_released " in line)
        self.assertEqual(re.findall(r" hold (L\d+) ", line), [number])

    def test_several_are_named_with_commas_or_again(self):
        for only in (("pthread_mutex_lock,pthread_rwlock_rdlock",),
                     ("pthread_mutex_lock", "pthread_rwlock_rdlock")):
            self.assertEqual(self.seen(*only)[0]["counts"]["locks"], 3)

    def test_what_cannot_be_chosen_is_said(self):
        for only, words in (("pthread_mutx_lock", ["near", "pthread_mutex_lock"]),
                            ("bgl", ["near", "BQL", "own, "]), ("", ["argument"]), ("bql,", ["comma"]),
                            ("half", ["let_go_in"]),
                            (",".join(lock["name"] for lock in MANY), ["more than 8"])):
            done = subprocess.run([*self.command(only), str(os.getpid())], capture_output=True,
                                  text=True, timeout=TIMEOUT_S, check=False)
            self.assertEqual(done.returncode, 2, only)
            for word in words:
                self.assertIn(word, done.stderr.splitlines()[0], only)

    def test_a_lock_that_is_not_there_is_said(self):
        with subprocess.Popen(["sleep", "30"]) as process:
            done = subprocess.run([*self.command("bql"), str(process.pid)], capture_output=True,
                                  text=True, timeout=TIMEOUT_S, check=False)
            process.kill()
        self.assertEqual(done.returncode, 4)
        self.assertRegex(done.stderr, r"^deadwatch: .*'BQL'.*bql_unlock.*\(looked into: .*/sleep, .*"
                         r"libc.*\).*without --only\n$")

    def test_a_function_that_is_not_there_is_said(self):
        with subprocess.Popen([STATIC], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as process:
            process.stdout.readline()
            done = subprocess.run([*self.command("pthread_mutex_lock,mtx_lock"), str(process.pid)],
                                  capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
            process.communicate("\n\n", timeout=TIMEOUT_S)
        self.assertEqual(done.returncode, 4)
        self.assertRegex(done.stderr, r"^deadwatch: .* no function 'mtx_lock' \(looked into: \S+"
                         + os.path.basename(STATIC) + r"\): .*without --only\n$")


if __name__ == "__main__":
    skip_if_forbidden(DEADWATCH)
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
