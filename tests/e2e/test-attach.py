#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""deadwatch attach, as its user sees it.

    test-attach.py DEADWATCH CASES LATE LIBRARY SERIAL CONTEND

CASES is where the programs of the cases are, LATE and LIBRARY are of late.c, SERIAL takes locks one
after the other, CONTEND has threads that wait for each other's. Skipped where nobody may attach.
"""
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from attaching import TIMEOUT_S, skip_if_forbidden
from waiting import await_program, await_still, await_threads, is_trapped, until

STALL = dict(os.environ, DEADWATCH_OPTIONS="stall_ms=1000")
DEADWATCH, CASES, LATE, LIBRARY, SERIAL, CONTEND = sys.argv[1:7]
TIMES = 5  # attached and detached


def attach(*arguments):
    return subprocess.run([DEADWATCH, "attach", *arguments], capture_output=True, text=True,
                          timeout=TIMEOUT_S, env=STALL)


def programs_in_kernel():
    """The numbers of programs as ours that the kernel has, of whoever is attached."""
    done = subprocess.run(["bpftool", "-j", "prog", "list"], capture_output=True, text=True,
                          timeout=TIMEOUT_S, env=dict(os.environ, PATH=os.environ["PATH"] +
                                                      ":/usr/sbin"))
    return {program["id"] for program in json.loads(done.stdout)
            if program.get("name") in ("call_entry", "call_return", "task_over")}


def programs_of_processes():
    """The numbers of programs that some process has open: whoever else is attached, for long."""
    numbers = set()
    for path in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(path) == "anon_inode:bpf-prog":
                with open(path.replace("/fd/", "/fdinfo/"), encoding="ascii") as file:
                    numbers |= {int(line.split()[1]) for line in file
                                if line.startswith("prog_id:")}
        except OSError:
            pass  # it is gone
    return numbers


def stay(programs):
    """Those of them that nobody has, and that do not go away either."""
    end = time.monotonic() + TIMEOUT_S
    while programs and time.monotonic() < end:
        time.sleep(0.2)
        programs = programs & programs_in_kernel() - programs_of_processes()
    return programs


def child_of(pid):
    """The process that it has made and that runs a program of its own; None: there is none yet."""
    with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as file:
        children = file.read().split()
    if not children or os.readlink("/proc/%s/exe" % children[0]) == os.readlink(
            "/proc/%d/exe" % pid):
        return None
    return int(children[0])


def program_of(case):
    return os.path.join(CASES, "case-" + case)


def attach_until_told(pids, *options):
    """Attached until there is a finding of each process. Return: the exit code, and the report."""
    with tempfile.TemporaryFile("w+") as said, subprocess.Popen(
            [DEADWATCH, "attach", *options, *map(str, pids)], stdout=subprocess.PIPE, stderr=said,
            text=True, env=STALL) as attached:
        def are_told():
            said.seek(0)
            text = said.read()
            return all("(pid %s)" % pid in text for pid in pids)

        until(are_told)
        attached.send_signal(signal.SIGINT)
        report = attached.communicate(timeout=TIMEOUT_S)[0]
        return attached.returncode, report


def findings_until_told(pids, *options):
    report = attach_until_told(pids, "--format", "json", *options)[1]
    return json.loads(report)["findings"]


class Running:
    """A program that runs, and has so many threads; killed at the end."""

    def __init__(self, program, mode, n_threads=2):
        self.program, self.n_threads = program, n_threads
        self.process = subprocess.Popen([program, mode], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL)

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self.process

    def begin(self):
        await_program(self.process.pid, self.program)
        await_threads(self.process.pid, self.n_threads)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(timeout=TIMEOUT_S)


class Hanging(Running):
    """One that hangs already."""

    def begin(self):
        super().begin()
        await_still(self.process.pid, self.n_threads)


class Attach(unittest.TestCase):
    def test_what_hung_before_is_found_by_what_locks_and_stacks_say(self):
        with Hanging(program_of("bcm2835_fb"), "hang") as process:
            status, report = attach_until_told([process.pid], "--format", "json")
        self.assertEqual(status, 1)
        self.assertIn(("deadlock", ["new_lock", "bql", "new_lock"]),
                      [(finding["verdict"], finding["chain"])
                       for finding in json.loads(report)["findings"]])

    def test_what_is_pictured_late_is_no_order(self):
        """Threads take one lock after the other, never two: who holds one waits for none."""
        holding = []
        with tempfile.TemporaryDirectory() as folder, Running(SERIAL, "") as process:
            for i in range(TIMES):
                record = os.path.join(folder, "serial-%d" % i)
                attach("--duration", "5", "-o", record, str(process.pid))
                told = subprocess.run([DEADWATCH, "dump", record], capture_output=True, text=True,
                                      timeout=TIMEOUT_S).stdout.splitlines()
                self.assertEqual([line for line in told if line.count(" hold ") > 1], [])
                holding = [line for line in told if " hold " in line]
                if holding:
                    break
        self.assertTrue(holding)

    def contend(self, mode, *maker):
        """
        The report of a program that is attached to before its threads wait for each other; of one
        that @maker makes, if there is one.
        """
        with subprocess.Popen([*maker, CONTEND, mode], stdin=subprocess.PIPE) as process:
            pid = until(lambda: child_of(process.pid)) if maker else process.pid
            words = [DEADWATCH, "attach", "--contention", "--format", "json", str(pid)]
            attached = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
            self.assertIn("attached to process", attached.stderr.readline())
            process.stdin.write(b"\n")
            process.stdin.flush()
            report = json.loads(attached.communicate(timeout=TIMEOUT_S)[0])
            self.assertEqual(process.wait(timeout=TIMEOUT_S), 0)
        # How long a lock is held on a busy machine makes it a hazard, or not.
        cycles = [(finding["verdict"], finding["chain"]) for finding in report["findings"]
                  if finding["verdict"] != "hazard"]
        return report, cycles, attached.returncode

    def test_orders_among_locks_that_were_waited_for_are_seen_without_order(self):
        report, cycles, status = self.contend("both")
        # Where the cycle begins is up to who came first.
        self.assertEqual([(verdict, set(chain), len(chain)) for verdict, chain in cycles],
                         [("potential", {"ram_lock", "device_lock"}, 3)])
        self.assertEqual(status, 1)
        self.assertEqual({row["lock"] for row in report["contention"]},
                         {"ram_lock", "device_lock"})
        _, cycles, status = self.contend("one")
        self.assertEqual(cycles, [])
        self.assertEqual(status, 3)

    def test_locks_know_threads_by_the_numbers_of_their_own_namespace(self):
        maker = ["unshare", "--pid", "--fork"]
        if subprocess.run([*maker, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
            self.skipTest("nobody may make a namespace of processes here")
        report, cycles, status = self.contend("both", *maker)
        # Where the cycle begins is up to who came first.
        self.assertEqual([(verdict, set(chain), len(chain)) for verdict, chain in cycles],
                         [("potential", {"ram_lock", "device_lock"}, 3)])
        self.assertEqual(status, 1)
        self.assertEqual({row["lock"] for row in report["contention"]},
                         {"ram_lock", "device_lock"})

    def test_nothing_found_is_not_clean_without_order(self):
        with subprocess.Popen(["sleep", "30"]) as process:
            done = attach("--duration", "0.5", str(process.pid))
            process.kill()
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("waits-only", done.stdout)

    def test_where_nobody_waited_for_a_lock_it_is_not_said_that_none_can_be_seen(self):
        code = "import threading, time; threading.Thread(target=time.sleep, args=[60]).start(); " \
            "print(flush=True); time.sleep(60)"
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            done = attach("--duration", "0.5", str(process.pid))
            process.kill()
        self.assertIn(": 2 threads, ", done.stdout, done.stderr)
        self.assertIn("waits-only", done.stdout)
        self.assertNotIn("nothing-seen", done.stdout)

    def test_what_is_kept_is_read_again(self):
        with tempfile.TemporaryDirectory() as folder, \
             Hanging(program_of("colo_join"), "hang") as process:
            record = os.path.join(folder, "kept")
            first = attach_until_told([process.pid], "-o", record)
            again = subprocess.run([DEADWATCH, "report", record], capture_output=True, text=True,
                                   timeout=TIMEOUT_S)
        self.assertEqual(first, (again.returncode, again.stdout))
        self.assertEqual(again.returncode, 1)

    def test_on_a_terminal_a_line_says_how_far_it_is(self):
        own, terminal = os.openpty()
        with Hanging(program_of("colo_join"), "hang") as process, \
             open(own, "rb", buffering=0) as shown, \
             subprocess.Popen([DEADWATCH, "attach", str(process.pid)], stdout=subprocess.DEVNULL,
                              stderr=terminal, env=dict(STALL, TERM="xterm")) as attached:
            os.close(terminal)
            said = b""
            while b" 1 found, " not in said:
                said += shown.read(1 << 16)
            attached.send_signal(signal.SIGINT)
            attached.wait(timeout=TIMEOUT_S)
        self.assertRegex(said, rb"\r\x1b\[K\d+ events, \d+ facts, 0 found, 0 lost; Ctrl-C")
        self.assertRegex(said, rb"\d+ events, \d+ facts, 1 found, 0 lost")
        self.assertIn(b"\r\x1b[Kdeadlock: ", said)

    def test_interrupted_it_detaches_and_reports(self):
        with Hanging(program_of("colo_join"), "hang") as process:
            attached = subprocess.Popen([DEADWATCH, "attach", str(process.pid)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertIn("attached to process", attached.stderr.readline())
            attached.send_signal(signal.SIGINT)
            out, _ = attached.communicate(timeout=TIMEOUT_S)
            self.assertIsNone(process.poll())
        self.assertIn("case-colo_join", out)

    def test_attached_and_detached_again_and_again_nothing_is_left(self):
        load = ["sysbench", "threads", "--threads=2", "--time=%d" % TIMEOUT_S, "run"]
        before = programs_in_kernel()
        with subprocess.Popen(load, stdout=subprocess.DEVNULL) as process:
            await_threads(process.pid, 3)
            for _ in range(TIMES):
                done = attach("--order", "--duration", "0.1", str(process.pid))
                self.assertNotEqual(done.returncode, 4, done.stderr)
            self.assertIsNone(process.poll())
            self.assertEqual(stay(programs_in_kernel() - before), set())
            process.kill()

    def test_killed_it_leaves_nothing_but_what_it_had_recorded(self):
        before = programs_in_kernel()
        load = ["sysbench", "threads", "--threads=2", "--time=%d" % TIMEOUT_S, "run"]
        with tempfile.TemporaryDirectory() as folder, \
             subprocess.Popen(load, stdout=subprocess.DEVNULL) as process:
            await_threads(process.pid, 3)
            record = os.path.join(folder, "record")
            with subprocess.Popen([DEADWATCH, "attach", "--order", "-o", record, str(process.pid)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  text=True) as attached:
                self.assertIn("attached to process", attached.stderr.readline())
                report = [DEADWATCH, "report", "--format", "json", record]
                so_far = subprocess.run(report, capture_output=True, text=True, timeout=TIMEOUT_S)
                attached.kill()
            self.assertEqual(stay(programs_in_kernel() - before), set())
            told = subprocess.run(report, capture_output=True, text=True, timeout=TIMEOUT_S)
            self.assertNotEqual(attach("--order", "--duration", "0.1",
                                       str(process.pid)).returncode, 4)
            self.assertIsNone(process.poll())
            process.kill()
        self.assertNotIn("monitor-died", so_far.stdout)
        self.assertEqual(["monitor-died"], [blind["reason"]
                                            for blind in json.loads(told.stdout)["blind"]])
        self.assertEqual((told.returncode, json.loads(told.stdout)["counts"]["killed"]), (3, 0))

    def test_named_calls_of_the_program_and_of_libraries_loaded_later_are_seen(self):
        calls = [{"name": "own_call"}, {"name": "late_*"}]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as profile, \
             subprocess.Popen([LATE, LIBRARY], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as process:
            json.dump({"name": "late", "applies": {"modules": ["late"]}, "calls": calls}, profile)
            profile.flush()
            process.stdout.readline()
            attached = subprocess.Popen([DEADWATCH, "attach", "--order", "--format", "json",
                                         "--profile", profile.name, str(process.pid)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertIn("attached to process", attached.stderr.readline())
            process.stdin.write("\n")
            process.stdin.flush()
            self.assertTrue(until(lambda: is_trapped(process.pid, LIBRARY, "late_call")))
            process.stdin.write("\n")
            process.stdin.flush()
            out, _ = attached.communicate(timeout=TIMEOUT_S)
            attached.stderr.close()
        found = [finding["chain"] for finding in json.loads(out)["findings"]
                 if finding["verdict"] == "hazard"]
        self.assertIn(["lock", "own_call"], found)
        self.assertIn(["lock", "late_call"], found)

    def test_several_at_once_have_a_recording_each(self):
        with tempfile.TemporaryDirectory() as folder, \
             Hanging(program_of("colo_join"), "hang") as first, \
             Hanging(program_of("bcm2835_fb"), "hang") as second:
            record = os.path.join(folder, "kept")
            found = findings_until_told([first.pid, second.pid], "-o", record)
            self.assertEqual(sorted(os.listdir(folder)), ["kept", "kept.%d" % second.pid])
        chains = [finding["chain"] for finding in found if finding["verdict"] == "deadlock"]
        self.assertIn(["bql", "end of COLO incoming", "bql"], chains)
        self.assertIn(["new_lock", "bql", "new_lock"], chains)

    def test_what_is_lost_is_counted_and_nothing_is_clean_then(self):
        tiny = dict(os.environ, DEADWATCH_OPTIONS="attach_ring=4")
        load = ["sysbench", "threads", "--threads=4", "--time=%d" % TIMEOUT_S, "run"]
        with subprocess.Popen(load, stdout=subprocess.DEVNULL) as process:
            await_threads(process.pid, 5)
            for seconds in ("1", "4", "16"):
                done = subprocess.run([DEADWATCH, "attach", "--order", "--duration", seconds,
                                       "--format", "json", str(process.pid)], capture_output=True,
                                      text=True, timeout=TIMEOUT_S, env=tiny, check=False)
                n_lost = json.loads(done.stdout)["counts"]["lost"]["events"]
                if n_lost:
                    break
            process.kill()
        self.assertGreater(n_lost, 0)
        self.assertEqual(done.returncode, 3, done.stderr + done.stdout)

    def test_what_a_program_says_of_its_own_locks_nobody_hears(self):
        with Hanging(program_of("annotated"), "silent", n_threads=1) as process:
            done = attach("--order", "--duration", "0.5", "--format", "json", str(process.pid))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("lost-said", [blind["reason"] for blind in json.loads(done.stdout)["blind"]])

    def test_what_is_static_and_stripped_is_blind(self):
        with tempfile.TemporaryDirectory() as folder:
            stripped = os.path.join(folder, "stripped")
            subprocess.run(["strip", "-o", stripped, program_of("static-bcm2835_fb")], check=True)
            with Running(stripped, "hang") as process:
                done = attach("--order", "--duration", "0.5", "--format", "json", str(process.pid))
        self.assertIn("lost-stripped",
                      [blind["reason"] for blind in json.loads(done.stdout)["blind"]])

    def test_what_has_just_started_goes_on(self):
        """It is still being loaded, or about to make its first threads."""
        for wait_s in (0, 0.005, 0.02):
            load = ["sysbench", "threads", "--threads=2", "--time=1", "run"]
            with subprocess.Popen(load, stdout=subprocess.DEVNULL) as process:
                time.sleep(wait_s)
                attach("--order", "--duration", "0.1", str(process.pid))
                self.assertEqual(process.wait(timeout=TIMEOUT_S), 0)

    def test_what_cannot_be_attached_to_is_said_in_a_line(self):
        for words, reason in ((["999999999"], "no process"), (["2"], "kernel"),
                              (["x"], "no number of a process"), ([], "missing"),
                              (["--comm", "no such name"], "no process is called"),
                              (["--order", "--only", "bql,", "1"], "--only has a comma"),
                              (["--duration", "-1", "1"], "--duration cannot be '-1'")):
            done = attach(*words)
            self.assertIn(done.returncode, (2, 4), words)
            self.assertIn(reason, done.stderr.splitlines()[0], words)


if __name__ == "__main__":
    skip_if_forbidden(DEADWATCH)
    unittest.main(argv=sys.argv[:1] + sys.argv[7:])
