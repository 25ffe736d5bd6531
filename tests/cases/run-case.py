#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs one case under the shim and compares what its user sees with `expect`.

    run-case.py EXPECT PROGRAM SHIM DEADWATCH

`expect` has a section for each mode of the program, headed `== MODE`: the modes are
those that it names. UPDATE=1 rewrites it; KEEP=DIR leaves the recordings there. A program
that cannot run here prints why and exits with 77, and so does this.
"""
import difflib
import json
import os
import subprocess
import sys
import tempfile

PROGRAM_TIMEOUT_S = 60
REPORT_TIMEOUT_S = 60
SKIPPED = 77  # meson's exit code for a test that cannot run here


class CaseError(Exception):
    pass


class CannotRun(Exception):
    pass


def modes_of(expect):
    modes = [line[3:].strip() for line in expect.splitlines() if line.startswith("== ")]
    if not modes:
        raise CaseError("expect names no mode (a line `== MODE`)")
    return modes


def run_bare(program, mode):
    done = subprocess.run([program, mode], capture_output=True, timeout=PROGRAM_TIMEOUT_S)
    return done.returncode, done.stdout, done.stderr


def run_recorded(program, mode, shim, record):
    env = dict(os.environ, LD_PRELOAD=shim, DEADWATCH_OPTIONS="record_path=" + record)
    done = subprocess.run([program, mode], capture_output=True, timeout=PROGRAM_TIMEOUT_S, env=env)
    return done.returncode, done.stdout, done.stderr


def report(deadwatch, record):
    command = [deadwatch, "report", "--all", "--format", "json", record]
    done = subprocess.run(command, capture_output=True, text=True, timeout=REPORT_TIMEOUT_S)
    if done.returncode not in (0, 1, 3):
        raise CaseError("report failed with %d: %s" % (done.returncode, done.stderr))
    return done.returncode, json.loads(done.stdout)


# Innermost frames that only pass a lock on: what calls them is where something was done.
WRAPPERS = ("pthread_", "__gthread_", "std::", "bql_lock_impl", "qemu_cond_wait_impl", "mtx_",
            "cnd_")


def function_of(lock):
    for frame in lock["stack"]:
        name = frame["function"] or "?"
        if not name.startswith(WRAPPERS):
            return name.split("(")[0]
    return "?"


def how_of(lock):
    return " (%s)" % " ".join(lock["how"]) if lock["how"] else ""


def leg_lines(finding):
    for leg in finding["legs"]:
        ends = [(word, leg[key]) for word, key in
                (("holds", "holds"), ("needs", "needs"), ("at", "at")) if leg.get(key)]
        yield "  %s: %s" % (leg["thread"]["name"], " / ".join(
            "%s %s in %s%s" % (word, lock["name"], function_of(lock), how_of(lock))
            for word, lock in ends))


def finding_lines(finding):
    kind = finding.get("misuse") or (finding["excuse"] and "[%s]" % finding["excuse"])
    words = [finding["verdict"], kind, " -> ".join(finding["chain"])]
    times = " x%d" % finding["occurrences"] if finding["occurrences"] > 1 else ""
    yield " ".join(word for word in words if word) + times
    yield from leg_lines(finding)


def look(mode, program, shim, deadwatch, folder):
    bare = run_bare(program, mode)
    if bare[0] == SKIPPED:
        raise CannotRun(bare[1].decode().strip())
    record = os.path.join(folder, "%s-%s.dwr" % (os.path.basename(program), mode))
    recorded = run_recorded(program, mode, shim, record)
    if bare[0] != 0:
        raise CaseError("mode %s fails bare with %d: %s" % (mode, bare[0], bare[2].decode()))
    if recorded != bare:
        raise CaseError("mode %s differs under the shim: %r, bare %r" % (mode, recorded, bare))
    status, told = report(deadwatch, record)
    yield "== " + mode
    yield "exit %d" % status
    for blind in told["blind"]:
        yield "blind " + blind["reason"]
    for finding in told["findings"]:
        yield from finding_lines(finding)


def main():
    path, program, shim, deadwatch = sys.argv[1:5]
    with open(path, encoding="utf-8") as file:
        expect = file.read()
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.environ.get("KEEP", temporary)
        lines = [line for mode in modes_of(expect)
                 for line in look(mode, program, shim, deadwatch, folder)]
    seen = "\n".join(lines) + "\n"
    if seen == expect:
        return 0
    if os.environ.get("UPDATE") == "1":
        with open(path, "w", encoding="utf-8") as file:
            file.write(seen)
        return 0
    sys.stdout.writelines(difflib.unified_diff(
        expect.splitlines(keepends=True), seen.splitlines(keepends=True), "expect", "seen"))
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotRun as reason:
        print(reason)
        sys.exit(SKIPPED)
    except (CaseError, subprocess.TimeoutExpired) as error:
        sys.exit("run-case: %s" % error)
