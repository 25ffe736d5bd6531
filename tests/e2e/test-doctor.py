#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The doctor, on processes that close themselves off: every test's name is a claim.

usage: test-doctor.py DEADWATCH SAMPLE STATIC_SAMPLE SCHEMA [unittest's arguments]
"""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

DEADWATCH, SAMPLE, STATIC_SAMPLE, SCHEMA = (os.path.abspath(a) for a in sys.argv[1:5])
del sys.argv[1:5]

CLEAN, _, USAGE, BLIND, FAILED = range(5)
NOBODY = 65534
TIMEOUT = 240
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38
SECCOMP_MODE_FILTER, SECCOMP_RET_ALLOW, BPF_RET = 2, 0x7fff0000, 6
PTRACE_TRACEME = 0

libc = ctypes.CDLL(None, use_errno=True)


def doctor(*args, **more):
    return subprocess.run([DEADWATCH, "doctor", *args], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=TIMEOUT, **more)


class Answer:
    def __init__(self, *args, **more):
        done = doctor("--format=json", *args, **more)
        self.code, self.report = done.returncode, json.loads(done.stdout)
        self.rows = {row["what"]: row for row in self.report["rows"]}


def undumpable():
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def traced():
    libc.ptrace(PTRACE_TRACEME, 0, None, None)


def filtered():
    """A filter that lets everything through."""
    class Filter(ctypes.Structure):
        _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte),
                    ("k", ctypes.c_uint)]

    class Program(ctypes.Structure):
        _fields_ = [("n", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]

    program = Program(1, ctypes.pointer(Filter(BPF_RET, 0, 0, SECCOMP_RET_ALLOW)))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program))


class Doctor(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="deadwatch-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, program=SAMPLE, **more):
        """A sample that waits."""
        process = subprocess.Popen([program, "wait"], stdout=subprocess.PIPE, text=True, **more)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process.pid

    def start_closed(self, close):
        """A child that has called @close, and does no more."""
        ready, ready_child = os.pipe()
        pid = os.fork()
        if pid == 0:
            close()
            os.write(ready_child, b"x")
            signal.pause()
        os.read(ready, 1)
        os.close(ready)
        os.close(ready_child)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        return str(pid)

    def as_nobody(self):
        if os.getuid() != 0:
            self.skipTest("only root can become somebody else")
        os.chmod(self.folder, 0o755)
        return {"user": NOBODY, "group": NOBODY, "extra_groups": [],
                "cwd": "/"} if self.can_nobody_execute() else None

    def can_nobody_execute(self):
        done = subprocess.run(["test", "-x", DEADWATCH], user=NOBODY, group=NOBODY,
                              extra_groups=[])
        if done.returncode != 0:
            self.skipTest("nobody cannot execute deadwatch where it was built")
        return True

    def test_the_exit_code_is_that_of_the_worst_row(self):
        for args in ((), (SAMPLE,), (STATIC_SAMPLE,)):
            answer = Answer(*args)
            worst = {row["state"] for row in answer.rows.values()}
            self.assertEqual(answer.code, BLIND if "missing" in worst else CLEAN)
            self.assertEqual("missing" in answer.report["works"].values(), "missing" in worst)

    def test_text_has_a_line_for_each_row(self):
        report, text = Answer(SAMPLE), doctor(SAMPLE).stdout
        for what, row in report.rows.items():
            self.assertRegex(text, rf"(?m)^  {row['state']} +{what} +")

    def test_json_keeps_to_its_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        with open(SCHEMA) as schema:
            jsonschema.validate(Answer(str(os.getpid())).report, json.load(schema))

    def test_nobody_may_load_no_program(self):
        answer = Answer(**self.as_nobody())
        self.assertEqual(answer.rows["capabilities"]["state"], "limited")
        self.assertEqual(answer.rows["uprobes"]["state"], "limited")
        self.assertEqual((answer.rows["bpf"]["attach"], answer.code), ("missing", BLIND))

    def test_nobody_may_not_look_into_roots_processes(self):
        answer = Answer(str(os.getpid()), **self.as_nobody())
        self.assertEqual(answer.rows["memory"]["inspect"], "missing")
        self.assertEqual(answer.rows["files"]["state"], "limited")
        for row in ("recorded", "namespaces"):
            self.assertRegex(answer.rows[row]["seen"], "^not known")

    def test_a_static_program_cannot_be_run(self):
        answer = Answer(STATIC_SAMPLE)
        self.assertEqual((answer.rows["program"]["run"], answer.code), ("missing", BLIND))

    def test_a_program_that_gains_privileges_cannot_be_run(self):
        more = self.as_nobody()
        shutil.copy(SAMPLE, self.path("gains"))
        os.chmod(self.path("gains"), 0o4755)
        self.assertEqual(Answer(self.path("gains"), **more).rows["privileges"]["run"], "missing")

    def test_debug_information_is_seen(self):
        self.assertEqual(Answer(SAMPLE).rows["symbols"]["state"], "ok")
        folder, name = os.path.split(SAMPLE)
        self.assertEqual(Answer("./" + name, cwd=folder).rows["symbols"]["state"], "ok")
        subprocess.run(["strip", "-o", self.path("stripped"), SAMPLE], check=True)
        self.assertEqual(Answer(self.path("stripped")).rows["symbols"]["state"], "limited")

    def test_a_file_that_was_replaced_is_told(self):
        program = self.path("replaced")
        shutil.copy(SAMPLE, program)
        pid = str(self.start(program))
        self.assertEqual(Answer(pid).rows["files"]["state"], "ok")
        os.unlink(program)
        self.assertIn("replaced", Answer(pid).rows["files"]["seen"])
        shutil.copy(DEADWATCH, program)
        answer = Answer(pid)
        self.assertEqual(answer.rows["files"]["state"], "limited")
        self.assertTrue(answer.rows["program"]["seen"].startswith(program))

    def test_a_recorded_process_is_told_from_others(self):
        pid = str(self.start())
        self.assertIn("no", answer_words(pid, "recorded"))
        shim = Answer().rows["library"]["seen"]
        options = "monitor=0:record_path=" + self.path("recording")
        pid = str(self.start(env=dict(os.environ, LD_PRELOAD=shim, DEADWATCH_OPTIONS=options)))
        self.assertIn("libdeadwatch.so", answer_words(pid, "recorded"))

    def test_a_filter_is_told(self):
        self.assertEqual(Answer(self.start_closed(filtered)).rows["seccomp"]["run"], "limited")

    def test_a_debugger_is_told(self):
        answer = Answer(self.start_closed(traced))
        self.assertIn(str(os.getpid()), answer.rows["tracer"]["seen"])

    def test_what_is_not_dumpable_is_told(self):
        def close():
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            undumpable()
        if os.getuid() != 0:
            self.skipTest("only root can see that a process is closed to its own user")
        self.assertEqual(Answer(self.start_closed(close)).rows["dumpable"]["run"], "limited")

    def test_a_script_is_said_to_be_one(self):
        with open(self.path("script"), "w") as file:
            file.write("#!/bin/sh\n")
        self.assertIn("script", Answer(self.path("script")).rows["program"]["seen"])

    def test_what_is_not_there_is_said_in_one_line(self):
        for wrong in ("999999999", "99999999999999999999", "no-such-program", "/nonexistent",
                      self.folder, ""):
            done = doctor(wrong)
            self.assertEqual((done.returncode, done.stdout), (FAILED, ""), wrong)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn(wrong or "''", done.stderr)

    def test_why_something_cannot_be_looked_at_is_said(self):
        os.mkfifo(self.path("pipe"))
        for wrong, said in (("", "no such program in the folders of PATH"),
                            ("pipe", "needs ./ before its name"),
                            (self.path("pipe"), "a device, pipe or socket"),
                            (self.folder, "it is a folder"), ("0", "no number of a process")):
            done = doctor(wrong, cwd=self.folder)
            self.assertEqual((done.returncode, done.stdout), (FAILED, ""), wrong)
            self.assertIn(said, done.stderr)

    def test_a_part_of_the_kernel_is_said_to_be_one(self):
        if not os.path.exists("/proc/2") or os.path.exists("/proc/2/exe"):
            self.skipTest("no thread of the kernel can be seen from here")
        done = doctor("2")
        self.assertEqual((done.returncode, done.stderr),
                         (FAILED, "deadwatch: process 2 is the kernel's own\n"))

    def test_wrong_usage_is_2(self):
        for wrong in (("1", "2"), ("--format=xml",), ("--frobnicate",)):
            self.assertEqual(doctor(*wrong).returncode, USAGE, wrong)


def answer_words(pid, what):
    return Answer(pid).rows[what]["seen"]


if __name__ == "__main__":
    unittest.main()
