#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what pages embed as C.

    embed-page.py OUT NET_CSS PAGE_CSS PAGE_JS

The hashes are those of an element's whole text: of both style sheets, as one, and of the script.
"""
import base64
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../profile"))
import embed  # noqa: E402 (it lies there)


def text_of(path):
    with open(path, encoding="utf-8") as opened:
        return opened.read()


def hash_of(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def lines(net_css, page_css, page_js):
    yield '#include "render/embedded.h"'
    for name, text in (("net_css", net_css), ("page_css", page_css), ("page_js", page_js)):
        yield "const char dw_%s[] = " % name
        yield from embed.pieces(text)
        yield ";"
    yield 'const char dw_page_css_hash[] = "%s";' % hash_of(net_css + page_css)
    yield 'const char dw_page_js_hash[] = "%s";' % hash_of(page_js)


def main():
    out, *files = sys.argv[1:]
    with open(out, "w", encoding="utf-8") as opened:
        opened.write("/* Made of %s; do not edit. */\n" % ", ".join(map(os.path.basename, files)))
        opened.write("\n".join(lines(*map(text_of, files))) + "\n")


if __name__ == "__main__":
    main()
