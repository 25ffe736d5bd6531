#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What it takes to look into a QEMU with 32 threads, and for how long a thread is stopped; or how
many looks at a busy QEMU give an alarm, which none should.

    bench-inspect.py BUILD
    bench-inspect.py --looks N [--accel tcg|kvm]... BUILD

QEMU has some 20,000 exported symbols; a start is a look at one that waits for its machine to be
started, with hardly a thread. The busy one boots Linux (tools/make-guest.sh) again and again on
two vCPUs. Every alarm is printed whole, and makes the exit code 1.
"""
import argparse
import collections
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

QEMU = "qemu-system-x86_64"
TOOLS = os.path.dirname(os.path.abspath(__file__))
LOOKS = 10
VCPUS = 29  # beside the main loop's, RCU's and a worker's
BOOTS = "console=ttyS0 loglevel=7 panic=-1 rdinit=/bin/busybox -- reboot -f"
ACCELERATORS = {"tcg": "tcg,thread=multi", "kvm": "kvm"}
SHOWN_LOOKS = 100


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def inspect(build, pid):
    """Milliseconds, and the report."""
    begin = time.monotonic()
    done = subprocess.run([os.path.join(build, "src/cli/deadwatch"), "inspect", "--format", "json",
                           str(pid)], capture_output=True, text=True, check=False)
    if not done.stdout:
        sys.exit("bench-inspect.py: inspect failed with %d: %s" % (done.returncode, done.stderr))
    return 1000 * (time.monotonic() - begin), json.loads(done.stdout)


@contextlib.contextmanager
def qemu(folder, *options):
    with subprocess.Popen([QEMU, "-nodefaults", "-display", "none", *options], cwd=folder,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            time.sleep(3)
            yield process.pid
        finally:
            process.kill()


def longest_stop_ms(reports):
    return max(report["picture"]["longest_stop_us"] for report in reports) / 1000


def bench(build, what, *options):
    with tempfile.TemporaryDirectory() as folder, \
            qemu(folder, "-M", "q35", "-m", "64", *options) as pid:
        before = cpu_s()
        looks = [inspect(build, pid) for i in range(LOOKS)]
        spent = cpu_s() - before
    print("%s, %d threads: %.0f ms at the median, %.0f ms at most; %.0f ms of processor each; "
          "longest stop of a thread %.1f ms" %
          (what, len(looks[0][1]["picture"]["threads"]), sorted(ms for ms, _ in looks)[LOOKS // 2],
           max(ms for ms, _ in looks), 1000 * spent / LOOKS,
           longest_stop_ms(report for _, report in looks)))


def waits_for_the_bql(report):
    return any((thread["waits_for"] or {}).get("name") == "BQL"
               for thread in report["picture"]["threads"])


def print_looks(what, reports, n_alarms):
    blind = collections.Counter(b["reason"] for report in reports for b in report["blind"])
    print("%s: %d looks, %d alarms; %d met somebody waiting for the BQL; blind: %s; longest stop "
          "of a thread %.1f ms" %
          (what, len(reports), n_alarms, sum(map(waits_for_the_bql, reports)),
           ", ".join("%d %s" % (n, reason) for reason, n in blind.items()) or "none",
           longest_stop_ms(reports)), flush=True)


def look_often(build, accelerator, n_looks):
    """Returns how many alarms there were."""
    reports, n_alarms = [], 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([os.path.join(TOOLS, "make-guest.sh"), folder], check=True)
        with qemu(folder, "-M", "q35", "-m", "256", "-smp", "2", "-serial", "stdio", "-accel",
                  ACCELERATORS[accelerator], "-kernel", "vmlinuz", "-initrd", "initrd", "-append",
                  BOOTS) as pid:
            for i in range(n_looks):
                reports.append(inspect(build, pid)[1])
                if reports[-1]["findings"]:
                    n_alarms += 1
                    print("look %d:" % i, json.dumps(reports[-1], indent=1))
                if len(reports) % SHOWN_LOOKS == 0:
                    print_looks(accelerator, reports, n_alarms)
    print_looks(accelerator, reports, n_alarms)
    return n_alarms


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--looks", type=int)
    parser.add_argument("--accel", action="append", choices=ACCELERATORS)
    parser.add_argument("build")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    if arguments.looks:
        return 1 if sum(look_often(build, accelerator, arguments.looks)
                        for accelerator in arguments.accel or ACCELERATORS) else 0
    bench(build, "start", "-S")
    bench(build, "a machine", "-smp", str(VCPUS), "-accel", "tcg,thread=multi")
    return 0


if __name__ == "__main__":
    sys.exit(main())
