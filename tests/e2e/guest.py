# SPDX-License-Identifier: GPL-2.0-or-later
"""A stock QEMU that boots a Linux guest, which says that it is up and ends."""
import os
import shutil
import signal
import subprocess
import sys

QEMU = "qemu-system-x86_64"
SKIPPED = 77  # meson's exit code for a test that cannot run here
TIMEOUT = 1200  # seconds; a boot takes two to three on an idle machine


def skip_without_qemu():
    """Ends this process as a test that was skipped, if there is no QEMU."""
    if not shutil.which(QEMU):
        print(f"skipped: {QEMU} is not installed")
        sys.exit(SKIPPED)


def command_of(guest):
    """Without no_timer_check half of the guests of a busy host panic: they wait for a timer in vain."""
    return [QEMU, "-name", "guest,debug-threads=on", "-M", "pc,accel=tcg", "-smp", "2", "-m", "256",
            "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot",
            "-kernel", f"{guest}/vmlinuz", "-initrd", f"{guest}/initrd",
            "-append", "console=ttyS0 quiet loglevel=0 panic=-1 no_timer_check"]


def boot(guest, before=(), environment=None):
    return subprocess.run([*before, *command_of(guest)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=TIMEOUT, env=environment)


def boot_attached(test, guest, attach, preload):
    """What a boot writes that the command @attach sees whole: the first library of @preload stops
    QEMU before any constructor, until attach is there. @test is skipped where nobody may attach."""
    with subprocess.Popen(command_of(guest), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, env=dict(os.environ, LD_PRELOAD=preload)) as qemu:
        test.addCleanup(qemu.kill)
        os.waitid(os.P_PID, qemu.pid, os.WSTOPPED | os.WNOWAIT)
        with subprocess.Popen([*attach, str(qemu.pid)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as attached:
            said = attached.stderr.readline()
            if "attached to process" not in said:
                qemu.kill()
                test.skipTest(said.strip())
            qemu.send_signal(signal.SIGCONT)
            out, _ = qemu.communicate(timeout=TIMEOUT)
            attached.communicate(timeout=TIMEOUT)
    return out
