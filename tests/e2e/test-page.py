#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of a report in a browser: it opens from disk, is read, searched and walked through.

usage: test-page.py DEADWATCH CASES MANY SHIM [unittest's arguments]

KEEP=DIR leaves the pages, and pictures of them, there: to be looked at.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from browser import CHROMIUM, Browser

DEADWATCH, CASES, MANY, SHIM = (os.path.abspath(a) for a in sys.argv[1:5])
del sys.argv[1:5]

SKIPPED = 77
WIDE, NARROW = (1400, 1000), (400, 900)
TEXT_MIN = 10  # pixels; what is drawn has 14, and shrinks where it would not fit
CONTRAST_MIN = 4.5  # WCAG 2.2, success criterion 1.4.3
FOUND_TIMEOUT_S = 240
USABLE_S = 60  # a page that freezes takes minutes, on any machine

# Of every element with text of its own: its colour, and that of the first opaque one behind it.
COLOURS = """
[...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() && e.closest("svg") === null
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
  let behind = e;
  while (behind && /rgba\\(.*, 0\\)/.test(getComputedStyle(behind).backgroundColor))
    behind = behind.parentElement;
  return [e.tagName + "." + e.className, getComputedStyle(e).color,
          behind ? getComputedStyle(behind).backgroundColor : "rgb(255, 255, 255)"];
})"""

FOCUS = """(() => { const e = document.activeElement;
  return [e.tagName, e.id || e.className, e.getAttribute("href"), e.textContent.slice(0, 40)]; })()"""


def luminance(colour):
    channels = [int(c) / 255 for c in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def report(record, page):
    with open(page, "wb") as out:
        done = subprocess.run([DEADWATCH, "report", "--format=html", record], stdout=out,
                              stderr=subprocess.PIPE, timeout=240)
    assert done.stderr == b"", done.stderr
    return page


def record_stuck(folder):
    """A case that hangs, watched until it was found."""
    record = os.path.join(folder, "stuck.dwr")
    options = "stall_ms=500:log_path=%s:record_path=%s" % (os.path.join(folder, "log"), record)
    program = subprocess.Popen([os.path.join(CASES, "case-fenceq"), "hang"], start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=dict(os.environ, LD_PRELOAD=SHIM, DEADWATCH_OPTIONS=options,
                                        DEADWATCH_PROGRAM=DEADWATCH))
    end = time.monotonic() + FOUND_TIMEOUT_S
    while time.monotonic() < end and not any(f.startswith("log.") for f in os.listdir(folder)):
        time.sleep(0.1)
    os.killpg(program.pid, signal.SIGKILL)
    program.wait()
    return record


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="deadwatch-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.kept = os.environ.get("KEEP", cls.folder)
        cls.stuck = report(record_stuck(cls.folder), os.path.join(cls.kept, "stuck.html"))
        record = os.path.join(cls.folder, "many.dwr")
        subprocess.run([DEADWATCH, "run", "-o", record, "--", MANY], capture_output=True,
                       timeout=240)
        cls.many = report(record, os.path.join(cls.kept, "many.html"))
        record = os.path.join(cls.folder, "more.dwr")
        subprocess.run([DEADWATCH, "run", "-o", record, "--", MANY, "6000"], capture_output=True,
                       timeout=240)
        cls.more = report(record, os.path.join(cls.kept, "more.html"))
        record = os.path.join(cls.folder, "two.dwr")
        subprocess.run([DEADWATCH, "run", "-o", record, "--",
                        os.path.join(CASES, "case-bcm2835_fb")], capture_output=True, timeout=240)
        cls.two = report(record, os.path.join(cls.kept, "two.html"))
        cls.browsers = {}

    def browse(self, page, size=WIDE, dark=False):
        if (size, dark) not in self.browsers:
            browser = Browser(*size, dark=dark)
            self.browsers[size, dark] = browser.__enter__()
            self.addClassCleanup(browser.__exit__)
        browser = self.browsers[size, dark]
        browser.open(page)
        self.addCleanup(lambda: self.assertEqual(browser.said, []))
        return browser

    def keep(self, browser, name):
        browser.screenshot(os.path.join(self.kept, name + ".png"))

    def test_it_asks_for_nothing_but_itself(self):
        browser = self.browse(self.stuck)
        self.assertEqual([e for e in browser.events if e != "loaded"], ["file://" + self.stuck])

    def test_what_is_not_its_own_does_not_run(self):
        browser = self.browse(self.stuck)
        browser.eval("document.body.insertAdjacentHTML('beforeend', "
                     "'<i onclick=\"window.ran = 1\">x</i>'); document.querySelector('i').click()")
        self.assertIsNone(browser.eval("window.ran"))
        self.assertTrue(browser.said)  # the policy says so
        browser.said.clear()

    def test_the_cycle_is_drawn_and_seen(self):
        browser = self.browse(self.stuck)
        drawing = ".finding svg"
        labels = browser.eval("[...document.querySelectorAll('%s text')].map((e) => e.textContent)"
                              % drawing)
        self.assertIn("BQL", labels)
        self.assertTrue([label for label in labels if label.startswith("CPU 0/TCG (")])
        self.assertEqual(browser.eval("document.querySelectorAll('%s .line').length" % drawing), 4)
        box = browser.eval("(() => { const b = document.querySelector('%s')"
                           ".getBoundingClientRect(); return [b.top, b.width, b.height]; })()"
                           % drawing)
        self.assertTrue(0 < box[0] < WIDE[1] and box[1] > 150 and box[2] > 100, box)
        self.assertIn("deadlock", browser.eval("document.querySelector('.finding h3').textContent"))
        self.keep(browser, "stuck")

    def test_threads_hold_and_wait(self):
        browser = self.browse(self.stuck)
        rows = browser.eval("[...document.querySelectorAll('#threads tbody tr')]"
                            ".map((r) => [...r.children].map((c) => c.textContent))")
        waiting = {row[4]: row[3] for row in rows if row[4]}
        self.assertEqual((waiting["fenceq_lock"], waiting["BQL"]), ("BQL", "fenceq_lock"))

    def test_what_stacks_share_is_folded_and_opens_by_key(self):
        browser = self.browse(self.stuck)
        fold = "document.querySelector('.leg details')"
        self.assertFalse(browser.eval(fold + ".open"))
        browser.eval(fold + ".firstElementChild.focus()")
        browser.key("Enter", "\r")
        self.assertTrue(browser.eval(fold + ".open"))

    def test_text_has_enough_contrast_in_both_modes(self):
        for dark in (False, True):
            browser = self.browse(self.stuck, dark=dark)
            colours = browser.eval(COLOURS)
            self.assertGreater(len(colours), 50)
            for what, ink, paper in colours:
                self.assertGreaterEqual(contrast(ink, paper), CONTRAST_MIN, (what, ink, paper))
            papers = browser.eval("getComputedStyle(document.body).backgroundColor")
            self.assertEqual(luminance(papers) < 0.1, dark)
            self.keep(browser, "dark" if dark else "light")

    def test_a_narrow_window_scrolls_in_one_direction(self):
        browser = self.browse(self.stuck, size=NARROW)
        self.assertLessEqual(browser.eval("document.documentElement.scrollWidth"), NARROW[0])
        self.keep(browser, "narrow")

    def test_a_narrow_window_has_all_of_a_finding(self):
        browser = self.browse(self.stuck, size=NARROW)
        shown = browser.eval("[...document.querySelectorAll('.finding svg, .finding svg text, .block td')]"
                             ".map((e) => [e.tagName, e.textContent, e.getBoundingClientRect().right,"
                             " e.getBoundingClientRect().height])")
        self.assertGreater(len(shown), 20)
        for what, text, right, height in shown:
            self.assertLessEqual(right, NARROW[0], text)
            self.assertGreater(height, TEXT_MIN if what == "text" else 0, text)

    def test_a_function_and_its_line_are_two_words(self):
        browser = self.browse(self.stuck)
        self.assertIn("prepare_mmio_access tests/cases/fenceq/program.c:",
                      browser.eval("document.querySelector('.legs').textContent"))

    def test_paper_is_light_and_has_all_of_a_list(self):
        browser = self.browse(self.many, dark=True)
        browser.ask("Emulation.setEmulatedMedia", media="print",
                    features=[{"name": "prefers-color-scheme", "value": "dark"}])
        self.addCleanup(browser.ask, "Emulation.setEmulatedMedia", media="",
                        features=[{"name": "prefers-color-scheme", "value": "dark"}])
        self.assertGreater(luminance(browser.eval("getComputedStyle(document.body)"
                                                  ".backgroundColor")), 0.9)
        self.assertEqual(browser.eval("getComputedStyle(document.querySelector('.drawing'))"
                                      ".overflow"), "visible")

    def test_focus_goes_in_the_order_of_reading(self):
        browser = self.browse(self.stuck)
        seen = []
        for _ in range(7):
            browser.key("Tab")
            seen.append(browser.eval(FOCUS)[:3])
        self.assertEqual([one[2] for one in seen[:5]],
                         ["#main", "#findings", "#threads", "#locks", "#contention"])
        self.assertEqual([one[1] for one in seen[5:]], ["search", "help-button"])

    def test_keys_walk_through_it(self):
        browser = self.browse(self.two)
        browser.key("j")
        first = browser.eval("document.activeElement.id")
        browser.key("j")
        self.assertEqual((first, browser.eval("document.activeElement.id")),
                         ("finding-1", "finding-2"))
        browser.key("k")
        self.assertEqual(browser.eval("document.activeElement.id"), "finding-1")
        browser.key("l")
        self.assertEqual(browser.eval("document.activeElement.id"), "h-locks")
        browser.key("?")
        self.assertTrue(browser.eval("document.getElementById('help').open"))
        browser.key("Escape")
        self.assertFalse(browser.eval("document.getElementById('help').open"))

    def test_two_thousand_locks_are_searched(self):
        browser = self.browse(self.many)
        begin = time.monotonic()
        self.assertGreaterEqual(browser.eval("document.querySelectorAll('.things tr').length"), 2000)
        drawn = browser.eval("document.querySelectorAll('#locks svg .box').length")
        self.assertTrue(3 <= drawn <= 80, drawn)
        browser.key("/")
        browser.type("#1234")
        browser.settle()
        shown = browser.eval("[...document.querySelectorAll('.things tbody tr')]"
                             ".filter((r) => r.checkVisibility()).map((r) => r.textContent)")
        self.assertEqual(len(shown), 1)
        self.assertIn("#1234", shown[0])
        self.assertIn("1 thing", browser.eval("document.getElementById('matches').textContent"))
        browser.key("Enter", "\r")
        panel = browser.eval("document.querySelector('.panel:not([hidden])').textContent")
        self.assertIn("big_lock", panel)
        self.assertRegex(panel, r"is needed by \(4\)")
        self.assertRegex(panel, r"needs \(3\)")
        self.keep(browser, "many")
        browser.key("Escape")
        browser.settle()
        self.assertEqual(browser.eval("document.querySelectorAll('[data-find][hidden]').length"), 0)
        self.assertLess(time.monotonic() - begin, USABLE_S)

    def test_what_is_not_listed_is_not_said_to_be(self):
        browser = self.browse(self.more)
        n_listed = browser.eval("document.querySelectorAll('.things tbody tr').length")
        listed = browser.eval("document.querySelector('.things summary').textContent")
        n_all = int(re.match(r"%d of (\d+) things" % n_listed, listed)[1])
        self.assertGreater(n_all, 6000)
        said = "%d more things are not listed" % (n_all - n_listed)
        self.assertIn(said, browser.eval("document.getElementById('locks').textContent"))
        self.assertNotIn("below have all", browser.eval("document.body.textContent"))
        browser.key("/")
        browser.type("nothing of this name")
        browser.settle()
        self.assertIn("%d things not searched" % (n_all - n_listed),
                      browser.eval("document.getElementById('matches').textContent"))

    def test_a_box_leads_to_what_it_needs(self):
        browser = self.browse(self.many)
        browser.eval("document.querySelector('#locks svg .bql a, #locks svg .found a').focus()")
        browser.key("Enter", "\r")
        browser.settle()
        self.assertTrue(browser.eval("document.activeElement.closest('.panel') !== null"))

    def test_a_hostile_name_is_text(self):
        browser = self.browse(self.many)
        name = "</script><b>&'\""
        self.assertIn(name, browser.eval("document.getElementById('threads').textContent"))
        self.assertEqual(browser.eval("document.querySelectorAll('#threads tbody b').length"), 0)
        self.assertTrue(browser.eval("document.querySelector('.finding').textContent").count(name))


if __name__ == "__main__":
    if not CHROMIUM:
        print("chromium is not installed")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
