#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is told of the command line: the help, the manual, and what is wrong. A test's name is a claim.

usage: test-help.py DEADWATCH MAN_FOLDER [unittest's arguments]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

DEADWATCH, MAN = (os.path.abspath(a) for a in sys.argv[1:3])
del sys.argv[1:3]

CLEAN, USAGE = 0, 2
TIMEOUT = 240  # seconds; each of these takes well under one


def deadwatch(*args):
    return subprocess.run([DEADWATCH, *args], capture_output=True, stdin=subprocess.DEVNULL,
                          text=True, timeout=TIMEOUT)


class Help(unittest.TestCase):
    with open(os.path.join(MAN, "tables.json")) as file:
        TABLES = json.load(file)
    COMMANDS = [command["name"] for command in TABLES["commands"]]

    def options(self, *command):
        return set(re.findall(r"--[a-z]+", deadwatch(*command, "--help").stdout)) - {"--help"}

    def test_help_fits_a_screen(self):
        for command in ((), *((c,) for c in self.COMMANDS)):
            done = deadwatch(*command, "--help")
            self.assertEqual((done.returncode, done.stderr), (CLEAN, ""))
            lines = done.stdout.splitlines()
            self.assertLessEqual(len(lines), 24)
            self.assertLessEqual(max(map(len, lines)), 80, lines)

    def test_help_has_each_word_that_an_option_can_be(self):
        for command in self.TABLES["commands"]:
            text = re.sub(r"\s", "", deadwatch(command["name"], "--help").stdout)
            for option in command["options"]:
                self.assertIn("--%s%s" % (option["name"], "=" + option["argument"]
                                          if option.get("argument") else ""), text)

    def test_help_lists_every_command(self):
        text = deadwatch("--help").stdout
        for command in self.COMMANDS:
            self.assertRegex(text, rf"(?m)^  {command} ")

    def test_the_manual_has_the_options_of_the_help(self):
        for command in self.COMMANDS:
            with open(os.path.join(MAN, f"deadwatch-{command}.1")) as page:
                text = page.read().replace("\\-", "-")
            described = set(re.findall(r"(?m)^\.TP\n.*?(--[a-z]+)", text)) - {"--help"}
            self.assertEqual(described, self.options(command), command)

    def test_the_manual_has_the_reasons_that_a_gate_can_allow(self):
        refused = deadwatch("gate", "--allow=frobnicate", "x").stderr
        known = set(re.search(r"it is one of (\S+)", refused)[1].split("|"))
        text = ""
        for command in ("report", "run", "gate"):
            with open(os.path.join(MAN, f"deadwatch-{command}.1")) as page:
                text += re.search(r"(?s)\n.SH BLINDNESS\n(.*?)\n\.SH ", page.read())[1] + "\n"
        heads = " ".join(re.findall(r"(?m)^\.TP\n\.BR?(.*)$", text)).replace("\\-", "-")
        described = set(re.findall(r"[a-z-]+", heads))
        self.assertEqual(described, {re.sub("^lost-.*", "lost-", reason) for reason in known})

    def test_the_manual_is_sound(self):
        if not shutil.which("groff"):
            self.skipTest("groff is not installed")
        pages = [os.path.join(MAN, page) for page in os.listdir(MAN) if page.startswith("deadwatch")
                 and page[-1].isdigit()]
        self.assertGreater(len(pages), len(self.COMMANDS))
        for page in pages:
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", page],
                                  capture_output=True, text=True, timeout=TIMEOUT)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)
            with open(page) as file:
                self.assertNotRegex(file.read(), r'(?m)^\.\\" (commands|options|settings|more|macros)')

    def test_what_is_wrong_is_said_and_is_2(self):
        for wrong in ((), ("frobnicate",), ("--frobnicate",), ("report",), ("report", "--all"),
                      ("report", "--format=xml", "x"), ("graph",), ("graph", "--format=png", "x"),
                      ("dump",), ("dump", "a", "b"),
                      ("run", "--frobnicate"), ("run", "--heartbeat=poll", "true"),
                      ("monitor", "--heartbeat=poll=1", "x", "1"), ("monitor", "x", "y"),
                      ("gate", "--allow=kiled", "x"), ("run", "--gate", "--allow=kiled", "true"),
                      ("top", "0"), ("attach", "99999999999"),
                      ("attach", "--duration=1e-30", "1"), ("attach", "--duration=nan", "1")):
            done = deadwatch(*wrong)
            self.assertEqual(done.returncode, USAGE, wrong)
            self.assertIn("usage: deadwatch", done.stderr)
            self.assertEqual(done.stdout, "")

    def test_what_is_wrong_with_an_option_is_said(self):
        for wrong, said in ((("gate", "--frobnicate"), "option '--frobnicate' is unknown"),
                            (("gate", "-az"), "option '-z' is unknown"),
                            (("gate", "--all=3"), "--all takes no argument"),
                            (("gate", "--help=3"), "--help takes no argument"),
                            (("gate", "x", "--order"), "--order wants an argument: --order=FILE"),
                            (("gate", "x", "-p"), "--profile wants an argument: --profile=FILE")):
            done = deadwatch(*wrong)
            self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
            self.assertIn(said, done.stderr)

    def test_an_argument_that_is_empty_is_none(self):
        for command in self.TABLES["commands"]:
            for option in command["options"]:
                if not option.get("argument"):
                    continue
                done = deadwatch(command["name"], "--%s=" % option["name"], "x")
                self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
                self.assertIn("--%s wants an argument" % option["name"], done.stderr)

    def test_the_version_is_shown(self):
        self.assertRegex(deadwatch("--version").stdout, r"^deadwatch \d+\.\d+\.\d+\n$")

    def test_debug_shows_the_way_of_an_error(self):
        done = deadwatch("--debug", "report", "/nonexistent")
        self.assertRegex(done.stderr, r"(?m)^  raised  \S+ .*\.c:\d+: No such file")
        self.assertNotIn("raised", deadwatch("report", "/nonexistent").stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
