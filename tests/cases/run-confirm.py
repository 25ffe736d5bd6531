#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: run-confirm.py DEADWATCH LIBRARY PROGRAM MODE RACE confirmed|never|never-excused

Records PROGRAM in MODE, and lets `deadwatch confirm` try each cycle that is reported with
`--all` on PROGRAM in mode RACE. Either every one that has no excuse is to be confirmed, or none
of all, or none of those that have one.
"""
import json
import os
import subprocess
import sys
import tempfile

# A trap is tried less often than people would: each try takes its time.
RUNS = {"confirmed": 60, "never": 3, "never-excused": 2}
IS_TRIED = {
    "confirmed": lambda excuse: excuse is None,
    "never": lambda excuse: True,
    "never-excused": lambda excuse: excuse is not None,
}

SKIPPED = 77  # meson's exit code for a test that cannot run here


def deadwatch(program, library, *arguments):
    environment = dict(os.environ, DEADWATCH_LIBRARY=library)
    environment.pop("DEADWATCH_OPTIONS", None)
    return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True,
                          check=False)


def cycles(deadwatch_of_case, recording):
    report = deadwatch_of_case("report", "--all", "--format", "json", recording)
    return [f for f in json.loads(report.stdout)["findings"] if f["verdict"] == "potential"]


def main():
    program, library, case, mode, race, expected = sys.argv[1:]

    def run(*arguments):
        return deadwatch(program, library, *arguments)

    with tempfile.TemporaryDirectory() as folder:
        recording = os.path.join(folder, "recording")
        recorded = run("run", "-o", recording, "--", case, mode)
        if recorded.returncode == SKIPPED:
            print(recorded.stdout)
            sys.exit(SKIPPED)
        findings = cycles(run, recording)
        findings = [f for f in findings if IS_TRIED[expected](f["excuse"])]
        if not findings:
            sys.exit(f"run-confirm: mode {mode} has no cycle to try")
        for finding in findings:
            r = run("confirm", "--runs", str(RUNS[expected]), "--time-limit", "60", recording,
                    finding["fingerprint"], "--", case, race)
            confirmed = r.returncode == 1 and "deadwatch: confirmed in run" in r.stderr
            print(" ".join(finding["chain"]), "->", r.returncode, r.stderr.splitlines()[-1:])
            if confirmed != (expected == "confirmed"):
                sys.exit(f"run-confirm: {finding['chain']} is not {expected}:\n{r.stderr}")


main()
