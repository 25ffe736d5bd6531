# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless Chromium, driven through its DevTools protocol over a pipe."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ANSWER_TIMEOUT_S = 240


class BrowserError(Exception):
    pass


class Browser:
    """`with Browser(1200, 800) as page: page.open(path)`. `said` are errors of its console."""

    def __init__(self, width, height, dark=False):
        self.size, self.dark = (width, height), dark
        self.said, self.answers, self.events = [], {}, []
        self.n_asked, self.rest, self.session = 0, b"", None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="deadwatch-browser-")
        ours, theirs = os.pipe(), os.pipe()  # what is asked; what is answered

        def place():
            asked, answers = os.dup(ours[0]), os.dup(theirs[1])
            os.dup2(asked, 3)
            os.dup2(answers, 4)

        self.process = subprocess.Popen(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--user-data-dir=" + self.folder, "--remote-debugging-pipe"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=place)
        os.close(ours[0])
        os.close(theirs[1])
        self.to, self.back = ours[1], theirs[0]
        self.begin()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.back)
        shutil.rmtree(self.folder, ignore_errors=True)

    def begin(self):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target,
                                flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(domain + ".enable")
        self.ask("Emulation.setDeviceMetricsOverride", width=self.size[0], height=self.size[1],
                 deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if self.dark else "light"}])

    def ask(self, method, **parameters):
        self.n_asked += 1
        message = {"id": self.n_asked, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        answer = self.await_message(lambda: self.answers.pop(message["id"], None), method)
        if "error" in answer:
            raise BrowserError("%s: %s" % (method, answer["error"]))
        return answer["result"]

    def await_message(self, find, what):
        end = time.monotonic() + ANSWER_TIMEOUT_S
        while True:
            found = find()
            if found is not None:
                return found
            if not select.select([self.back], [], [], max(0, end - time.monotonic()))[0]:
                raise BrowserError("no answer to %s" % what)
            data = os.read(self.back, 1 << 20)
            if not data:
                raise BrowserError("the browser has ended")
            *messages, self.rest = (self.rest + data).split(b"\0")
            for message in map(json.loads, messages):
                self.take(message)

    def take(self, message):
        if "id" in message:
            self.answers[message["id"]] = message
            return
        parameters = message["params"]
        if message["method"] == "Runtime.exceptionThrown":
            self.said.append(str(parameters["exceptionDetails"]))
        elif message["method"] == "Log.entryAdded":
            self.said.append(parameters["entry"]["text"])
        elif message["method"] == "Network.requestWillBeSent":
            self.events.append(parameters["request"]["url"])
        elif message["method"] == "Page.loadEventFired":
            self.events.append("loaded")

    def open(self, path):
        self.events.clear()
        self.said.clear()
        self.ask("Page.navigate", url="file://" + path)
        self.await_message(lambda: True if "loaded" in self.events else None, "loading")

    def eval(self, expression):
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True,
                          awaitPromise=True)
        if "exceptionDetails" in result:
            raise BrowserError(str(result["exceptionDetails"]))
        return result["result"].get("value")

    def key(self, key, text=None):
        """Presses a key, as a person does."""
        more = {"text": text or key} if text or len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key,
                     **(more if kind == "keyDown" else {}),
                     **({"windowsVirtualKeyCode": CODES[key]} if key in CODES else {}))

    def type(self, text):
        for letter in text:
            self.key(letter)

    def settle(self):
        """Waits until what was typed has been looked for."""
        self.eval("new Promise((done) => setTimeout(() => requestAnimationFrame(done), 200))")

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))


CODES = {"Tab": 9, "Enter": 13, "Escape": 27}
