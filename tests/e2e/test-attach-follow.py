#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What deadwatch attach does of processes that are made, or change, and of several.

    test-attach-follow.py DEADWATCH FAMILY CASE AWAIT

FAMILY is of family.c; CASE is a case that has an inversion in its mode "benign"; AWAIT, preloaded,
stops a program before its begin. Skipped where nobody may attach.
"""
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from attaching import TIMEOUT_S, skip_if_forbidden
from waiting import await_threads, is_trapped, until

DEADWATCH, FAMILY, CASE, AWAIT = sys.argv[1:5]
LIBRARY = "/lib/%s-linux-gnu/libc.so.6" % os.uname().machine
STUCK = ["locks", "locks+0x28", "locks"]


class Family:
    """The program, attached to."""

    def __init__(self, words, *options):
        self.folder = tempfile.TemporaryDirectory()
        self.record = os.path.join(self.folder.name, "record")
        self.process = subprocess.Popen([FAMILY, *words], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.said = open(os.path.join(self.folder.name, "said"), "w+", encoding="utf-8")
        self.attached = subprocess.Popen(
            [DEADWATCH, "attach", *options, "--format", "json", "-o", self.record,
             str(self.process.pid)], stdout=subprocess.PIPE, stderr=self.said, text=True,
            env=dict(os.environ, DEADWATCH_OPTIONS="stall_ms=1000"))
        if not until(lambda: self.has_said("attached to process")):
            raise TimeoutError("it does not attach")

    def has_said(self, words):
        self.said.seek(0)
        return words in self.said.read()

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def report(self):
        return json.loads(self.attached.communicate(timeout=TIMEOUT_S)[0])

    def recordings(self):
        return sorted(name for name in os.listdir(self.folder.name) if name.startswith("record"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.attached.kill()
        self.attached.communicate()
        self.process.kill()
        self.process.communicate()
        self.said.close()
        self.folder.cleanup()


def chains(report, verdict):
    return [finding["chain"] for finding in report["findings"] if finding["verdict"] == verdict]


class Follow(unittest.TestCase):
    def is_found_stuck(self, family):
        child = family.process.stdout.readline().strip()
        try:
            self.assertTrue(until(lambda: family.has_said("(pid %s)" % child)))
        finally:
            os.kill(int(child), signal.SIGKILL)
        report = family.report()
        self.assertEqual(chains(report, "deadlock"), [STUCK])
        self.assertIn("record." + child, family.recordings())

    def test_what_is_made_is_attended_to(self):
        with Family(["fork"], "--follow") as family:
            family.go_on()
            self.is_found_stuck(family)
            self.assertEqual(len(family.recordings()), 2)

    def test_what_is_made_by_who_ends_at_once_is_attended_to(self):
        for _ in range(2):  # if that was missed it was in every other run
            with Family(["leave"], "--follow") as family:
                family.go_on()
                self.is_found_stuck(family)

    def test_those_that_end_at_once_are_in_nobodys_way(self):
        with Family(["often", "60"], "--follow", "--order") as family:
            family.go_on()
            self.is_found_stuck(family)

    def test_those_that_end_before_they_are_attached_to_are_counted(self):
        """It is stopped while they live: whatever they do, none can be seen."""
        with Family(["brief", "20"], "--follow", "--order") as family:
            family.attached.send_signal(signal.SIGSTOP)
            self.assertTrue(until(lambda: self.is_stopped(family.attached.pid)))
            family.go_on()
            family.process.stdout.readline()
            family.attached.send_signal(signal.SIGCONT)
            report = family.report()
            self.assertEqual(family.attached.returncode, 3)
            self.assertTrue(family.has_said("20 processes ended before they could be attached to"))
            self.assertEqual(family.recordings(), ["record"])
        self.assertEqual(report["counts"]["lost"]["processes"], 20)
        self.assertEqual((report["counts"]["processes"], report["counts"]["killed"]), (1, 0))
        self.assertIn("lost-processes", [blind["reason"] for blind in report["blind"]])

    def test_whom_a_signal_ends_did_not_come_to_its_end(self):
        with Family(["abort"], "--order") as family:
            resource.prlimit(family.process.pid, resource.RLIMIT_CORE, (0, 0))
            family.go_on()
            report = family.report()
            self.assertTrue(family.has_said("process %d (family) was ended by signal %d (" %
                                            (family.process.pid, signal.SIGABRT)))
            again = subprocess.run([DEADWATCH, "report", "--format", "json", family.record],
                                   capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
            self.assertEqual(family.attached.returncode, again.returncode)
        self.assertEqual(report["counts"]["killed"], 1)
        self.assertEqual(json.loads(again.stdout)["counts"]["killed"], 1)

    def test_who_ends_by_itself_was_not_killed(self):
        with Family(["brief", "0"], "--order") as family:
            family.go_on()
            self.assertEqual(family.report()["counts"]["killed"], 0)
            self.assertFalse(family.has_said("ended by signal"))

    def attend_to_program(self, how):
        """A program that runs another one, which runs the case; before its begin it stops."""
        with Family([how, "/usr/bin/env", "LD_PRELOAD=" + AWAIT, CASE, "benign"], "--follow",
                    "--order") as family:
            family.go_on()
            child = (family.process.stdout.readline().strip() if how == "spawn"
                     else str(family.process.pid))
            self.assertTrue(until(lambda: self.is_stopped(child)))
            self.assertTrue(until(lambda: family.has_said(
                "process %s (%s)" % (child, os.path.basename(CASE)))))
            self.assertTrue(until(lambda: is_trapped(child, LIBRARY, "pthread_mutex_lock")))
            os.kill(int(child), signal.SIGCONT)
            report = family.report()
            self.assertIn(["bql", "new_lock", "bql"], chains(report, "potential"))
            self.assertIn("record.%s" % child, family.recordings()[-1])

    @staticmethod
    def is_stopped(pid):
        with open("/proc/%s/stat" % pid, encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"

    def test_programs_that_are_run_are_probed(self):
        self.attend_to_program("spawn")

    def test_a_process_may_run_another_program_in_its_place(self):
        self.attend_to_program("exec")

    def test_without_following_the_program_is_left(self):
        with Family(["exec", "/bin/sleep", "30"]) as family:
            family.go_on()
            report = family.report()
            self.assertTrue(family.has_said("runs another program now"))
            self.assertEqual(report["counts"]["processes"], 1)

    def test_without_following_what_is_made_is_left(self):
        with Family(["spawn", "/bin/true"]) as family:
            family.go_on()
            self.assertEqual(family.report()["counts"]["processes"], 1)


class Several(unittest.TestCase):
    def test_only_who_lost_something_is_blind_for_that(self):
        load = ["sysbench", "threads", "--threads=4", "--time=%d" % TIMEOUT_S, "run"]
        tiny = dict(os.environ, DEADWATCH_OPTIONS="attach_ring=4")
        with tempfile.TemporaryDirectory() as folder, \
             subprocess.Popen(["sleep", str(TIMEOUT_S)]) as idle, \
             subprocess.Popen(load, stdout=subprocess.DEVNULL) as busy:
            await_threads(busy.pid, 5)
            for seconds in ("1", "4", "16"):
                record = os.path.join(folder, "record-" + seconds)
                subprocess.run([DEADWATCH, "attach", "--order", "--duration", seconds, "-o", record,
                                str(idle.pid), str(busy.pid)], capture_output=True, check=False,
                               timeout=TIMEOUT_S, env=tiny)
                lost = [json.loads(subprocess.run([DEADWATCH, "report", "--format", "json", path],
                                                  capture_output=True, text=True, check=False,
                                                  timeout=TIMEOUT_S).stdout)["counts"]["lost"]
                        for path in (record, "%s.%d" % (record, busy.pid))]
                if lost[1]["events"]:
                    break
            busy.kill()
            idle.kill()
        self.assertEqual(lost[0]["events"], 0)
        self.assertGreater(lost[1]["events"], 0)

    def test_all_of_a_name_are_attached_to_and_one_may_vanish(self):
        with tempfile.TemporaryDirectory() as folder:
            named = os.path.join(folder, "namesake")
            os.symlink("/bin/sleep", named)
            made = [subprocess.Popen([named, "30"]) for _ in range(3)]
            self.assertTrue(until(lambda: all(self.name_of(one.pid) == "namesake"
                                              for one in made)))
            # Who is named as well is attached to once.
            with subprocess.Popen([DEADWATCH, "attach", "--comm", "namesake", "--format", "json",
                                   str(made[1].pid), str(made[1].pid)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True) as attached:
                for _ in made:
                    self.assertIn("attached to process", attached.stderr.readline())
                made[0].kill()
                made[0].wait()
                time.sleep(0.5)
                self.assertIsNone(attached.poll())
                for one in made[1:]:
                    one.kill()
                    one.wait()
                report = json.loads(attached.communicate(timeout=TIMEOUT_S)[0])
        self.assertEqual(report["counts"]["processes"], 3)

    def test_a_name_that_nobody_has_is_said(self):
        done = subprocess.run([DEADWATCH, "attach", "--comm", "nobody is so", str(os.getpid())],
                              capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        self.assertIn("no process is called 'nobody is so'", done.stderr)

    @staticmethod
    def name_of(pid):
        with open("/proc/%d/comm" % pid, encoding="utf-8") as file:
            return file.read().strip()


if __name__ == "__main__":
    skip_if_forbidden(DEADWATCH)
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])
