#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that hang, looked into when they are core files, or in other namespaces.

usage: test-core.py DEADWATCH CASES SCHEMA [MUSL]

MUSL is a case that is linked statically with musl; "-" or nothing: it could not be made.
"""
import contextlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

DEADWATCH, CASES, SCHEMA = (os.path.abspath(a) for a in sys.argv[1:4])
SKIPPED = 77
STUCK_S = 240
ANSWER_S = 240  # no core keeps it busy for so long
NAMES = {"bcm2835_fb": "deadlock", "cfrelease": "stall"}
PT_LOAD, PT_NOTE = 1, 4
HEADER, PROGRAM = 64, 56  # sizes of ELF's file header and program headers


def inspect(*arguments):
    done = subprocess.run([DEADWATCH, "inspect", "--format", "json", *map(str, arguments)],
                          capture_output=True, text=True, check=False, timeout=ANSWER_S)
    assert done.returncode in (0, 1, 2, 3, 4), (arguments, done)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def summary(report):
    return [(f["verdict"], f["chain"]) for f in report["findings"]]


def functions(report):
    """The functions of all stacks."""
    return [[frame["function"] for frame in thread["stack"]]
            for thread in report["picture"]["threads"]]


@contextlib.contextmanager
def hanging(command):
    """A program that hangs, and what is seen of it alive. @command: its last one is the program."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def await_stuck(pid):
    """What is seen of a process that hangs, with all its threads at rest, where they stay."""
    end = time.monotonic() + STUCK_S
    before = None
    while time.monotonic() < end:
        code, report, _ = inspect(pid)
        if code == 1 and not report["blind"] and functions(report) == before:
            return report
        before = functions(report) if report else None
        time.sleep(0.1)
    raise AssertionError("it does not hang")


def make_core(pid, path):
    subprocess.run(["gdb", "-nx", "-batch", "-p", str(pid), "-ex", "generate-core-file " + path],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    assert os.path.exists(path)


def notes_first(core):
    """The same core, as the kernel lays it out: what tells of the threads comes first."""
    at, = struct.unpack_from("<Q", core, 32)
    n, = struct.unpack_from("<H", core, 56)
    headers = [list(struct.unpack_from("<IIQQQQQQ", core, at + i * PROGRAM)) for i in range(n)]
    laid = bytearray(HEADER + n * PROGRAM)
    for header in sorted(headers, key=lambda header: header[0] != PT_NOTE):
        content = core[header[2]:header[2] + header[5]]
        header[2] = len(laid)
        laid += content
    laid[:HEADER] = core[:HEADER]
    struct.pack_into("<Q", laid, 32, HEADER)
    for i, header in enumerate(headers):
        struct.pack_into("<IIQQQQQQ", laid, HEADER + i * PROGRAM, *header)
    return bytes(laid)


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)
    return path


def check_like_alive(alive, report):
    """The same chains, and all that one look cannot show is left out."""
    assert summary(report) == summary(alive), (summary(report), summary(alive))
    assert sorted(functions(report)) == sorted(functions(alive))
    assert report["picture"]["span_ms"] == 0
    for finding in report["findings"]:
        assert finding["span_ms"] == 0, finding
    for thread in report["picture"]["threads"]:
        assert thread["same_ms"] == thread["still_ms"] == 0, thread
        assert thread["end"] is None, thread


def check_form(report):
    try:
        import jsonschema
    except ImportError:
        print("python3-jsonschema is not installed: the form is not tested")
        return
    with open(SCHEMA, encoding="utf-8") as file:
        jsonschema.validate(report, json.load(file))


def check_elsewhere(alive, program, core, folder):
    """The executable is not where it was, but somewhere else."""
    moved = os.path.join(folder, "sysroot")
    os.makedirs(moved)
    os.rename(program, os.path.join(moved, os.path.basename(program)))
    code, report, _ = inspect(core)
    assert [b["reason"] for b in report["blind"]] == ["core-files"], report["blind"]
    assert code in (1, 3)
    assert "file" in [thread["end"] for thread in report["picture"]["threads"]]
    # Another build in its place is not taken for it.
    shutil.copy(shutil.which("true"), program)
    _, report, _ = inspect(core)
    assert [b["reason"] for b in report["blind"]] == ["core-files"], report["blind"]
    code, report, _ = inspect("--sysroot", moved, core)
    assert code == 1 and not report["blind"]
    check_like_alive(alive, report)
    # The same path below the folder.
    below = moved + os.path.dirname(program)
    os.makedirs(below)
    os.rename(os.path.join(moved, os.path.basename(program)),
              os.path.join(below, os.path.basename(program)))
    code, report, _ = inspect("--sysroot", moved, core)
    assert code == 1 and not report["blind"]


def check_cut(core, folder):
    """Cut off anywhere: an answer, and one that says so."""
    path = os.path.join(folder, "cut")
    n_partial = 0
    for i in range(16):
        write(path, core[:len(core) * i // 16 if i else 100])
        code, report, error = inspect(path)
        if report is None:
            assert code == 4 and error.count("\n") == 1 and path in error, (i, code, error)
            continue
        n_partial += 1
        assert "core-cut" in [b["reason"] for b in report["blind"]], (i, report["blind"])
        assert code in (1, 3), (i, code)
    assert n_partial > 8, n_partial


def check_hostile(core, folder):
    """Changed at random, mostly where the headers and notes are: an answer all the same."""
    chance = random.Random(4711)
    path = os.path.join(folder, "hostile")
    end = core.find(b"CORE\0") + 4096
    for _ in range(24):
        changed = bytearray(core)
        for _ in range(chance.choice((1, 8, 64))):
            at = chance.randrange(end if chance.random() < 0.8 else len(core))
            changed[at] = chance.choice((0, 1, 0x7f, 0xff, chance.randrange(256)))
        inspect(write(path, changed))


def check_no_core(folder):
    for content, word in ((b"", "no core file"), (b"hello", "'deadwatch report' reads recordings"),
                          (b"\x28\xb5\x2f\xfd" + bytes(100), "compressed")):
        path = write(os.path.join(folder, "none"), content)
        code, _, error = inspect(path)
        assert code == 4 and word in error and error.count("\n") == 1, error
    for path in (folder, "/dev/null", os.path.join(folder, "missing")):
        code, _, error = inspect(path)
        assert code == 4 and path in error and error.count("\n") == 1, error
    code, _, error = inspect("--sysroot", os.path.join(folder, "missing"), path)
    assert code == 2 and "there is no folder" in error, error


def check_case(name, program, folder):
    core = os.path.join(folder, name + ".core")
    with hanging([program, "hang"]) as pid:
        alive = await_stuck(pid)
        make_core(pid, core)
    assert alive["findings"][0]["verdict"] == NAMES[name], summary(alive)
    for thread in alive["picture"]["threads"]:
        assert thread["end"] is None, thread
    code, report, _ = inspect(core)
    assert code == 1 and not report["blind"]
    check_like_alive(alive, report)
    check_form(report)
    return alive, core


def check_musl(program, folder):
    """
    Its code has no tables, and is not in the core: it is read from the file. One thread is in a
    signal's handler, which has interrupted another call of musl's.
    """
    core = os.path.join(folder, "musl.core")
    with hanging([program, "hang"]) as pid:
        alive = await_stuck(pid)
        make_core(pid, core)
    code, report, _ = inspect(core)
    assert code == 1 and summary(report) == summary(alive), (summary(report), summary(alive))
    assert sorted(functions(report)) == sorted(functions(alive))
    assert any({"sigpipe_handler", "vcpu_thread"} <= set(stack) for stack in functions(report))


def find_inside(program):
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and os.readlink(f"/proc/{name}/exe") == program:
                return int(name)
    return None


def check_namespaces(alive, folder):
    """In a container: its files are not ours, and its locks have other numbers of threads."""
    inside = os.path.join(folder, "inside")
    os.makedirs(inside)
    script = ('mount -t tmpfs none "$1" && cp "$2" "$1/hidden" && exec "$1/hidden" hang')
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        print("no namespaces may be made here: processes in others are not tested")
        return
    core = os.path.join(folder, "inside.core")
    with hanging([*command, "sh", "-c", script, "sh", inside,
                  os.path.join(CASES, "case-bcm2835_fb")]):
        end = time.monotonic() + STUCK_S
        while not (pid := find_inside(os.path.join(inside, "hidden"))):
            assert time.monotonic() < end, "it does not start"
            time.sleep(0.05)
        assert not os.path.exists(os.path.join(inside, "hidden"))
        report = await_stuck(pid)
        make_core(pid, core)
    assert summary(report) == summary(alive)
    assert [len(stack) for stack in functions(report)] == [len(s) for s in functions(alive)]
    # A debugger outside has written the numbers that it sees.
    shutil.copy(os.path.join(CASES, "case-bcm2835_fb"), os.path.join(inside, "hidden"))
    code, report, _ = inspect("--sysroot", inside, core)
    assert code == 1 and summary(report) == summary(alive), summary(report)


def main():
    if not shutil.which("gdb"):
        print("skipped: gdb is not installed, which makes the cores")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="deadwatch-core-") as folder:
        check_no_core(folder)
        # This one's libraries are beside it.
        check_case("cfrelease", os.path.join(CASES, "case-cfrelease"), folder)
        program = shutil.copy(os.path.join(CASES, "case-bcm2835_fb"), folder)
        alive, path = check_case("bcm2835_fb", program, folder)
        with open(path, "rb") as file:
            core = notes_first(file.read())
        code, report, _ = inspect(write(os.path.join(folder, "laid"), core))
        assert code == 1 and not report["blind"]
        check_like_alive(alive, report)
        check_cut(core, folder)
        check_hostile(core, folder)
        check_elsewhere(alive, program, path, folder)
        check_namespaces(alive, folder)
        if sys.argv[4:] and sys.argv[4] != "-":
            check_musl(os.path.abspath(sys.argv[4]), folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
