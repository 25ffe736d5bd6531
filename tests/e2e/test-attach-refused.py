#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What deadwatch attach says where it cannot attach, and where that only seems so.

    test-attach-refused.py DEADWATCH CASES

CASES is where the programs of the cases are. Skipped where nobody may attach.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from attaching import TIMEOUT_S, skip_if_forbidden
from waiting import await_program, await_still, until

DEADWATCH, CASES = sys.argv[1:3]
PROGRAM = os.path.join(CASES, "case-colo_join")
SLEEPS_32 = """
.globl _start
_start: mov $29, %eax
        int $0x80
        jmp _start
"""


def attach(*arguments, before=()):
    return subprocess.run([*before, DEADWATCH, "attach", *arguments], capture_output=True,
                          text=True, timeout=TIMEOUT_S)


def without(*capabilities):
    """A prefix of commands that may do all but this."""
    dropped = ",".join("-" + name for name in (*capabilities, "sys_admin"))
    return ["setpriv", "--bounding-set=" + dropped, "--inh-caps=-all"]


def hidden(*commands):
    """A prefix of commands for which the file systems are changed by these."""
    return ["unshare", "--mount", "sh", "-ec", "; ".join((*commands, 'exec "$0" "$@"'))]


class Running:
    """A program that waits; killed at the end."""

    def __init__(self, *words, stdin=subprocess.DEVNULL):
        self.process = subprocess.Popen(words, stdin=stdin, stdout=subprocess.DEVNULL)

    def __enter__(self):
        await_still(self.process.pid)
        return str(self.process.pid)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(timeout=TIMEOUT_S)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def children(pid):
    return read("/proc/%s/task/%s/children" % (pid, pid)).split()


def is_mounted(pid, path):
    """Whether something is, at that place."""
    return any(line.split()[4] == path for line in read("/proc/%s/mountinfo" % pid).splitlines())


def copy_tree(folder):
    """The program and what it loads, below @folder. Return: its path there."""
    listed = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"(/\S+) \(", listed):
        os.makedirs(folder + os.path.dirname(path), exist_ok=True)
        shutil.copy(path, folder + path)
    shutil.copy(PROGRAM, folder + "/program")
    return "/program"


class Refused(unittest.TestCase):
    def is_refused(self, done, *words):
        """In one line that has these words."""
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_missing_capabilities_are_named(self):
        for missing, words in (("bpf", ("CAP_BPF is missing",)),
                               ("perfmon", ("CAP_PERFMON is missing",))):
            self.is_refused(attach("1", before=without(missing)), *words, "setcap", "inspect")
        nobody = ["setpriv", "--reuid=65534", "--clear-groups"]
        self.is_refused(attach("1", before=nobody), "CAP_BPF and CAP_PERFMON are missing")
        with Running("sleep", "30") as pid:
            self.is_refused(attach(pid, before=without("sys_ptrace")), "CAP_SYS_PTRACE")

    def test_a_kernel_without_types_is_told(self):
        done = attach("1", before=hidden("mount -t tmpfs none /sys/kernel/btf"))
        self.is_refused(done, "no BTF", "CONFIG_DEBUG_INFO_BTF=y", "inspect")

    def test_a_locked_kernel_is_told_before_what_is_missing(self):
        locked = hidden("mount -t tmpfs none /sys/kernel/security",
                        "echo 'none integrity [confidentiality]' > /sys/kernel/security/lockdown")
        done = attach("1", before=[*locked, *without("perfmon")])
        self.is_refused(done, "locked down", "lockdown=integrity", "inspect")

    def test_it_does_not_attach_to_itself(self):
        done = subprocess.run(["sh", "-c", 'exec "$0" attach $$', DEADWATCH], capture_output=True,
                              text=True, timeout=TIMEOUT_S, check=False)
        self.is_refused(done, "it is this one")

    def test_too_few_open_files_are_told(self):
        for limit in ("8", "16"):
            self.is_refused(attach("1", before=["prlimit", "--nofile=" + limit]),
                            "Too many open files")

    def test_a_disk_that_is_full_is_told(self):
        with tempfile.TemporaryDirectory() as folder, Running("sleep", "30") as pid:
            record = folder + "/record"
            full = hidden("mount -t tmpfs -o size=4k none " + folder, "echo 1 > %s/one" % folder)
            self.is_refused(attach("-o", record, pid, before=full), record, "No space left")
            some = hidden("mount -t tmpfs -o size=8k none " + folder)
            done = attach("--duration", "0.5", "-o", record, pid, before=some)
            self.assertIn("the disk was full", done.stdout, done.stderr)
            self.assertEqual(done.returncode, 3)

    def test_a_report_that_nobody_can_read_is_told(self):
        with Running("sleep", "30") as pid, open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([DEADWATCH, "attach", "--duration", "0.2", pid], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S)
        self.assertEqual(done.returncode, 4)
        self.assertIn("cannot report: No space left", done.stderr)

    def test_asked_to_end_it_detaches_and_reports(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            with Running("sleep", "30") as pid, subprocess.Popen(
                    [DEADWATCH, "attach", pid], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True) as attached:
                self.assertIn("attached to process", attached.stderr.readline())
                attached.send_signal(number)
                out, _ = attached.communicate(timeout=TIMEOUT_S)
            self.assertIn("sleep (pid", out)
            self.assertEqual(attached.returncode, 3)

    def test_a_program_of_32_bits_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            source, program = folder + "/sleeps.S", folder + "/sleeps"
            with open(source, "w", encoding="utf-8") as file:
                file.write(SLEEPS_32)
            made = subprocess.run(["cc", "-m32", "-nostdlib", "-static", "-o", program, source],
                                  capture_output=True, check=False)
            if made.returncode:
                self.skipTest("no compiler for 32 bits")
            try:
                running = Running(program)
            except OSError:
                self.skipTest("this kernel runs no programs of 32 bits")
            with running as pid:
                self.is_refused(attach(pid), "no 64-bit program", "gdb")
                inspected = subprocess.run([DEADWATCH, "inspect", str(pid)], capture_output=True,
                                           text=True, timeout=TIMEOUT_S, check=False)
                self.is_refused(inspected, "no 64-bit program", "gdb")

    def test_one_that_ends_meanwhile_is_told_or_reported(self):
        for delay in (0.02, 0.1, 0.2, 0.3):
            for mode in ([], ["--order"]):
                with subprocess.Popen(["sleep", "30"]) as process, \
                     subprocess.Popen([DEADWATCH, "attach", *mode, str(process.pid)], text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE) as attached:
                    time.sleep(delay)
                    process.kill()
                    process.wait(timeout=TIMEOUT_S)
                    out, said = attached.communicate(timeout=TIMEOUT_S)
                if attached.returncode == 4:
                    self.assertRegex(said, r"^deadwatch: (there is no|cannot attach to) process")
                    self.assertEqual(len(said.splitlines()), 1, said)
                else:
                    self.assertIn("sleep (pid", out)


class Elsewhere(unittest.TestCase):
    def hangs(self, pid, program):
        await_program(pid, program)
        await_still(pid, 2)

    def is_found(self, pid, program):
        """What hangs there; and all can be probed."""
        self.hangs(pid, program)
        self.assertNotEqual(attach("--order", "--duration", "0.1", pid).returncode, 4)
        with tempfile.TemporaryFile("w+") as said, subprocess.Popen(
                [DEADWATCH, "attach", pid], stdout=subprocess.PIPE, stderr=said,
                text=True) as attached:
            self.assertTrue(until(lambda: said.seek(0) or "(pid %s)" % pid in said.read()))
            attached.send_signal(signal.SIGINT)
            report = attached.communicate(timeout=TIMEOUT_S)[0]
        self.assertEqual(attached.returncode, 1, report)
        self.assertIn("bql -> end of COLO incoming -> bql", report)
        self.assertIn("in colo_incoming_process_checkpoint", report)

    def test_below_another_root(self):
        """As qemu -chroot is."""
        with tempfile.TemporaryDirectory() as root:
            path = copy_tree(root)
            with Running("chroot", root, path, "hang") as pid:
                self.is_found(pid, root + path)

    def test_in_a_container(self):
        into = "mount --bind {0} {0}; cd {0}; mkdir old; mount --make-rprivate /; " \
               "pivot_root . old; exec {1} hang"
        with tempfile.TemporaryDirectory() as root:
            path = copy_tree(root)
            with Running("unshare", "--mount", "sh", "-ec", into.format(root, path)) as pid:
                self.is_found(pid, root + path)

    def test_whose_files_were_removed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + copy_tree(folder)
            with open(path, "rb") as program, Running(path, "hang") as pid:
                self.hangs(pid, path)
                os.unlink(path)
                self.is_found(pid, program.fileno())
                done = attach("--order", pid, before=without("checkpoint_restore"))
        self.assertEqual(done.returncode, 4)
        self.assertIn("cannot be probed", done.stderr)

    def test_whose_library_is_another_one_now(self):
        """Another one is mounted over it, in a namespace in which the process is, too."""
        listed = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True,
                                check=True).stdout
        libc = os.path.realpath(re.search(r"libc\.so\.6 => (\S+)", listed).group(1))
        libm = os.path.join(os.path.dirname(libc), "libm.so.6")
        replace = "%s hang & read go; mount --bind %s %s; wait" % (PROGRAM, libm, libc)
        running = Running("unshare", "--mount", "sh", "-c", replace, stdin=subprocess.PIPE)
        with running as shell, running.process.stdin as go:
            self.assertTrue(until(lambda: children(shell)))
            (pid,) = children(shell)
            self.hangs(pid, PROGRAM)
            go.write(b"\n")
            go.flush()
            self.assertTrue(until(lambda: is_mounted(shell, libc)))
            try:
                done = attach("--order", pid)
                self.assertNotEqual(attach("--duration", "0.1", pid).returncode, 4)
            finally:
                os.kill(int(pid), 9)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("libc.so.6 is not the file any more", done.stderr)


if __name__ == "__main__":
    skip_if_forbidden(DEADWATCH)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
