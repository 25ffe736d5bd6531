#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real freeze of a stock QEMU: a debug console whose reader does not read.

usage: r1.py [--stay] freeze|twin [-- PREFIX...]

The guest writes bytes to the debug console's port for ever (the firmware too). When the
socket is full, the vCPU tries again and again, with a sleep in between, in qemu_chr_write,
holding the BQL and the character device's lock; the main loop waits for the BQL. The twin's
client reads.

As a command it starts one of both, with PREFIX before QEMU's command line, and shows what
each thread does. --stay leaves it running until the input ends. It exits with 0 if the
freeze froze or the twin did not. As a module: see R1.
"""
import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

QEMU = "qemu-system-x86_64"
SKIPPED = 77  # meson's exit code for a test that cannot run here
START_S = 240  # until QEMU listens; some prefixes are slow
STUCK_S = 240  # until it freezes; bare, within a second of listening
QUIET_S = 1.0  # the main loop does not wait that long for a lock that is given back
SAMPLE_S = 0.02
TWIN_S = 3.0  # how long the command watches the twin

# mov $0x402,%dx; mov $0x41,%al; 1: out %al,%dx; jmp 1b
BOOT_CODE = bytes.fromhex("ba0204 b041 ee ebfd")
SECTOR = 512


def make_image(path):
    with open(path, "wb") as file:
        file.write(BOOT_CODE.ljust(SECTOR - 2, b"\0") + b"\x55\xaa")


def command(options):
    return [QEMU, "-name", "guest,debug-threads=on", "-M", "pc,accel=tcg", "-m", "32",
            "-nodefaults", "-display", "none",
            "-drive", "file=boot.img,format=raw,if=ide",
            "-chardev", "socket,id=d,path=d.sock,server=on,wait=off",
            "-device", "isa-debugcon,iobase=0x402,chardev=d", "-pidfile", "qemu.pid", *options]


class Thread:
    """What the kernel says of a thread at one moment."""

    def __init__(self, pid, tid):
        self.tid = tid
        folder = f"/proc/{pid}/task/{tid}/"
        self.name = read(folder + "comm")
        self.state = read(folder + "stat").rpartition(")")[2].split()[0]
        self.channel = read(folder + "wchan")
        self.syscall = read(folder + "syscall")
        self.timeslices = int(read(folder + "schedstat").split()[2])

    def waits_for_a_lock(self):
        return self.state == "S" and "futex" in self.channel

    def sleeps(self):
        return self.state == "S" and "nanosleep" in self.channel

    def __str__(self):
        return (f"{self.tid} {self.name!r} {self.state} {self.channel} syscall {self.syscall}"
                f" timeslices {self.timeslices}")


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def threads_of(pid):
    """The first is the main thread. Threads that end meanwhile are left out."""
    threads = []
    for tid in sorted(int(name) for name in os.listdir(f"/proc/{pid}/task")):
        try:
            threads.append(Thread(pid, tid))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return threads


class R1:
    """A running QEMU and the client of its debug console.

    `folder` must exist and is the process's working directory; `before` is put before QEMU's
    command line and `options` behind; `pid` is QEMU's, whatever `before` is, `process` what
    was started. A context manager: leaving it ends all.
    """

    def __init__(self, folder, reads, before=(), options=(), environment=None):
        self.folder = folder
        self.received = 0
        make_image(os.path.join(folder, "boot.img"))
        self.process = subprocess.Popen([*before, *command(options)], cwd=folder, text=True,
                                        env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        start_new_session=True)
        try:
            self.client = self.connect()
            self.pid = int(read(os.path.join(folder, "qemu.pid")))
        except BaseException:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            raise
        if reads:
            threading.Thread(target=self.receive, daemon=True).start()

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + START_S
        while True:
            try:
                client.connect(os.path.join(self.folder, "d.sock"))
                return client
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(SAMPLE_S)

    def receive(self):
        """Reads all that comes, also of a QEMU that is frozen: then it goes on."""
        while True:
            try:
                data = self.client.recv(1 << 16)
            except OSError:
                return
            if not data:
                return
            self.received += len(data)

    def wait_until_received(self, timeout=START_S):
        """Whether the guest has written anything within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self.received and time.monotonic() < deadline:
            time.sleep(SAMPLE_S)
        return self.received > 0

    def wait_until_stuck(self, timeout=STUCK_S):
        """Whether, within `timeout` seconds, all threads wait, and go on doing so.

        The main thread waits for one lock and gets no processor all the time, nothing is
        received, and some other thread sleeps, whenever looked at, or is about to: the vCPU.
        """
        deadline = time.monotonic() + timeout
        since, before, slept = time.monotonic(), None, False
        while time.monotonic() < deadline:
            main, *others = threads_of(self.pid)
            now = (main.syscall, main.timeslices, self.received)
            if not main.waits_for_a_lock() or now != before:
                since, before, slept = time.monotonic(), now, False
            slept = slept or any(thread.sleeps() for thread in others)
            if slept and time.monotonic() - since >= QUIET_S:
                return True
            time.sleep(SAMPLE_S)
        return False

    def end(self, number=signal.SIGKILL):
        """Ends QEMU; what was started before it ends by itself. A frozen QEMU does not react
        to SIGTERM. Returns the status and what was printed."""
        if self.process.poll() is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass
        out, err = self.process.communicate()
        self.client.close()
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, out, err)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--stay", action="store_true")
    parser.add_argument("what", choices=("freeze", "twin"))
    parser.add_argument("before", nargs="*", metavar="PREFIX")
    arguments = parser.parse_args()
    if not shutil.which(QEMU):
        print(f"skipped: {QEMU} is not installed")
        return SKIPPED
    twin = arguments.what == "twin"
    with tempfile.TemporaryDirectory(prefix="deadwatch-r1-") as folder, \
            R1(folder, twin, arguments.before) as r1:
        began = time.monotonic()
        stuck = r1.wait_until_stuck(TWIN_S if twin else STUCK_S)
        print(f"pid {r1.pid}: {'stuck' if stuck else 'not stuck'} after "
              f"{time.monotonic() - began:.1f} s, {r1.received} bytes read")
        print(*threads_of(r1.pid), sep="\n", flush=True)
        if arguments.stay:
            sys.stdin.read()
    return 0 if stuck != twin else 1


if __name__ == "__main__":
    sys.exit(main())
