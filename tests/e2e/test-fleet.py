#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs what docs/fleet.md shows, on the findings of three hosts, and compares what it prints.

usage: test-fleet.py PAGE DEADWATCH CASES

UPDATE=1 rewrites the page.
"""
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
TIMEOUT_S = 240
# What was recorded on each host: cases and their modes; none: an empty folder.
HOSTS = {
    "alpha": [("bcm2835_fb", "benign"), ("gate", "benign")],
    "beta": [("bcm2835_fb", "benign"), ("gate", "no-gate")],
    "gamma": [],
}
BLOCKS = re.compile(r"^```(sh|text)\n(.*?)^```\n", re.M | re.S)


def make_host(deadwatch, cases, folder, host, recorded):
    recordings = os.path.join(folder, host)
    os.mkdir(recordings)
    for case, mode in recorded:
        subprocess.run([deadwatch, "run", "-o", os.path.join(recordings, case + ".dwr"), "--",
                        os.path.join(cases, "case-" + case), mode],
                       capture_output=True, timeout=TIMEOUT_S)
    with open(os.path.join(folder, "findings", host + ".ndjson"), "w", encoding="utf-8") as out:
        subprocess.run([deadwatch, "report", "--format=ndjson", recordings], stdout=out,
                       timeout=TIMEOUT_S)


def run(commands, folder):
    done = subprocess.run(["sh", "-eu", "-c", commands], capture_output=True, text=True,
                          timeout=TIMEOUT_S, cwd=folder)
    if done.returncode or done.stderr:
        sys.exit("failed: %s\n%s" % (commands, done.stderr))
    return done.stdout


def shown(page, folder):
    """The page with what its commands print now."""
    printed = ""

    def replace(match):
        nonlocal printed
        if match.group(1) == "sh":
            printed = run(match.group(2), folder)
            return match.group(0)
        return "```text\n%s```\n" % printed

    return BLOCKS.sub(replace, page)


def main():
    path, deadwatch, cases = map(os.path.abspath, sys.argv[1:4])
    for tool in ("jq", "sqlite3"):
        if not shutil.which(tool):
            print("%s is not installed" % tool)
            return SKIPPED
    with open(path, encoding="utf-8") as file:
        page = file.read()
    with tempfile.TemporaryDirectory(prefix="deadwatch-fleet-") as folder:
        os.mkdir(os.path.join(folder, "findings"))
        for host, recorded in HOSTS.items():
            make_host(deadwatch, cases, folder, host, recorded)
        now = shown(page, folder)
    if now == page:
        return 0
    if os.environ.get("UPDATE") == "1":
        with open(path, "w", encoding="utf-8") as file:
            file.write(now)
        return 0
    sys.stdout.writelines(difflib.unified_diff(page.splitlines(keepends=True),
                                               now.splitlines(keepends=True), "page", "printed"))
    return 1


if __name__ == "__main__":
    sys.exit(main())
