#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lets cases hang, attaches to them, and compares what is stuck with `expect`.

    run-attached.py DEADWATCH AWAIT before|after|order EXPECT PROGRAM [EXPECT PROGRAM]...

All modes of EXPECT that hang are run, and one `deadwatch attach` attaches to all of them at once.
`before` and `order`: AWAIT, preloaded, stops the programs until that, with `--order` or without, is
there. `after`: they hang then.

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
import importlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

STILL_S = 0.5  # who has not run for so long hangs; if it does not, it is attached to before
NICE = 19
HOWS = {"before": [], "after": [], "order": ["--order"]}
LIVE = ("deadlock", "stall")

case = importlib.import_module("run-case")


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
        try:
            with open("/proc/%d/task/%s/status" % (pid, tid), encoding="utf-8") as status:
                words = dict(line.split(":", 1) for line in status if ":" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        states[tid] = (words["State"].split()[0], words["voluntary_ctxt_switches"])
    return states


def stand_back():
    """Some that hang do not sleep, and there may be no processor to spare for who is to find them."""
    os.setpgid(0, 0)  # no session, each of which the kernel gives the same share of time
    os.nice(NICE)


class Hanging:
    """A program in a mode that hangs."""

    def __init__(self, expect, program, mode, how, awaiting):
        self.name = "%s %s" % (os.path.basename(program), mode)
        self.expected = expected_in(expect, mode, how)
        self.found, self.states = [], {}
        command, quiet = [program, mode], {"stdin": subprocess.DEVNULL,
                                           "stdout": subprocess.DEVNULL,
                                           "stderr": subprocess.DEVNULL,
                                           "preexec_fn": stand_back}
        if how == "after":
            self.process = subprocess.Popen(command, **quiet)
        else:
            self.process = case.start_stopped(command, awaiting, **quiet)

    def is_there(self):
        """A program that cannot run here has said so."""
        if self.process.poll() not in (None, case.SKIPPED):
            raise case.CaseError("%s: it ended with %d" % (self.name, self.process.returncode))
        return self.process.poll() is None

    def hangs(self):
        """Whether one of its threads has done nothing since it was asked about last."""
        before, self.states = self.states, task_states(self.process.pid)
        return any(state[0] == "S" and before.get(tid) == state
                   for tid, state in self.states.items())

    def note(self, found):
        """Notes what attach has found. Return: whether that is all that is expected."""
        self.found = sorted(findings_of(found))
        return any(is_expected(self.found, expected) for expected in self.expected)

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


def await_hang(ones):
    """Until all hang that are there."""
    end = time.monotonic() + case.FOUND_TIMEOUT_S
    while time.monotonic() < end:
        ones = [one for one in ones if one.is_there() and not one.hangs()]
        if not ones:
            return
        time.sleep(STILL_S)


def start_attach(deadwatch, how, ones, record):
    env = dict(os.environ, DEADWATCH_OPTIONS="stall_ms=%d" % case.STALL_MS)
    pids = [str(one.process.pid) for one in ones]
    with open(record + ".log", "wb") as out:
        return subprocess.Popen([deadwatch, "attach", *HOWS[how], "-o", record, *pids], env=env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out)


class Told:
    """What an attach has told so far of all that it is attached to."""

    def __init__(self, deadwatch, record, ones):
        self.deadwatch, self.log, self.n = deadwatch, record + ".log", 0
        self.records = {one: "%s.%d" % (record, one.process.pid) for one in ones}
        self.records[ones[0]] = record

    def has_more(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            n = log.read().count("(pid ")
        n, self.n = self.n, n
        return n != self.n

    def report(self, ones):
        """By program: lines as in `expect`."""
        status, told = case.report(self.deadwatch, *(self.records[one] for one in ones))
        for one in ones:
            found = [finding for finding in told["findings"]
                     if finding["recording"] == self.records[one]]
            yield one, case.report_lines(status, {"blind": [], "findings": found})


def watch(told, ones):
    """Until all is found that is expected. Return: those of which it is not, in time."""
    end = time.monotonic() + case.FOUND_TIMEOUT_S
    while ones and time.monotonic() < end:
        time.sleep(case.POLL_S)
        if told.has_more():
            ones = [one for one, found in told.report(ones) if not one.note(found)]
        ones = [one for one in ones if one.is_there()]
    return ones


def attach(deadwatch, how, ones, record):
    """Return: those of which not all is found that is expected."""
    attached = start_attach(deadwatch, how, ones, record)
    try:
        case.await_attached(attached, record + ".log", len(ones))
        for one in ones:
            one.process.send_signal(signal.SIGCONT)
        return watch(Told(deadwatch, record, ones), ones)
    finally:
        attached.kill()
        attached.wait(timeout=case.PROGRAM_TIMEOUT_S)


def run(deadwatch, how, ones):
    if how == "after":
        await_hang(ones)
    else:
        for one in ones:
            case.await_stop(one.process)
    ones = [one for one in ones if one.is_there()]
    with tempfile.TemporaryDirectory() as folder:
        return attach(deadwatch, how, ones, os.path.join(folder, "record"))


def main():
    deadwatch, awaiting, how = sys.argv[1:4]
    ones = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("run-attached: its time was over"))
    try:
        for job in jobs_of(how, awaiting, sys.argv[4:]):
            ones.append(Hanging(*job))
        wrong = run(deadwatch, how, ones)
    finally:
        for one in ones:
            one.end()
    for one in wrong:
        print("%s:\n  expected %s\n  found    %s" % (one.name, one.expected, one.found))
    return 1 if wrong else 0


if __name__ == "__main__":
    case.exit_by(main)
