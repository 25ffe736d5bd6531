#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs a program that runs to be attached to, and what the collector costs itself.

    bench-attach.py [--runs N] [--only NAME] BUILD

The same load bare, attached to by default, attached to with --order, and with traps at the same
functions that run an empty program (floor), in turn, from its main() on, before which it is stopped
until the probes are there. Prints medians and the medians of the ratios of pairs; and of the collector the
time from its begin until the first picture is taken, and its largest resident memory.

The loads: sysbench's threads and mutex, and the boot of a Linux guest in QEMU (if
tools/make-guest.sh has made one in BUILD/guest). With CAP_SYS_NICE sysbench runs before all others
(SCHED_FIFO); QEMU's threads would starve each other so.
"""
import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

READY = "attached to process"
PATIENCE_S = 60
FIRST = ["chrt", "-f", "10"]
WAITS, TAKINGS = ("bare", "default"), ("bare", "order", "floor")


def sysbench(test, *options):
    return ["sysbench", test, "--threads=4", *options, "run"]


def mutex(locks):
    return sysbench("mutex", "--mutex-num=4096", "--mutex-locks=%d" % locks, "--mutex-loops=0")


def threads(events):
    return sysbench("threads", "--thread-locks=4", "--events=%d" % events, "--time=0")


def loads(build):
    """name, command, the ways it is run; where each taking is trapped there are fewer of them"""
    if shutil.which("sysbench"):
        yield "threads", threads(4000), WAITS
        yield "threads", threads(400), TAKINGS
        yield "mutex", mutex(4000000), WAITS
        yield "mutex", mutex(50000), TAKINGS
    guest = os.path.join(build, "guest")
    if shutil.which("qemu-system-x86_64") and os.path.exists(guest):
        yield "QEMU boot", ["qemu-system-x86_64", "-M", "pc,accel=tcg", "-smp", "2", "-m", "256",
                            "-display", "none", "-monitor", "none", "-serial", "stdio",
                            "-no-reboot", "-kernel", guest + "/vmlinuz", "-initrd",
                            guest + "/initrd", "-append",
                            "console=ttyS0 quiet loglevel=0 panic=-1 no_timer_check"], WAITS


def ways(build):
    """name, command that attaches to the process whose number follows; None: nobody does"""
    deadwatch = os.path.join(build, "src/cli/deadwatch")
    yield "bare", None
    yield "default", [deadwatch, "attach"]
    yield "order", [deadwatch, "attach", "--order"]
    yield "floor", [os.path.join(build, "tools/bench-floor")]


def await_stop(process):
    """The library that it was started with stops it before main()."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with open("/proc/%d/stat" % process.pid, encoding="utf-8") as stat:
            if stat.read().rpartition(")")[2].split()[0] in "Tt":
                return
        time.sleep(0.005)
    sys.exit("bench-attach.py: %s does not stop before its begin" % process.args[-1])


def await_ready(collector, said):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and collector.poll() is None:
        said.seek(0)
        if READY in said.read():
            return
        time.sleep(0.005)
    sys.exit("bench-attach.py: %s does not attach" % " ".join(collector.args))


def resident_kib(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


class Collector:
    """Attaches to a process, or does not; `ready_ms` after its begin."""

    def __init__(self, way, pid):
        self.process, self.ready_ms, self.resident_kib = None, 0, 0
        if not way:
            return
        with tempfile.TemporaryFile("w+") as said:
            begin = time.monotonic()
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(way + [str(pid)], stdout=subprocess.DEVNULL,
                                            stderr=said)
            await_ready(self.process, said)
            self.ready_ms = 1000 * (time.monotonic() - begin)

    def end(self):
        if self.process:
            self.resident_kib = resident_kib(self.process.pid)
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=PATIENCE_S)


def first(command):
    if command[0] != "sysbench":
        return []
    done = subprocess.run(FIRST + ["true"], capture_output=True, check=False)
    return FIRST if done.returncode == 0 else []


def run(build, command, way):
    """Milliseconds that the load took since it was let go on, and the collector."""
    preload = "LD_PRELOAD=" + os.path.join(build, "tests/cases/case-await.so")
    command = first(command) + ["env", preload] + command
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as load:
        await_stop(load)
        collector = Collector(way, load.pid)
        begin = time.monotonic()
        load.send_signal(signal.SIGCONT)
        # It is there until it is waited for: so is what the collector is told of it.
        os.waitid(os.P_PID, load.pid, os.WEXITED | os.WNOWAIT)
        took_ms = 1000 * (time.monotonic() - begin)
        collector.end()
        if load.wait() != 0:
            sys.exit("bench-attach.py: %s ended with %d" % (command[0], load.returncode))
    return took_ms, collector


def measure(build, load, options):
    name, command, wanted = load
    took, ready, resident = {}, {}, {}
    for _ in range(options.runs):
        for way, words in ways(build):
            if way not in wanted:
                continue
            ms, collector = run(build, command, words)
            took.setdefault(way, []).append(ms)
            ready.setdefault(way, []).append(collector.ready_ms)
            resident.setdefault(way, []).append(collector.resident_kib)
    for way, figures in took.items():
        pairs = statistics.median(a / b for a, b in zip(figures, took["bare"]))
        line = "%-10s %-8s %9.0f ms  %7.0f to %7.0f  of pairs %6.3f" % (
            name, way, statistics.median(figures), min(figures), max(figures), pairs)
        if way != "bare":
            line += "  ready after %5.0f ms  %6.1f MiB" % (statistics.median(ready[way]),
                                                          max(resident[way]) / 1024)
        print(line, flush=True)
    if "order" in took and "floor" in took:
        pairs = statistics.median(a / b for a, b in zip(took["order"], took["floor"]))
        print("%-10s order to floor, of pairs %6.3f" % (name, pairs), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("build")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    for load in loads(build):
        if options.only in load[0]:
            measure(build, load, options)


if __name__ == "__main__":
    main()
