#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: count-results.py TESTLOG.JSON
Prints how the tests of meson's log went: "N passed, N failed, N skipped"."""
import collections
import json
import sys

WORDS = {
    "OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped",
    # All else, such as FAIL, TIMEOUT, ERROR and UNEXPECTEDPASS, is a failure.
}

counts = collections.Counter()
with open(sys.argv[1]) as log:
    for line in log:
        counts[WORDS.get(json.loads(line)["result"], "failed")] += 1
print(", ".join(f"{counts[word]} {word}" for word in ("passed", "failed", "skipped")))
