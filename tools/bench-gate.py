#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a gate costs: seconds and memory to judge the recordings of many runs together.

usage: bench-gate.py [--recordings N] [--needs N] BUILD

Makes the recordings first (1,000 of 100 needs each, if not said otherwise), one with an inversion
among them, and fails if that is not found.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time

FINDINGS = 1


def make(build, folder, number, needs):
    env = dict(os.environ, LD_PRELOAD=os.path.join(build, "src/shim/libdeadwatch.so"),
               DEADWATCH_OPTIONS="monitor=0:record_path=%s/%04d" % (folder, number))
    subprocess.run([os.path.join(build, "tools/bench-gate"), str(number), str(needs),
                    str(int(number == 7))], env=env, check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--needs", type=int, default=100)
    parser.add_argument("build")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="deadwatch-bench-") as folder:
        for number in range(options.recordings):
            make(options.build, folder, number, options.needs)
        start = time.monotonic()
        done = subprocess.run([os.path.join(options.build, "src/cli/deadwatch"), "gate", folder],
                              capture_output=True, text=True)
        seconds = time.monotonic() - start
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print("\n".join(line for line in done.stdout.splitlines()
                    if line.startswith(("potential", "gate:", "new:", "blind", "  blind"))))
    print("%.1f s, %d MiB at most" % (seconds, memory))
    if done.returncode != FINDINGS:
        sys.exit("bench-gate: the gate ended with %d: %s" % (done.returncode, done.stderr))


if __name__ == "__main__":
    main()
