#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real freeze of the distribution's QEMU, told while it lasts; and its twin, of which nothing is.

usage: test-r1.py DEADWATCH SHIM freeze|twin
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import r1

DEADWATCH, SHIM = (os.path.abspath(a) for a in sys.argv[1:3])
STALL_MS = 1000
TOLD_S = 240  # it takes two seconds on a machine that has time for it
LIVE = ("deadlock", "stall")
CHAIN = ["BQL", "nanosleep in qemu_chr_write"]


def report(record):
    """What is known of the running QEMU; None as long as there is no recording."""
    if not os.path.exists(record):
        return None
    done = subprocess.run([DEADWATCH, "report", "--format", "json", record], capture_output=True,
                          text=True, check=False)
    return json.loads(done.stdout)["findings"] if done.returncode in (0, 1, 3) else None


def live_findings(record):
    return [f for f in report(record) or [] if f["verdict"] in LIVE]


def await_finding(record):
    end = time.monotonic() + TOLD_S
    while time.monotonic() < end:
        found = live_findings(record)
        if found:
            return found
        time.sleep(0.2)
    return []


def functions(leg, end):
    stack = (leg.get("now") or leg[end])["stack"]
    return [frame["function"] for frame in stack if frame["function"]]


def check_freeze(found):
    """One stall: a vCPU sleeps in qemu_chr_write again and again, and main waits for its BQL."""
    assert [f["verdict"] for f in found] == ["stall"], found
    stall = found[0]
    leg = stall["legs"][0]
    assert stall["chain"] == CHAIN, stall["chain"]
    assert leg["thread"]["name"] == "CPU 0/TCG", leg["thread"]
    assert "qemu_chr_write" in functions(leg, "needs"), leg
    # Through generated code, which no file describes.
    assert "tcg_cpus_exec" in functions(leg, "needs"), leg
    assert functions(leg, "needs")[-2] == "start_thread", leg
    assert leg["now"]["end"] is None, leg["now"]
    assert "polling" in stall["flags"], stall["flags"]
    waiting = [frame["function"] for waiter in stall["waiters"] for frame in
               (waiter.get("now") or {"stack": []})["stack"]]
    assert "main_loop_wait" in waiting, stall["waiters"]


def main():
    if not shutil.which(r1.QEMU):
        print("skipped: %s is not installed" % r1.QEMU)
        return r1.SKIPPED
    twin = sys.argv[3] == "twin"
    with tempfile.TemporaryDirectory(prefix="deadwatch-r1-") as folder:
        record = os.path.join(folder, "r1.dwr")
        options = "record_path=%s:log_path=%s/log:stall_ms=%d" % (record, folder, STALL_MS)
        environment = dict(os.environ, LD_PRELOAD=SHIM, DEADWATCH_OPTIONS=options,
                           DEADWATCH_PROGRAM=DEADWATCH)
        with r1.R1(folder, twin, environment=environment) as qemu:
            if twin:
                assert qemu.wait_until_received()
                time.sleep(r1.TWIN_S + 2 * STALL_MS / 1000)
                assert not live_findings(record), live_findings(record)
            else:
                check_freeze(await_finding(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())
