#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fingerprints over a matrix of builds: every test's name is a claim.

usage: test-matrix.py DEADWATCH CASES INCLUDE [unittest's arguments]

Cases are built by every compiler that is here, at every level of optimisation, with and without
debug information, stripped of all but the names that are exported, and with their lines moved.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

DEADWATCH, CASES, INCLUDE = (os.path.abspath(a) for a in sys.argv[1:4])
del sys.argv[1:4]

COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
LEVELS = ("-O0", "-O1", "-O2", "-O3")
MOVED = "\n" * 41
TIMEOUT = 240
ENVIRONMENT = dict(os.environ, DEADWATCH_OPTIONS="monitor=0")


def run(*args):
    return subprocess.run(args, capture_output=True, stdin=subprocess.DEVNULL, text=True,
                          timeout=TIMEOUT, env=ENVIRONMENT)


class Matrix(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="deadwatch-matrix-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.n_builds = 0

    def build(self, case, compiler, *flags, before="", strip=False):
        self.n_builds += 1
        source = os.path.join(self.folder, "%d.c" % self.n_builds)
        program = os.path.join(self.folder, "program-%d" % self.n_builds)
        with open(os.path.join(CASES, case, "program.c"), encoding="utf-8") as file:
            text = file.read()
        with open(source, "w", encoding="utf-8") as file:
            file.write(before + text)
        done = run(compiler, "-w", "-pthread", "-I", INCLUDE, "-I", os.path.join(CASES, case),
                   "-I", CASES, *flags, "-o", program, source)
        self.assertEqual(done.returncode, 0, done.stderr)
        if strip:
            self.assertEqual(run("strip", program).returncode, 0)
        return program

    def fingerprints(self, program, mode):
        recording = program + ".recording"
        done = run(DEADWATCH, "run", "-o", recording, "--", program, mode)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(run(DEADWATCH, "gate", "-f", "json", recording).stdout)
        return {tuple(f["chain"]): f["fingerprint"] for f in report["findings"]
                if f["verdict"] == "potential"}

    def expect_stable(self, case, mode, n):
        # Without `static`, all names are exported, and so remain in what is stripped.
        exported = ("-g", "-rdynamic", "-Dstatic=", "-Dinline=")
        kinds = ((LEVELS, ("-g",), {}), (("-O0", "-O2"), ("-g0",), {}),
                 (("-O0", "-O3"), exported, {"strip": True}))
        expected = self.fingerprints(self.build(case, COMPILERS[0], "-O1", "-g"), mode)
        self.assertEqual(len(expected), n, expected)
        for compiler in COMPILERS:
            for levels, flags, more in kinds:
                for level in levels:
                    with self.subTest(compiler=compiler, level=level, flags=flags):
                        program = self.build(case, compiler, level, *flags, **more)
                        self.assertEqual(self.fingerprints(program, mode), expected)
        return expected

    def test_two_locks_keep_theirs(self):
        expected = self.expect_stable("fenceq", "benign", 1)
        moved = self.build("fenceq", COMPILERS[0], "-O1", "-g", before=MOVED)
        self.assertEqual(self.fingerprints(moved, "benign"), expected)

    def test_a_lock_and_a_condition_keep_theirs(self):
        expected = self.expect_stable("bcm2835_fb", "benign", 2)
        self.assertEqual(len(set(expected.values())), 2)

    def test_other_locks_and_other_threads_have_others(self):
        expected = set(self.fingerprints(self.build("bcm2835_fb", COMPILERS[0], "-O1", "-g"),
                                         "benign").values())
        for other in ("-Dnew_lock=old_lock", "-Dmttcg_cpu_thread_fn=another_thread_fn"):
            program = self.build("bcm2835_fb", COMPILERS[0], "-O1", "-g", other)
            found = set(self.fingerprints(program, "benign").values())
            self.assertEqual(len(found), 2)
            self.assertFalse(found & expected, other)


if __name__ == "__main__":
    unittest.main()
