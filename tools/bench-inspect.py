#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What it takes to look into a QEMU with 32 threads, and for how long a thread is stopped.

    bench-inspect.py BUILD

QEMU has some 20,000 exported symbols; a start is a look at one that waits for its machine to be
started, with hardly a thread.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

QEMU = "qemu-system-x86_64"
LOOKS = 10
VCPUS = 29  # beside the main loop's, RCU's and a worker's


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def inspect(build, pid):
    begin = time.monotonic()
    done = subprocess.run([os.path.join(build, "src/cli/deadwatch"), "inspect", "--format", "json",
                           str(pid)], capture_output=True, text=True, check=False)
    picture = json.loads(done.stdout)["picture"]
    return 1000 * (time.monotonic() - begin), picture


def bench(build, what, *options):
    with tempfile.TemporaryDirectory() as folder:
        with subprocess.Popen([QEMU, "-M", "q35", "-m", "64", "-nodefaults", "-display", "none",
                               *options], cwd=folder, stdin=subprocess.DEVNULL) as process:
            time.sleep(3)
            before = cpu_s()
            looks = [inspect(build, process.pid) for i in range(LOOKS)]
            spent = cpu_s() - before
            process.kill()
    print("%s, %d threads: %.0f ms at the median, %.0f ms at most; %.0f ms of processor each; "
          "longest stop of a thread %.1f ms" %
          (what, len(looks[0][1]["threads"]), sorted(ms for ms, _ in looks)[LOOKS // 2],
           max(ms for ms, _ in looks), 1000 * spent / LOOKS,
           max(p["longest_stop_us"] for _, p in looks) / 1000))


def main():
    build = os.path.abspath(sys.argv[1])
    bench(build, "start", "-S")
    bench(build, "a machine", "-smp", str(VCPUS), "-accel", "tcg,thread=multi")


if __name__ == "__main__":
    main()
