# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for what programs do, however long a busy machine takes for it."""
import os
import re
import subprocess
import time

PATIENCE_S = 240  # what has not happened by then does not
POLL_S = 0.02
STILL_S = 0.2  # who has slept for so long waits for something
TRAP = b"\xcc"


def until(holds, seconds=PATIENCE_S):
    """Waits for @holds() to be true. Return: what it was last."""
    end = time.monotonic() + seconds
    while not (last := holds()) and time.monotonic() < end:
        time.sleep(POLL_S)
    return last


def threads_of(pid):
    """By thread: its state, and how often it was taken off a CPU, as the kernel says."""
    threads = {}
    for tid in os.listdir("/proc/%s/task" % pid):
        folder = "/proc/%s/task/%s/" % (pid, tid)
        try:
            with open(folder + "stat", encoding="utf-8", errors="replace") as file:
                state = file.read().rpartition(")")[2].split()[0]
            with open(folder + "status", encoding="utf-8", errors="replace") as file:
                switches = [line.split()[1] for line in file if "ctxt_switches" in line]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        threads[tid] = (state, *map(int, switches))
    return threads


def sleep_still(pid, n):
    """Whether it has @n threads at least, and all of them wait for what does not happen."""
    before = threads_of(pid)
    if len(before) < n or any(state != "S" for state, *_ in before.values()):
        return False
    time.sleep(STILL_S)
    return threads_of(pid) == before


def await_still(pid, n=1):
    """Waits until a program hangs that has @n threads then, or more."""
    if not until(lambda: sleep_still(pid, n)):
        raise TimeoutError("process %s does not come to rest: %s" % (pid, threads_of(pid)))


def await_threads(pid, n):
    if not until(lambda: len(threads_of(pid)) >= n):
        raise TimeoutError("process %s does not make %d threads" % (pid, n))


def await_program(pid, path):
    """Waits until the process is that program."""
    def runs():
        try:
            return os.path.samefile("/proc/%s/exe" % pid, path)
        except OSError:
            return False  # it is still beginning
    if not until(runs):
        raise TimeoutError("process %s does not become %s" % (pid, path))


def is_trapped(pid, path, function):
    """Whether the kernel traps where a library's function begins, which that process has loaded."""
    symbols = subprocess.run(["nm", "-D", path], capture_output=True, text=True, check=True).stdout
    offset = int(re.search(r"^(\w+) [TW] %s(@.*)?$" % function, symbols, re.M).group(1), 16)
    with open("/proc/%s/maps" % pid, encoding="utf-8") as maps:
        found = re.search(r"^(\w+)-\S+ \S+ 0+ .* %s$" % re.escape(os.path.realpath(path)),
                          maps.read(), re.M)
    if not found:
        return False
    with open("/proc/%s/mem" % pid, "rb") as memory:
        memory.seek(int(found.group(1), 16) + offset)
        return memory.read(1) == TRAP
