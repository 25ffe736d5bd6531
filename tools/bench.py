#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What deadwatch costs: the same program bare, under the shim and, where they are installed,
under its peers, in turn, in one run. Prints medians and their ratios to bare.

usage: bench.py [--runs N] [--only NAME] BUILD

The programs: pairs of lock and unlock at depth 1 and 4, two threads that fight for a lock,
calls that can block, a semaphore, memory by threads (bench-lock), sysbench's mutex load, and the boot of a Linux guest in QEMU
(if tools/make-guest.sh has made one in BUILD/guest)."""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PEERS = {
    "helgrind": ["valgrind", "-q", "--tool=helgrind", "--history-level=none"],
    "drd": ["valgrind", "-q", "--tool=drd"],
}


def under_shim(build, folder):
    env = dict(os.environ)
    env["LD_PRELOAD"] = os.path.join(build, "src/shim/libdeadwatch.so")
    env["DEADWATCH_OPTIONS"] = "record_path=" + os.path.join(folder, "bench.rec")
    return env


def run(command, env):
    """Seconds by the clock, and what was printed."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    printed = process.stdout.read().decode(errors="replace")
    if process.wait() != 0:
        sys.exit(f"bench.py: {command[0]} ended with {process.returncode}")
    return time.monotonic() - start, printed


def by_clock(result):
    return result[0] * 1000


def by_print(result):
    return float(result[1].split()[0])


def by_sysbench(result):
    return float(re.search(r"total time:\s*([0-9.]+)s", result[1]).group(1)) * 1000


def loads(build):
    """name, unit, command, figure, whether peers are bearable"""
    lock = os.path.join(build, "tools/bench-lock")
    tsan = os.path.join(build, "tools/bench-lock-tsan")
    tsan = tsan if os.path.exists(tsan) else None
    yield "pair, depth 1", "ns", [lock, "pair1", "5000000"], by_print, True, tsan
    yield "pair, depth 4", "ns", [lock, "pair4", "5000000"], by_print, True, tsan
    yield "pair, one thread", "ns", [lock, "alone", "5000000"], by_print, True, tsan
    yield "contended", "ns", [lock, "contended", "1000000"], by_print, False, tsan
    yield "write", "ns", [lock, "write", "2000000"], by_print, False, None
    yield "write, held", "ns", [lock, "held", "2000000"], by_print, False, None
    yield "poll", "ns", [lock, "poll", "2000000"], by_print, False, None
    yield "semaphore pair", "ns", [lock, "semaphore", "2000000"], by_print, False, None
    yield "memory, 1 thread", "KiB", [lock, "memory", "1"], by_print, False, None
    yield "memory, 1,000", "KiB", [lock, "memory", "1000"], by_print, False, None
    if shutil.which("sysbench"):
        yield "sysbench mutex", "ms", [
            "sysbench", "mutex", "--threads=4", "--mutex-num=4096", "--mutex-locks=500000",
            "--mutex-loops=0", "run"], by_sysbench, False, None
    guest = os.path.join(build, "guest")
    if shutil.which("qemu-system-x86_64") and os.path.exists(guest):
        yield "QEMU boot", "ms", [
            "qemu-system-x86_64", "-M", "pc,accel=tcg", "-smp", "2", "-m", "256", "-display",
            "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-kernel",
            guest + "/vmlinuz", "-initrd", guest + "/initrd", "-append",
            "console=ttyS0 quiet loglevel=0 panic=-1 no_timer_check"], by_clock, False, None


def ways(build, folder, command, peers, tsan):
    """name, command, environment; bare comes first"""
    yield "bare", command, dict(os.environ)
    yield "deadwatch", command, under_shim(build, folder)
    if tsan:
        yield "tsan build", [tsan] + command[1:], dict(os.environ)
    for name, prefix in PEERS.items():
        if peers and shutil.which(prefix[0]):
            yield name, prefix + command[:2] + ["100000"], dict(os.environ)


def measure(build, runs, load):
    name, unit, command, figure, peers, tsan = load
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            for way, line, env in ways(build, folder, command, peers, tsan):
                results.setdefault(way, []).append(figure(run(line, env)))
                for left in os.listdir(folder):
                    os.unlink(os.path.join(folder, left))
    bare = statistics.median(results["bare"])
    for way, figures in results.items():
        median = statistics.median(figures)
        pairs = statistics.median(a / b for a, b in zip(figures, results["bare"]))
        print(f"{name:17} {way:10} {median:10.2f} {unit:3}  {min(figures):9.2f} to "
              f"{max(figures):9.2f}  ratio {median / bare:7.2f}  of pairs {pairs:7.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--only", default="")
    parser.add_argument("build")
    options = parser.parse_args()
    for load in loads(os.path.abspath(options.build)):
        if options.only in load[0]:
            measure(os.path.abspath(options.build), options.runs, load)


main()
