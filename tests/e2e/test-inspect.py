#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks into processes that nobody has traced: each kind of wait, each kind of program, and
what cannot be looked into.

usage: test-inspect.py DEADWATCH SCHEMA ANNOTATED WAITS [WAITS_STATIC WAITS_MUSL WAITS_MUSL_STATIC] [unittest's arguments]

The programs are the case `annotated`, and waits.c, linked in several ways; "-" stands for one that could not be made.
"""
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from waiting import await_still, await_threads, threads_of, until

try:
    import jsonschema
except ImportError:
    jsonschema = None

DEADWATCH, SCHEMA, *PROGRAMS = (os.path.abspath(a) if a != "-" else a for a in sys.argv[1:8])
del sys.argv[1:8]
ANNOTATED, WAITS, WAITS_STATIC, WAITS_MUSL, WAITS_MUSL_STATIC = PROGRAMS

CLEAN, FINDINGS, USAGE, BLIND, FAILED = 0, 1, 2, 3, 4
TIMEOUT_S = 240
CYCLE = ["first", "second", "first"]
# What the thread of that name waits for.
KINDS = {"condition": "condition", "semaphore": "semaphore", "barrier": "barrier",
         "rwlock-read": "rwlock", "rwlock-write": "rwlock", "first-second": "mutex",
         "second-first": "mutex"}
NOBODY = 65534
LOOKS_MAX = 5
SYS_EXIT = 60  # of one thread, on x86-64


def deadwatch(*arguments, before=()):
    return subprocess.run([*before, DEADWATCH, "inspect", *map(str, arguments)],
                          capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


class Program:
    """A program that runs until it is left."""

    def __init__(self, *command):
        self.command = command

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self.process

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def states(pid):
    return {state for state, *_ in threads_of(pid).values()}


def stop(process):
    process.send_signal(signal.SIGSTOP)
    until(lambda: states(process.pid) == {"T"})


def tracer_of(pid):
    return next(int(line.split()[1]) for line in read("/proc/%d/status" % pid).splitlines()
                if line.startswith("TracerPid:"))


def children(pid):
    return [int(child) for child in read("/proc/%d/task/%d/children" % (pid, pid)).split()]


def traced_sleeper(pid):
    """The child of strace's that it was to run: before that it has others, to try what it can."""
    for child in children(pid):
        try:
            if read("/proc/%d/comm" % child) == "sleep\n" and tracer_of(child):
                return child
        except (FileNotFoundError, ProcessLookupError):
            pass  # such a one, which has ended
    return None


class Kinds(unittest.TestCase):
    def look(self, program):
        """The report of a program in which all wait."""
        if program == "-":
            self.skipTest("it cannot be made here")
        with Program(program) as process:
            await_still(process.pid, 1 + len(KINDS))
            end = time.monotonic() + TIMEOUT_S
            while time.monotonic() < end:
                done = deadwatch("--format", "json", process.pid)
                if done.returncode == FINDINGS:
                    break
        self.assertEqual(done.returncode, FINDINGS, done.stderr)
        return json.loads(done.stdout)

    def check_kinds(self, report, kinds):
        seen = {t["thread"]["name"]: (t["waits_for"] or {}).get("kind")
                for t in report["picture"]["threads"]}
        self.assertEqual({name: seen.get(name) for name in kinds}, kinds)

    def test_every_wait_is_told(self):
        report = self.look(WAITS)
        self.assertEqual([f["chain"] for f in report["findings"]], [CYCLE])
        self.assertEqual(report["findings"][0]["verdict"], "deadlock")
        self.check_kinds(report, KINDS)
        main = report["picture"]["threads"][0]
        self.assertEqual(main["waits_for"], {"name": "end of first-second", "kind": "ending"})
        self.assertEqual([lock["name"] for lock in main["holds"]], ["rwlock"])

    def test_report_is_as_the_schema_says(self):
        if not jsonschema:
            self.skipTest("there is no jsonschema")
        with open(SCHEMA, encoding="utf-8") as file:
            jsonschema.validate(self.look(WAITS), json.load(file))

    def test_static_program(self):
        report = self.look(WAITS_STATIC)
        self.assertEqual([f["chain"] for f in report["findings"]], [CYCLE])
        self.check_kinds(report, KINDS)

    def test_stripped_static_program(self):
        """There is not one name; what glibc keeps in its mutexes is the same."""
        with tempfile.TemporaryDirectory() as folder:
            if WAITS_STATIC != "-":
                subprocess.run(["strip", "-o", folder + "/waits", WAITS_STATIC], check=True)
            report = self.look(folder + "/waits" if WAITS_STATIC != "-" else "-")
        self.assertEqual([f["verdict"] for f in report["findings"]], ["deadlock"])
        self.check_kinds(report, {"first-second": "mutex", "second-first": "mutex"})

    def test_lock_inside_the_c_library(self):
        """One thread has stdout's lock, and sleeps; another one prints."""
        program = ("import ctypes, threading, time\n"
                   "c = ctypes.CDLL(None)\n"
                   "c.flockfile(ctypes.c_void_p.in_dll(c, 'stdout'))\n"
                   "threading.Thread(target=c.puts, args=(b'',), daemon=True).start()\n"
                   "time.sleep(%d)\n" % TIMEOUT_S)
        with Program(sys.executable, "-c", program) as process:
            await_still(process.pid, 2)
            end = time.monotonic() + TIMEOUT_S / 2
            done = deadwatch("--format", "json", process.pid)
            while done.returncode != FINDINGS and time.monotonic() < end:
                done = deadwatch("--format", "json", process.pid)
        findings = json.loads(done.stdout)["findings"]
        self.assertEqual([f["verdict"] for f in findings], ["stall"])
        self.assertNotIn("holder-unseen", findings[0]["flags"])

    def check_musl(self, report):
        """Its code has no tables, and its locks of readers and writers do not say who has them."""
        self.assertEqual([(f["verdict"], f["chain"]) for f in report["findings"]],
                         [("deadlock", CYCLE), ("stall", ["rwlock"])])
        self.assertIn("holder-unseen", report["findings"][1]["flags"])
        self.check_kinds(report, KINDS)
        main = report["picture"]["threads"][0]
        self.assertEqual(main["waits_for"], {"name": "end of first-second", "kind": "ending"})

    def test_musl(self):
        self.check_musl(self.look(WAITS_MUSL))

    def test_static_musl(self):
        self.check_musl(self.look(WAITS_MUSL_STATIC))

    def test_stripped_static_musl(self):
        """What cannot be told is not clean."""
        with tempfile.TemporaryDirectory() as folder:
            if WAITS_MUSL_STATIC != "-":
                subprocess.run(["strip", "-o", folder + "/waits", WAITS_MUSL_STATIC], check=True)
            report = self.look(folder + "/waits" if WAITS_MUSL_STATIC != "-" else "-")
        self.assertEqual([f["verdict"] for f in report["findings"]], ["deadlock"])
        self.assertIn("waits", [b["reason"] for b in report["blind"]])


class Files(unittest.TestCase):
    """The lock of a FILE says who has it."""

    PROGRAM = """
import ctypes, os, threading
c = ctypes.CDLL(None)
c.fdopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(c.fdopen(os.pipe()[0], b"r"))
def read():
    c.fgets(ctypes.create_string_buffer(9), 9, file)
def flush():
    while True:
        c.fflush(None)
for target in (read, %s):
    threading.Thread(target=target).start()
"""

    def looks(self, other):
        """What is seen of a thread that reads, and another."""
        with Program(sys.executable, "-c", self.PROGRAM % other) as process:
            end = time.monotonic() + TIMEOUT_S
            while time.monotonic() < end:
                yield json.loads(deadwatch("--format", "json", process.pid).stdout)
        self.fail("nothing of what was expected was seen")

    def test_who_waits_to_read_what_another_reads_is_not_stuck(self):
        for report in self.looks("read"):
            self.assertEqual(report["findings"], [])
            waits = [(t["waits_for"] or {}).get("kind") for t in report["picture"]["threads"]]
            if waits.count("call") == 2:
                break

    def test_who_waits_to_flush_what_another_reads_is_stuck(self):
        for report in self.looks("flush"):
            if report["findings"]:
                break
        self.assertEqual([f["verdict"] for f in report["findings"]], ["stall"])
        self.assertEqual(report["findings"][0]["legs"][0]["needs"]["kind"], "call")
        self.assertNotIn("holder-unseen", report["findings"][0]["flags"])


class Refusals(unittest.TestCase):
    def refuse(self, *arguments, before=(), status=FAILED):
        done = deadwatch(*arguments, before=before)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        if status == FAILED:
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_no_process(self):
        self.assertIn("there is no process", self.refuse(2 ** 22 + 1))

    def test_neither_process_nor_core(self):
        self.assertIn("No such file", self.refuse("12x"))
        self.assertIn("missing", self.refuse(status=USAGE))

    def test_ended(self):
        process = subprocess.Popen(["true"])
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self.assertIn("has ended", self.refuse(process.pid))
        process.wait()

    def test_thread(self):
        with Program(WAITS) as process:
            await_threads(process.pid, 2)
            thread = max(map(int, os.listdir("/proc/%d/task" % process.pid)))
            self.assertIn("is a thread of process %d" % process.pid, self.refuse(thread))

    def test_another_users(self):
        if os.getuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("it takes root and setpriv")
        nobody = ["setpriv", "--reuid", str(NOBODY), "--clear-groups"]
        with Program("sleep", "60") as process:
            said = self.refuse(process.pid, before=nobody)
        self.assertIn("another user", said)

    def test_traced_by_another(self):
        if not shutil.which("strace"):
            self.skipTest("there is no strace")
        with Program("strace", "-o", "/dev/null", "sleep", "60") as tracer:
            sleeper = until(lambda: traced_sleeper(tracer.pid))
            self.assertTrue(sleeper)
            await_still(sleeper)
            done = deadwatch(sleeper)
            os.kill(sleeper, signal.SIGKILL)
        # Its memory may be read, its stack not.
        self.assertEqual(done.returncode, BLIND, done.stderr)
        self.assertIn("somebody else traces it already", done.stdout)

    def test_without_main_thread(self):
        program = ("import ctypes, threading, time\n"
                   "threading.Thread(target=time.sleep, args=(60,)).start()\n"
                   "ctypes.CDLL(None).syscall(%d, 0)\n" % SYS_EXIT)
        with Program(sys.executable, "-c", program) as process:
            end = time.monotonic() + TIMEOUT_S
            while "Z" not in states(process.pid) and time.monotonic() < end:
                time.sleep(0.01)
            self.assertIn("main thread of process", self.refuse(process.pid))


class Blind(unittest.TestCase):
    """What could not be seen is no clean process."""

    def test_stopped(self):
        """What waits in a circle does so anyway."""
        with Program(WAITS) as process:
            await_still(process.pid, 1 + len(KINDS))
            stop(process)
            done = deadwatch("--format", "json", process.pid)
        report = json.loads(done.stdout)
        self.assertEqual([f["verdict"] for f in report["findings"]], ["deadlock"])
        self.assertEqual([b["reason"] for b in report["blind"]], ["stopped"])

    def test_locks_of_its_own_that_it_tells_of(self):
        """They are seen by the shim alone: who asks for one again and again just sleeps."""
        with Program(ANNOTATED, "hang") as process:
            end = time.monotonic() + TIMEOUT_S
            while time.monotonic() < end:
                done = deadwatch("--format", "json", process.pid)
                if done.returncode == BLIND:
                    break
        self.assertEqual(done.returncode, BLIND, done.stdout)
        self.assertEqual([b["reason"] for b in json.loads(done.stdout)["blind"]], ["own-locks"])

    def test_stopped_and_not_stuck(self):
        with Program("sleep", "60") as process:
            await_still(process.pid)
            stop(process)
            done = deadwatch(process.pid)
        self.assertEqual(done.returncode, BLIND, done.stdout)

    def test_begins_another_program(self):
        with tempfile.TemporaryDirectory() as folder:
            script = folder + "/again"
            with open(script, "w", encoding="utf-8") as file:
                file.write('sleep 0.02\nexec sh "$0"\n')
            with Program("sh", script) as process:
                end = time.monotonic() + TIMEOUT_S
                reasons = []
                while "replaced" not in reasons and time.monotonic() < end:
                    report = json.loads(deadwatch("--format", "json", process.pid).stdout)
                    reasons = [b["reason"] for b in report["blind"]]
                    self.assertEqual(report["findings"], [])
        self.assertIn("replaced", reasons)


class Host(unittest.TestCase):
    """What is looked into goes on."""

    def test_threads_go_on_when_deadwatch_is_killed(self):
        with Program(WAITS, "200") as process:
            await_threads(process.pid, 208)
            for delay in (0.01, 0.03, 0.05, 0.1):
                looking = subprocess.Popen([DEADWATCH, "inspect", str(process.pid)],
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(delay)
                looking.kill()
                looking.wait()
            self.assertTrue(until(lambda: states(process.pid) == {"S"}))

    def test_a_thousand_threads(self):
        with Program(WAITS, "1000") as process:
            await_still(process.pid, 1008)
            for _ in range(LOOKS_MAX):
                done = deadwatch("--format", "json", process.pid)
                self.assertEqual(done.returncode, FINDINGS, done.stderr)
                threads = json.loads(done.stdout)["picture"]["threads"]
                # On a machine with much to do a thread may not stop in time.
                if all(t["stack"] for t in threads):
                    break
        self.assertEqual(len(threads), 1008)
        self.assertTrue(all(t["stack"] for t in threads))

    def test_progress_is_shown_on_a_terminal_and_taken_away(self):
        ours, theirs = pty.openpty()
        with Program(WAITS, "200") as process:
            await_still(process.pid, 208)
            subprocess.run([DEADWATCH, "inspect", str(process.pid)], stdout=subprocess.DEVNULL,
                           stderr=theirs, env=dict(os.environ, TERM="xterm"), check=False)
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:
            pass  # the other end was closed
        os.close(ours)
        self.assertIn(b"process %d: reading all stacks" % process.pid, shown)
        # On a busy machine the second has passed when the stacks are read.
        self.assertRegex(shown, rb"watching 208 threads, \d\.\d of 1\.0 s|stacks once more")
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown[-40:])

    def test_process_that_ends_meanwhile(self):
        for delay in ("0.01", "0.05", "0.1"):
            with Program("timeout", "-s", "KILL", delay, WAITS) as process:
                time.sleep(0.01)
                found = children(process.pid)
                if not found:
                    continue
                done = deadwatch(found[0])
            self.assertIn(done.returncode, (0, 1, 3, 4), done.stderr)
            self.assertLessEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
