#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks of the distribution's QEMU, which runs its guest by generated code.

usage: test-generated.py DEADWATCH

One guest turns in a loop, so that its vCPU is in generated code itself, and in what enters and
leaves that; one writes to a port, so that it is in what such code calls. Every stack of a vCPU goes on
to where its thread began, alive and in a core.
"""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import r1

DEADWATCH = os.path.abspath(sys.argv[1])
LOOKS_MAX = 40  # a look in a few meets generated code
START_S = 240
# 1: sti; jmp 1b. It leaves generated code all the time, as interrupts may come.
SPIN = bytes.fromhex("fb ebfd")
# 1: jmp 1b. It never leaves it.
STAY = bytes.fromhex("ebfe")


@contextlib.contextmanager
def guest(folder, code):
    """QEMU running `code`, with a buffer for generated code that a core has room for."""
    image = os.path.join(folder, "guest.img")
    with open(image, "wb") as file:
        file.write(code.ljust(r1.SECTOR - 2, b"\0") + b"\x55\xaa")
    process = subprocess.Popen(
        [r1.QEMU, "-name", "guest,debug-threads=on", "-M", "pc", "-accel", "tcg,tb-size=8",
         "-m", "16", "-nodefaults", "-display", "none", "-drive", f"file={image},format=raw,if=ide"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def inspect(what):
    done = subprocess.run([DEADWATCH, "inspect", "--format", "json", str(what)],
                          capture_output=True, text=True, check=False)
    # 3: on a machine with much to do a thread may not stop in time.
    assert done.returncode in (0, 3), done
    return json.loads(done.stdout)["picture"]["threads"]


def is_generated(frame):
    return not frame["function"] and not frame["module"]


def check_stack(thread):
    functions = [frame["function"] for frame in thread["stack"]]
    assert thread["end"] is None, thread
    assert functions[-2] == "start_thread" and "tcg_cpus_exec" in functions, functions
    return any(map(is_generated, thread["stack"]))


def vcpu_of(threads):
    found = [t for t in threads if "tcg_cpus_exec" in [f["function"] for f in t["stack"]]
             or t["thread"]["name"] == "CPU 0/TCG"]
    return found[0] if found else None


def check(pid):
    """Return: how many of the looks met generated code; it is looked until two have."""
    n_met, n_looks, end = 0, 0, time.monotonic() + START_S
    while n_met < 2 and n_looks < LOOKS_MAX:
        vcpu = vcpu_of(inspect(pid))
        if not vcpu or "cpu_exec" not in [f["function"] for f in vcpu["stack"]]:
            assert time.monotonic() < end, vcpu
            time.sleep(0.1)
            continue
        n_met += check_stack(vcpu)
        n_looks += 1
    return n_met


def check_core(pid, folder):
    """One core in some may be of a moment in which the vCPU was asked for something."""
    assert any(shows_generated(pid, os.path.join(folder, "core-%d" % i)) for i in range(5)), \
        "no core shows generated code"


def shows_generated(pid, core):
    subprocess.run(["gdb", "-nx", "-batch", "-p", str(pid), "-ex", "generate-core-file " + core],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return check_stack(vcpu_of(inspect(core)))


def main():
    for program in (r1.QEMU, "gdb"):
        if not shutil.which(program):
            print("skipped: %s is not installed" % program)
            return r1.SKIPPED
    with tempfile.TemporaryDirectory(prefix="deadwatch-generated-") as folder:
        with guest(folder, SPIN) as pid:
            check(pid)
        with guest(folder, STAY) as pid:
            assert check(pid) == 2
            check_core(pid, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
