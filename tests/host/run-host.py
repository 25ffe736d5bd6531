#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a program bare and under the shim, and fails unless the program cannot tell.

Each run has a working directory of its own. Standard output, standard error, exit status and
the files that are left in the directory must be those of the bare run; the shim must have left
recordings that can be read, and nothing else. Everything is done for facts and for events.

KEEP=DIR leaves the recordings there.
"""
import argparse
import collections
import difflib
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile

PROGRAM_TIMEOUT_S = 120  # seconds, where it has a processor for itself
REPORT_TIMEOUT_S = 120
OUTPUT_SHOWN = 4000  # characters of a difference

Seen = collections.namedtuple("Seen", "stdout stderr status files")


class HostError(Exception):
    pass


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--shim", required=True, type=os.path.abspath, help="libdeadwatch.so")
    add("--deadwatch", required=True, type=os.path.abspath, help="the program that reads recordings")
    add("--env", action="append", default=[], metavar="K=V", help="for all runs")
    add("--preload", action="append", default=[], type=os.path.abspath, metavar="LIB",
        help="in all runs; after the shim")
    add("--preload-before", action="append", default=[], type=os.path.abspath, metavar="LIB",
        help="before the shim")
    add("--mode", action="append", choices=("facts", "events"), help="only this one")
    add("--options", default="", help="more of DEADWATCH_OPTIONS")
    add("--expect-blind", action="append", default=[], metavar="REASON", help="must be reported")
    add("--allow-blind", action="append", default=[], metavar="REASON", help="may be reported")
    add("--no-recording", action="store_true", help="there must be none")
    add("--count", action="append", default=[], metavar="KEY=N", help="of the report's counts")
    add("--at-least", action="append", default=[], metavar="KEY=N", help="likewise")
    add("--finding", action="append", default=[], metavar="VERDICT:LOCK,LOCK...",
        help="must be reported, other than those none may be")
    add("program", type=os.path.abspath)
    add("argument", nargs="*")
    return parser.parse_args()


def files_in(folder):
    found = {}
    for path in glob.glob(os.path.join(folder, "**"), recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def finish(process, what):
    """The program leads a session of its own, so that what it left behind can be ended too."""
    try:
        return process.communicate(timeout=PROGRAM_TIMEOUT_S)
    except subprocess.TimeoutExpired as late:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise HostError("%s: not over after %d s" % (what, PROGRAM_TIMEOUT_S)) from late


def run(options, what, extra):
    env = dict(os.environ, **dict(pair.split("=", 1) for pair in options.env), **extra)
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [options.program, *options.argument], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=env,
            start_new_session=True)
        out, err = finish(process, what)
        return Seen(out.decode(errors="replace"), err.decode(errors="replace"),
                    process.returncode, files_in(folder))


def preload(options, shim):
    libraries = [*options.preload_before, *shim, *options.preload]
    return {"LD_PRELOAD": " ".join(libraries)} if libraries else {}


def difference(before, after, what):
    """As lines; of a file that differs, its name is enough if it is not text."""
    if isinstance(before, str):
        yield from difflib.unified_diff(before.splitlines(), after.splitlines(), "bare", what,
                                        lineterm="")
    elif isinstance(before, dict):
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield "%s: bare %.200r, %s %.200r" % (name, before.get(name), what, after.get(name))
    else:
        yield "bare %r, %s %r" % (before, what, after)


def compare(what, bare, seen):
    for part in ("status", "stderr", "stdout", "files"):
        before, after = getattr(bare, part), getattr(seen, part)
        if before != after:
            lines = "\n".join(difference(before, after, what))
            raise HostError("%s differs:\n%s\nstderr: %s"
                            % (part, lines[:OUTPUT_SHOWN], seen.stderr[:OUTPUT_SHOWN]))


def report(options, recordings):
    command = [options.deadwatch, "report", "--format", "json", *recordings]
    done = subprocess.run(command, capture_output=True, text=True, timeout=REPORT_TIMEOUT_S)
    if done.returncode not in (0, 1, 3):
        raise HostError("report failed with %d: %s" % (done.returncode, done.stderr))
    return json.loads(done.stdout)


def check_blind(options, told):
    reasons = {blind["reason"] for blind in told["blind"]}
    missing = set(options.expect_blind) - reasons
    beyond = reasons - set(options.expect_blind) - set(options.allow_blind)
    if missing:
        raise HostError("not blind: %s" % ", ".join(sorted(missing)))
    if beyond:
        raise HostError("blind: %s" % "; ".join(
            "%s (%s)" % (blind["reason"], blind["text"])
            for blind in told["blind"] if blind["reason"] in beyond))


def check_counts(options, told):
    for pairs, relation, holds in ((options.count, "", lambda n, wanted: n == wanted),
                                   (options.at_least, "at least ", lambda n, wanted: n >= wanted)):
        for pair in pairs:
            key, wanted = pair.split("=")
            if not holds(told["counts"][key], int(wanted)):
                raise HostError("%s: %d, and %s%s was expected"
                                % (key, told["counts"][key], relation, wanted))


def name_of(finding):
    """A cycle has no first lock; its name begins with the first by the alphabet."""
    names = finding["chain"] if finding.get("misuse") else finding["chain"][:-1]
    first = names.index(min(names))
    return "%s:%s" % (finding["verdict"], ",".join(names[first:] + names[:first]))


def check_findings(options, told):
    found = sorted({name_of(finding) for finding in told["findings"]
                    if not finding["excuse"] and finding["verdict"] != "hazard"})
    if found != sorted(options.finding):
        raise HostError("findings: %s; expected were: %s"
                        % (found or "none", sorted(options.finding) or "none"))


def look(options, bare, mode, folder):
    record = os.path.join(folder, "%s-%s.dwr" % (os.path.basename(options.program), mode))
    settings = "record_path=%s:events=%d:%s" % (record, mode == "events", options.options)
    seen = run(options, mode, dict(preload(options, [options.shim]), DEADWATCH_OPTIONS=settings))
    compare(mode, bare, seen)
    recordings = sorted(glob.glob(record + "*"))
    if options.no_recording:
        if recordings:
            raise HostError("there is a recording")
        return
    if not recordings:
        raise HostError("there is no recording")
    told = report(options, recordings)
    check_blind(options, told)
    check_counts(options, told)
    check_findings(options, told)


def main():
    options = arguments()
    bare = run(options, "bare", preload(options, []))
    if bare.status != 0:
        raise HostError("fails bare with %d: %s" % (bare.status, bare.stderr))
    with tempfile.TemporaryDirectory() as temporary:
        for mode in options.mode or ("facts", "events"):
            try:
                look(options, bare, mode, os.environ.get("KEEP", temporary))
            except HostError as error:
                raise HostError("%s: %s" % (mode, error)) from error


if __name__ == "__main__":
    try:
        main()
    except (HostError, subprocess.TimeoutExpired) as error:
        sys.exit("run-host: %s" % error)
