#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: count-results.py [--failed] TESTLOG.JSON...
Prints how the tests of meson's logs went: each that was skipped, failed, or passed only when it was
run again (in a later log), with the last lines of what it said; at the end "N passed, N failed, N
skipped". --failed: prints the names of those that failed, for meson, and nothing else."""
import collections
import json
import os
import sys

WORDS = {
    "OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped",
    # All else, such as FAIL, TIMEOUT, ERROR and UNEXPECTEDPASS, is a failure.
}

# Of what a test said: the end of a log is all that some places keep.
LINES = 12


def word_of(test):
    return WORDS.get(test["result"], "failed")


def tests_of(logs):
    """By build directory and name: how each test went, the first time first."""
    tests = collections.defaultdict(list)
    for path in logs:
        with open(path) as log:
            for test in map(json.loads, log):
                tests[os.path.dirname(path), test["name"]].append(test)
    return tests


def describe(word, test):
    said = (test.get("stdout") or "") + (test.get("stderr") or "")
    print(f"{word}: {test['name']} ({test['result']}, {test['duration']:.1f} s)")
    for line in said.splitlines()[-LINES:]:
        print(f"    {line}")


def count(tests):
    counts = collections.Counter()
    for results in tests.values():
        word = word_of(results[-1])
        counts[word] += 1
        if word != "passed":
            describe(word, results[-1])
        elif len(results) > 1:
            describe("passed when it was run again, alone", results[0])
    print(", ".join(f"{counts[word]} {word}" for word in ("passed", "failed", "skipped")))


def main(arguments):
    tests = tests_of(a for a in arguments if a != "--failed")
    if "--failed" not in arguments:
        count(tests)
        return
    for (_, name), results in tests.items():
        if word_of(results[-1]) == "failed":
            print(name.split(" / ")[-1])


main(sys.argv[1:])
