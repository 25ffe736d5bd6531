#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The gate, right and wrong: every test's name is a claim.

usage: test-gate.py DEADWATCH SAMPLE [unittest's arguments]
"""
import fcntl
import glob
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

DEADWATCH, SAMPLE = (os.path.abspath(a) for a in sys.argv[1:3])
del sys.argv[1:3]

CLEAN, FINDINGS, USAGE, BLIND, FAILED = range(5)
GATE_EXIT = 66
TIMEOUT = 240


def deadwatch(*args, **more):
    return subprocess.run([DEADWATCH, *args], capture_output=True, stdin=subprocess.DEVNULL,
                          text=True, timeout=TIMEOUT, **more)


class Gate(unittest.TestCase):
    """Recordings are made once: nothing here changes them."""

    @classmethod
    def setUpClass(cls):
        cls.recordings = tempfile.mkdtemp(prefix="deadwatch-gate-")
        for what in ("inversion", "order", "alone"):
            deadwatch("run", "-o", cls.recording(what), "--", SAMPLE, what)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.recordings)

    @classmethod
    def recording(cls, what):
        return os.path.join(cls.recordings, what)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="deadwatch-gate-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def gate(self, *args, expect=CLEAN):
        args = [self.recording(a) if a in ("inversion", "order", "alone") else a for a in args]
        done = deadwatch("gate", *args)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done

    def baseline(self, reason="it is a sample"):
        self.gate("--baseline", self.path("base"), "--update", "inversion")
        self.write("base", self.read("base").replace("TODO", reason))
        return self.path("base")


class Baseline(Gate):
    def test_what_is_new_fails(self):
        self.assertIn("potential deadlock: first -> second -> first",
                      self.gate("inversion", expect=FINDINGS).stdout)

    def test_nothing_found_passes(self):
        self.assertIn("passed: nothing new", self.gate("order").stdout)

    def test_what_is_known_passes_with_its_reason(self):
        done = self.gate("--baseline", self.baseline(), "inversion", "--strict")
        self.assertIn("it is a sample", done.stdout)
        self.assertIn("(1 known, 0 suppressed)", done.stdout)
        self.assertNotIn("#0", done.stdout)

    def test_an_update_writes_a_reviewable_line(self):
        self.gate("--baseline", self.path("base"), "--update", "inversion")
        lines = self.read("base").splitlines()
        self.assertEqual(lines[0], "# deadwatch baseline 1")
        self.assertRegex(lines[1], r'^potential [0-9a-f]{16} "first -> second -> first": TODO$')
        self.assertEqual(len(lines), 2)

    def test_an_update_without_news_changes_nothing(self):
        base = self.baseline()
        before = self.read("base")
        self.gate("--baseline", base, "--update", "inversion", "order")
        self.assertEqual(self.read("base"), before)

    def test_an_update_keeps_mode_links_and_comments(self):
        os.chmod(self.baseline(), 0o640)
        text = self.read("base").replace("potential", "# why\npotential")
        self.write("base", text)
        os.symlink("base", self.path("link"))
        self.gate("--baseline", self.path("link"), "--update", "order")
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertEqual(os.stat(self.path("base")).st_mode & 0o777, 0o640)
        self.assertEqual(self.read("base"), text)
        self.assertEqual(sorted(os.listdir(self.folder)), ["base", "link"])

    def test_a_reason_that_is_still_to_be_given_fails_strictly(self):
        base = self.baseline(reason="TODO")
        self.assertIn("todo: ", self.gate("--baseline", base, "inversion").stdout)
        self.gate("--baseline", base, "--strict", "inversion", expect=FINDINGS)

    def test_what_is_gone_is_told_and_fails_strictly(self):
        base = self.baseline()
        self.assertIn("gone: '%s' line 2" % base, self.gate("--baseline", base, "order").stdout)
        self.gate("--baseline", base, "--strict", "order", expect=FINDINGS)

    def test_pruning_removes_what_is_gone(self):
        base = self.baseline()
        self.gate("--baseline", base, "--update", "order")
        self.assertIn("potential", self.read("base"))
        self.gate("--baseline", base, "--update", "--prune", "order")
        self.assertEqual(self.read("base"), "# deadwatch baseline 1\n")

    def test_who_is_blind_prunes_nothing(self):
        base = self.baseline()
        self.gate("--baseline", base, "--update", "--prune", "--require-lock=BQL", "order",
                  expect=BLIND)
        self.assertIn("potential", self.read("base"))

    def test_a_wrong_baseline_is_refused_with_its_line(self):
        base = self.write("base", "# deadwatch baseline 1\njunk\n")
        done = self.gate("--baseline", base, "order", expect=USAGE)
        self.assertIn("line 2: 'junk' is no verdict", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_baseline_that_is_not_there_is_no_empty_one(self):
        done = self.gate("--baseline", self.path("none"), "order", expect=USAGE)
        self.assertIn("there is no baseline", done.stderr)
        self.assertIn("--update makes it", done.stderr)

    def test_a_pipe_is_read_if_somebody_writes_to_it(self):
        os.mkfifo(self.path("pipe"))
        for option in ("--baseline", "--suppressions", "--order"):
            done = self.gate(option, self.path("pipe"), "order", expect=USAGE)
            self.assertIn("it is a pipe, and nobody writes to it", done.stderr)
        with open(self.baseline(), "rb") as file:
            text = file.read()
        read_end, write_end = os.pipe()
        os.write(write_end, text)
        os.close(write_end)
        done = deadwatch("gate", "--baseline", f"/dev/fd/{read_end}", self.recording("inversion"),
                         pass_fds=(read_end,))
        os.close(read_end)
        self.assertEqual(done.returncode, CLEAN, done.stdout + done.stderr)

    def test_an_update_keeps_what_others_have_written_since_it_read(self):
        base = self.path("base")
        folder = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        fcntl.flock(folder, fcntl.LOCK_EX)
        words = [DEADWATCH, "gate", "--baseline", base, "--update", self.recording("inversion")]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as gate:
            for line in gate.stdout:
                if line.startswith("new: "):
                    break
            other = 'hazard 0123456789abcdef "what another job found": TODO'
            self.write("base", f"# deadwatch baseline 1\n{other}\n")
            fcntl.flock(folder, fcntl.LOCK_UN)
            said = gate.communicate(timeout=TIMEOUT)[1]
        self.assertEqual(gate.returncode, CLEAN, said)
        self.assertIn("1 added", said)
        self.assertIn(other, self.read("base"))
        self.assertIn("potential ", self.read("base"))

    def test_a_baseline_in_a_folder_that_is_not_there_fails_to_be_written(self):
        self.gate("--baseline", self.path("no/base"), "--update", "inversion", expect=FAILED)

    def test_an_update_wants_a_baseline(self):
        self.gate("--update", "order", expect=USAGE)
        self.gate("--baseline", self.baseline(), "--prune", "order", expect=USAGE)


class Suppressions(Gate):
    def test_what_is_suppressed_passes_and_uses_are_counted(self):
        file = self.write("s", "# ours\nrace:x\ndeadlock:^second_thr*\n")
        done = self.gate("--suppressions", file, "inversion", "inversion", "--strict")
        self.assertIn("used: '%s' line 3: deadlock:^second_thr* suppressed 2 (1 different)" % file,
                      done.stdout)
        self.assertIn("(0 known, 1 suppressed)", done.stdout)

    def test_a_lock_a_file_and_a_module_can_be_meant(self):
        for pattern in ("^second$", "sample.c$", "^sample$"):
            self.gate("--suppressions", self.write("s", "potential:%s\n" % pattern), "inversion")
        self.gate("--suppressions", self.write("s", "potential:^econd\n"), "inversion",
                  expect=FINDINGS)
        self.gate("--suppressions", self.write("s", "stall:second\n"), "inversion",
                  expect=FINDINGS)

    def test_what_suppresses_nothing_or_too_much_is_named(self):
        file = self.write("s", "deadlock:*\nhazard:nobody\n")
        done = self.gate("--suppressions", file, "inversion")
        self.assertIn("broad: '%s' line 1" % file, done.stdout)
        self.assertIn("unused: '%s' line 2" % file, done.stdout)
        self.gate("--suppressions", file, "--strict", "inversion", expect=FINDINGS)

    def test_wrong_ones_are_refused_with_their_line(self):
        done = self.gate("--suppressions", self.write("s", "\nfoo:bar\n"), "order", expect=USAGE)
        self.assertIn("line 2: 'foo' is none of", done.stderr)

    def test_those_that_cannot_be_read_are_refused(self):
        self.gate("--suppressions", self.folder, "order", expect=USAGE)


class Order(Gate):
    def gate_by(self, text, *args, expect=CLEAN):
        return self.gate("--order", self.write("o", "# deadwatch order 1\n" + text), *args,
                         expect=expect)

    def test_a_need_that_is_not_declared_is_reported_without_a_cycle(self):
        done = self.gate_by("second -> first\n", "order", expect=FINDINGS)
        self.assertIn("undeclared: first -> second\n", done.stdout)
        self.assertNotIn("potential", done.stdout)

    def test_a_need_that_is_declared_is_none(self):
        self.gate_by("first -> second\n", "order")
        self.gate_by("first -> between -> second\n", "order")
        self.gate_by("first -> between\nbetween -> second\n", "order")

    def test_locks_that_are_not_in_the_file_are_not_looked_at(self):
        self.gate_by("first -> other\n", "order")

    def test_an_undeclared_need_can_be_known_and_suppressed(self):
        self.gate_by("second -> first\n", "--baseline", self.path("b"), "--update", "order")
        self.assertIn('undeclared', self.read("b"))
        self.gate_by("second -> first\n", "--baseline", self.path("b"), "order")
        self.gate_by("second -> first\n", "--suppressions",
                     self.write("s", "undeclared:take_both\n"), "order")

    def test_a_wrong_order_is_refused_with_its_line(self):
        done = self.gate_by("A -> B\nB -> A\n", "order", expect=USAGE)
        self.assertIn("line 3: 'B' cannot come before 'A'", done.stderr)


class Blindness(Gate):
    def test_a_reason_that_does_not_exist_cannot_be_allowed(self):
        done = self.gate("--allow=kiled", "order", expect=USAGE)
        self.assertIn("--allow cannot be 'kiled': it is one of ", done.stderr)
        self.assertIn("|killed|", done.stderr)
        self.gate("--allow=lost-signal", "order")

    def test_a_lock_that_was_not_seen_makes_blind(self):
        self.gate("--require-lock=first", "order")
        done = self.gate("--require-lock=first", "--require-lock=BQL", "order", expect=BLIND)
        self.assertIn("blind (lock-not-seen): 'BQL'", done.stdout)

    def start(self, path, what, monitor=0):
        environment = dict(os.environ, DEADWATCH_PROGRAM=DEADWATCH,
                           LD_PRELOAD=os.path.join(os.path.dirname(DEADWATCH),
                                                   "../shim/libdeadwatch.so"),
                           DEADWATCH_OPTIONS="monitor=%d:record_path=%s" % (monitor, path))
        process = subprocess.Popen([SAMPLE, what], env=environment, stdout=subprocess.PIPE,
                                   stdin=subprocess.PIPE)
        while process.stdout.readline() == b"done\n":
            pass
        return process

    def killed(self):
        process = self.start(self.path("killed"), "obey")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return self.path("killed")

    def monitor_of(self, path):
        """The process whose recording it is knows its monitor by the file they have mapped."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            for maps in glob.glob("/proc/[0-9]*/maps"):
                try:
                    with open(maps.replace("maps", "cmdline"), "rb") as file:
                        is_monitor = b"\0monitor\0" in file.read()
                    with open(maps, encoding="utf-8", errors="replace") as file:
                        if is_monitor and os.path.realpath(path) in file.read():
                            return int(maps.split("/")[2])
                except OSError:
                    pass
            time.sleep(0.05)
        self.fail("there is no monitor")

    def test_a_monitor_that_died_makes_blind(self):
        path = self.path("obey")
        process = self.start(path, "obey", monitor=1)
        os.kill(self.monitor_of(path), signal.SIGKILL)
        process.communicate(b"\n")
        self.assertIn("blind (monitor-died)", self.gate(path, expect=BLIND).stdout)

    def test_a_monitor_whose_number_another_process_has_now_makes_blind(self):
        path = self.path("obey")
        process = self.start(path, "obey", monitor=1)
        monitor = self.monitor_of(path)
        os.kill(monitor, signal.SIGKILL)
        process.communicate(b"\n")
        with open(path, "r+b") as file:
            header = file.read(8192)
            at = header.index(monitor.to_bytes(4, "little"))
            file.seek(at)
            file.write(os.getpid().to_bytes(4, "little"))
        self.assertIn("blind (monitor-died)", self.gate(path, expect=BLIND).stdout)

    def test_a_monitor_that_did_not_die_does_not(self):
        path = self.path("obey")
        process = self.start(path, "obey", monitor=1)
        self.monitor_of(path)
        process.communicate(b"\n")
        self.gate(path)

    def killed_alone(self, what):
        path = self.path(what)
        process = self.start(path, what)
        process.kill()
        process.communicate()
        return path

    def test_a_single_thread_that_was_killed_makes_blind_unless_the_job_allows_it(self):
        path = self.killed_alone("linger")
        self.assertIn("blind (killed-single)", self.gate(path, expect=BLIND).stdout)
        self.gate("--allow=killed", path, expect=BLIND)
        self.assertIn("allowed: killed-single: 1 recording",
                      self.gate("--allow=killed-single", path).stdout)

    def test_neither_a_child_that_leaves_nor_a_program_that_is_not_there_is_an_end(self):
        self.gate(self.killed_alone("stumble"), expect=BLIND)

    def ended_by_itself(self, what):
        for monitor in ("0", "1"):
            path = self.path(what + monitor)
            deadwatch("run", "-o", path, "--", SAMPLE, what,
                      env=dict(os.environ, DEADWATCH_OPTIONS="monitor=" + monitor))
            self.gate(path)

    def test_who_leaves_by_exit_was_not_killed(self):
        self.ended_by_itself("leave")
        self.ended_by_itself("leave-alone")

    def test_who_executes_another_program_was_not_killed(self):
        self.ended_by_itself("become")
        self.ended_by_itself("become-alone")

    def test_a_process_that_was_killed_makes_blind_unless_the_job_allows_it(self):
        path = self.killed()
        done = self.gate(path, "order", expect=BLIND)
        self.assertIn("blind (killed)", done.stdout)
        self.assertIn(path, done.stdout)
        self.assertIn("allowed: killed: 1 recording", self.gate("--allow=killed", path, "order").stdout)
        self.gate("--allow=truncated", path, "order", expect=BLIND)

    def report(self, path):
        done = deadwatch("report", path)
        told = json.loads(deadwatch("report", "--format=json", path).stdout)
        return "it was killed" in done.stdout, told["counts"]["killed"], done.returncode

    def test_a_report_says_as_well_that_a_process_was_killed(self):
        self.assertEqual(self.report(self.killed()), (True, 1, CLEAN))
        self.assertEqual(self.report(self.killed_alone("linger")), (True, 1, CLEAN))
        self.assertEqual(self.report(self.recording("order")), (False, 0, CLEAN))

    def test_a_report_does_not_call_killed_what_still_runs(self):
        process = self.start(self.path("runs"), "obey")
        self.assertEqual(self.report(self.path("runs"))[:2], (False, 0))
        process.communicate(b"\n")
        self.assertEqual(self.report(self.path("runs"))[:2], (False, 0))

    def test_the_same_reason_is_told_once(self):
        path = self.killed()
        shutil.copy(path, self.path("copy"))
        done = self.gate(path, self.path("copy"), expect=BLIND)
        self.assertEqual(done.stdout.count("blind (killed)"), 1)
        self.assertIn("and 1 more", done.stdout)

    def test_no_recording_is_never_green(self):
        os.mkdir(self.path("empty"))
        self.gate(self.path("empty"), expect=BLIND)
        self.gate(self.path("nothing"), expect=FAILED)

    def test_one_that_is_missing_among_many_is_never_green(self):
        done = self.gate("order", self.path("nothing"), "alone", expect=FAILED)
        self.assertIn("failed: 1 recording could not be read", done.stdout)
        self.assertIn("'%s': No such file" % self.path("nothing"), done.stderr)

    def test_recordings_in_folders_of_a_folder_are_judged(self):
        os.makedirs(self.path("all/job/host"))
        shutil.copy(self.recording("order"), self.path("all"))
        shutil.copy(self.recording("inversion"), self.path("all/job/host"))
        os.symlink("..", self.path("all/job/up"))
        done = self.gate(self.path("all"), expect=FINDINGS)
        self.assertIn("gate: 2 recordings", done.stdout)
        self.assertIn("passed-over: 1 file in a folder that is no recording: '%s'"
                      % self.path("all/job/up"), done.stdout)

    def test_folders_in_folders_without_end_are_never_green(self):
        os.makedirs(self.path("all/" + "x/" * 20))
        shutil.copy(self.recording("order"), self.path("all"))
        self.assertIn("too many folders", self.gate(self.path("all"), expect=FAILED).stderr)

    def test_what_is_no_recording_is_passed_over_and_said(self):
        os.mkdir(self.path("all"))
        shutil.copy(self.recording("order"), self.path("all"))
        self.write("all/notes", "nothing of ours")
        self.write("all/notes.1", "nothing either")
        self.assertIn("passed-over: 2 files in a folder that are no recordings: '%s' and others"
                      % self.path("all/notes"), self.gate(self.path("all")).stdout)
        done = self.gate("order", self.path("all/notes"), expect=FAILED)
        self.assertIn("is not a recording", done.stderr)

    def test_what_was_a_recording_is_never_green(self):
        with open(self.recording("inversion"), "rb") as file:
            recorded = file.read()
        for name, text, why in (("lost", bytes(8) + recorded[8:], "destroyed"),
                                ("order.123", b"compressed, maybe", "has the name"),
                                ("order.123.1", b"\1" * 9000, "has the name"),
                                ("order.123.2", bytes(9000), "is empty"),
                                ("boot.rec", b"no more", "has the name"),
                                ("deadwatch.77.rec.77", b"no more", "has the name"),
                                ("empty", b"", "is empty")):
            with self.subTest(name), tempfile.TemporaryDirectory(dir=self.folder) as folder:
                shutil.copy(self.recording("order"), folder)
                path = os.path.join(folder, name)
                with open(path, "wb") as file:
                    file.write(text)
                done = self.gate(folder, expect=FAILED)
                self.assertIn("deadwatch: '%s': " % path, done.stderr)
                self.assertIn(why, done.stderr)
                self.assertIn("failed: 1 recording could not be read", done.stdout)

    def test_a_blank_file_by_another_name_is_passed_over(self):
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            shutil.copy(self.recording("order"), folder)
            with open(os.path.join(folder, "disk.img"), "wb") as file:
                file.truncate(1 << 20)
            done = self.gate(folder)
            self.assertIn("disk.img", done.stdout + done.stderr)

    def test_a_process_that_had_no_room_to_record_is_never_green(self):
        """A disk with room for some recordings, in a mount namespace that ends with the command."""
        if os.geteuid() or subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL,
                                          check=False).returncode:
            self.skipTest("only root can mount, and not everywhere")
        script = ("mount -t tmpfs -o size=64k none '%s' && TMPDIR='%s' exec '%s' run --gate -- sh -c "
                  "'for i in 1 2 3 4 5 6; do \"%s\" order; done'"
                  % (self.folder, self.folder, DEADWATCH, SAMPLE))
        done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
                              capture_output=True, text=True, timeout=TIMEOUT, check=False)
        self.assertEqual(done.returncode, GATE_EXIT, done.stderr)
        self.assertIn("is empty: there was no room", done.stderr)

    def test_findings_come_before_what_could_not_be_read(self):
        done = self.gate("inversion", self.path("nothing"), expect=FINDINGS)
        self.assertIn("1 recording could not be read", done.stdout)

    def test_a_recording_of_a_later_version_is_never_green(self):
        with open(self.recording("order"), "rb") as file:
            data = bytearray(file.read())
        data[8] += 1
        with open(self.path("newer"), "wb") as file:
            file.write(data)
        self.gate("order", self.path("newer"), expect=FAILED)


class Report(Gate):
    def test_a_finding_of_many_recordings_is_told_once(self):
        done = self.gate("inversion", "inversion", "inversion", expect=FINDINGS)
        self.assertEqual(done.stdout.count("potential deadlock:"), 1)
        self.assertIn("found in 3 recordings", done.stdout)
        self.assertIn("gate: 3 recordings", done.stdout)

    def test_the_report_does_not_depend_on_the_time_of_day(self):
        first = self.gate("inversion", "order", expect=FINDINGS).stdout
        self.assertEqual(self.gate("inversion", "order", expect=FINDINGS).stdout, first)

    def test_a_program_that_is_gone_is_said_to_be(self):
        program = shutil.copy(SAMPLE, self.path("program"))
        deadwatch("run", "-o", self.path("r"), "--", program, "inversion")
        self.assertNotIn("no-names", self.gate(self.path("r"), expect=FINDINGS).stdout)
        os.unlink(program)
        self.assertIn("no-names: the program's file", self.gate(self.path("r"),
                                                                expect=FINDINGS).stdout)

    def test_people_see_how_far_it_is_and_programs_do_not(self):
        os.mkdir(self.path("many"))
        for i in range(20):
            os.symlink(self.recording("order"), self.path("many/%d" % i))
        self.assertEqual(self.gate(self.path("many")).stderr, "")
        ours, theirs = pty.openpty()
        subprocess.run([DEADWATCH, "gate", self.path("many")], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=theirs, timeout=TIMEOUT,
                       env=dict(os.environ, TERM="xterm"))
        os.close(theirs)
        shown = os.read(ours, 4096)
        os.close(ours)
        self.assertIn(b"reading 16: ", shown)
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown)

    def test_json_says_what_is_new(self):
        done = self.gate("-f", "json", "--baseline", self.baseline(), "inversion", "order")
        report = json.loads(done.stdout)
        self.assertEqual([f["standing"] for f in report["findings"]], ["known"])
        self.assertEqual(report["findings"][0]["reason"], "it is a sample")
        self.assertEqual(report["counts"]["processes"], 2)

    def test_reports_are_written_beside_the_log(self):
        done = self.gate("--write=json=" + self.path("r.json"), "inversion", expect=FINDINGS)
        self.assertIn("new: 1 finding", done.stdout)
        self.assertEqual(json.loads(self.read("r.json"))["findings"][0]["standing"], "new")

    def test_a_report_that_cannot_be_written_fails(self):
        self.gate("--write=json=" + self.path("no/r"), "order", expect=FAILED)
        self.gate("--write=json=/dev/full", "order", expect=FAILED)
        self.gate("--write=poem=" + self.path("r"), "order", expect=USAGE)
        self.gate("--write=json", "order", expect=USAGE)


if __name__ == "__main__":
    unittest.main()
