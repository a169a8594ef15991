"""Drives headless Chromium over its debugging pipe; needs only the standard library."""

import itertools
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--force-prefers-reduced-motion",  # the page's transitions would use a sixth of the browser's time
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-pipe",
]


class BrowserError(Exception):
    pass


class Browser:
    """One Chromium process. Use as a context manager."""

    def __init__(self, microphone=None):
        """`microphone`: a WAV file that is played in a loop; None: beeps."""
        self._ids = itertools.count(1)
        self._answers = {}
        self._pages = []
        self._lock = threading.Lock()
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        hears = [f"--use-file-for-fake-audio-capture={microphone}"] if microphone else []
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()

        def plug_in():  # Chromium reads commands from descriptor 3 and responds on 4
            a, b = os.dup(to_browser), os.dup(from_browser)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self._process = subprocess.Popen(
            ["chromium", *FLAGS, *hears, "--user-data-dir=" + self._profile, "about:blank"],
            preexec_fn=plug_in,
            close_fds=False,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self._profile},
        )
        os.close(to_browser)
        os.close(from_browser)
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        if failure:
            for page in self._pages:
                print(f"--- the page: {page.described()}")
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _read(self):
        pending = b""
        while chunk := os.read(self._in, 1 << 16):
            *messages, pending = (pending + chunk).split(b"\0")
            for message in map(json.loads, messages):
                with self._lock:
                    answer = self._answers.pop(message.get("id"), None)
                if answer:
                    answer.put(message)

    def send(self, method, params=None, session=None, timeout=30):
        ident, answer = next(self._ids), queue.Queue()
        message = {"id": ident, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        with self._lock:
            self._answers[ident] = answer
            os.write(self._out, json.dumps(message).encode() + b"\0")
        try:
            result = answer.get(timeout=timeout)
        except queue.Empty:
            raise BrowserError(f"no response to {method} in {timeout} s") from None
        if "error" in result:
            raise BrowserError(f"{method}: {result['error']}")
        return result["result"]

    def open(self, url, before=None):
        """Opens a page; `before` is JavaScript that runs in it before its own scripts."""
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, target, session)
        page.send("Page.enable")
        if before:
            page.send("Page.addScriptToEvaluateOnNewDocument", {"source": before})
        self._pages.append(page)
        page.navigated = page.send("Page.navigate", {"url": url})
        return page


class Page:
    def __init__(self, browser, target, session):
        self._browser, self._target, self._session = browser, target, session
        self.navigated = {}

    def send(self, method, params=None, timeout=30):
        return self._browser.send(method, params, self._session, timeout)

    def run(self, expression, timeout=30):
        """The JSON value of a JavaScript expression; promises are awaited."""
        result = self.send(
            "Runtime.evaluate",
            {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True},
            timeout,
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    def described(self):
        """The address, the state and the text of the page, for the output of a test that failed."""
        try:
            shown = self.run("[location.href, document.readyState, document.body?.innerText]", timeout=3)
        except (BrowserError, OSError) as error:
            shown = str(error)
        return f"{shown}, {self.navigated.get('errorText', 'no error of the navigation')}"

    def close(self):
        """As when a user closes a tab: with pagehide."""
        self.send("Page.close")
