#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks into a stock QEMU that nobody has traced: one that is frozen, and a busy one.

usage: test-inspect-qemu.py DEADWATCH freeze|busy [LOOKS]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import r1

DEADWATCH = os.path.abspath(sys.argv[1])
LOOKS = int(sys.argv[3]) if len(sys.argv) > 3 else 50
TOLD_S = 240
CHAIN = ["BQL", "nanosleep in qemu_chr_write"]


def inspect(pid):
    done = subprocess.run([DEADWATCH, "inspect", "--format", "json", str(pid)],
                          capture_output=True, text=True, check=False)
    # 3: on a machine with much to do a thread may not stop in time.
    assert done.returncode in (0, 1, 3), (done.returncode, done.stderr)
    return json.loads(done.stdout)


def functions(stack):
    return [frame["function"] for frame in stack if frame["function"]]


def check_freeze(pid):
    """A stall as the monitor tells it; and a picture with every thread's stack."""
    end = time.monotonic() + TOLD_S
    found = inspect(pid)
    # Who asks again and again sleeps nearly all the time: a look may meet it between two sleeps.
    while [f["chain"] for f in found["findings"]] != [CHAIN] and time.monotonic() < end:
        found = inspect(pid)
    assert [f["verdict"] for f in found["findings"]] == ["stall"], found["findings"]
    stall = found["findings"][0]
    assert stall["chain"] == CHAIN, stall["chain"]
    assert "polling" in stall["flags"], stall["flags"]
    vcpu = next(t for t in found["picture"]["threads"] if t["thread"]["name"] == "CPU 0/TCG")
    assert vcpu["role"] == "vCPU" and vcpu["polls"], vcpu
    assert [lock["name"] for lock in vcpu["holds"]] == ["BQL"], vcpu["holds"]
    # Through generated code, which no file describes.
    assert {"tcg_cpus_exec", "tcg_cpu_exec"} & set(functions(vcpu["stack"])), vcpu["stack"]


def check_busy(pid):
    """It has contention, and nothing is stuck, however often it is looked at."""
    contended = whole = 0
    for i in range(LOOKS):
        report = inspect(pid)
        assert not report["findings"], (i, report["findings"])
        contended += any((t["waits_for"] or {}).get("name") == "BQL"
                         for t in report["picture"]["threads"])
        whole += not report["blind"]
    print("%d looks, %d of them whole, %d met somebody waiting for the BQL" %
          (LOOKS, whole, contended))
    assert whole, "no look saw all threads"


def main():
    if not shutil.which(r1.QEMU):
        print("skipped: %s is not installed" % r1.QEMU)
        return r1.SKIPPED
    busy = sys.argv[2] == "busy"
    with tempfile.TemporaryDirectory(prefix="deadwatch-inspect-") as folder:
        with r1.R1(folder, busy) as qemu:
            if busy:
                check_busy(qemu.pid)
            else:
                check_freeze(qemu.pid)
    return 0


if __name__ == "__main__":
    sys.exit(main())
