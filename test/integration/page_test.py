"""The page's messages and state after failures around a call, in a real browser."""

import contextlib
import re
import signal
import socket
import unittest

from browser import Browser
from harness import Sluice, request, voice_room_config, wait_until
from people import Player

# Runs before the page's scripts.
RECORD_REQUESTS = """
window.requests = [];
const original = window.fetch;
window.fetch = (path, options = {}) => {
  window.requests.push(`${options.method ?? 'GET'} ${path}`);
  return original(path, options);
};
"""
NO_EVENTS = """
const original = window.fetch;
window.fetch = (path, options) =>
    path.includes('/events') ? Promise.reject(new TypeError('no network')) : original(path, options);
"""
RECORD_TALKING = """
addEventListener('load', () => setInterval(() => {
  for (const {id, talking} of window.sluice.people) (window.talking ??= {})[`${id} ${talking}`] = true;
}, 20));
"""
CONTRAST = """
(() => {
  const channels = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((c) => c / 255)
        .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const item = document.querySelector('#people li');
  item.classList.add('speaking');
  const text = luminance(getComputedStyle(item.querySelector('.note')).color);
  const back = luminance(getComputedStyle(document.getElementById('people')).backgroundColor);
  return (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
})()
"""


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.browser = cls.stack.enter_context(Browser())

    def serve(self, config=None):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        return stack.enter_context(Sluice(config, arguments=["--concurrency", "2"]))

    def player(self, sluice, room, name, before=None, query=""):
        player = Player(self.browser, sluice, room, name, before, query)
        self.addCleanup(player.page.close)
        return player

    def test_muted_stays_muted_when_the_server_restarts(self):
        sluice = self.serve()
        alice = self.player(sluice, "quiet", "alice")
        alice.wait_for_state("connected")
        wait_until(lambda: sluice.players("quiet")["alice"]["talking"], "the microphone beeps")
        alice.click("mute")
        self.assertEqual(alice.text("mute"), "Unmute")
        alice.page.run("window.first = window.sluice.call")

        sluice.process.send_signal(signal.SIGKILL)
        sluice.process.wait()
        sluice.__enter__()
        wait_until(lambda: alice.page.run("window.sluice.call !== window.first"), "the page makes a new call", 40)
        alice.wait_for_state("connected")

        def heard():
            player = sluice.players("quiet").get("alice", {"packets_in": 0, "talking": False})
            self.assertFalse(player["talking"])
            return player["packets_in"] > 150  # three beeps of the browser's microphone

        wait_until(heard, "three seconds of silence arrive")
        self.assertEqual(alice.text("mute"), "Unmute")
        alice.click("mute")
        wait_until(lambda: sluice.players("quiet")["alice"]["talking"], "the user can talk again")

    def test_a_second_tab_takes_the_call_and_the_first_shows_it(self):
        sluice = self.serve()
        first = self.player(sluice, "tabs", "alice")
        first.wait_for_state("connected")
        second = self.player(sluice, "tabs", "alice")
        second.wait_for_state("connected")
        wait_until(lambda: "another tab" in first.problem(), "the first tab shows the reason", 3)
        self.assertEqual(first.state(), "idle")
        csrc = wait_until(lambda: sluice.players("tabs")["alice"]["csrc"], "the second tab speaks")
        wait_until(lambda: sluice.players("tabs")["alice"]["packets_in"] > 200, "the call continues")
        self.assertEqual(sluice.players("tabs")["alice"]["csrc"], csrc)
        self.assertEqual((first.state(), second.state()), ("idle", "connected"))

        self.assertEqual(first.text("again"), "Join here instead")
        first.click("again")
        first.wait_for_state("connected")
        wait_until(lambda: "another tab" in second.problem(), "the second tab shows the reason", 3)
        self.assertEqual(second.state(), "idle")

    def test_a_call_that_was_replaced_unnoticed_does_not_end_the_other_one(self):
        sluice = self.serve()
        first = self.player(sluice, "tabs", "alice", NO_EVENTS)
        first.wait_for_state("connected")
        second = self.player(sluice, "tabs", "alice")
        second.wait_for_state("connected")
        first.page.run("window.sluice.call.restartIce().catch(() => {})")
        wait_until(lambda: "another tab" in first.problem(), "the first tab shows the reason", 3)
        before = sluice.players("tabs")["alice"]["packets_in"]
        wait_until(lambda: sluice.players("tabs")["alice"]["packets_in"] > before + 100, "the call continues")
        self.assertEqual((first.state(), second.state()), ("idle", "connected"))

    def blocked(self, more):
        """The page's message, and after how many ms it appears, when the server's UDP port drops everything."""
        hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(hole.close)
        hole.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{hole.getsockname()[1]}"
        config = re.sub(r"\n *turn_uris:.*", "", voice_room_config())
        fields = f'advertised_addresses: "{address}" {more.format(address=address)}'
        sluice = self.serve(config.replace("join {", "join {\n  " + fields))
        page = self.browser.open(f"{sluice.join_url}/?room=blocked&name=alice")
        self.addCleanup(page.close)
        wait_until(lambda: page.run("Boolean(window.sluice)"), "the page is loaded")
        return page.run(
            """(async () => {
              const start = performance.now();
              await window.sluice.join();
              const text = document.getElementById('problem-text').textContent;
              return [text, performance.now() - start, document.getElementById('again').textContent];
            })()"""
        )

    def test_blocked_udp_without_turn(self):
        text, took, button = self.blocked("")
        print(f"{took:.0f} ms: {text}")
        self.assertLess(took, 10_000)
        self.assertIn("no voice packets (UDP) arrive", text)
        self.assertIn("This server offers no TURN relay", text)
        self.assertNotIn("404", text)
        self.assertEqual(button, "Try again")

    def test_blocked_udp_with_turn(self):
        text, took, button = self.blocked('turn_uris: "turn:{address}?transport=udp"')
        print(f"{took:.0f} ms: {text}")
        self.assertLess(took, 10_000)
        self.assertIn("no voice packets (UDP) arrive", text)
        self.assertIn("through the TURN relay of this server was tried too", text)
        self.assertEqual(button, "Try again")

    def test_the_room_arrives_by_events_with_talking_players_and_players_that_only_listen(self):
        sluice = self.serve()
        bob = self.player(sluice, "room", "bob", RECORD_REQUESTS + RECORD_TALKING, "&listen=1")
        bob.wait_for_state("connected")
        alice = self.player(sluice, "room", "alice")
        alice.wait_for_state("connected")
        for what in ("alice true", "alice false"):  # the browser's microphone beeps
            wait_until(lambda w=what: bob.page.run(f"window.talking['{w}']"), "bob gets: " + what)
        self.assertNotIn("bob true", bob.page.run("Object.keys(window.talking)"))

        for player in (alice, bob):
            wait_until(lambda p=player: p.note("bob") == "only listening", "bob is shown as only listening")
            wait_until(lambda p=player: p.note("alice") == "speaking", "alice is shown as a speaker")
        self.assertTrue(bob.page.run("document.getElementById('mute').hidden"))
        alice.click("leave")
        wait_until(lambda: len(bob.page.run("window.sluice.people")) == 1, "bob sees that alice has left", 3)
        path = "/v1/rooms/room/players/bob"
        requests = [r.partition("?")[0] for r in bob.page.run("window.requests")]
        self.assertEqual(requests, [f"POST {path}", f"GET {path}/events"])

    def test_a_removal_and_a_drain_are_shown(self):
        sluice = self.serve()
        alice, bob = (self.player(sluice, "end", name) for name in ("alice", "bob"))
        for player in (alice, bob):
            player.wait_for_state("connected")
        request(f"{sluice.join_url}/v1/rooms/end/players/alice", "DELETE")
        wait_until(lambda: "removed you from the room" in alice.problem(), "alice reads that she was removed", 3)
        self.assertEqual((alice.state(), alice.text("again")), ("idle", "Join again"))

        sluice.admin("/drain", "POST")
        wait_until(lambda: "shutting down" in bob.text("notice"), "bob reads of the drain", 3)
        self.assertEqual(bob.state(), "connected")
        alice.click("again")
        wait_until(lambda: "accepts no new players" in alice.problem(), "alice reads why she cannot join")

    def test_a_full_room_is_reported_in_a_sentence(self):
        sluice = self.serve("limits { max_players_per_room: 1 }\n" + voice_room_config())
        self.player(sluice, "full", "alice").wait_for_state("connected")
        bob = self.player(sluice, "full", "bob")
        wait_until(lambda: bob.problem().startswith("This room is full. "), "bob reads that the room is full")

    def test_the_page_has_the_texts_that_assistive_technology_reads(self):
        sluice = self.serve()
        alice = self.player(sluice, "aria", "alice")
        alice.wait_for_state("connected")
        wait_until(lambda: alice.page.run("document.querySelectorAll('#people li').length"), "alice sees herself")
        for scheme in ("light", "dark"):
            feature = {"name": "prefers-color-scheme", "value": scheme}
            alice.page.send("Emulation.setEmulatedMedia", {"features": [feature]})
            contrast = alice.page.run(CONTRAST)
            print(f"contrast of 'speaking', {scheme}: {contrast:.2f}")
            self.assertGreaterEqual(contrast, 4.5)
        alice.click("mute")
        self.assertEqual(alice.text("mute"), "Unmute")
        self.assertFalse(alice.page.run("document.getElementById('mute').hasAttribute('aria-pressed')"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
