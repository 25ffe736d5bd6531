#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is installed, into a folder that it was not built for: every test's name is a claim.

usage: test-install.py BUILD SAMPLE TABLES [unittest's arguments]
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SAMPLE, TABLES = (os.path.abspath(a) for a in sys.argv[1:4])
del sys.argv[1:4]
TIMEOUT = 240

PROGRAM = """
#include <deadwatch/annotate.h>
int main(void) { DEADWATCH_IDLE(); return 0; }
"""


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="deadwatch-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir",
                        cls.folder], check=True, capture_output=True, timeout=TIMEOUT)

    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="deadwatch-test-")
        self.addCleanup(shutil.rmtree, self.work)

    def find(self, pattern):
        found = glob.glob(os.path.join(self.folder, "**", pattern), recursive=True)
        self.assertEqual(len(found), 1, pattern)
        return found[0]

    def run_it(self, *command, **more):
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT,
                              stdin=subprocess.DEVNULL, **more)

    def test_the_program_finds_the_library_that_was_installed_with_it(self):
        done = self.run_it(self.find("bin/deadwatch"), "doctor", "--format=json")
        rows = {row["what"]: row for row in json.loads(done.stdout)["rows"]}
        self.assertEqual(rows["library"]["seen"], self.find("libdeadwatch.so"))

    def test_a_finding_is_told(self):
        done = self.run_it(self.find("bin/deadwatch"), "run", "--", SAMPLE, "inversion")
        self.assertIn("potential deadlock: first -> second -> first", done.stderr)

    def test_the_library_finds_the_program_that_was_installed_with_it(self):
        library, record = self.find("libdeadwatch.so"), os.path.join(self.work, "recording")
        self.run_it(SAMPLE, "inversion", env=dict(
            os.environ, LD_PRELOAD=library, DEADWATCH_OPTIONS="record_path=" + record))
        done = self.run_it(self.find("bin/deadwatch"), "report", "--format=json", record)
        self.assertEqual(json.loads(done.stdout)["counts"]["monitored"], 1)

    def test_every_command_has_its_page(self):
        with open(TABLES) as file:
            for command in json.load(file)["commands"]:
                self.find("man/man1/deadwatch-%s.1" % command["name"])

    def test_each_shell_finds_its_completion(self):
        for path in ("share/bash-completion/completions/deadwatch",
                     "share/zsh/site-functions/_deadwatch",
                     "share/fish/vendor_completions.d/deadwatch.fish"):
            self.find(path)

    def test_a_program_with_annotations_compiles(self):
        if not shutil.which("pkg-config"):
            self.skipTest("pkg-config is not installed")
        flags = self.run_it("pkg-config", "--cflags", "deadwatch", env=dict(
            os.environ, PKG_CONFIG_SYSROOT_DIR=self.folder,
            PKG_CONFIG_LIBDIR=os.path.dirname(self.find("deadwatch.pc"))))
        self.assertEqual(flags.returncode, 0, flags.stderr)
        done = self.run_it("sh", "-c", "echo '%s' | cc -x c - %s -o %s/program && %s/program" % (
            PROGRAM, flags.stdout.strip(), self.work, self.work))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_nothing_else_is_installed(self):
        names = {os.path.basename(path) for path in glob.glob(
            os.path.join(self.folder, "**"), recursive=True) if os.path.isfile(path)}
        strangers = {name for name in names if "deadwatch" not in name} - {
            "annotate.h", "generic.json", "qemu.json", "rust-vmm.json"}
        self.assertEqual(strangers, set())


if __name__ == "__main__":
    unittest.main()
