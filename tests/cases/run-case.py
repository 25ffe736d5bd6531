#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs one case under the shim and compares what its user sees with `expect`.

    run-case.py EXPECT PROGRAM SHIM DEADWATCH LINGER
    run-case.py EXPECT PROGRAM attach=AWAIT DEADWATCH [MODE]...

The second way is without the shim: AWAIT, preloaded, stops the program until `deadwatch attach
--order` is there. It is to see the same in the modes named, or in all. Where AWAIT is empty, the
program is stopped as it is executed: one that has its C library in it.

`expect` has a section for each mode of the program, headed `== MODE`: the modes are
those that it names. UPDATE=1 rewrites it; KEEP=DIR leaves the recordings there. A program
that cannot run here prints why and exits with 77, and so does this.

A mode whose name has "hang" in it, "livelock", and one whose section begins with a line `live`
never end. They are watched by the monitor until it finds what is stuck; then the program is
killed.

A section headed `== inspect MODE` is of the program running bare, without the shim, in a mode that
never ends, and looked into by `deadwatch inspect` until it finds what is expected. Then a core is
made of it, in which the same has to be seen, but for the names of threads; or what the section
has behind a line `core`, where one look is not enough.

Modes that end, and of which nothing is to be reported, are also run with the library LINGER
preloaded, so that there is time to look into them: nothing is stuck then.

Hazards are left out, for which waits are long depends on the moment; but for a section with a
line `hazards` at its begin.
"""
import ctypes
import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

PROGRAM_TIMEOUT_S = 240
REPORT_TIMEOUT_S = 240
STALL_MS = 1000     # what is stuck for so long is to be found
FOUND_TIMEOUT_S = 240
POLL_S = 0.2
SETTLED_S = 1.5     # a finding that has not changed for so long is whole
LIVE_VERDICTS = ("deadlock", "stall")
INSPECT_FAILED = 4
SIDE_BY_SIDE = 4    # modes, most of which do nothing but wait
LINGER_MS = (50, 200, 800, 1600, 6400)  # longer, where a program has ended before it was looked into
LINGER_STALL = 10   # waits of so many times as long are too long then
LINGER_LOOKS = 2
ATTACH = "attach="   # in place of the shim
PTRACE_TRACEME, PTRACE_DETACH = 0, 17
SKIPPED = 77  # meson's exit code for a test that cannot run here
UPDATES = os.environ.get("UPDATE") == "1"


class CaseError(Exception):
    pass


class CannotRun(Exception):
    pass


SECTION_OPTIONS = ("live", "hazards")


def modes_of(expect):
    """Pairs of a mode and the options at the begin of its section."""
    lines = expect.splitlines()
    modes = [(line[3:].strip(), [word for word in lines[i + 1:i + 3] if word in SECTION_OPTIONS])
             for i, line in enumerate(lines) if line.startswith("== ")]
    if not modes:
        raise CaseError("expect names no mode (a line `== MODE`)")
    return modes


def section_of(expect, mode):
    """What is expected of a mode, without the options."""
    lines = expect.splitlines()
    begin = lines.index("== " + mode) + 1
    ends = [i for i in range(begin, len(lines)) if lines[i].startswith("== ")] + [len(lines)]
    return [line for line in lines[begin:ends[0]] if line not in SECTION_OPTIONS]


def run_bare(program, mode):
    done = subprocess.run([program, mode], capture_output=True, timeout=PROGRAM_TIMEOUT_S)
    return done.returncode, done.stdout, done.stderr


def run_recorded(program, mode, shim, record):
    env = dict(os.environ, LD_PRELOAD=shim, DEADWATCH_OPTIONS="monitor=0:record_path=" + record)
    done = subprocess.run([program, mode], capture_output=True, timeout=PROGRAM_TIMEOUT_S, env=env)
    return done.returncode, done.stdout, done.stderr


def ptrace(request, pid, data):
    call = ctypes.CDLL(None, use_errno=True).ptrace
    call.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    call(request, pid, None, data)


def start_stopped(command, awaiting, **how):
    """Starts a program that stops at its begin."""
    if awaiting:
        return subprocess.Popen(command, env=dict(os.environ, LD_PRELOAD=awaiting), **how)
    process = subprocess.Popen(command, preexec_fn=lambda: ptrace(PTRACE_TRACEME, 0, None), **how)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    ptrace(PTRACE_DETACH, process.pid, signal.SIGSTOP)
    return process


def await_stop(process):
    end = time.monotonic() + PROGRAM_TIMEOUT_S
    while time.monotonic() < end:
        with open("/proc/%d/stat" % process.pid, encoding="utf-8") as stat:
            if stat.read().rpartition(")")[2].split()[0] in "Tt":
                return
        time.sleep(0.05)
    raise CaseError("the program does not stop before its begin")


def await_attached(attached, log, n=1):
    """Until it is, to @n processes. Whoever may not attach, or has no kernel for it, says so."""
    end = time.monotonic() + PROGRAM_TIMEOUT_S
    while time.monotonic() < end:
        with open(log, encoding="utf-8") as file:
            said = file.read()
        if said.count("attached to process") >= n:
            return
        if attached.poll() is not None:
            raise CannotRun(said.strip())
        time.sleep(0.05)
    raise CaseError("deadwatch does not attach")


def attach(process, deadwatch, record):
    """Attaches to the stopped program, and lets it go on."""
    await_stop(process)
    env = dict(os.environ, DEADWATCH_OPTIONS="stall_ms=%d" % STALL_MS)
    log = record + ".log"
    with open(log, "wb") as out:
        attached = subprocess.Popen(
            [deadwatch, "attach", "--order", "-o", record, str(process.pid)], env=env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out)
    try:
        await_attached(attached, log)
    except BaseException:
        attached.kill()
        raise
    process.send_signal(signal.SIGCONT)
    return attached


def run_attached(program, mode, awaiting, deadwatch, record):
    with start_stopped([program, mode], awaiting, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE) as process:
        try:
            attached = attach(process, deadwatch, record)
            out, err = process.communicate(timeout=PROGRAM_TIMEOUT_S)
        finally:
            process.kill()
    attached.wait(timeout=PROGRAM_TIMEOUT_S)
    return process.returncode, out, err


def report(deadwatch, *records):
    command = [deadwatch, "report", "--all", "--format", "json", *records]
    done = subprocess.run(command, capture_output=True, text=True, timeout=REPORT_TIMEOUT_S)
    if done.returncode not in (0, 1, 3):
        raise CaseError("report failed with %d: %s" % (done.returncode, done.stderr))
    return done.returncode, json.loads(done.stdout)


# Innermost frames that only pass a lock on: what calls them is where something was done.
WRAPPERS = ("pthread_", "__gthread_", "std::", "bql_lock_impl", "qemu_cond_wait_impl", "mtx_",
            "cnd_", "sem_", "__syscall_", "__timedwait", "__pthread_", "__nptl_", "__GI___nptl_")


def function_of(stack):
    frames = [frame for frame in stack if not (frame["function"] or "?").startswith(WRAPPERS)]
    own = [frame for frame in frames if not (frame["module"] or "").startswith("libc.so")]
    for frame in own or frames:
        return (frame["function"] or "?").split("(")[0]
    return "?"


def how_of(lock):
    return " (%s)" % " ".join(lock["how"]) if lock["how"] else ""


def leg_lines(finding):
    for leg in finding["legs"]:
        post = leg.get("post")
        ends = ["gives " + post["name"]] if post else []
        if post and post["function"]:
            ends[0] += " in " + post["function"]
        now = (leg.get("now") or {"stack": []})["stack"]
        ends += ["%s %s in %s%s" % (key, leg[key]["name"],
                                    function_of(leg[key]["stack"] or now), how_of(leg[key]))
                 for key in ("holds", "needs", "at") if leg.get(key)]
        foreign = " (foreign)" if leg["thread"]["foreign"] else ""
        yield ("  %s%s: %s" % (leg["thread"]["name"], foreign, " / ".join(ends))).rstrip(": ")


def finding_lines(finding):
    kind = finding.get("misuse") or (finding["excuse"] and "[%s]" % finding["excuse"])
    words = [finding["verdict"], kind, " -> ".join(finding["chain"])]
    times = " x%d" % finding["occurrences"] if finding["occurrences"] > 1 else ""
    flags = "".join(" (%s)" % flag for flag in finding.get("flags", []))
    yield " ".join(word for word in words if word) + times + flags
    yield from leg_lines(finding)
    if finding.get("peer"):
        yield "  other end: %s" % finding["peer"]["name"]
    if finding.get("waiters"):
        yield "  %d more wait" % len(finding["waiters"])


def report_lines(status, told, with_hazards=False):
    yield "exit %d" % status
    for blind in told["blind"]:
        yield "blind " + blind["reason"]
    for finding in told["findings"]:
        if with_hazards or finding["verdict"] != "hazard":
            yield from finding_lines(finding)


def start_attached(program, mode, awaiting, deadwatch, record):
    with open(record + ".out", "wb") as out:
        process = start_stopped([program, mode], awaiting, stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, start_new_session=True)
    try:
        return process, attach(process, deadwatch, record)
    except BaseException:
        process.kill()
        raise


def start_live(program, mode, shim, deadwatch, record):
    if shim.startswith(ATTACH):
        return start_attached(program, mode, shim[len(ATTACH):], deadwatch, record)
    options = "record_path=%s:log_path=%s.log:stall_ms=%d" % (record, record, STALL_MS)
    env = dict(os.environ, LD_PRELOAD=shim, DEADWATCH_OPTIONS=options, DEADWATCH_PROGRAM=deadwatch)
    with open(record + ".out", "wb") as out:
        return subprocess.Popen([program, mode], stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, env=env, start_new_session=True), None


def look_now(process, record, deadwatch):
    """What is known of the running program: lines, or None if nothing is stuck yet."""
    if process.poll() is not None:
        with open(record + ".out", encoding="utf-8", errors="replace") as out:
            said = out.read().strip()
        if process.returncode == SKIPPED:
            raise CannotRun(said)
        raise CaseError("it ended with %d before anything was found: %s" %
                        (process.returncode, said))
    if not os.path.exists(record):
        return None
    try:
        status, told = report(deadwatch, record)
    except CaseError:
        return None  # not even the header is there yet
    if not any(finding["verdict"] in LIVE_VERDICTS for finding in told["findings"]):
        return None
    return list(report_lines(status, told))


def await_findings(process, record, deadwatch, expected=None):
    """Polls until what was found does not change any more, and is what is expected of it."""
    lines, since = None, time.monotonic()
    end = since + FOUND_TIMEOUT_S
    while time.monotonic() < end:
        now = look_now(process, record, deadwatch)
        if now != lines:
            lines, since = now, time.monotonic()
        if lines and expected in (None, lines) and time.monotonic() - since >= SETTLED_S:
            return lines
        time.sleep(POLL_S)
    return lines or ["nothing was found in %d s" % FOUND_TIMEOUT_S]


def look_live(mode, program, shim, deadwatch, folder, expected=None):
    record = os.path.join(folder, "%s-%s.dwr" % (os.path.basename(program), mode))
    process, attached = start_live(program, mode, shim, deadwatch, record)
    try:
        yield from await_findings(process, record, deadwatch, expected)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=PROGRAM_TIMEOUT_S)
        if attached:
            attached.wait(timeout=PROGRAM_TIMEOUT_S)


def look(mode, with_hazards, program, shim, deadwatch, folder):
    bare = run_bare(program, mode)
    if bare[0] == SKIPPED:
        raise CannotRun(bare[1].decode().strip())
    record = os.path.join(folder, "%s-%s.dwr" % (os.path.basename(program), mode))
    if shim.startswith(ATTACH):
        recorded = run_attached(program, mode, shim[len(ATTACH):], deadwatch, record)
    else:
        recorded = run_recorded(program, mode, shim, record)
    if bare[0] != 0:
        raise CaseError("mode %s fails bare with %d: %s" % (mode, bare[0], bare[2].decode()))
    if recorded != bare:
        raise CaseError("mode %s differs under the shim: %r, bare %r" % (mode, recorded, bare))
    yield from report_lines(*report(deadwatch, record), with_hazards)


def inspect(deadwatch, what, *options):
    """Lines, and what they are made of. @what: a process's number or a core's path."""
    command = [deadwatch, "inspect", "--format", "json", *options, str(what)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=REPORT_TIMEOUT_S)
    if done.returncode == INSPECT_FAILED:  # it may have ended meanwhile
        return ["cannot inspect: " + done.stderr.strip()], None
    told = json.loads(done.stdout)
    return list(report_lines(done.returncode, told)), told


def await_inspected(process, deadwatch, expected):
    """Looks into a process that hangs, or soon will, until it sees what is expected."""
    lines, told, end = [], None, time.monotonic() + FOUND_TIMEOUT_S
    while lines != expected and time.monotonic() < end:
        if process.poll() == SKIPPED:
            raise CannotRun("it cannot run here")
        if process.poll() is not None:
            raise CaseError("it ended with %d while it was looked into" % process.returncode)
        lines, told = inspect(deadwatch, process.pid)
    return lines, told


def inspect_core(process, deadwatch, folder):
    core = os.path.join(folder, "core.%d" % process.pid)
    subprocess.run(["gdb", "-nx", "-batch", "-p", str(process.pid), "-ex",
                    "generate-core-file " + core], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    try:
        return inspect(deadwatch, core)
    finally:
        os.unlink(core)


def without_names(lines, told):
    """A core has no names of threads."""
    names = {leg["thread"]["name"] for finding in told["findings"] for leg in finding["legs"]}
    for name in sorted(names, key=len, reverse=True):
        pattern = r"(?<!\w)%s(?!\w)" % re.escape(name)
        lines = [re.sub(pattern, "THREAD", line) for line in lines]
    return lines


def await_core(process, deadwatch, folder, alive, expected):
    """What is expected behind `core`, if anything is; else nothing, if all is as in @alive."""
    if not shutil.which("gdb"):
        print("gdb is not installed: cores are not tested", file=sys.stderr)
        return expected
    lines, end = [], time.monotonic() + FOUND_TIMEOUT_S
    while (not lines or lines != expected) and time.monotonic() < end:
        lines, told = inspect_core(process, deadwatch, folder)
        if told and not expected and without_names(lines, told) == without_names(*alive):
            return []
    return lines


def look_inspected(mode, expected, program, deadwatch, folder):
    process = subprocess.Popen([program, mode], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    at = expected.index("core") if "core" in expected else len(expected)
    try:
        alive = await_inspected(process, deadwatch, expected[:at])
        yield from alive[0]
        core = alive[1] and await_core(process, deadwatch, folder, alive, expected[at + 1:])
        yield from ["core", *core] if core else []
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=PROGRAM_TIMEOUT_S)


def count_looks(process, deadwatch, stall_ms):
    """How often it was looked into while it ran, at most LINGER_LOOKS times."""
    n = 0
    while n < LINGER_LOOKS and process.poll() is None:
        lines, told = inspect(deadwatch, process.pid, "--stall", str(stall_ms))
        if told and told["findings"]:
            raise CaseError("stuck, while it runs slowly: " + "\n".join(lines))
        n += process.poll() is None and told is not None
    return n


def linger(mode, program, deadwatch, library):
    """Nothing is stuck in a program that will end, whatever its threads hold and wait for."""
    for ms in LINGER_MS:
        environment = dict(os.environ, CASE_SLOW_MS=str(ms), LD_PRELOAD=library)
        process = subprocess.Popen([program, mode], stdin=subprocess.DEVNULL, env=environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        try:
            n = count_looks(process, deadwatch, max(STALL_MS, LINGER_STALL * ms))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=PROGRAM_TIMEOUT_S)
        if n > 0:
            return
    raise CaseError("mode %s ended before it was looked into" % mode)


def ends(mode, options):
    return not ("live" in options or "hang" in mode or mode == "livelock" or
                mode.startswith("inspect "))


def is_quiet(expected):
    """Nothing is expected but what is excused, and what cannot be seen by the shim."""
    return all(re.match(r"exit|blind|  |potential \[|hazard", line) for line in expected)


def look_at(mode, options, expected, how, library):
    """@how: the program, the shim, deadwatch, and a folder."""
    program, shim, deadwatch, folder = how
    yield "== " + mode
    yield from options
    if mode.startswith("inspect "):
        yield from look_inspected(mode.split()[1], expected, program, deadwatch, folder)
    elif not ends(mode, options):
        yield from look_live(mode, *how, None if UPDATES else expected)
    else:
        yield from look(mode, "hazards" in options, *how)
        if not shim.startswith(ATTACH) and is_quiet(expected):
            linger(mode, program, deadwatch, library)


def only(expect, modes):
    """The sections of @modes; all if none is named."""
    sections = ["== " + section for section in expect.split("== ")[1:]]
    return "".join(section for section in sections
                   if not modes or section[3:].split("\n")[0] in modes)


def look_at_all(expect, program, shim, deadwatch, library):
    with tempfile.TemporaryDirectory() as temporary, \
            ThreadPoolExecutor(1 if shim.startswith(ATTACH) else SIDE_BY_SIDE) as executor:
        how = (program, shim, deadwatch, os.environ.get("KEEP", temporary))
        sections = [executor.submit(lambda *what: list(look_at(*what)), mode, options,
                                    section_of(expect, mode), how, library)
                    for mode, options in modes_of(expect)]
        return [line for section in sections for line in section.result()]


def main():
    path, program, shim, deadwatch = sys.argv[1:5]
    attached = shim.startswith(ATTACH)
    with open(path, encoding="utf-8") as file:
        expect = only(file.read(), sys.argv[5:] if attached else [])
    lines = look_at_all(expect, program, shim, deadwatch, None if attached else sys.argv[5])
    seen = "\n".join(lines) + "\n"
    if seen == expect:
        return 0
    if UPDATES and not shim.startswith(ATTACH):
        with open(path, "w", encoding="utf-8") as file:
            file.write(seen)
        return 0
    sys.stdout.writelines(difflib.unified_diff(
        expect.splitlines(keepends=True), seen.splitlines(keepends=True), "expect", "seen"))
    return 1


def exit_by(main):
    """Ends this program as @main says, or with why it cannot run here, or with what went wrong."""
    try:
        sys.exit(main())
    except CannotRun as reason:
        print(reason)
        sys.exit(SKIPPED)
    except (CaseError, subprocess.TimeoutExpired) as error:
        sys.exit("%s: %s" % (os.path.basename(sys.argv[0])[:-len(".py")], error))


if __name__ == "__main__":
    exit_by(main)
