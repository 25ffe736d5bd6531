#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: run-confirm.py DEADWATCH LIBRARY PROGRAM MODE RACE confirmed|never

Records PROGRAM in MODE, and lets `deadwatch confirm` try each cycle that is reported with
`--all` on PROGRAM in mode RACE. Either every one that has no excuse is to be confirmed, or none
of all.
"""
import json
import os
import subprocess
import sys
import tempfile

# A trap is tried less often than people would: each try takes its time.
RUNS = {"confirmed": 20, "never": 3}


def deadwatch(program, library, *arguments):
    environment = dict(os.environ, DEADWATCH_LIBRARY=library)
    environment.pop("DEADWATCH_OPTIONS", None)
    return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True,
                          timeout=100, check=False)


def cycles(report, excused):
    found = [f for f in report["findings"] if f["verdict"] == "potential"]
    return [f for f in found if excused or f["excuse"] is None]


def main():
    program, library, case, mode, race, expected = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        recording = os.path.join(folder, "recording")
        deadwatch(program, library, "run", "-o", recording, "--", case, mode)
        report = json.loads(deadwatch(program, library, "report", "--all", "--format", "json",
                                      recording).stdout)
        findings = cycles(report, excused=expected == "never")
        if not findings:
            sys.exit(f"run-confirm: mode {mode} has no cycle to try")
        for finding in findings:
            r = deadwatch(program, library, "confirm", "--runs", str(RUNS[expected]),
                          "--time-limit", "10", recording, finding["fingerprint"], "--", case, race)
            confirmed = r.returncode == 1 and "deadwatch: confirmed in run" in r.stderr
            print(" ".join(finding["chain"]), "->", r.returncode, r.stderr.splitlines()[-1:])
            if confirmed != (expected == "confirmed"):
                sys.exit(f"run-confirm: {finding['chain']} is not {expected}:\n{r.stderr}")


main()
