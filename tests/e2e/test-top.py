#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""top, in a pipe and on a terminal that tmux makes: every test's name is a claim.

usage: test-top.py DEADWATCH SHIM CASES_FOLDER [unittest's arguments]
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

DEADWATCH, SHIM, CASES = (os.path.abspath(a) for a in sys.argv[1:4])
del sys.argv[1:4]

WAIT_MAX_S = 240  # a machine may be busy with much else
USAGE, FAILED = 2, 4


def start(case, mode, path):
    """Starts a case's program with the shim in it, which records to path."""
    return subprocess.Popen(
        [os.path.join(CASES, "case-" + case), mode], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=dict(
            os.environ, LD_PRELOAD=SHIM, DEADWATCH_OPTIONS="record_path=" + path))


def once(*arguments):
    return subprocess.run([DEADWATCH, "top", "--once", *arguments], capture_output=True, text=True,
                          timeout=WAIT_MAX_S)


def await_match(look, pattern):
    """All that is asked of one screen is in one pattern: the next one may be half drawn."""
    end = time.monotonic() + WAIT_MAX_S
    shown = look()
    while not re.search(pattern, shown) and time.monotonic() < end:
        time.sleep(0.1)
        shown = look()
    if not re.search(pattern, shown):
        raise AssertionError("%r is not in %r" % (pattern, shown))
    return shown


def await_text(look, text):
    return await_match(look, re.escape(text))


class Top(unittest.TestCase):
    """Tests beside one program that hangs, and beside others of their own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="deadwatch-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.recording = os.path.join(cls.folder, "hang")
        cls.process = start("bcm2835_fb", "hang", cls.recording)
        cls.addClassCleanup(cls.process.wait)
        cls.addClassCleanup(cls.process.kill)
        # Afterwards nothing changes any more.
        await_match(lambda: once(cls.recording).stdout, r"\ndeadlock: .*\nhazard: ")

    def start(self, case, mode):
        path = os.path.join(self.folder, self.id())
        process = start(case, mode, path)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return path


class Once(Top):
    def test_it_shows_who_waits_who_holds_and_what_was_found(self):
        lines = once(self.recording).stdout.splitlines()
        self.assertEqual(lines[0], "case-bcm2835_fb (pid %d): 2 threads, 1 waiting for locks"
                         % self.process.pid)
        self.assertEqual(lines[1], "deadlock: new_lock -> bql -> new_lock")
        row = next(line for line in lines if line.endswith("in fb_lock")).split()
        self.assertEqual(row[:5], ["-", "-", "0", "1", "new_lock"])
        self.assertEqual(row[5:], ["main", "(%d)" % self.process.pid, "in", "fb_lock"])

    def test_a_process_is_found_by_its_number(self):
        self.assertEqual(once(str(self.process.pid)).stdout, once(self.recording).stdout)

    def test_a_process_that_nobody_traces_is_looked_into(self):
        process = subprocess.Popen([os.path.join(CASES, "case-bcm2835_fb"), "hang"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        shown = await_text(lambda: once(str(process.pid)).stdout, "\ndeadlock: ")
        self.assertIn("main (%d)" % process.pid, shown)

    def test_waits_that_are_over_are_measured(self):
        recording = self.start("drm_freeze", "hang")
        await_match(lambda: once(recording).stdout,
                    r"held by\n(.*\n)* *[\d.]+ (n|u|m)?s +[\d.]+ (n|u|m)?s +[1-9]\d* +\d+  bql ")

    def test_what_cannot_be_shown_is_said(self):
        nothing = once(os.path.join(self.folder, "nothing"))
        self.assertEqual((nothing.returncode, nothing.stdout), (FAILED, ""))
        self.assertIn("No such file", nothing.stderr)
        nobody = once("999999999")
        self.assertEqual((nobody.returncode, nobody.stdout), (FAILED, ""))
        self.assertEqual(nobody.stderr, "deadwatch: there is no process 999999999\n")

    def test_without_a_terminal_it_asks_for_once(self):
        run = subprocess.run([DEADWATCH, "top", self.recording], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=WAIT_MAX_S)
        self.assertEqual((run.returncode, run.stdout), (USAGE, ""))
        self.assertIn("--once", run.stderr)

    def test_wrong_usage_is_told(self):
        for arguments in [(), ("a", "b"), ("--delay=0", "a"), ("--delay=x", "a")]:
            self.assertEqual(once(*arguments).returncode, USAGE, arguments)


@unittest.skipUnless(shutil.which("tmux"), "tmux, which makes a terminal, is not installed")
class Terminal(Top):
    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", os.path.join(self.folder, self.id().split(".")[-1][-40:]), "-f", "/dev/null",
                               *arguments], capture_output=True, text=True, timeout=WAIT_MAX_S)

    def show(self, command, terminal="screen"):
        self.addCleanup(self.tmux, "kill-server")
        made = self.tmux("new-session", "-d", "-x", "80", "-y", "24",
                         "TERM=%s %s; echo it exits with $?; sleep %d"
                         % (terminal, command, WAIT_MAX_S))
        self.assertEqual(made.returncode, 0, made.stderr)

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options).stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def test_it_is_shown_within_80_columns_and_without_colour(self):
        self.show("%s top %s" % (DEADWATCH, self.recording))
        shown = await_text(self.screen, "q quits")
        lines = shown.splitlines()
        self.assertIn("case-bcm2835_fb (pid %d): 2 threads" % self.process.pid, lines[0])
        self.assertIn("deadlock: new_lock -> bql -> new_lock", shown)
        self.assertIn("main (%d) in fb_lock" % self.process.pid, shown)
        self.assertLessEqual(max(len(line) for line in lines), 80)
        self.assertNotRegex(self.screen("-e"), "\x1b\\[[0-9;]*[34][0-7]m")

    def test_findings_appear_as_they_are_made(self):
        recording = self.start("bcm2835_fb", "hang")
        await_text(lambda: once(recording).stdout, "threads")
        self.show("%s top --delay=0.2 %s" % (DEADWATCH, recording))
        await_text(self.screen, "\ndeadlock: ")

    def test_q_quits_and_gives_the_terminal_back(self):
        self.show("%s top %s" % (DEADWATCH, self.recording))
        await_text(self.screen, "q quits")
        self.keys("Down", "Up", "NPage", "PPage", "x", "Space")
        await_text(self.screen, "q quits")
        self.keys("q")
        self.assertNotIn("q quits", await_text(self.screen, "it exits with 0"))

    def test_it_fits_a_terminal_that_changes(self):
        self.show("%s top --delay=60 %s" % (DEADWATCH, self.recording))
        await_text(self.screen, "q quits")
        self.tmux("resize-window", "-x", "120", "-y", "5")
        # As wide as it is now, the bar is, too.
        await_match(self.screen, r"^case-bcm2835_fb .*\n(.*\n){3} q quits .*every 60\.0 s")
        self.keys("Down", "Down")
        await_text(self.screen, "held by")

    def test_lines_are_cut_off_where_a_terminal_is_narrow(self):
        self.show("%s top --delay=60 %s" % (DEADWATCH, self.recording))
        await_text(self.screen, "q quits")
        self.tmux("resize-window", "-x", "20", "-y", "12")
        await_match(self.screen, r"^case-bcm.*\ndeadlock.*\nhazard: .*\n\n recent .*\n"
                                 r"( {6}- .*\n)+\n* q quits   up, down\n$")

    def test_what_vanishes_is_said_and_what_was_seen_stays(self):
        copy = shutil.copy(self.recording, os.path.join(self.folder, "copy"))
        self.show("%s top --delay=0.2 %s" % (DEADWATCH, copy))
        await_text(self.screen, "q quits")
        os.unlink(copy)
        self.assertIn("\ndeadlock: ", await_text(self.screen, "No such file"))

    def test_a_terminal_that_is_not_known_is_refused(self):
        self.show("%s top %s" % (DEADWATCH, self.recording), terminal="no-such-terminal")
        self.assertIn("--once", await_text(self.screen, "it exits with 2"))

    def test_a_terminal_whose_cursor_cannot_be_moved_is_refused(self):
        self.show("%s top %s" % (DEADWATCH, self.recording), terminal="dumb")
        self.assertIn("--once", await_text(self.screen, "it exits with 2"))


if __name__ == "__main__":
    unittest.main()
