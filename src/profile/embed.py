#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the built-in profiles as C: `texts`, all of each; or `calls`, the names of their calls.

Names that are patterns are passed on as they are. Calls that let go of a lock are none of the
shim's.
"""
import json
import sys

COLUMNS_MAX = 72  # of a piece of text


def literal(text):
    # Two question marks begin what some compilers read as another character.
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"').replace("??", "?\\?")


def pieces(text):
    for line in text.splitlines():
        while len(line) > COLUMNS_MAX:
            yield literal(line[:COLUMNS_MAX])
            line = line[COLUMNS_MAX:]
        yield literal(line)[:-1] + '\\n"'


def texts(files):
    yield '#include "profile/builtin.h"'
    yield "const char *const dw_profile_texts[] = {"
    for file in files:
        with open(file, encoding="utf-8") as opened:
            yield from pieces(opened.read())
        yield ","
    yield "};"
    yield "const size_t dw_profile_n_texts = %d;" % len(files)


def calls(files):
    names = set()
    for file in files:
        with open(file, encoding="utf-8") as opened:
            names |= {call["name"] for call in json.load(opened).get("calls", [])
                      if not call.get("releases")}
    yield "static const char *const built_in_calls[] = {"
    for name in sorted(names):
        yield "\t%s," % literal(name)
    yield "};"


def main():
    what, out, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    lines = ["/* Made of %s; do not edit. */" % ", ".join(f.rsplit("/", 1)[-1] for f in files)]
    lines += {"texts": texts, "calls": calls}[what](files)
    with open(out, "w", encoding="utf-8") as opened:
        opened.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
