#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor beside programs that hang, and beside their twins: every test's name is a claim.

usage: test-monitor.py DEADWATCH SHIM CASES_FOLDER CHILDREN WORD LEFT SLEPT [unittest's
                       arguments]

CASES_FOLDER has the programs of the cases, CHILDREN is a program that counts its children, WORD one
that waits on a word of memory, LEFT one that leaves a wait by a jump, SLEPT
one that hangs after it slept under its locks.
"""
import glob
import json
import os
import pwd
import re
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from waiting import await_program, await_still, threads_of, until

DEADWATCH, SHIM, CASES, CHILDREN, WORD, LEFT, SLEPT = (
    os.path.abspath(a) for a in sys.argv[1:8])
del sys.argv[1:8]

END_MAX_S = 240  # for an end; a machine may be busy with much else
TWIN_S = 2.5  # as long as a hang of the same program takes to be told, and more
MONITOR_OFFSET = 4324  # in the header, behind the path of the program and the last thread
FINDINGS = 1
UPROBES = "/sys/bus/event_source/devices/uprobe/type"


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Monitored(unittest.TestCase):
    """A test with a folder of its own, and with an end of all that it has started."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="deadwatch-test-")
        os.chmod(self.folder, 0o777)
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def stderr(self):
        file = open(self.path("stderr"), "wb")  # pylint: disable=consider-using-with
        self.addCleanup(file.close)
        return file

    def start(self, *command, options="", before=(), **more):
        environment = dict(os.environ, LD_PRELOAD=SHIM,
                           DEADWATCH_OPTIONS="record_path=%s:%s" % (self.path("r"), options))
        more.setdefault("stderr", self.stderr())
        more.setdefault("stdout", subprocess.DEVNULL)
        process = subprocess.Popen([*before, *command], env=environment, cwd=self.folder,
                                   stdin=subprocess.DEVNULL, **more)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()

    def case(self, name, mode, **more):
        return self.start(os.path.join(CASES, "case-" + name), mode, **more)

    def told(self, name="stderr"):
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def await_told(self, text, name="stderr"):
        found = until(lambda: re.search(text, self.told(name), re.MULTILINE))
        self.assertTrue(found, "not told: %s; but: %s" % (text, self.told(name)))

    def monitor_said(self, name="r"):
        """The number of the monitor, from the recording's header; 0: there is none yet."""
        try:
            with open(self.path(name), "rb") as file:
                header = file.read(MONITOR_OFFSET + 4)
        except FileNotFoundError:
            return 0
        if len(header) < MONITOR_OFFSET + 4:
            return 0
        return struct.unpack_from("=I", header, MONITOR_OFFSET)[0]

    def monitor(self):
        return until(self.monitor_said)

    def case_stuck(self, name, n_threads, **more):
        """A case that hangs already, in which so many threads wait."""
        process = self.case(name, "hang", **more)
        await_program(process.pid, os.path.join(CASES, "case-" + name))
        await_still(process.pid, n_threads)
        return process

    def await_silence(self, start, text):
        """
        Starts a program whose habit ends after a number of times as long, until it is told. Looks
        that come late, on a machine with much else to do, show none.
        """
        for times in (1, 4, 16):
            process = start(str(times))
            if until(lambda: re.search(text, self.told(), re.MULTILINE), 20 * times):
                return process
            self.end(process)
            said = self.told()
            for left in glob.glob(self.path("r*")):
                os.unlink(left)
        self.fail("not told: %s; but: %s" % (text, said))

    def report(self, name="r"):
        return subprocess.run([DEADWATCH, "report", self.path(name)], capture_output=True,
                              text=True, timeout=END_MAX_S)


class Hangs(Monitored):
    def test_a_deadlock_is_told_at_once_and_recorded(self):
        process = self.case("fenceq", "hang")
        self.await_told("^deadlock: BQL -> fenceq_lock -> BQL$|"
                        "^deadlock: fenceq_lock -> BQL -> fenceq_lock$")
        self.await_told("now at:")
        process.kill()
        process.wait()
        self.assertTrue(until(lambda: not alive(self.monitor())))
        done = self.report()
        self.assertEqual(done.returncode, FINDINGS, done.stderr)
        self.assertRegex(done.stdout, "(?m)^deadlock: ")

    def test_who_slept_before_waiting_for_ever_does_not_ask_again(self):
        self.start(SLEPT)
        self.await_told("^deadlock: ")
        self.await_told("^  fingerprint ")
        self.assertNotIn("asks again", self.told())

    def test_it_is_told_once(self):
        self.case("fenceq", "hang")
        self.await_told("^deadlock: ")
        time.sleep(TWIN_S)
        self.assertEqual(len(re.findall("(?m)^deadlock: ", self.told())), 1)

    def test_what_a_condition_wait_takes_again_is_part_of_it(self):
        self.case("bcm2835_fb", "hang")
        self.await_told("^deadlock: new_lock -> bql -> new_lock$")

    def test_a_livelock_is_a_stall(self):
        self.case("bcm2835_fb", "livelock", options="stall_ms=1500")
        self.await_told("^stall: ")
        self.assertNotIn("deadlock", self.told())

    def test_twins_are_silent(self):
        for name, mode in (("fenceq", "benign"), ("fenceq", "fixed"), ("bcm2835_fb", "fixed")):
            with self.subTest(name=name, mode=mode):
                self.assertEqual(self.case(name, mode).wait(timeout=END_MAX_S), 0)
                self.assertEqual(self.told(), "")

    def test_contention_is_silent(self):
        self.assertEqual(self.case("contention", "benign").wait(timeout=END_MAX_S), 0)
        self.assertEqual(self.told(), "")

    def test_run_tells_it_as_well(self):
        process = subprocess.Popen(
            [DEADWATCH, "run", "--", os.path.join(CASES, "case-fenceq"), "hang"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=self.stderr(),
            env=dict(os.environ, DEADWATCH_OPTIONS="halt_on_deadlock=1"))
        self.addCleanup(self.end, process)
        self.assertEqual(process.wait(timeout=END_MAX_S), 128 + signal.SIGABRT)
        told = self.told()
        self.assertEqual(len(re.findall("(?m)^deadlock: ", told)), 2, told)
        self.assertNotIn("is still running", told)


def n_switches(pid):
    """How often the threads of a process have been taken off a CPU, by thread."""
    return {tid: sum(counts) for tid, (_, *counts) in threads_of(pid).items()}


class Words(Monitored):
    """Locks that are words of memory, which nobody is seen to hold."""

    def test_a_lock_whose_holder_cannot_be_seen_is_a_stall(self):
        self.start(WORD, "lock", options="stall_ms=500")
        self.await_told("^stall: attach_device's lock$")
        self.await_told("^  1 more thread waits for attach_device's lock:$")
        self.await_told("^  who holds attach_device's lock cannot be seen: ")
        time.sleep(TWIN_S)
        self.assertEqual(self.told().count("stall: "), 1)

    def test_a_thread_that_idles_on_a_word_is_silent_and_stopped_but_once(self):
        process = self.start(WORD, "idle", options="stall_ms=500")
        await_still(process.pid, 3)
        before = n_switches(process.pid)
        time.sleep(2 * TWIN_S)
        after = n_switches(process.pid)
        self.assertEqual(self.told(), "")
        for thread, n in after.items():
            self.assertLessEqual(n - before[thread], 3, thread)


class Options(Monitored):
    def test_halt_on_deadlock_ends_the_process_by_sigabrt(self):
        process = self.case("fenceq", "hang", options="halt_on_deadlock=1")
        self.assertEqual(process.wait(timeout=END_MAX_S), -signal.SIGABRT)
        self.assertIn("deadlock: ", self.told())

    def test_a_log_has_it_instead_of_stderr(self):
        process = self.case("fenceq", "hang", options="log_path=log")
        self.await_told("^deadlock: ", "log.%d" % process.pid)
        self.assertEqual(self.told(), "")
        mode = os.stat(self.path("log.%d" % process.pid)).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_where_the_log_cannot_be_written_that_is_said_and_the_finding_told(self):
        for log, why in (("/nonexistent/log", "No such file"), (self.path("full"), "No space")):
            with self.subTest(log=log):
                read, write = os.pipe()
                # The process waits until the log's name leads to a full disk.
                process = self.case("fenceq", "hang", options="log_path=" + log,
                                    before=("sh", "-c", "read x; exec \"$@\"", "sh"),
                                    preexec_fn=lambda: os.dup2(read, 0))
                if log == self.path("full"):
                    os.symlink("/dev/full", "%s.%d" % (log, process.pid))
                os.write(write, b"go\n")
                self.await_told("^deadwatch: cannot write to '%s.%d': %s" % (log, process.pid, why))
                self.await_told("^deadlock: ")
                self.assertTrue(alive(process.pid))
                self.end(process)
                os.close(read)
                os.close(write)
                for left in glob.glob(self.path("r*")):
                    os.unlink(left)

    def test_without_verbosity_it_is_only_recorded(self):
        self.case("fenceq", "hang", options="verbosity=0")
        self.assertTrue(until(lambda: "deadlock: " in self.report().stdout))
        self.assertEqual(self.told(), "")

    def test_none_is_started_where_none_is_wanted(self):
        process = self.case_stuck("fenceq", 3, options="monitor=0")
        self.assertTrue(os.path.exists(self.path("r")))
        self.assertEqual(self.monitor_said(), 0)
        self.assertTrue(alive(process.pid))

    def test_run_refuses_what_is_no_option(self):
        for options in ("stall_ms=soon", "halt_on_deadlock=2", "verbosity=3", "monitr=1"):
            done = subprocess.run([DEADWATCH, "run", "--", "true"], capture_output=True, text=True,
                                  env=dict(os.environ, DEADWATCH_OPTIONS=options), timeout=END_MAX_S)
            self.assertEqual(done.returncode, 2, options)
            self.assertIn(options, done.stderr)


    def test_what_cannot_be_watched_is_said(self):
        os.mkfifo(self.path("pipe"))
        done = subprocess.run([DEADWATCH, "monitor", self.path("pipe"), str(os.getpid())],
                              capture_output=True, text=True, timeout=END_MAX_S)
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        self.assertRegex(done.stderr, r"\Adeadwatch: [^\n]*it is no recording[^\n]*\n\Z")


class Host(Monitored):
    def test_the_monitor_ends_with_the_process(self):
        process = self.case("fenceq", "hang")
        monitor = self.monitor()
        self.assertTrue(alive(monitor))
        process.kill()
        process.wait()
        self.assertTrue(until(lambda: not alive(monitor)))

    def test_it_is_no_child_and_leads_a_session_of_its_own(self):
        process = self.case("fenceq", "hang")
        monitor = self.monitor()
        with open("/proc/%d/stat" % monitor, encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        self.assertNotEqual(int(fields[1]), process.pid)
        self.assertEqual(int(fields[3]), monitor)

    def test_it_keeps_nothing_of_the_process_open(self):
        read, write = os.pipe()
        os.set_inheritable(write, True)
        process = self.case("fenceq", "hang", stderr=write, close_fds=False)
        os.close(write)
        monitor = self.monitor()
        self.assertTrue(alive(monitor))
        links = [os.readlink(path) for path in glob.glob("/proc/%d/fd/*" % monitor)]
        self.assertFalse([link for link in links if link.startswith("pipe:")], links)
        with os.fdopen(read, "rb") as end:
            process.kill()
            end.read()

    def test_the_process_sees_none_of_it_among_its_children(self):
        process = self.start(CHILDREN)
        self.assertNotEqual(self.monitor(), 0)
        self.assertEqual(process.wait(timeout=END_MAX_S), 0, self.told())

    def test_a_deadlock_of_a_killed_process_is_recorded(self):
        process = self.case_stuck("fenceq", 3, options="verbosity=0")
        monitor = self.monitor()
        process.kill()
        process.wait()
        self.assertTrue(until(lambda: not alive(monitor)))
        self.assertIn("deadlock: ", self.report().stdout)

    def is_running_time_known(self):
        done = subprocess.run([DEADWATCH, "report", "--contention", self.path("r")],
                              capture_output=True, text=True, timeout=END_MAX_S)
        return "that the process was seen to run" in done.stdout

    def test_for_how_long_a_process_ran_is_known_by_its_end_or_by_the_monitor(self):
        self.assertEqual(self.case("fenceq", "benign", options="monitor=0").wait(END_MAX_S), 0)
        self.assertTrue(self.is_running_time_known())
        os.unlink(self.path("r"))
        process = self.case_stuck("fenceq", 3)
        self.assertTrue(until(self.is_running_time_known))
        self.end(process)
        self.assertTrue(self.is_running_time_known())
        os.unlink(self.path("r"))
        self.end(self.case_stuck("fenceq", 3, options="monitor=0"))
        self.assertFalse(self.is_running_time_known())

    def test_of_a_hang_that_nobody_watched_the_last_picture_is_told(self):
        self.end(self.case_stuck("fenceq", 3, options="monitor=0"))
        done = self.report()
        self.assertRegex(done.stdout, "(?m)^  when it was last seen .*:$")
        self.assertRegex(done.stdout, "(?m)^    .* held BQL, and waited for fenceq_lock, held by ")
        self.assertRegex(done.stdout, "(?m)^    .* held fenceq_lock, and waited for BQL, held by ")
        self.assertNotRegex(done.stdout, "(?m)^(deadlock|stall): ")
        os.unlink(self.path("r"))
        self.assertEqual(self.case("fenceq", "benign", options="monitor=0").wait(timeout=END_MAX_S), 0)
        self.assertNotIn("last seen", self.report().stdout)

    def test_a_wait_that_was_left_by_a_jump_is_not_come_back_to(self):
        for mode, waits in (("stay", True), ("jump", False)):
            with self.subTest(mode=mode):
                process = self.start(LEFT, mode, options="monitor=0", stdout=subprocess.PIPE)
                self.assertEqual(process.stdout.read(1), b"\n")  # the signal has come
                process.stdout.close()
                if waits:
                    await_still(process.pid)
                self.end(process)
                self.assertEqual("held held, and waited for never" in self.report().stdout, waits)
                os.unlink(self.path("r"))

    def start_as_nobody(self, name, *mode, options=""):
        if os.getuid() != 0:
            self.skipTest("we are nobody special ourselves")
        nobody = pwd.getpwnam("nobody")
        programs = tempfile.mkdtemp(prefix="deadwatch-test-")
        self.addCleanup(shutil.rmtree, programs)
        os.chmod(programs, 0o755)
        copies = [shutil.copy(path, programs)
                  for path in (SHIM, DEADWATCH, os.path.join(CASES, "case-" + name))]
        environment = dict(os.environ, LD_PRELOAD=copies[0], DEADWATCH_PROGRAM=copies[1],
                           DEADWATCH_OPTIONS="record_path=%s:%s" % (self.path("r"), options))
        process = subprocess.Popen(
            ["setpriv", "--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid),
             "--clear-groups", "--inh-caps=-all", copies[2], *mode], env=environment, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=self.stderr())
        self.addCleanup(self.end, process)
        return process

    def test_it_takes_no_privileges(self):
        self.start_as_nobody("fenceq", "hang")
        self.await_told("^deadlock: ")
        self.await_told("now at:")

    def test_heartbeats_take_a_privilege_and_nothing_else_does(self):
        self.start_as_nobody("fenceq", "hang", options="heartbeat=main=1s")
        self.await_told("cannot watch main, going on without: .*CAP_PERFMON")
        self.await_told("^deadlock: ")

    def test_beats_that_the_program_tells_take_none(self):
        self.await_silence(
            lambda times: self.start_as_nobody("annotated", "silent", times,
                                               options="heartbeat=display//refresh=1s"),
            "display::refresh last ran [0-9.]+ s ago, used to run every [0-9.]+ m?s ")


class Stops(Monitored):
    STOPPED_S = 4

    def test_time_in_which_the_process_was_stopped_counts_for_no_wait(self):
        process = self.case("short_waits", "again")
        self.assertTrue(alive(self.monitor()))
        time.sleep(0.5)
        process.send_signal(signal.SIGSTOP)
        time.sleep(self.STOPPED_S)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(timeout=END_MAX_S), 0)
        done = subprocess.run([DEADWATCH, "report", "--format", "json", self.path("r")],
                              capture_output=True, text=True, timeout=END_MAX_S)
        longest = [finding["longest_us"] for finding in json.loads(done.stdout)["findings"]
                   if finding["verdict"] == "hazard"]
        self.assertTrue(all(us < self.STOPPED_S * 1000000 for us in longest), longest)


class Heartbeats(Monitored):
    """The guest's freeze that no cycle is to blame for: a timer is gone."""

    def setUp(self):
        super().setUp()
        if os.getuid() != 0 or not os.path.exists(UPROBES):
            self.skipTest("only root can count calls, and only where the kernel can")

    def freeze(self, options, times="1"):
        return self.start(os.path.join(CASES, "case-drm_freeze"), "hang", times,
                          options="stall_ms=1500:heartbeat=" + options)

    def test_a_function_that_used_to_run_is_told_and_no_cycle_is(self):
        process = self.await_silence(
            lambda times: self.freeze("fence_poll=1s+gui_update=1min", times),
            "^deadwatch: process [0-9]+: fence_poll last ran [0-9.]+ s ago, used to run "
            "every [0-9.]+ m?s \\(seen [0-9]+ times\\)$")
        self.assertIn("deadwatch: process %d: fence_poll" % process.pid, self.told())
        self.await_told("^stall: mode_config_mutex -> dma_fence$")
        self.await_told("^  dma_fence was given before by:\n  .* in virgl_renderer_poll ")
        self.assertNotIn("gui_update last ran", self.told())
        self.assertNotRegex(self.told(), "(?m)^deadlock")
        process.kill()
        process.wait()
        self.assertTrue(until(lambda: not alive(self.monitor())))
        done = self.report()
        self.assertRegex(done.stdout, "(?m)^  silent: fence_poll last ran ")
        self.assertNotRegex(done.stdout, "(?m)^(potential )?deadlock")

    def test_a_process_that_is_stopped_is_not_silent(self):
        process = self.freeze("gui_update=2s")
        self.await_told("^stall: ")
        process.send_signal(signal.SIGSTOP)
        time.sleep(2 * TWIN_S)
        process.send_signal(signal.SIGCONT)
        time.sleep(1)
        self.assertNotIn("gui_update", self.told())

    def test_what_is_missing_is_said_once_and_the_rest_goes_on(self):
        self.await_silence(
            lambda times: self.freeze("no_such_function=1s+fence_poll=1s", times),
            "fence_poll last ran ")
        self.await_told("cannot watch no_such_function, going on without: neither ")
        self.assertEqual(self.told().count("no_such_function"), 1)


if __name__ == "__main__":
    unittest.main()
