#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What inspect makes of texts that debuggers and samplers print: every test's name is a claim.

usage: test-dumps.py DEADWATCH CASES_FOLDER DUMPS_FOLDER [unittest's arguments]

Beside each dump is what is said of it, which UPDATE=1 writes anew. The dumps of gdb are from
incidents; those of sample have the threads and counts of incidents, in its format.
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

DEADWATCH, CASES, DUMPS = (os.path.abspath(a) for a in sys.argv[1:4])
del sys.argv[1:4]

WAIT_MAX_S = 240
HANG_MAX_S = 240
FINDINGS, USAGE, BLIND, FAILED = 1, 2, 3, 4


def inspect(*arguments):
    return subprocess.run([DEADWATCH, "inspect", *arguments], capture_output=True, text=True,
                          timeout=WAIT_MAX_S)


class Expected(unittest.TestCase):
    def check(self, name, form, code):
        """Compares what is said of a dump with what is beside it. Returns it."""
        run = subprocess.run([DEADWATCH, "inspect", "--from", form, name], capture_output=True,
                             text=True, timeout=WAIT_MAX_S, cwd=DUMPS)
        self.assertEqual((run.returncode, run.stderr), (code, ""))
        path = os.path.join(DUMPS, name + ".expected")
        if os.environ.get("UPDATE"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(run.stdout)
        with open(path, encoding="utf-8") as file:
            self.maxDiff = None
            self.assertEqual(run.stdout, file.read())
        return run.stdout

    def test_both_threads_wait_for_the_bql_and_nobody_is_made_its_holder(self):
        said = self.check("rutabaga.txt", "gdb", FINDINGS)
        self.assertNotIn("deadlock", said)
        self.assertNotIn("holds BQL, ", said)
        self.assertIn("it is no thread of the text, as all of these wait for it", said)

    def test_two_locks_are_waited_for_and_no_chain_is_made_up_between_them(self):
        said = self.check("bcm2835_fb.md", "gdb", FINDINGS)
        self.assertNotIn("deadlock", said)
        self.assertIn("main (23100) waits for qemu_work_cond, and needs BQL again", said)

    def test_all_vcpus_wait_for_the_bql_in_all_samples(self):
        said = self.check("cfrelease.sample", "sample", FINDINGS)
        self.assertIn("14 more threads wait for BQL", said)
        self.assertNotIn("deadlock", said)

    def test_contention_is_no_finding_but_a_share_of_samples(self):
        said = self.check("drm_freeze.sample", "sample", BLIND)
        self.assertIn("waits for BQL in 40 % of 790 samples", said)
        self.assertNotIn("stall", said)


class Texts(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="deadwatch-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, text, name="dump"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def read(self, name):
        with open(os.path.join(DUMPS, name), encoding="utf-8") as file:
            return file.read()

    def test_a_dump_that_is_quoted_in_a_mail_says_the_same(self):
        text = self.read("rutabaga.txt")
        plain = self.write(text)
        shown = inspect("--from=gdb", plain).stdout
        self.write("".join("> > %s\r\n" % line for line in text.splitlines()))
        self.assertEqual(inspect("--from=gdb", plain).stdout, shown)

    def test_lldb_is_read_too(self):
        path = self.write(
            "* thread #1, queue = 'com.apple.main-thread'\n"
            "  * frame #0: 0x01 libsystem_kernel.dylib`__psynch_mutexwait + 8\n"
            "    frame #1: 0x02 qemu`bql_lock_impl(file=0x5, line=3) at cpus.c:5:1\n"
            "    frame #2: 0x03 qemu`main at main.c:48:3\n"
            "  thread #2, name = 'CPU 0/HVF'\n"
            "    frame #0: 0x01 libsystem_kernel.dylib`__psynch_mutexwait + 8\n"
            "    frame #1: 0x02 qemu`bql_lock_impl(file=0x5, line=3) at cpus.c:5:1\n"
            "    frame #2: 0x03 qemu`hvf_cpu_thread_fn at hvf.c:48:3\n")
        run = inspect("--from=lldb", path)
        self.assertEqual(run.returncode, FINDINGS)
        self.assertIn("stall: BQL", run.stdout)
        self.assertIn("it is no thread of the text", run.stdout)

    def test_json_has_the_whole_picture(self):
        run = inspect("--from=gdb", "--format=json", os.path.join(DUMPS, "rutabaga.txt"))
        self.assertEqual(run.returncode, FINDINGS)
        self.assertIn('"prepare_mmio_access"', run.stdout)
        self.assertIn("holder-unseen", run.stdout)
        json.loads(run.stdout)

    def test_what_is_no_dump_is_said(self):
        for path, words in ((self.write("It hangs.\n"), "there is no stack in"),
                            (os.path.join(self.folder, "nothing"), "No such file"),
                            (self.folder, "Is a directory")):
            run = inspect("--from=gdb", path)
            self.assertEqual((run.returncode, run.stdout), (FAILED, ""), path)
            self.assertIn(words, run.stderr)
        self.assertEqual(inspect("--from=strace", "x").returncode, USAGE)
        self.assertEqual(inspect("--from=gdb").returncode, USAGE)

    def test_a_stack_without_a_wait_is_blind_and_not_clean(self):
        run = inspect("--from=gdb", self.write("#0  main () at f.c:3\n"))
        self.assertEqual(run.returncode, BLIND)
        self.assertIn("blind (text)", run.stdout)
        self.assertIn("All threads of dump,", run.stdout)


@unittest.skipUnless(shutil.which("gdb"), "gdb is not installed")
class Gdb(Texts):
    """Dumps that gdb takes of programs that hang, beside what is seen in the programs."""

    def start(self, case):
        process = subprocess.Popen([os.path.join(CASES, "case-" + case), "hang"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def await_hang(self, process):
        end = time.monotonic() + HANG_MAX_S
        run = inspect("--format=json", str(process.pid))
        while run.returncode != FINDINGS and time.monotonic() < end:
            time.sleep(0.2)
            run = inspect("--format=json", str(process.pid))
        self.assertEqual(run.returncode, FINDINGS, run.stdout + run.stderr)
        return run.stdout

    def dump(self, process, *commands):
        taken = subprocess.run(
            ["gdb", "-q", "-nx", "-batch", "-p", str(process.pid)]
            + [word for command in commands for word in ("-ex", command)],
            capture_output=True, text=True, timeout=WAIT_MAX_S)
        if "futex_word=" not in taken.stdout:
            self.skipTest("the C library's debug symbols, or permission to trace, are missing")
        return self.write(taken.stdout)

    def fingerprints(self, text):
        return re.findall(r'"fingerprint": *"([0-9a-f]+)"', text)

    def check(self, case, *locks):
        process = self.start(case)
        seen = self.await_hang(process)
        path = self.dump(process, "set trace-commands on", "thread apply all bt",
                         *("p " + lock for lock in locks))
        said = inspect("--from=gdb", "--format=json", path)
        self.assertEqual(said.returncode, FINDINGS)
        self.assertEqual(self.fingerprints(said.stdout), self.fingerprints(seen))
        self.assertIn('"deadlock"', said.stdout)
        return path

    def test_with_the_locks_printed_the_chain_is_that_of_the_process(self):
        path = self.check("bcm2835_fb", "bql", "new_lock")
        self.assertIn("and needs bql again", inspect("--from=gdb", path).stdout)

    def test_who_joins_a_thread_is_known_by_its_handle(self):
        self.check("colo_join", "bql")

    def test_without_them_only_waits_are_told(self):
        process = self.start("bcm2835_fb")
        self.await_hang(process)
        run = inspect("--from=gdb", self.dump(process, "thread apply all bt"))
        self.assertEqual(run.returncode, FINDINGS)
        self.assertIn("stall: fb_lock's lock" if "new_lock" not in run.stdout
                      else "stall: new_lock", run.stdout)
        self.assertNotIn("deadlock", run.stdout)
        self.assertIn("cannot be seen: the text does not say so", run.stdout)


if __name__ == "__main__":
    unittest.main()
