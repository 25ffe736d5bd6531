#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Records random programs, and compares what was told live with what their events tell.

usage: run-random.py SHIM PROGRAM COMPARE [SEED...]

KEEP=DIR leaves the recordings there. How the threads meet is not decided by the seed, so a
recording that failed is worth more than its seed.
"""
import os
import re
import subprocess
import sys
import tempfile

SEEDS = range(1, 21)
PROGRAM_TIMEOUT_S = 240
COMPARE_TIMEOUT_S = 240

# Every seed tells ten times as much, on a machine that has time: with less, nothing was compared.
LEAST = {"chains": 100, "needs": 100, "posts": 100, "waits": 5, "things": 20, "threads": 5,
    "joins": 3, "misuses": 1}


def record(shim, program, seed, recording):
    options = f"record_path={recording}:events=1"
    env = dict(os.environ, LD_PRELOAD=shim, DEADWATCH_OPTIONS=options)
    try:
        done = subprocess.run([program, str(seed)], env=env, timeout=PROGRAM_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"the program did not end within {PROGRAM_TIMEOUT_S} s"
    return "" if done.returncode == 0 else f"the program ended with {done.returncode}"


def compare(program, recording):
    """What is wrong, or an empty string, and what the comparison said."""
    try:
        done = subprocess.run([program, recording], capture_output=True, text=True,
            timeout=COMPARE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"the comparison did not end within {COMPARE_TIMEOUT_S} s", ""
    said = done.stdout + done.stderr
    if done.returncode != 0:
        return f"the comparison ended with {done.returncode}", said
    counts = {sort: int(n) for sort, n in re.findall(r"^(\w+): (\d+) live", said, re.MULTILINE)}
    few = [sort for sort, least in LEAST.items() if counts.get(sort, 0) < least]
    return "there are too few " + ", ".join(few) if few else "", said


def try_seed(shim, program, comparer, seed, folder):
    recording = os.path.join(folder, f"random-{seed}.rec")
    said = ""
    wrong = record(shim, program, seed, recording)
    if not wrong:
        wrong, said = compare(comparer, recording)
    print(f"seed {seed}: {wrong or 'the same'}", flush=True)
    if wrong:
        print(said, flush=True)
    return not wrong


def main():
    shim, program, comparer = map(os.path.abspath, sys.argv[1:4])
    seeds = [int(seed) for seed in sys.argv[4:]] or SEEDS
    with tempfile.TemporaryDirectory(prefix="deadwatch-random-") as scratch:
        folder = os.path.abspath(os.environ.get("KEEP") or scratch)
        failed = [seed for seed in seeds
            if not try_seed(shim, program, comparer, seed, folder)]
    if failed:
        print("failed:", *failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
