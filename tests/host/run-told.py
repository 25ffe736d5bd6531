#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a program under the shim and compares each of its events with those expected.

usage: run-told.py DEADWATCH PROGRAM EXPECTED [--update]

What is compared is the recording's story, by thread, with names for numbers and without places and
times. Two statements of which one is the other's end (`want` and `hold`, `enter` and `leave`,
`park` and `wake`) are one if they agree in all else.
"""
import difflib
import os
import re
import subprocess
import sys
import tempfile

ENDS = {"want": "hold", "enter": "leave", "park": "wake"}


def story(deadwatch, program):
    with tempfile.TemporaryDirectory() as folder:
        record = os.path.join(folder, "told.dwr")
        subprocess.run([deadwatch, "run", "--events", "--output", record, "--", program], check=True,
                       timeout=60, stdout=subprocess.DEVNULL)
        return subprocess.run([deadwatch, "dump", record], check=True, timeout=60, text=True,
                              capture_output=True).stdout


def named(statement, threads, things):
    words = statement.split()[1:]
    for i, word in enumerate(words[:3]):
        if word in things:
            words[i] = things[word]
        elif word in threads and i == 1:
            words[i] = threads[word]
    return " ".join(word for word in words if not re.match(r"@|\+\d", word))


def folded(statements):
    told = []
    for statement in statements:
        verb, _, rest = statement.partition(" ")
        if told and ENDS.get(told[-1].partition(" ")[0]) == verb and \
                told[-1].partition(" ")[2] == rest:
            told[-1] = statement if verb == "hold" else told[-1]
        else:
            told.append(statement)
    return told


def normal(text):
    """A library's own locks, such as the unwinder's, are left out."""
    threads = dict(re.findall(r"^# thread (\d+): (.*)$", text, re.M))
    things = dict(reversed(re.findall(r"^# (L\d+): (.*)$", text, re.M)))
    by_thread = {}
    for line in text.splitlines():
        words = line.split()
        if line.startswith("#") or not words:
            continue
        if not any(" first taken in " in things.get(word, "") for word in words):
            by_thread.setdefault(words[0], []).append(named(line, threads, things))
    for number in sorted(by_thread, key=int):
        yield "%s:" % threads[number]
        yield from ("\t" + statement for statement in folded(by_thread[number]))


def main():
    deadwatch, program, expected = sys.argv[1:4]
    told = list(normal(story(deadwatch, program)))
    if "--update" in sys.argv[4:]:
        with open(expected, "w") as file:
            file.write("\n".join(told) + "\n")
    with open(expected) as file:
        wanted = file.read().splitlines()
    if told != wanted:
        sys.exit("\n".join(difflib.unified_diff(wanted, told, "expected", "told", lineterm="")))


if __name__ == "__main__":
    main()
