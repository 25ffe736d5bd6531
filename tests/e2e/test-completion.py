#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What shells offer: every test's name is a claim, held against each shell that is installed.

usage: test-completion.py TABLES BASH_FILE ZSH_FILE FISH_FILE [unittest's arguments]
"""
import json
import os
import shutil
import subprocess
import sys
import unittest

TABLES, BASH, ZSH, FISH = (os.path.abspath(a) for a in sys.argv[1:5])
del sys.argv[1:5]
HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 240

with open(TABLES) as file:
    tables = json.load(file)
COMMANDS = {command["name"]: command for command in tables["commands"]}


class Shell:
    """A test for one shell: subclasses say what it offers behind a line."""

    def setUp(self):
        if not shutil.which(self.name):
            self.skipTest("%s is not installed" % self.name)

    def run_shell(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT,
                              stdin=subprocess.DEVNULL, cwd=HERE)
        self.assertNotIn("error", done.stderr)
        return [word.split("\t")[0].rstrip("=") for word in done.stdout.splitlines() if word]

    def test_every_command_is_offered(self):
        self.assertLessEqual(set(COMMANDS), set(self.offers("deadwatch ")))

    def test_a_command_is_completed(self):
        self.assertEqual(set(self.offers("deadwatch rep")), {"report"})

    def test_every_option_of_every_command_is_offered(self):
        for name, command in COMMANDS.items():
            options = {"--" + option["name"] for option in command["options"]}
            self.assertEqual({word for word in self.offers("deadwatch %s --" % name)
                              if len(word) > 2}, options, name)

    def test_options_of_the_program_stand_before_the_command(self):
        self.assertEqual(set(self.offers("deadwatch --v")), {"--version"})

    def test_formats_are_offered(self):
        words = {option["name"]: option["argument"] for option in COMMANDS["report"]["options"]}
        expected = set(words["format"].split("|"))
        self.assertEqual(set(self.last(self.offers("deadwatch report --format="))), expected)
        self.assertEqual(set(self.offers("deadwatch report -f ")), expected)

    @staticmethod
    def last(words):
        """Some offer the word, some with the option in front of it."""
        return [word.split("=")[-1] for word in words]

    def test_recordings_are_files(self):
        self.assertEqual(set(self.offers("deadwatch report test-comp")), {"test-completion.py"})

    def test_programs_are_offered_to_run(self):
        for line in ("deadwatch run tru", "deadwatch run -- tru", "deadwatch run --all tru"):
            self.assertIn("true", self.offers(line), line)

    def test_processes_are_offered_to_the_doctor(self):
        number = str(os.getpid())
        self.assertIn(number, self.offers("deadwatch doctor " + number[:-1]))


class Bash(Shell, unittest.TestCase):
    name = "bash"

    def offers(self, line):
        return self.run_shell("bash", "--norc", os.path.join(HERE, "complete.bash"), BASH, line)

    def test_what_an_option_takes_is_not_the_program(self):
        for line in ("run -f json tru", "run --output x tru", "run --output=x tru"):
            self.assertIn("true", self.offers("deadwatch " + line), line)

    def test_words_of_the_program_are_files(self):
        self.assertEqual(self.offers("deadwatch run -- true test-comp"), ["test-completion.py"])


class Zsh(Shell, unittest.TestCase):
    name = "zsh"

    def offers(self, line):
        return self.run_shell("zsh", "-f", os.path.join(HERE, "complete.zsh"),
                              os.path.dirname(ZSH), line)

    def test_words_of_the_program_are_its_own(self):
        self.assertNotIn("--all", self.offers("deadwatch run -- true --"))


class Fish(Shell, unittest.TestCase):
    name = "fish"

    def offers(self, line):
        return self.run_shell("fish", "--no-config", "-c",
                              "source %s; complete -C '%s'" % (FISH, line))


if __name__ == "__main__":
    unittest.main()
