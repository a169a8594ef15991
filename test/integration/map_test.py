"""The world of examples/game_world in a real browser: a map on which players walk, and voices that come from where they
are."""

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import unittest

from browser import Browser
from harness import Sluice, free_ports, request, wait_until
from load_test import LOAD

EXAMPLE = "examples/game_world"
# The energy that the left and the right loudspeaker get in half a second.
LOUDNESS = """
(async () => {
  const {context, output} = window.sluice.sound;
  if (!window.meters) {
    const splitter = context.createChannelSplitter(2);
    output.connect(splitter);
    window.meters = [0, 1].map((side) => {
      const meter = context.createAnalyser();
      meter.fftSize = 2048;
      splitter.connect(meter, side);
      return meter;
    });
  }
  const samples = new Float32Array(2048);
  const energy = [0, 0];
  for (let i = 0; i < 12; ++i) {
    await new Promise((resolve) => setTimeout(resolve, 42));
    window.meters.forEach((meter, side) => {
      meter.getFloatTimeDomainData(samples);
      energy[side] += samples.reduce((sum, sample) => sum + sample * sample, 0);
    });
  }
  return energy;
})()
"""
RECORD_ERRORS = """
window.errors = [];
addEventListener('error', (event) => errors.push(event.message));
addEventListener('unhandledrejection', (event) => errors.push(String(event.reason)));
console.error = (...parts) => errors.push(parts.join(' '));
"""
STATE = """
[window.sluice?.state, document.getElementById('problem-text')?.textContent ?? '', window.errors ?? []]
"""
CHOOSE = """
(() => {
  const list = document.getElementById('%s');
  list.value = '%s';
  list.dispatchEvent(new Event('change'));
})()
"""
PRESS = """
document.getElementById('map').dispatchEvent(new KeyboardEvent('keydown', {key: '%s', cancelable: true, bubbles: true}))
"""


class Example:
    """The proxy and the game of the example, on ports of their own."""

    def __init__(self, stack, bots):
        self.stack = stack
        with open(f"{EXAMPLE}/sluice.textproto", encoding="utf-8") as file:
            config = file.read()
        control, game = free_ports(2)
        config = config.replace(":9902", f":{control}").replace(":8081", f":{game}")
        self.proxy = stack.enter_context(Sluice(config, arguments=("--concurrency", "2")))
        self.url = f"http://127.0.0.1:{game}"
        self.command = [sys.executable, f"{EXAMPLE}/game.py", "--control", f"127.0.0.1:{control}", "--port", str(game),
                        "--voice", self.proxy.join_url, "--bots", bots]

    def start(self, command):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def start_game(self):
        return self.start(self.command)

    def start_players(self, names):
        """They are in the room; the first one talks."""
        count = len(names.split(","))
        players = self.start([LOAD, "--join", self.proxy.join_url, "--room", "world", "--players", str(count),
                              "--talkers", "1", "--slots", "1", "--names", names, "--forever"])
        wait_until(lambda: self.proxy.metric("sluice_players", state="connected") == count, "the players are connected")
        return players


class MapTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        example = Example(stack, bots="Bob")
        cls.proxy, cls.game = example.proxy, example.url
        example.start_game()
        example.start_players("ann,Bob")  # ann stands where the test puts her, Bob walks
        cls.browser = stack.enter_context(Browser())

    def setUp(self):
        self.place(x=50, z=40)
        # As her page would do.
        done = threading.Event()
        repeating = threading.Thread(target=lambda: [self.post() for _ in iter(lambda: done.wait(1), True)])
        repeating.start()
        self.addCleanup(repeating.join)
        self.addCleanup(done.set)
        self.page = self.browser.open(f"{self.game}/?name=eve&autojoin=1", RECORD_ERRORS)
        self.addCleanup(self.leave)
        self.wait_for_the_map()

    def wait_for_the_map(self):
        def shown():
            state, problem, errors = self.page.run(STATE)
            self.assertEqual((problem, errors), ("", []))
            return state == "connected" and self.page.run("!document.getElementById('world').hidden")

        wait_until(shown, "the page is connected and shows the map")

    def tearDown(self):
        self.assertEqual(self.page.run("window.errors"), [])

    def leave(self):
        self.page.close()
        wait_until(lambda: "eve" not in self.proxy.players("world"), "eve has left")

    def place(self, **changes):
        self.ann = {"x": 0, "z": 0, "heading": 0, "team": "", "channel": "", "voice": "NORMAL", "blocks": []} | changes
        self.post()

    def post(self):
        headers = {"Origin": self.game, "Content-Type": "application/json"}
        status, _, text = request(f"{self.game}/players/ann", "POST", json.dumps(self.ann), headers)
        assert status == 200, text

    def heard(self):
        return dict(self.page.run("[...window.sluice.heard.entries()]"))

    def hears(self, name):
        return lambda: self.heard().get(name)

    def choose(self, choice, value):
        self.page.run(CHOOSE % (choice, value))

    def loudness(self):
        return self.page.run(LOUDNESS)

    def note(self, name):
        return self.page.run(f"document.querySelector('tr[data-name={name}]')?.cells[2].textContent")

    def test_a_voice_comes_from_where_its_player_stands(self):
        slot = wait_until(self.hears("ann"), "eve hears ann")
        self.assertEqual((slot["azimuth"], slot["distance"]), (90, 10))
        self.assertAlmostEqual(slot["gain"], 3 / 10, delta=0.01)
        wait_until(lambda: sum(self.loudness()) > 0, "the loudspeakers get sound")
        left, right = self.loudness()
        print(f"ann on the right: {left:.2f} left, {right:.2f} right")
        self.assertGreater(right, 1.2 * left)
        for _ in range(12):  # turns around
            self.page.run(PRESS % "ArrowRight")
        wait_until(lambda: self.heard().get("ann", {}).get("azimuth") == -90, "ann is on the left")
        left, right = self.loudness()
        print(f"ann on the left: {left:.2f} left, {right:.2f} right")
        self.assertGreater(left, 1.2 * right)

    def test_walking_away_fades_until_no_packet_arrives(self):
        near = wait_until(self.hears("ann"), "eve hears ann")["gain"]
        self.page.run("window.sluice.world.me.heading = 270")
        for _ in range(15):
            self.page.run(PRESS % "w")
        far = wait_until(lambda: (slot := self.heard().get("ann")) and slot["distance"] == 25 and slot,
                         "eve is 25 away")["gain"]
        self.assertLess(far, near / 2)
        self.page.run(PRESS % "s")  # and back: keys repeat
        for _ in range(12):
            self.page.run(PRESS % "W")  # with caps lock
        wait_until(lambda: "ann" not in self.heard(), "ann is out of range")
        self.assertEqual(wait_until(lambda: self.note("ann"), "ann is listed"), "no")
        self.await_packets_of_ann(10)  # what was on its way has arrived
        before = self.page.run("window.sluice.call.stats()")["packetsReceived"]
        self.await_packets_of_ann(50)
        self.assertEqual(self.page.run("window.sluice.call.stats()")["packetsReceived"], before)

    def await_packets_of_ann(self, count):
        packets = lambda: self.proxy.players("world")["ann"]["packets_in"]
        enough = packets() + count
        wait_until(lambda: packets() >= enough, f"ann sends {count} packets")

    def test_teams_radio_and_blocks(self):
        self.place(x=80, z=0, team="red")
        wait_until(lambda: "ann" not in self.heard(), "ann is far away")
        self.choose("team", "red")
        self.assertEqual(wait_until(self.hears("ann"), "eve hears her team")["gain"], 1)
        self.choose("team", "")
        wait_until(lambda: "ann" not in self.heard(), "they are in no team")
        self.place(x=80, z=0, channel="2")
        self.choose("channel", "2")
        wait_until(self.hears("ann"), "eve hears the radio")
        button = "document.querySelector('tr[data-name=ann] button')"
        self.page.run(f"{button}.click()")
        wait_until(lambda: "ann" not in self.heard(), "ann is blocked")
        wait_until(lambda: self.note("ann") == "blocked", "the page shows it")
        self.assertEqual(self.page.run(f"{button}.getAttribute('aria-label')"), "Unblock ann")
        self.page.run(f"{button}.click()")
        wait_until(self.hears("ann"), "eve hears ann again")

    def test_the_choices_stay_when_a_player_joins_again(self):
        self.place(x=80, z=0, team="red")
        self.choose("team", "red")
        wait_until(self.hears("ann"), "eve hears her team")
        self.page.run("document.getElementById('leave').click()")
        wait_until(lambda: "eve" not in self.proxy.players("world"), "eve has left")
        self.page.run("document.getElementById('join').click()")
        self.wait_for_the_map()
        self.assertEqual(self.page.run("document.getElementById('team').value"), "red")
        wait_until(self.hears("ann"), "eve hears her team again")

    def test_a_page_cannot_take_the_place_of_a_bot(self):
        page = self.browser.open(f"{self.game}/?name=Bob&autojoin=1", RECORD_ERRORS)
        self.addCleanup(page.close)
        problem = "document.getElementById('problem-text')?.textContent"
        text = wait_until(lambda: page.run(problem), "the page shows why it does not join")
        self.assertEqual(text, "The game refuses this player (name: is taken, or the world is full).")
        self.assertEqual(page.run("window.sluice.state"), "idle")
        addresses = page.run("performance.getEntriesByType('resource').map((entry) => entry.name)")
        self.assertTrue(all(address.startswith(self.game) for address in addresses), addresses)  # it asked no one for voice

    def test_the_page_in_light_dark_and_on_a_phone(self):
        wait_until(self.hears("ann"), "eve hears ann")
        directory = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR", "/tmp")
        for name, scheme, width in (("light", "light", 900), ("dark", "dark", 900), ("phone", "light", 360)):
            feature = {"name": "prefers-color-scheme", "value": scheme}
            self.page.send("Emulation.setEmulatedMedia", {"features": [feature]})
            self.page.send("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})
            picture = base64.b64decode(self.page.send("Page.captureScreenshot")["data"])
            with open(os.path.join(directory, f"map_{name}.png"), "wb") as file:
                file.write(picture)
            self.assertLessEqual(self.page.run("document.documentElement.scrollWidth"), width)

    def test_bots_walk(self):
        before = wait_until(lambda: self.page.run("window.sluice.world.players.Bob?.x"), "Bob is on the map")
        wait_until(lambda: abs(self.page.run("window.sluice.world.players.Bob.x") - before) > 1, "Bob walks")

    def test_the_game_refuses_what_is_wrong(self):
        headers = {"Origin": self.game}
        for body, error in (("{", "must be a JSON object"), ("[" * 4000, "must be a JSON object"),
                            ('{"x": "1"}', "x: must be a number from -1000000 to 1000000"),
                            ('{"x": 1, "z": 1e999, "heading": 0}', "z: must be a number from -1000000 to 1000000"),
                            ('{"x": 1, "z": 1, "heading": 0, "team": "green"}',
                             "team: must be one of '', 'red', 'blue'")):
            status, _, text = request(f"{self.game}/players/eve", "POST", body, headers)
            self.assertEqual((status, json.loads(text)["error"]), (400, error))
        whole = json.dumps({"x": 0, "z": 0, "heading": 0, "team": "", "channel": "", "voice": "NORMAL", "blocks": []})
        self.assertEqual(request(f"{self.game}/players/Bob", "POST", whole, headers)[0], 400)
        self.assertEqual(request(f"{self.game}/players/eve", "POST", whole, {"Origin": "http://evil.example"})[0], 403)
        rebound = {"Host": "evil.example:8081", "Origin": "http://evil.example:8081"}
        self.assertEqual(request(f"{self.game}/players/eve", "POST", whole, rebound)[0], 403)
        self.assertEqual(request(f"{self.game}/game", headers=rebound)[0], 403)
        self.assertEqual(request(f"{self.game}/players/eve", "POST", " " * 5000, headers)[0], 413)


class RestartTest(unittest.TestCase):
    def wait_for_text(self, page, element, text):
        wait_until(lambda: text in page.run(f"document.getElementById('{element}')?.textContent ?? ''"), text)

    def wait_for_bob(self, page):
        """He is of the team red, so that he is heard with gain 1 where the rules and his state are known."""
        bob = "window.sluice?.heard.get('Bob')"
        wait_until(lambda: (slot := page.run(bob)) and slot["gain"] == 1 and slot["distance"] > 0, "Bob is heard")

    def test_the_world_continues_after_a_restart_of_the_game_and_of_the_proxy(self):
        with contextlib.ExitStack() as stack:
            example = Example(stack, bots="Ada,Bob")
            game = example.start_game()
            players = example.start_players("Bob")
            browser = stack.enter_context(Browser())
            wait_until(lambda: self.responds(example), "the game responds")
            page = browser.open(f"{example.url}/?name=eve&autojoin=1&listen=1", RECORD_ERRORS)
            self.wait_for_text(page, "status", "Connected")
            page.run(CHOOSE % ("team", "red"))
            self.wait_for_bob(page)

            game.kill()
            game.wait()
            self.wait_for_text(page, "problem-text", "The game does not respond.")
            example.start_game()
            wait_until(lambda: page.run("document.getElementById('problem').hidden"), "the game responds again")
            before = page.run("window.sluice.world.players.Bob.x")
            wait_until(lambda: page.run("window.sluice.world.players.Bob.x") != before, "Bob walks again")

            example.proxy.process.kill()
            example.proxy.process.wait()
            players.kill()
            example.proxy.__enter__()
            self.wait_for_text(page, "problem-text", "The server no longer knows this call.")
            example.start_players("Bob")
            page.run("document.getElementById('listen').click()")
            self.wait_for_text(page, "status", "Connected")
            self.wait_for_bob(page)
            self.assertEqual(page.run("window.errors"), [])

    @staticmethod
    def responds(example):
        try:
            return request(f"{example.url}/game")[0] == 200
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main(verbosity=2)
