#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds what pages show as output of deadwatch against what it says now.

    check-pages.py FOLDER BUILD DEADWATCH SHIM [PAGE...]

An output block of a page in FOLDER is one of ```text, straight below a comment that says what
it shows:

    <!-- case: NAME MODE [WORD...] [report OPTION...] -->
    <!-- r1: freeze|twin [WORD...] [report OPTION...] -->

The first is the case of that name, run in that mode; the second is the QEMU of tests/e2e/r1.py.
Modes that hang are watched by the monitor until something is found, then killed. The block is
what `deadwatch report` says of the recording, with the OPTIONs, cut by the WORDs:

    first        the first finding only
    heads        findings without what has stacks in it
    hazards      hazards too: they are left out otherwise, for some depend on the moment
    only=THING   findings that have it in their chain
    end          what is said at the end, and no findings
    contention   the table of contention, without locks that made less than a tenth of it
    log          what the monitor told while the program ran, not the report
    heartbeat=FUNCTION=TIME    what the monitor was asked to watch

Always left out is how much was seen (threads, things, needs), which depends on the moment, and
frames of the C library, whose names depend on what is installed. Process numbers are changed: the
process has 4711, its other threads the next ones, as they appear. So are what is before a path's
"tests/", and addresses in a stripped file. Times and counts are those of one run, and are not
compared; nor are spaces.

UPDATE=1 rewrites the blocks that differ. What cannot run here (no KVM, Rust, QEMU, privilege), or
was built by other compilers than the pages', is left out, and it is said why.
"""
import difflib
import glob
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FIRST_NUMBER = 4711
SHARE_MIN = 10  # per cent of all time waited for locks
# As in the comment section of a program: the pages are made where these are the compilers.
COMPILERS = {"gcc 12": b"GCC: (Debian 12.", "rustc 1.63": b"rustc version 1.63"}
CLANG = b"Debian clang version"  # whose programs have gcc's beginning and end
QEMU_VERSION = "version 7.2."
R1_STALL_MS = 1000
TWIN_S = 3
TRIES = 6  # of what depends on the moment
SILENT_S = 20  # what has stopped is said to be silent earlier, if it was seen to run at all
REPORTED = (0, 1, 3)

BLOCK = re.compile(r"^<!-- (case|r1): ([^\n]+) -->\n```text\n(.*?)^```\n", re.M | re.S)
FINDING = re.compile(r"(deadlock|stall|potential deadlock|hazard|misuse|no deadlock)\b")
FRAME = re.compile(r"    #(\d+) +(\S+)")
C_LIBRARY = re.compile(r"    #\d+ +(_start |libc\.so\.6\+|.*\((libc\.so\.6|ld-linux[^)]*)[,)])")
AS_ABOVE = re.compile(r"    then as above from #\d+ (\S+)")
LEG = re.compile(r"  \S.* \(\d+(?:, foreign)?\) {2,}(?=\S)")
END_LINES = ("clean:", "found:", "blind:", "  blind ", "  silent:")


class Skipped(Exception):
    pass


def load(path):
    spec = importlib.util.spec_from_file_location(
        os.path.basename(path).replace("-", "_")[:-3], os.path.join(HERE, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cases, r1 = load("cases/run-case.py"), load("e2e/r1.py")


# Runs.

class Runner:
    """Runs programs, each in each mode once, and keeps their recordings."""

    def __init__(self, build, deadwatch, shim, folder):
        self.build, self.deadwatch, self.shim, self.folder = build, deadwatch, shim, folder
        self.records = {}
        self.times = 1  # as long as programs have a habit, so that it is seen

    def record(self, kind, name, mode, heartbeat):
        key = (kind, name, mode, heartbeat)
        if key not in self.records:
            try:
                self.records[key] = self.run(*key)
            except (Skipped, cases.CannotRun) as reason:
                self.records[key] = Skipped(str(reason))
        if isinstance(self.records[key], Skipped):
            raise self.records[key]
        return self.records[key]

    def forget_all(self):
        """What was seen is run again when it is asked for."""
        self.records = {}
        self.times *= 2
        for left in os.listdir(self.folder):
            path = os.path.join(self.folder, left)
            if os.path.isfile(path):
                os.unlink(path)

    def run(self, kind, name, mode, heartbeat):
        if kind == "r1":
            return self.run_r1(name)
        program = self.program(name)
        if heartbeat:
            return self.run_with_heartbeat(program, mode, heartbeat)
        record = os.path.join(self.folder, "%s-%s.dwr" % (os.path.basename(program), mode))
        if "hang" in mode or mode == "livelock":
            for _ in cases.look_live(mode, program, self.shim, self.deadwatch, self.folder):
                pass
        elif cases.run_recorded(program, mode, self.shim, record)[0] == cases.SKIPPED:
            raise Skipped("%s cannot run here" % name)
        return record

    def program(self, name):
        is_rust = name.endswith("_rs")
        path = os.path.join(self.build, "tests/cases", "rust" if is_rust else "", "case-" + name)
        if not os.path.exists(path):
            raise Skipped("%s was not built" % name)
        compiler = "rustc 1.63" if is_rust else "gcc 12"
        with open(path, "rb") as file:
            program = file.read()
        if COMPILERS[compiler] not in program or CLANG in program:
            raise Skipped("%s was not built by %s" % (name, compiler))
        return path

    def environment(self, record, more):
        options = "record_path=%s:log_path=%s.log:%s" % (record, record, more)
        return dict(os.environ, LD_PRELOAD=self.shim, DEADWATCH_OPTIONS=options,
                    DEADWATCH_PROGRAM=self.deadwatch)

    def run_with_heartbeat(self, program, mode, heartbeat):
        if os.getuid() != 0:
            raise Skipped("only root can count calls")
        record = os.path.join(self.folder, os.path.basename(program) + "-heartbeat.dwr")
        more = "stall_ms=%d:heartbeat=%s" % (cases.STALL_MS, heartbeat)
        process = subprocess.Popen([program, mode, str(self.times)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, start_new_session=True,
                                   env=self.environment(record, more))
        try:
            cases.await_findings(process, record, self.deadwatch)
            end = time.monotonic() + SILENT_S
            while "last ran" not in log_of(record) and time.monotonic() < end:
                time.sleep(cases.POLL_S)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return record

    def run_r1(self, what):
        if not shutil.which(r1.QEMU):
            raise Skipped("%s is not installed" % r1.QEMU)
        version = subprocess.run([r1.QEMU, "--version"], capture_output=True, text=True)
        if QEMU_VERSION not in version.stdout:
            raise Skipped("%s is not %s" % (r1.QEMU, QEMU_VERSION))
        folder = os.path.join(self.folder, "r1-" + what)
        os.mkdir(folder)
        record = os.path.join(folder, "r1.dwr")
        environment = self.environment(record, "stall_ms=%d" % R1_STALL_MS)
        with r1.R1(folder, what == "twin", options=("-name", "guest,debug-threads=on"),
                   environment=environment) as qemu:
            if what == "twin":
                qemu.wait_until_received()
                time.sleep(TWIN_S)
            else:
                cases.await_findings(qemu.process, record, self.deadwatch)
        return record

    def report(self, record, options, folder):
        done = subprocess.run([self.deadwatch, "report", *options, record], capture_output=True,
                              text=True, timeout=cases.REPORT_TIMEOUT_S, cwd=folder)
        if done.returncode not in REPORTED:
            raise cases.CaseError("report failed with %d: %s" % (done.returncode, done.stderr))
        return done.stdout


def log_of(record):
    text = ""
    for path in sorted(glob.glob(glob.escape(record) + ".log.*")):
        with open(path, encoding="utf-8") as file:
            text += file.read()
    return text


# What varies.

def without_c_library(text):
    lines, cut, outer = [], False, set()
    for line in text.split("\n"):
        above = AS_ABOVE.match(line)
        if C_LIBRARY.match(line):
            outer.add(FRAME.match(line).group(2))
            cut = True
            continue
        if above and above.group(1) in outer:
            continue
        # Outermost ones are not missed; where nothing or something else is left, they are told.
        if cut and (FRAME.match(line) or above or not FRAME.match(lines[-1])):
            lines.append("    (the C library)")
        cut = False
        lines.append(line)
    return "\n".join(lines)


class Numbers:
    """Other numbers for the process and its threads."""

    def __init__(self, text):
        pid = re.search(r"\(pid (\d+)\)|process (\d+):", text)
        self.numbers = {pid.group(1) or pid.group(2): FIRST_NUMBER} if pid else {}

    def replace(self, match):
        number = self.numbers.setdefault(match.group(2), FIRST_NUMBER + len(self.numbers))
        return match.group(1) + str(number)

    def apply(self, text):
        return re.sub(r"( \((?:pid )?|process )(\d+)(?=[):]|, foreign)", self.replace, text)


def renumbered(paragraph, numbers):
    """A paragraph; of a table, the first column as wide as its new numbers need it."""
    leg = LEG.match(paragraph)
    if not leg:
        return numbers.apply(paragraph)
    rows = [(numbers.apply(line[:leg.end()].rstrip()), line[leg.end():])
            for line in paragraph.split("\n")]
    width = max(len(first) for first, _ in rows) + 2
    return "\n".join(first.ljust(width) + rest if rest else first for first, rest in rows)


def tidy(text):
    numbers = Numbers(text)
    text = "\n\n".join(renumbered(paragraph, numbers)
                       for paragraph in without_c_library(text).split("\n\n"))
    text = re.sub(r"[^/\s]+/\.\./", "", text)
    text = re.sub(r"/usr/src/rustc-[^/]+/", "", text)
    text = re.sub(r"'/[^']*/(?=tests/)", "'build/", text)
    text = re.sub(r"(\.so\.\d+)\.[.\d]+", r"\1", text)
    return re.sub(r"(\S)\+0x[0-9a-f]+", r"\1+0x...", text)


def shape(text):
    """What is compared of a text."""
    text = re.sub(r"\d+(\.\d+)? (us|ms|s|min|%)(?= |,|$)", "T", text, flags=re.M)
    text = re.sub(r"^ +\d+ waits?, .*$|\d+ times\b", "N", text, flags=re.M)
    lines = [" ".join(line.split()) for line in text.strip().split("\n")]
    if not text.startswith("contention"):
        return lines
    return sorted(re.sub(r"(?<!\S)(\d+|-)(?!\S)", "T", line) for line in lines)


# What is shown.

def parts_of(text):
    """A report's findings, as lists of paragraphs; its table of contention; its last lines."""
    findings, contention, end = [], "", ""
    for paragraph in text.strip("\n").split("\n\n"):
        if FINDING.match(paragraph):
            findings.append([])
        if contention or paragraph.startswith("contention in"):
            if re.match(r"\S+ \(pid \d+\): ", paragraph):
                end = paragraph
            else:
                contention += paragraph + "\n\n"
        elif re.match(r"\S+ \(pid \d+\): ", paragraph):
            end = paragraph
        elif findings:
            findings[-1].append(paragraph)
    return findings, contention, end


def has_little_share(row):
    share = re.search(r" (\d+) %", row)
    return share and int(share.group(1)) < SHARE_MIN


def heads(finding):
    return [part for part in finding if not re.search(FRAME.pattern, part)]


def cut(text, words):
    findings, contention, end = parts_of(text)
    end = "\n".join(line for line in end.split("\n") if line.startswith(END_LINES))
    if "contention" in words:
        rows = contention.strip("\n").split("\n")
        return "\n".join(row for row in rows if not has_little_share(row))
    if "hazards" not in words:
        findings = [f for f in findings if not f[0].startswith("hazard")]
    thing = word_of(words, "only")
    if thing:
        findings = [f for f in findings if thing in f[0].split("\n")[0].split()]
    if "first" in words:
        findings, end = findings[:1], ""
    if "end" in words:
        findings = []
    if "heads" in words:
        findings = [heads(finding) for finding in findings]
    return "\n\n".join([part for finding in findings for part in finding] + ([end] if end else []))


def word_of(words, key):
    """What is behind KEY= among the words; None if it is not there."""
    return next((word[len(key) + 1:] for word in words if word.startswith(key + "=")), None)


def block(runner, kind, what, folder):
    """The text that a block should have."""
    asked, _, options = what.partition(" report")
    name, *words = asked.split()
    mode = words.pop(0) if kind == "case" else name
    record = runner.record(kind, name, mode, word_of(words, "heartbeat"))
    if "log" in words:
        return tidy(log_of(record)).strip("\n")
    return cut(tidy(runner.report(record, options.split(), folder)), words).strip("\n")


# Pages.

class Page:
    def __init__(self, path):
        self.path = path
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.n_checked, self.n_different = 0, 0

    def check(self, runner):
        """Return: its text as it should be."""
        if self.text.count("```text\n") != len(BLOCK.findall(self.text)):
            raise cases.CaseError("%s: a block of text without what it shows" % self.path)
        return BLOCK.sub(lambda match: self.check_block(match, runner), self.text)

    def check_block(self, match, runner):
        kind, what, shown = match.groups()
        label = "%s: %s" % (os.path.basename(self.path), what)
        runner.times = 1  # that another block differed takes this one no longer
        try:
            seen = block(runner, kind, what, os.path.dirname(self.path))
        except Skipped as reason:
            print("left out, %s: %s" % (label, reason))
            return match.group(0)
        self.n_checked += 1
        before, now = shape(shown), shape(seen)
        # Where a thread is now depends on the moment: a kicked one may be in its handler.
        for _ in range(TRIES - 1):
            if before == now or os.environ.get("UPDATE") == "1":
                break
            runner.forget_all()
            seen = block(runner, kind, what, os.path.dirname(self.path))
            now = shape(seen)
        if before == now:
            return match.group(0)
        self.n_different += 1
        print("\n".join(difflib.unified_diff(before, now, label, "seen", lineterm="")))
        return "<!-- %s: %s -->\n```text\n%s\n```\n" % (kind, what, seen)


def check_pages(paths, runner):
    """Return: how many blocks were compared, and how many of them differ."""
    n_checked, n_different = 0, 0
    for path in paths:
        page = Page(path)
        text = page.check(runner)
        if page.n_different and os.environ.get("UPDATE") == "1":
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        n_checked += page.n_checked
        n_different += page.n_different
    return n_checked, n_different


def main():
    folder, build, deadwatch, shim, *pages = (os.path.abspath(path) for path in sys.argv[1:])
    pages = pages or sorted(glob.glob(os.path.join(glob.escape(folder), "*.md")))
    with tempfile.TemporaryDirectory(prefix="deadwatch-pages-") as temporary:
        checked, different = check_pages(pages, Runner(build, deadwatch, shim, temporary))
    print("%d blocks compared, %d differ" % (checked, different))
    if not checked:
        return cases.SKIPPED
    if different and os.environ.get("UPDATE") != "1":
        print("UPDATE=1 rewrites them")
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (cases.CaseError, subprocess.TimeoutExpired) as error:
        sys.exit("check-pages: %s" % error)
