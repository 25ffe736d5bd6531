#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Attaches once, without --order, to all programs that must stay silent, and to one that must not.

    run-silent.py DEADWATCH AWAIT CONTEND EXPECT PROGRAM [EXPECT PROGRAM]...

All modes of EXPECT are run that end, and of which the shim tells nothing but what has an excuse;
side by side. Those that are just fixed are left out: it takes time to attach to each. AWAIT,
preloaded, stops the programs until somebody is attached to all of them. CONTEND has an inversion
that is to be seen: else nobody would have looked.
"""
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile

case = importlib.import_module("run-case")
SEEN = ["ram_lock", "device_lock", "ram_lock"]


def silent_modes(paths):
    for expect_path, program in zip(paths[::2], paths[1::2]):
        with open(expect_path, encoding="utf-8") as file:
            expect = file.read()
        for mode, options in case.modes_of(expect):
            if (case.ends(mode, options) and "fixed" not in mode and
                    case.is_quiet(case.section_of(expect, mode))):
                yield [program, mode]


class Programs:
    """They run side by side; killed at the end, those that are left."""

    def __init__(self, contend, commands, awaiting):
        self.commands = [[contend, "both"], *commands]
        self.processes = []
        self.awaiting = awaiting

    def __enter__(self):
        try:
            for command in self.commands:
                self.processes.append(case.start_stopped(
                    command, self.awaiting, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL))
            for process in self.processes:
                case.await_stop(process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def go_on(self):
        for process in self.processes:
            process.stdin.write(b"\n")
            process.stdin.close()
            process.send_signal(signal.SIGCONT)

    def failed(self):
        """Those that do not end as they should. What cannot run here has said so."""
        return ["%s ended with %d" % (" ".join(command), process.returncode)
                for command, process in zip(self.commands, self.processes)
                if process.wait(timeout=case.PROGRAM_TIMEOUT_S) not in (0, case.SKIPPED)]

    def name_of(self, pid):
        return next(" ".join(command) for command, process in zip(self.commands, self.processes)
                    if process.pid == pid)

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.communicate()


def attach(deadwatch, programs, log):
    """Until all of them have ended. Return: the report."""
    env = dict(os.environ, DEADWATCH_OPTIONS="stall_ms=%d" % case.STALL_MS)
    with open(log, "wb") as out, subprocess.Popen(
            [deadwatch, "attach", "--format", "json",
             *(str(process.pid) for process in programs.processes)],
            env=env, stdout=subprocess.PIPE, stderr=out) as attached:
        try:
            case.await_attached(attached, log)
            programs.go_on()
            return json.loads(attached.communicate(timeout=case.PROGRAM_TIMEOUT_S)[0])
        finally:
            attached.kill()


def wrong_in(report, programs):
    """Lines. How long something is held on a busy machine makes it a hazard, or not."""
    seen = False
    for finding in report["findings"]:
        if finding["pid"] == programs.processes[0].pid and finding["chain"] == SEEN:
            seen = True
        elif finding["verdict"] != "hazard":
            yield programs.name_of(finding["pid"])
            yield from case.finding_lines(finding)
    if not seen:
        yield "the inversion was not seen"


def main():
    deadwatch, awaiting, contend = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder, \
            Programs(contend, silent_modes(sys.argv[4:]), awaiting) as programs:
        report = attach(deadwatch, programs, os.path.join(folder, "log"))
        wrong = [*wrong_in(report, programs), *programs.failed()]
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    case.exit_by(main)
