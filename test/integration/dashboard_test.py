"""An operator looks at the dashboard in a real browser: what is wrong, where, and who does not hear whom and why."""

import base64
import os
import signal
import unittest

from browser import Browser
from control_test import TOKEN, Game
from harness import Sluice, free_ports, voice_room_config, wait_until
from load_test import start_load
from rollout_test import voice_room

ADMIN_TOKEN = "a-token-of-the-operators"
ADMIN = 'admin { address: "127.0.0.1:9901" }'
CONFIG = '''
rooms { name: "match-*" audibility { rules { name: "nearby" proximity { audible_distance: 10 } } } }
control { address: "127.0.0.1:%d" tokens: "%s" }
'''
ROOM = "match-1"
MARKUP = "<img src=x onerror=alert(1)>"
# Runs before the page's scripts: counts requests, and keeps what a browser reports in its console.
RECORD = """
window.problems = [];
const keep = (text) => window.problems.push(String(text));
addEventListener('error', (event) => keep(event.message));
addEventListener('unhandledrejection', (event) => keep(event.reason));
addEventListener('securitypolicyviolation', (event) => keep(`${event.violatedDirective} ${event.blockedURI}`));
for (const level of ['error', 'warn']) console[level] = keep;
window.requests = [];
window.underway = window.mostUnderway = 0;
const original = window.fetch;
window.fetch = async (path, options) => {
  window.requests.push(path);
  if (path === '/metrics') window.mostUnderway = Math.max(window.mostUnderway, ++window.underway);
  const response = await original(path, options);
  if (path === '/metrics') --window.underway;
  return response;
};
"""
# The lowest contrast of a visible text and its background, and that text.
CONTRAST = """
(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const linear = (c) => c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const backOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if ((color[3] ?? 1) === 1) return color;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll('body *')].filter((element) => element.checkVisibility()
      && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== ''));
  const all = texts.map((element) => {
    const text = luminance(channels(getComputedStyle(element).color)), back = luminance(backOf(element));
    return [(Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05), element.textContent.trim().slice(0, 40)];
  });
  return [texts.length, ...all.sort((a, b) => a[0] - b[0])[0]];
})()
"""


class Dashboard:
    """The page in a tab."""

    def __init__(self, browser, proxy, fragment=""):
        self.page = browser.open(f"http://127.0.0.1:{proxy.ports['admin']}/{fragment}", RECORD)
        wait_until(lambda: self.page.run("document.getElementById('main') !== null"), "the page is loaded")

    def text(self, selector):
        return self.page.run(f"document.querySelector({selector!r})?.textContent ?? ''")

    def texts(self, selector):
        return self.page.run(f"[...document.querySelectorAll({selector!r})].map((element) => element.textContent)")

    def focused(self):
        """The id of the focused element, or its accessible name."""
        return self.page.run("document.activeElement.id || document.activeElement.ariaLabel "
                             "|| document.activeElement.textContent")

    def polls(self):
        return self.page.run("window.requests.filter((path) => path === '/metrics').length")

    def press(self, key, modifiers=0):
        code = {"Enter": 13, "Tab": 9}[key]
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.page.send("Input.dispatchKeyEvent", {"type": "keyDown", **event, "text": "\r" if key == "Enter" else ""})
        self.page.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def tab_to(self, wanted, most=60):
        for _ in range(most):
            self.press("Tab")
            if self.focused() == wanted:
                return
        raise AssertionError(f"the tab key does not reach {wanted}")

    def appear(self, width, height, scheme):
        phone = width < 600
        self.page.send("Emulation.setDeviceMetricsOverride",
                       {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone})
        self.page.send("Emulation.setEmulatedMedia",
                       {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def screenshot(self, name):
        folder = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR")
        if folder is None:
            return
        image = self.page.send("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})["data"]
        with open(os.path.join(folder, f"{name}.png"), "wb") as file:
            file.write(base64.b64decode(image))


class DashboardTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        port, = free_ports(1)
        cls.config = voice_room_config() + CONFIG % (port, TOKEN)
        cls.proxy = Sluice(cls.config, arguments=("--concurrency", "2"))
        cls.proxy.__enter__()
        cls.addClassCleanup(cls.proxy.__exit__, None, None, None)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.__exit__, None, None, None)
        load = start_load(cls.proxy, room=ROOM, players=3, talkers=2, slots=2, seconds=120)
        cls.addClassCleanup(load.wait)
        cls.addClassCleanup(load.kill)
        wait_until(lambda: cls.proxy.metric("sluice_players", state="connected") == 3, "all are connected")
        Game(port).update(players=[{"player": "player-0", "mute": {"muted": True}}])

    def open(self, fragment="", proxy=None):
        dashboard = Dashboard(self.browser, proxy or self.proxy, fragment)
        self.addCleanup(dashboard.page.close)
        self.addCleanup(lambda: self.assertEqual(dashboard.page.run("window.problems"), []))
        return dashboard

    def wait_for_rows(self, dashboard, selector, wanted):
        wait_until(lambda: dashboard.texts(f"{selector} th") == wanted, f"{selector} has {wanted}")

    def test_the_overview_shows_the_process(self):
        dashboard = self.open()
        wait_until(lambda: ROOM in dashboard.texts("#rooms th"), "the room is listed")
        self.assertEqual(dashboard.texts("#rooms td")[:2], ["3", "3"])
        self.assertEqual(dashboard.texts("#workers th"), ["0", "1"])
        self.assertEqual(dashboard.texts("#listeners th"), ["voice"])
        self.assertEqual(dashboard.texts("#chains th"), ["voice / webrtc"])
        wait_until(lambda: float(dashboard.text("#traffic dd") or 0) > 50, "the speakers' packets are counted")
        wait_until(lambda: all("ms" in text for text in dashboard.texts("#traffic dd")[-3:]), "latency is shown")
        self.assertIn("serving", dashboard.texts("#facts dd"))

    def test_a_muted_player_is_inaudible_and_a_click_shows_the_cause(self):
        dashboard = self.open(f"#room={ROOM}")
        self.wait_for_rows(dashboard, "#players", ["player-0", "player-1", "player-2"])
        wait_until(lambda: "talking" in dashboard.text("#players tr:nth-child(2)"), "player-1 talks")
        self.assertIn("dBov", dashboard.text("#players tr:nth-child(2)"))
        self.assertIn("only listens", dashboard.text("#players tr:nth-child(3)"))
        labels = dashboard.page.run("[...document.querySelectorAll('#matrix-body button')].map((b) => b.ariaLabel)")
        self.assertEqual(labels, [
            "player-0 hears player-1", "player-0 hears player-2", "player-1 does not hear player-0",
            "player-1 hears player-2", "player-2 does not hear player-0", "player-2 hears player-1"])
        dashboard.page.run("document.querySelector('[aria-label=\"player-2 does not hear player-0\"]').click()")
        wait_until(lambda: "(muted)" in dashboard.text("#cause"), "the cause is shown")
        self.assertEqual(dashboard.text("#explanation-title"), "Why player-2 does not hear player-0")
        self.assertIn("failed", dashboard.texts("#steps td"))
        self.assertNotEqual(dashboard.text("#advice"), "")
        fragment = dashboard.page.run("location.hash")
        shared = self.open(fragment)
        wait_until(lambda: "(muted)" in shared.text("#cause"), "a shared link shows the same")

    def test_the_keyboard_reaches_everything(self):
        dashboard = self.open()
        wait_until(lambda: ROOM in dashboard.texts("#rooms th"), "the room is listed")
        dashboard.tab_to(ROOM)
        dashboard.press("Enter")
        wait_until(lambda: dashboard.focused() == "room-title", "the focus is at the room")
        dashboard.tab_to("player-1 does not hear player-0")
        outline = dashboard.page.run("getComputedStyle(document.activeElement).outlineWidth")
        self.assertEqual(outline, "3px")
        polls = dashboard.polls()
        wait_until(lambda: dashboard.polls() > polls + 2, "the page is updated")
        self.assertEqual(dashboard.focused(), "player-1 does not hear player-0")
        dashboard.press("Enter")
        wait_until(lambda: dashboard.focused() == "explanation-title", "the focus is at the explanation")
        dashboard.tab_to("close")
        dashboard.press("Enter")
        wait_until(lambda: dashboard.focused() == "player-1 does not hear player-0", "the focus returns to the cell")

    def test_both_schemes_are_legible_and_a_phone_scrolls_only_tables(self):
        dashboard = self.open()
        wait_until(lambda: ROOM in dashboard.texts("#rooms th"), "the room is listed")
        wait_until(lambda: dashboard.text("#summary") == "Nothing is wrong.", "rates are shown")
        for view, fragment in (("overview", "#"), ("room", f"#room={ROOM}&listener=player-1&speaker=player-0")):
            dashboard.page.run(f"location.hash = {fragment!r}")
            shown = "#rooms" if view == "overview" else "#steps"
            wait_until(lambda s=shown: dashboard.page.run(f"document.querySelector('{s}').checkVisibility()"), view)
            for device, width, height in (("desktop", 1280, 900), ("phone", 360, 740)):
                for scheme in ("light", "dark"):
                    name = f"{view}_{device}_{scheme}"
                    dashboard.appear(width, height, scheme)
                    texts, contrast, worst = dashboard.page.run(CONTRAST)
                    print(f"{name}: {texts} texts, the lowest contrast is {contrast:.2f}, of {worst!r}")
                    self.assertGreater(texts, 30)
                    self.assertGreaterEqual(contrast, 4.5)
                    self.assertLessEqual(dashboard.page.run("document.documentElement.scrollWidth"), width)
                    dashboard.screenshot(name)

    def test_every_table_and_field_has_a_name(self):
        dashboard = self.open(f"#room={ROOM}")
        self.wait_for_rows(dashboard, "#players", ["player-0", "player-1", "player-2"])
        unnamed = dashboard.page.run("""[
            ...[...document.querySelectorAll('table')].filter((table) => !table.caption?.textContent.trim()),
            ...[...document.querySelectorAll('input')].filter((input) => !input.labels.length),
            ...[...document.querySelectorAll('th')].filter((header) => !header.scope),
        ].length""")
        self.assertEqual(unnamed, 0)
        self.assertEqual(dashboard.page.run("document.querySelectorAll('[role=status]').length"), 2)

    def test_a_hidden_page_requests_nothing_and_requests_do_not_overlap(self):
        dashboard = self.open()
        wait_until(lambda: ROOM in dashboard.texts("#rooms th"), "the room is listed")
        hidden, visible = dashboard.page.run("""(async () => {
          const wait = (ms) => new Promise((done) => setTimeout(done, ms));
          const become = (state) => {
            Object.defineProperty(document, 'hidden', {value: state === 'hidden', configurable: true});
            document.dispatchEvent(new Event('visibilitychange'));
          };
          become('hidden');
          await wait(1500);  // a poll that has begun ends
          const before = window.requests.length;
          await wait(2500);
          const hidden = window.requests.length - before;
          become('visible');
          for (let i = 0; i < 5; ++i) dispatchEvent(new Event('hashchange'));
          await wait(2500);
          return [hidden, window.requests.length - before];
        })()""")
        self.assertEqual(hidden, 0)
        self.assertGreater(visible, 0)
        self.assertEqual(dashboard.page.run("window.mostUnderway"), 1)

    def test_a_refused_reload_is_the_first_thing_to_see_and_its_text_is_only_text(self):
        with Sluice(arguments=("--concurrency", "1")) as proxy:
            dashboard = self.open(proxy=proxy)
            wait_until(lambda: dashboard.text("#summary") == "Nothing is wrong.", "nothing is wrong")
            config = voice_room_config().replace('dscp: 46', 'dscp: 99').replace('"voice"', f'"{MARKUP}"')
            proxy.write_config(config)
            wait_until(lambda: dashboard.text("#summary") == "One problem.", "the refused reload is a problem")
            self.assertIn("The last reload was refused", dashboard.text("#problems"))
            self.assertEqual(dashboard.texts("#reloads td")[:2], ["a file changed", "refused"])
            self.assertEqual(dashboard.page.run("document.querySelectorAll('img').length"), 0)
            dashboard.page.run("document.querySelector('#problems a').click()")
            wait_until(lambda: dashboard.focused() == "reloads-title", "the link leads to the reloads")
            proxy.write_config(voice_room_config())
            wait_until(lambda: dashboard.text("#summary") == "Nothing is wrong.", "the next reload is accepted")

    def test_a_proxy_that_does_not_respond_is_reported_and_its_successor_is_shown(self):
        with Sluice(arguments=("--concurrency", "1")) as proxy:
            dashboard = self.open(proxy=proxy)
            wait_until(lambda: dashboard.text("#summary") == "Nothing is wrong.", "the data is shown")
            proxy.process.send_signal(signal.SIGKILL)
            proxy.process.wait()
            wait_until(lambda: "The values are old." in dashboard.text("#connection"), "the page says so")
            proxy.__enter__()
            wait_until(lambda: dashboard.text("#connection") == "", "the page shows the new process")

    def test_versions_are_side_by_side_and_the_one_that_drops_packets_is_a_problem(self):
        with Sluice(voice_room(50, 50, bad=True), arguments=("--concurrency", "1")) as proxy:
            load = start_load(proxy, room="r", rooms=8, players=16, talkers=1, slots=1, seconds=60)
            self.addCleanup(load.wait)
            self.addCleanup(load.kill)
            dashboard = self.open(proxy=proxy)
            rows = lambda: dashboard.page.run("[...document.querySelectorAll('#chains tr')]"
                                              ".map((row) => [...row.cells].map((cell) => cell.textContent))")
            shares = [["old", "50\u00a0%"], ["new", "50\u00a0%"]]
            wait_until(lambda: [row[1:3] for row in rows()] == shares, "both are shown")
            wait_until(lambda: sum(int(row[3]) for row in rows()) == 16, "all sessions are counted")
            drops = "voice / webrtc / new / impair drops"
            wait_until(lambda: drops in dashboard.text("#problems"), "the drops are named")
            self.assertNotIn("webrtc / old", dashboard.text("#problems"))

    def test_names_that_objects_have_are_shown(self):
        load = start_load(self.proxy, room="__proto__", players=2, talkers=1, slots=1, seconds=60)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        dashboard = self.open("#room=__proto__")
        self.wait_for_rows(dashboard, "#players", ["player-0", "player-1"])
        dashboard.page.run("document.querySelector('#matrix-body button').click()")
        wait_until(lambda: dashboard.text("#cause") != "", "the pair is explained")
        stranger = self.open(f"#room={MARKUP.replace(' ', '%20')}")
        wait_until(lambda: "There is no such room" in stranger.text("#room-note"), "an unknown room is reported")
        self.assertEqual(stranger.text("#room-title"), f"Room {MARKUP}")
        self.assertEqual(stranger.page.run("document.querySelectorAll('img').length"), 0)

    def test_the_token_is_requested_and_stays_in_memory(self):
        config = voice_room_config().replace(ADMIN, ADMIN.replace(" }", f' token: "{ADMIN_TOKEN}" }}'))
        with Sluice(config, arguments=("--concurrency", "1")) as proxy:
            dashboard = self.open(proxy=proxy)
            enter = ("document.getElementById('token').value = {!r};"
                     "document.querySelector('#token-form button').click()")
            visible = "document.getElementById('{}')?.checkVisibility() ?? false"
            wait_until(lambda: dashboard.page.run(visible.format("token-form")), "the page requests the token")
            self.assertFalse(dashboard.page.run(visible.format("main")))
            self.assertEqual(dashboard.focused(), "token")
            dashboard.page.run(enter.format("another token"))
            wait_until(lambda: dashboard.text("#token-problem") == "The token is wrong.", "it is wrong")
            dashboard.page.run(enter.format(ADMIN_TOKEN))
            wait_until(lambda: dashboard.text("#summary") == "Nothing is wrong.", "the data is shown")
            self.assertFalse(dashboard.page.run(visible.format("token-form")))
            kept = ("JSON.stringify([document.documentElement.outerHTML, document.cookie, location.href,"
                    "{...localStorage}, {...sessionStorage}, document.getElementById('token').value])")
            self.assertNotIn(ADMIN_TOKEN, dashboard.page.run(kept))
            dashboard.page.send("Page.reload")
            wait_until(lambda: dashboard.page.run(visible.format("token-form")), "the token is forgotten")

    def test_what_is_wrong_follows_from_the_metrics(self):
        dashboard = self.open()
        found = dashboard.page.run("""(async () => {
          const { History, parse } = await import('/dashboard/metrics.js');
          const { problems } = await import('/dashboard/problems.js');
          const history = new History();
          const text = (uptime, normal, full, late, fast) => `
            sluice_uptime_seconds ${uptime}
            sluice_worker_busy_share{worker="1"} 0.95
            sluice_overload_limited_rooms 2
            sluice_listener_packets_total{listener="v",direction="in"} ${uptime * 1000}
            sluice_listener_drops_total{listener="v",reason="mailbox_full"} ${full}
            sluice_filter_drops_total{listener="v",chain="c",filter="f",reason="no_slot"} ${normal}
            sluice_filter_drops_total{listener="v",chain="c",filter="f",reason="late"} ${late}
            sluice_listener_transit_seconds_bucket{listener="v",le="0.001"} ${fast}
            sluice_listener_transit_seconds_bucket{listener="v",le="0.002"} ${fast + uptime}
            sluice_listener_transit_seconds_bucket{listener="v",le="+Inf"} ${fast + uptime}`
              .replaceAll('\\n            ', '\\n');
          history.add(0, parse(text(10, 0, 5, 0, 0)));
          history.add(10, parse(text(20, 9000, 6, 99, 10)));
          const state = {info: {state: 'draining'}, history, listeners: [], reloads: {reloads: []},
            rooms: {lossy: 2, players: 5, rooms: [{room: 'a b', lossy: 1}]}};
          const all = problems(state).map(({id, kind}) => `${kind} ${id}`);
          const p50 = history.quantile('sluice_listener_transit_seconds', 0.5);
          history.add(20, parse(text(1, 0, 0, 0, 0)));  // another process
          return [all, p50, history.rate('sluice_listener_packets_total'), history.covered(60)];
        })()""")
        # Of 20 transits, 10 are below 1 ms and 10 between 1 and 2 ms.
        self.assertEqual(found, [["bad worker 1", "bad overload", "bad drop mailbox_full v", "warn draining",
                                  "warn lossy"], 0.001, 0, 0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
