#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lets cases hang, attaches to them, and compares what is stuck with `expect`.

    run-attached.py DEADWATCH AWAIT before|after|order EXPECT PROGRAM [EXPECT PROGRAM]...

All modes of EXPECT that hang are run, by themselves. `before` and `order`: AWAIT, preloaded, stops
the programs until `deadwatch attach`, with `--order` or without, is there. `after`: they hang then.

What is compared is what is the same whoever looks: which findings there are, what they go through,
and whose legs they have. Where a lock was taken is not known of one that nobody was seen taking,
and on what grounds something is told, and how many wait by then, depends on who looks, and when.

What is expected is what the shim finds. Two things it cannot see, and those who look from outside
can, or the other way round; then what the section `inspect MODE` has is expected:

- who has a lock that is taken without a call, as all of Rust's: they are told as stalls, but
  whoever takes pictures infers who has them;
- what happened before somebody looked: `after`, either will do.

A stall that was told before what it is part of turned out to be a deadlock is no other finding.
"""
import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

STILL_S = 0.5      # who has not run for so long hangs; if it does not, it is attached to before
SIDE_BY_SIDE = 8  # nearly all do nothing but wait
HOWS = {"before": [], "after": [], "order": ["--order"]}
LIVE = ("deadlock", "stall")


def load_run_case():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run-case.py")
    spec = importlib.util.spec_from_file_location("run_case", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


case = load_run_case()


def findings_of(lines):
    """Of lines as in `expect`: a verdict, a chain, and the threads of the legs, of each finding."""
    found = []
    for line in lines:
        head = re.match(r"(deadlock|stall|potential|misuse|hazard) (.*)", line)
        leg = re.match(r"  (.*?)(?: \(foreign\))?: (?:holds|needs|gives) ", line)
        if head:
            chain = re.sub(r"( x\d+)?( \([a-z-]+\))*$", "", head[2])
            found.append((head[1], chain, []))
        elif leg and found:
            found[-1][2].append(leg[1])
    return [(verdict, chain, tuple(threads)) for verdict, chain, threads in found
            if verdict in LIVE or (verdict == "potential" and not chain.startswith("["))]


def expected_in(expect, mode, how):
    """All that will do: sorted findings."""
    own = case.section_of(expect, mode)
    inspected = case.section_of(expect, "inspect " + mode)
    if "core" in inspected:
        inspected = inspected[:inspected.index("core")]
    if how != "order" and "blind rust-locks" in own:
        sections = [inspected]
    else:
        sections = [own, inspected] if how == "after" else [own]
    return [sorted(findings_of(section)) for section in sections]


def is_part(finding, whole):
    """Whether a stall was told of what is @whole, before all of that was known."""
    things = whole[1].split(" -> ")
    return finding[0] == "stall" and all(thing in things for thing in finding[1].split(" -> "))


def is_expected(found, expected):
    more = [finding for finding in found if finding not in expected]
    return (all(finding in found for finding in expected) and
            all(any(is_part(finding, whole) for whole in expected) for finding in more))


def task_states(pid):
    """By thread: its state, and how often it has run."""
    states = {}
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, tid), encoding="utf-8") as status:
            words = dict(line.split(":", 1) for line in status if ":" in line)
        states[tid] = (words["State"].split()[0], words["voluntary_ctxt_switches"])
    return states


class Hanging:
    """A program in a mode that hangs."""

    def __init__(self, expect, program, mode, how, awaiting):
        self.name = "%s %s" % (os.path.basename(program), mode)
        self.expected = expected_in(expect, mode, how)
        self.found, self.n_told = [], 0
        command, quiet = [program, mode], {"stdin": subprocess.DEVNULL,
                                           "stdout": subprocess.DEVNULL,
                                           "stderr": subprocess.DEVNULL,
                                           "start_new_session": True}
        if how == "after":
            self.process = subprocess.Popen(command, **quiet)
        else:
            self.process = case.start_stopped(command, awaiting, **quiet)

    def is_there(self):
        """A program that cannot run here has said so."""
        if self.process.poll() not in (None, case.SKIPPED):
            raise case.CaseError("%s: it ended with %d" % (self.name, self.process.returncode))
        return self.process.poll() is None

    def await_hang(self):
        """Until one of its threads does nothing any more."""
        end = time.monotonic() + case.FOUND_TIMEOUT_S
        before = {}
        while time.monotonic() < end and self.is_there():
            now = task_states(self.process.pid)
            if any(state[0] == "S" and before.get(tid) == state for tid, state in now.items()):
                return
            before = now
            time.sleep(STILL_S)

    def look(self, deadwatch, record):
        """Whether what is expected was found, of what attach has said."""
        with open(record + ".log", encoding="utf-8", errors="replace") as log:
            n_told = log.read().count("(pid %d)" % self.process.pid)
        if n_told != self.n_told:
            self.n_told = n_told
            self.found = sorted(findings_of(case.report_lines(*case.report(deadwatch, record))))
        return any(is_expected(self.found, expected) for expected in self.expected)

    def begin(self, how):
        if how == "after":
            self.await_hang()
        else:
            case.await_stop(self.process)

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=case.PROGRAM_TIMEOUT_S)


def jobs_of(how, awaiting, paths):
    for expect_path, program in zip(paths[::2], paths[1::2]):
        with open(expect_path, encoding="utf-8") as file:
            expect = file.read()
        for mode, _ in case.modes_of(expect):
            if "hang" in mode and not mode.startswith("inspect "):
                yield expect, program, mode, how, awaiting


def start_attach(deadwatch, how, pid, record):
    env = dict(os.environ, DEADWATCH_OPTIONS="stall_ms=%d" % case.STALL_MS)
    with open(record + ".log", "wb") as out:
        return subprocess.Popen([deadwatch, "attach", *HOWS[how], "-o", record, str(pid)], env=env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out)


def watch(deadwatch, how, one, record):
    """Whether it is found, as it is expected to be, before the time is over."""
    attached = start_attach(deadwatch, how, one.process.pid, record)
    end = time.monotonic() + case.FOUND_TIMEOUT_S
    try:
        case.await_attached(attached, record + ".log")
        one.process.send_signal(signal.SIGCONT)
        while one.is_there() and not one.look(deadwatch, record):
            if time.monotonic() >= end:
                return False
            time.sleep(case.POLL_S)
        return True
    finally:
        attached.kill()
        attached.wait(timeout=case.PROGRAM_TIMEOUT_S)


def run(deadwatch, job):
    """Lines: what is wrong."""
    how, one = job[3], Hanging(*job)
    try:
        with tempfile.TemporaryDirectory() as folder:
            one.begin(how)
            if not one.is_there() or watch(deadwatch, how, one, os.path.join(folder, "record")):
                return []
    finally:
        one.end()
    return ["%s:" % one.name, "  expected %s" % one.expected, "  found    %s" % one.found]


def main():
    deadwatch, awaiting, how = sys.argv[1:4]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as executor:
        runs = [executor.submit(run, deadwatch, job)
                for job in jobs_of(how, awaiting, sys.argv[4:])]
        wrong = [line for one in runs for line in one.result()]
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except case.CannotRun as reason:
        print(reason)
        sys.exit(case.SKIPPED)
    except (case.CaseError, subprocess.TimeoutExpired) as error:
        sys.exit("run-attached: %s" % error)
