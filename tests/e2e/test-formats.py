#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Formats that other programs read, held against what these formats are described as.

usage: test-formats.py DEADWATCH CASES SHIM [unittest's arguments]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from waiting import await_program, await_still, until

DEADWATCH, CASES, SHIM = (os.path.abspath(a) for a in sys.argv[1:4])
del sys.argv[1:4]

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's modules, whichever Python this is

CLEAN, FINDINGS, USAGE, BLIND, FAILED = range(5)
TIMEOUT_S = 240


def deadwatch(*args, **more):
    return subprocess.run([DEADWATCH, *args], capture_output=True, text=True, timeout=TIMEOUT_S,
                          stdin=subprocess.DEVNULL, **more)


class Recorded(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="deadwatch-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def record(self, case, *args, options=()):
        path = self.path("-".join((case, *args, *(o.strip("-") for o in options))) + ".dwr")
        if not os.path.exists(path):
            deadwatch("run", *options, "-o", path, "--", os.path.join(CASES, "case-" + case), *args)
        self.assertTrue(os.path.exists(path))
        return path

    def report(self, form, *paths):
        done = deadwatch("report", "--format", form, *paths)
        self.assertEqual(done.stderr, "")
        return done


class TraceError(Exception):
    pass


def check_trace(text):
    """What Chrome's trace event format asks for, of the kinds of events that are used here.

    Return: bars as (thread, category, name, begin, end), in the order in which they end."""
    trace = json.loads(text)
    open_bars, last, names, bars = {}, {}, {}, []
    for event in trace["traceEvents"]:
        where = (event["pid"], event["tid"])
        if not all(isinstance(number, int) for number in where):
            raise TraceError("pid and tid are numbers: %r" % event)
        if event["ph"] == "M":
            if event["name"] in ("process_name", "thread_name"):
                names[where, event["name"]] = event["args"]["name"]
            elif not isinstance(event["args"]["sort_index"], int):
                raise TraceError("unknown metadata: %r" % event)
            continue
        if not isinstance(event["ts"], (int, float)) or event["ts"] < last.get(where, 0):
            raise TraceError("times of a thread do not go back: %r" % event)
        last[where] = event["ts"]
        stack = open_bars.setdefault(where, [])
        if event["ph"] == "B":
            stack.append(event)
        elif event["ph"] == "E":
            if not stack or stack[-1]["name"] != event["name"]:
                raise TraceError("what ends is not what began last: %r" % event)
            began = stack.pop()
            if began.get("args") != event.get("args"):
                raise TraceError("speedscope would take these for two bars: %r" % event)
            bars.append((where, began["cat"], began["name"], began["ts"], event["ts"]))
        elif event["ph"] != "i" or event["s"] != "t":
            raise TraceError("unknown event: %r" % event)
    if any(open_bars.values()):
        raise TraceError("bars without an end: %r" % open_bars)
    for where in open_bars:
        if (where, "thread_name") not in names:
            raise TraceError("a thread without a name: %r" % (where,))
    return bars


class Timeline(Recorded):
    def test_the_checker_finds_faults(self):
        begin = {"ph": "B", "pid": 1, "tid": 1, "ts": 5, "cat": "hold", "name": "a"}
        name = {"ph": "M", "pid": 1, "tid": 1, "name": "thread_name", "args": {"name": "t"}}
        end = dict(begin, ph="E", ts=6)
        self.assertEqual(len(check_trace(json.dumps({"traceEvents": [name, begin, end]}))), 1)
        for wrong in ([name, begin], [name, end], [begin, end], [name, begin, dict(end, ts=4)],
                      [name, begin, dict(end, name="b")], [name, begin, dict(end, args={"a": 1})],
                      [name, dict(begin, ph="Q")]):
            with self.assertRaises(TraceError):
                check_trace(json.dumps({"traceEvents": wrong}))

    def test_bars_are_what_threads_hold_and_wait_for(self):
        done = self.report("timeline", self.record("bcm2835_fb", options=("--events",)))
        bars = check_trace(done.stdout)
        self.assertIn(("hold", "new_lock"), {bar[1:3] for bar in bars})
        self.assertIn(("wait", "waits for qemu_work_cond"), {bar[1:3] for bar in bars})
        for where, _, name, begin, end in bars:
            if name == "waits for qemu_work_cond":  # which lets go of bql, and not of new_lock
                meanwhile = {other[2] for other in bars if other[0] == where and
                             other[1] == "hold" and other[3] <= begin and other[4] >= end}
                self.assertEqual(meanwhile, {"new_lock"})

    def test_what_never_ended_ends_with_the_recording(self):
        path = self.path("hang.dwr")
        options = "events=1:monitor=0:record_path=" + path
        program = subprocess.Popen([os.path.join(CASES, "case-fenceq"), "hang"],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env=dict(os.environ, LD_PRELOAD=SHIM, DEADWATCH_OPTIONS=options))
        try:
            await_program(program.pid, os.path.join(CASES, "case-fenceq"))
            await_still(program.pid, 3)
        finally:
            program.kill()
            program.communicate()
        done = self.report("timeline", path)
        self.assertTrue(check_trace(done.stdout))
        self.assertIn('"the recording ends: unfinished"', done.stdout)

    def test_what_is_stuck_lasts_until_it_was_found(self):
        path, log = self.path("found.dwr"), self.path("log")
        options = "events=1:stall_ms=500:log_path=%s:record_path=%s" % (log, path)
        program = subprocess.Popen([os.path.join(CASES, "case-fenceq"), "hang"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=dict(os.environ, LD_PRELOAD=SHIM, DEADWATCH_OPTIONS=options,
                                            DEADWATCH_PROGRAM=DEADWATCH))
        end = time.monotonic() + TIMEOUT_S
        while not os.path.exists("%s.%d" % (log, program.pid)) and time.monotonic() < end:
            time.sleep(0.1)
        program.kill()
        program.wait()
        bars = check_trace(self.report("timeline", path).stdout)
        last = max(bar[4] for bar in bars)
        stuck = {name: end - begin for _, _, name, begin, end in bars if end == last}
        self.assertIn("waits for BQL", stuck)
        self.assertGreater(min(stuck.values()), 0, stuck)

    def test_locks_of_any_order_nest(self):
        for case in ("chain5", "gate_cond", "recursive", "trylock_backoff", "posters"):
            check_trace(self.report("timeline", self.record(case, options=("--events",))).stdout)

    def test_a_recording_without_events_is_told_about(self):
        path = self.record("bcm2835_fb")
        done = deadwatch("report", "--format=timeline", path)
        self.assertEqual((done.returncode, done.stdout), (FAILED, ""))
        self.assertRegex(done.stderr, r"^deadwatch: '%s': has no events.*--events.*\n$" % path)


SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\d+(?:\.\d+)?)$')


class Metrics(Recorded):
    def test_the_text_is_openmetrics(self):
        text = self.report("openmetrics", self.record("bcm2835_fb"), self.record("contention", "benign")).stdout
        *lines, last, end = text.split("\n")
        self.assertEqual((last, end), ("# EOF", ""))
        families, family, samples = [], None, set()
        for line in lines:
            if line.startswith("# TYPE "):
                family = line.split()[2]
                self.assertNotIn(family, families, "samples of a family are together")
                families.append(family)
            elif not line.startswith("# "):
                self.assertRegex(line, SAMPLE)
                name, labels, _ = SAMPLE.match(line).groups()
                self.assertEqual(name, family)
                self.assertNotIn((name, labels), samples, "a sample is there once")
                samples.add((name, labels))
        self.assertRegex(text, r'deadwatch_findings\{.*verdict="potential"\} 2\n')

    def test_a_parser_reads_it(self):
        try:
            from prometheus_client.openmetrics import parser
        except ImportError:
            self.skipTest("python3-prometheus-client is not installed")
        text = self.report("openmetrics", self.record("bcm2835_fb"), self.record("contention", "benign")).stdout
        families = {family.name: family for family in parser.text_string_to_metric_families(text)}
        self.assertEqual(sum(sample.value for sample in families["deadwatch_recordings"].samples), 2)

    def test_a_recording_given_twice_counts_once(self):
        path = self.record("bcm2835_fb")
        self.assertEqual(self.report("openmetrics", path, path).stdout,
                         self.report("openmetrics", path).stdout)

    def test_blind_is_told(self):
        done = deadwatch("report", "--format=openmetrics", tempfile.mkdtemp(dir=self.folder))
        self.assertIn('deadwatch_blind{reason="no-recordings"} 1\n', done.stdout)


class Lines(Recorded):
    def test_a_line_is_a_thing_to_be_known(self):
        done = self.report("ndjson", self.record("bcm2835_fb"))
        told = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(told[0]["kind"], "process")
        findings = [line for line in told if line["kind"] == "finding"]
        self.assertEqual([line["excuse"] for line in findings], [None, None, "single-thread"])
        whole = json.loads(self.report("json", self.record("bcm2835_fb")).stdout)
        for line, finding in zip(findings, whole["findings"]):
            for key in ("fingerprint", "verdict", "excuse", "chain", "occurrences"):
                self.assertEqual(line[key], finding[key])

    def test_only_here_is_of_this_run(self):
        lines = []
        for name in ("one", "two"):
            path = self.path(name + ".dwr")
            deadwatch("run", "-o", path, "--", os.path.join(CASES, "case-bcm2835_fb"))
            told = [json.loads(line) for line in self.report("ndjson", path).stdout.splitlines()]
            self.assertEqual(told[0].pop("here")["recording"], path)
            lines.append([{key: value for key, value in line.items() if key != "here"}
                          for line in told])
        self.assertEqual(lines[0], lines[1])

    def test_blind_is_told(self):
        done = deadwatch("report", "--format=ndjson", tempfile.mkdtemp(dir=self.folder))
        self.assertEqual(done.returncode, BLIND)
        self.assertEqual(json.loads(done.stdout)["reason"], "no-recordings")


class Graph(Recorded):
    def test_the_layout_is_the_same_each_time(self):
        path = self.record("bcm2835_fb")
        for form in ("dot", "svg", "mermaid"):
            done = deadwatch("graph", "--format", form, path)
            self.assertEqual((done.returncode, done.stderr), (CLEAN, ""))
            self.assertEqual(done.stdout, deadwatch("graph", "--format", form, path).stdout)

    def test_graphviz_reads_what_is_written(self):
        if not shutil.which("dot"):
            self.skipTest("graphviz is not installed")
        text = deadwatch("graph", self.record("bcm2835_fb")).stdout
        done = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(re.findall(r"(?m)^node t\d+ ", done.stdout)), 4)

    def test_an_svg_is_of_one_recording(self):
        done = deadwatch("graph", "--format=svg", self.record("bcm2835_fb"), self.record("contention"))
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
        self.assertIn("an SVG shows one recording, and these are 2", done.stderr)


JOURNAL = "/run/systemd/journal"


JOURNALD = "/usr/lib/systemd/systemd-journald"


class Journal(Recorded):
    """A journal of our own, in a mount namespace of its own."""

    # The system's own may be on the other side, and neither it nor the kernel is to notice.
    DAEMON = """
import os, subprocess, sys, time
def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)
mount("-t", "tmpfs", "none", "/run")
os.makedirs("/run/systemd/journald.conf.d")
os.makedirs("/run/log/journal")
with open("/run/systemd/journald.conf.d/test.conf", "w") as settings:
    settings.write("[Journal]\\nStorage=volatile\\nReadKMsg=no\\nAudit=\\nForwardToWall=no\\n"
                   "ForwardToSyslog=no\\n")
with open("/run/machine-id", "w") as name:
    name.write("%032x\\n" % 1)
mount("--bind", "/run/machine-id", "/etc/machine-id")
daemon = subprocess.Popen(["JOURNALD"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
end = time.monotonic() + 200
while not os.path.exists("/run/systemd/journal/socket") and time.monotonic() < end:
    time.sleep(0.1)
program = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
entry = b""
while not entry and time.monotonic() < end:
    entry = subprocess.run(["journalctl", "--no-pager", "-o", "json", "-t", "deadwatch",
                            "DEADWATCH_VERDICT=deadlock"], capture_output=True).stdout
    time.sleep(0.1)
program.kill()
daemon.kill()
print(program.pid)
sys.stdout.flush()
sys.stdout.buffer.write(entry)
""".replace("JOURNALD", JOURNALD)

    SCRIPT = """
import os, socket, sys
os.makedirs("%s", exist_ok=True)
os.system("mount -t tmpfs none %s")
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("%s/socket")
journal.settimeout(200)
import subprocess
program = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    entry, controls, _, _ = socket.recv_fds(journal, 1 << 20, 1)
    sys.stdout.buffer.write(entry or os.pread(controls[0], 1 << 20, 0))
finally:
    program.kill()
""" % (JOURNAL, JOURNAL, JOURNAL)

    def environment(self):
        return dict(os.environ, DEADWATCH_PROGRAM=DEADWATCH,
                    DEADWATCH_OPTIONS="stall_ms=500:log_path=journal:record_path=" +
                    self.path("journal.dwr"))

    def hang(self, *before):
        return subprocess.run(
            [*before, "env", "LD_PRELOAD=" + SHIM, os.path.join(CASES, "case-fenceq"), "hang"],
            capture_output=True, timeout=TIMEOUT_S, env=self.environment())

    def need_namespace(self):
        if os.getuid() != 0 or not shutil.which("unshare"):
            self.skipTest("only root can have a journal of its own")
        if subprocess.run(["unshare", "-m", "true"]).returncode:
            self.skipTest("no mount namespace can be made here")
        if not any(map(os.path.exists, ("/lib/x86_64-linux-gnu/libsystemd.so.0",
                                        "/usr/lib/libsystemd.so.0"))):
            self.skipTest("libsystemd is not installed")

    def test_a_finding_is_an_entry(self):
        self.need_namespace()
        entry = self.hang("unshare", "-m", sys.executable, "-c", self.SCRIPT).stdout
        for part in (b"DEADWATCH_VERDICT=deadlock", b"DEADWATCH_CHAIN=", b"PRIORITY=3",
                     b"SYSLOG_IDENTIFIER=deadwatch", b"DEADWATCH_FINGERPRINT=", b"OBJECT_PID=",
                     b"deadlock: "):
            self.assertIn(part, entry)

    def test_journald_has_the_finding_and_finds_it_by_its_fields(self):
        self.need_namespace()
        if not (os.path.exists(JOURNALD) and os.path.exists("/etc/machine-id")):
            self.skipTest("systemd-journald is not installed")
        pid, entry = self.hang("unshare", "-m", sys.executable, "-c", self.DAEMON).stdout.split(
            b"\n", 1)
        entry = json.loads(entry)
        lines = self.report("ndjson", self.path("journal.dwr")).stdout.splitlines()
        finding = next(line for line in map(json.loads, lines) if line.get("verdict") == "deadlock")
        said = {key[len("DEADWATCH_"):]: text for key, text in entry.items()
                if key.startswith("DEADWATCH_")}
        self.assertEqual(said, {"VERDICT": "deadlock", "CHAIN": finding["title"],
                                "FINGERPRINT": finding["fingerprint"],
                                "PROCESS": "case-fenceq (pid %d)" % int(pid)})
        self.assertEqual((entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"], entry["OBJECT_PID"]),
                         ("3", "deadwatch", pid.decode()))
        self.assertTrue(entry["MESSAGE"].startswith("deadlock: " + finding["title"]))
        self.assertIn("\n    #0", entry["MESSAGE"])

    def test_without_a_journal_it_is_told_on_standard_error(self):
        if os.path.exists(os.path.join(JOURNAL, "socket")):
            self.skipTest("there is a journal here")
        said = tempfile.TemporaryFile("w+")
        self.addCleanup(said.close)
        program = subprocess.Popen([os.path.join(CASES, "case-fenceq"), "hang"], stderr=said,
                                   stdout=subprocess.DEVNULL,
                                   env=dict(self.environment(), LD_PRELOAD=SHIM))
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        for text in ("deadwatch: cannot write to the journal: ", "deadlock: "):
            self.assertTrue(until(lambda: said.seek(0) or text in said.read()), text)


class Words(Recorded):
    def test_who_ends_with_a_lock_does_so_after_its_last_function(self):
        out = self.report("text", self.record("misuse", "exit")).stdout
        self.assertRegex(out, r" ends holding +lock +after its last function\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
