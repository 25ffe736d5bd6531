#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what the program itself says of its lock calls with what is expected.

    run-qsp.py EXPECT SOURCE PROGRAM MODE SHIM DEADWATCH

The program has no debug information: files and lines are those that it gives with its calls.
A line is shown as its text.
"""
import json
import os
import subprocess
import sys
import tempfile

TIMEOUT_S = 240


def main():
    expect, source, program, mode, shim, deadwatch = sys.argv[1:7]
    with open(source, encoding="utf-8") as file:
        lines = file.read().splitlines()
    with tempfile.TemporaryDirectory() as folder:
        record = os.path.join(folder, "qsp.dwr")
        env = dict(os.environ, LD_PRELOAD=shim, DEADWATCH_OPTIONS="record_path=" + record)
        subprocess.run([program, mode], env=env, timeout=TIMEOUT_S, check=True)
        told = json.loads(subprocess.run(
            [deadwatch, "report", "--all", "--format", "json", record],
            capture_output=True, timeout=TIMEOUT_S, check=False).stdout)
    seen = "".join("blind %s\n" % blind["reason"] for blind in told["blind"])
    for finding in told["findings"]:
        seen += "%s %s\n" % (finding["verdict"], " -> ".join(finding["chain"]))
        for leg in finding["legs"]:
            for word in ("holds", "needs"):
                hinted = [frame for frame in leg[word]["stack"]
                          if (frame["file"] or "").endswith("qsp/program.c")]
                seen += "  %s %s %s: %s\n" % (
                    leg["thread"]["name"], word, leg[word]["name"],
                    lines[hinted[0]["line"] - 1].strip() if hinted else "not said")
    if os.environ.get("UPDATE") == "1":
        with open(expect, "w", encoding="utf-8") as file:
            file.write(seen)
        return 0
    with open(expect, encoding="utf-8") as file:
        if file.read() == seen:
            return 0
    print(seen)
    return 1


if __name__ == "__main__":
    sys.exit(main())
