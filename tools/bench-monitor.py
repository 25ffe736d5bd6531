#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the monitor costs beside a process that does nothing, and what it costs to start it.

    bench-monitor.py BUILD
"""
import os
import struct
import subprocess
import sys
import tempfile
import time

MONITOR_OFFSET = 4324  # see test-monitor.py
SECONDS = 10
STARTS = 40


def cpu_s(pid):
    with open("/proc/%d/schedstat" % pid, encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def environment(build, record, options=""):
    return dict(os.environ, LD_PRELOAD=os.path.join(build, "src/shim/libdeadwatch.so"),
                DEADWATCH_OPTIONS="record_path=%s:%s" % (record, options))


def idle(build, folder, *arguments):
    record = os.path.join(folder, "-".join(arguments))
    with subprocess.Popen([os.path.join(build, "tools/bench-monitor"), arguments[0],
                           str(SECONDS + 3), *arguments[1:]],
                          env=environment(build, record)) as process:
        time.sleep(2)
        with open(record, "rb") as file:
            monitor = struct.unpack_from("=I", file.read(8192), MONITOR_OFFSET)[0]
        before = cpu_s(monitor)
        time.sleep(SECONDS)
        spent = cpu_s(monitor) - before
        process.wait()
    print("%-16s %6.3f %% of a core" % (" ".join(arguments) + " threads", 100 * spent / SECONDS))


def start_ms(build, folder, options):
    begin = time.monotonic()
    for i in range(STARTS):
        record = os.path.join(folder, "%s-%d" % (options, i))
        subprocess.run([os.path.join(build, "tools/bench-monitor"), "1", "0"], check=True,
                       env=environment(build, record, options))
    return 1000 * (time.monotonic() - begin) / STARTS


def main():
    build = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        for arguments in (("10",), ("1000",), ("1000", "held")):
            idle(build, folder, *arguments)
        without, beside = start_ms(build, folder, "monitor=0"), start_ms(build, folder, "monitor=1")
        print("a process with a thread takes %.2f ms, with a monitor %.2f ms" % (without, beside))


if __name__ == "__main__":
    main()
