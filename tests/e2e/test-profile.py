#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Profiles, from the command line to the report: every test's name is a claim.

The program reads a pipe in CFRelease under its big lock; what completes that is fence_poll, which
runs under the same lock. Nothing but a profile can know it.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

from waiting import until

DEADWATCH, PROGRAM, SHIM = (os.path.abspath(path) for path in sys.argv[1:4])
STALL_MS = 3000
SHORT_MS = 1000
FOUND_MAX_S = 240
CALLS = {"name": "mine", "calls": [{"name": "CFRelease", "completed_by": ["fence_poll"]}]}


LIVE = ("deadlock", "stall")
CYCLE = ["bql", "CFRelease", "fence_poll", "bql"]


def live(report):
    """What is stuck, of a report: verdicts and chains, and what they rest on."""
    return [(finding["verdict"], finding["chain"], finding["flags"])
            for finding in report["findings"] if finding["verdict"] in LIVE]


class ProfileTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.recording = os.path.join(folder.name, "recording")
        self.profile = os.path.join(folder.name, "profile.json")

    def write(self, profile):
        with open(self.profile, "w", encoding="utf-8") as file:
            file.write(profile if isinstance(profile, str) else json.dumps(profile))

    def deadwatch(self, *arguments, **environment):
        return subprocess.run([DEADWATCH, *arguments], capture_output=True, text=True, timeout=240,
                              env=dict(os.environ, **environment))

    def record(self, mode="benign-pipe", **environment):
        done = self.deadwatch("run", "--output", self.recording, "--format", "json", "--",
                              PROGRAM, mode, **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stderr)

    def report(self, *arguments):
        done = self.deadwatch("report", "--format", "json", *arguments, self.recording)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return json.loads(done.stdout)

    def text(self, *arguments):
        return self.deadwatch("report", *arguments, self.recording).stdout

    def chains(self, report):
        return [finding["chain"] for finding in report["findings"]
                if finding["verdict"] == "potential" and not finding["excuse"]]

    def test_what_no_profile_says_is_not_concluded(self):
        self.assertEqual(self.chains(self.record()), [])

    def test_what_completes_a_call_closes_the_chain(self):
        self.record()
        self.write(CALLS)
        self.assertEqual(self.chains(self.report("--profile", self.profile)),
                         [["bql", "CFRelease", "fence_poll", "bql"]])

    def test_a_call_that_the_lock_is_dropped_around_needs_no_lock(self):
        self.record("fixed")
        self.write(CALLS)
        self.assertEqual(self.chains(self.report("--profile", self.profile)), [])

    def test_run_takes_a_profile_too_and_watches_its_calls(self):
        self.write({"name": "mine", "locks": [{"name": "the big lock", "variables": ["bql"]}],
                    "calls": [{"name": "MTLHeap*"}, CALLS["calls"][0]]})
        report = self.record(DEADWATCH_OPTIONS="profile=" + self.profile)
        self.assertEqual(self.chains(report),
                         [["the big lock", "CFRelease", "fence_poll", "the big lock"]])

    def test_a_wrapper_names_no_place(self):
        self.record()
        self.write(CALLS)
        text = self.text("--profile", self.profile)
        self.assertRegex(text, r"waits for\s+CFRelease\s+in unref_resource\b")
        self.write({"wrappers": ["unref_*"], **CALLS})
        text = self.text("--profile", self.profile)
        self.assertRegex(text, r"waits for\s+CFRelease\s+in virgl_cmd_resource_create_blob\b")

    def test_calls_that_are_switched_off_are_not_seen(self):
        on = self.record()["counts"]["things"]
        os.unlink(self.recording)
        off = self.record(DEADWATCH_OPTIONS="calls=off")["counts"]["things"]
        self.assertLess(off, on)

    def hang(self, options):
        """What is found in the program that hangs: pairs of a verdict and a chain."""
        options = "record_path=%s:stall_ms=%d%s" % (self.recording, STALL_MS, options)
        process = subprocess.Popen(
            [PROGRAM, "hang-pipe"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=dict(os.environ, LD_PRELOAD=SHIM,
                                                DEADWATCH_OPTIONS=options))
        found, end = [], time.monotonic() + FOUND_MAX_S
        try:
            while not found and time.monotonic() < end:
                time.sleep(0.2)
                done = self.deadwatch("report", "--format", "json", self.recording)
                if done.returncode in (0, 1, 3):  # it may not be there yet
                    found = [(finding["verdict"], finding["chain"])
                             for finding in json.loads(done.stdout)["findings"]
                             if finding["verdict"] in ("deadlock", "stall")]
        finally:
            process.kill()
            process.wait()
        return found

    def test_what_completes_a_call_tells_a_deadlock_from_a_stall_live(self):
        self.assertEqual(self.hang(""), [("stall", ["bql", "CFRelease"])])
        os.unlink(self.recording)
        self.write(CALLS)
        self.assertEqual(self.hang(":profile=" + self.profile),
                         [("deadlock", ["bql", "CFRelease", "fence_poll", "bql"])])

    def start_hanging(self, mode):
        process = subprocess.Popen([PROGRAM, mode], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return str(process.pid)

    def inspect(self, mode, *options):
        pid = self.start_hanging(mode)

        def look():
            done = self.deadwatch("inspect", "--format", "json", *options, pid)
            return live(json.loads(done.stdout)) if done.returncode == 1 else []

        return until(look, FOUND_MAX_S)

    def attach(self, mode):
        """What is found in a program that hangs already."""
        pid = self.start_hanging(mode)
        self.inspect_until_stuck(pid)
        attached = subprocess.Popen(
            [DEADWATCH, "attach", "--output", self.recording, pid], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=dict(os.environ, DEADWATCH_OPTIONS="stall_ms=%d:profile=%s" %
                     (SHORT_MS, self.profile)))
        self.addCleanup(attached.wait)
        self.addCleanup(attached.kill)
        self.addCleanup(attached.stderr.close)

        def look():
            if attached.poll() is not None:
                self.skipTest(attached.stderr.read().strip())
            done = self.deadwatch("report", "--format", "json", self.recording)
            return live(json.loads(done.stdout)) if done.returncode in (0, 1, 3) else []

        return until(look, FOUND_MAX_S)

    def inspect_until_stuck(self, pid):
        self.assertTrue(until(lambda: self.deadwatch("inspect", pid).returncode == 1, FOUND_MAX_S))

    def test_who_waits_in_what_completes_a_call_closes_the_chain_after_the_hang(self):
        self.assertEqual(self.inspect("hang-thread"), [("stall", ["bql", "CFRelease"], [])])
        self.write(CALLS)
        expected = [("deadlock", CYCLE, ["inferred", "completion-inferred"])]
        self.assertEqual(self.inspect("hang-thread", "--profile", self.profile), expected)
        self.assertEqual(self.attach("hang-thread"), expected)

    def test_others_in_what_completes_a_call_may_complete_it(self):
        self.write(CALLS)
        expected = [("stall", ["bql", "CFRelease"], [])]
        self.assertEqual(self.inspect("hang-two-threads", "--profile", self.profile), expected)
        self.assertEqual(self.attach("hang-two-threads"), expected)

    def test_what_completes_a_call_and_is_nowhere_is_not_concluded(self):
        self.write(CALLS)
        self.assertEqual(self.inspect("hang-unseen", "--profile", self.profile),
                         [("stall", ["bql", "CFRelease"], [])])

    def test_a_wrong_profile_is_refused_with_its_line(self):
        self.write('{\n"name": "mine",\n"lokcs": []\n}')
        for done in (self.deadwatch("report", "--profile", self.profile, "/dev/null"),
                     self.deadwatch("run", "--", "true",
                                    DEADWATCH_OPTIONS="profile=" + self.profile)):
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr.strip(),
                             "deadwatch: %s:3: 'lokcs': no such key" % self.profile)

    def test_a_profile_that_is_not_there_is_refused(self):
        done = self.deadwatch("report", "--profile", "/nowhere/at/all", "/dev/null")
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot read profile '/nowhere/at/all': No such file", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
