"""Clients learn who has their slots and how to render the voices, and hear no gap when the speaker of a slot changes."""

import json
import math
import time
import unittest

from browser import Browser
from control_test import TOKEN, Game
from event_stream import EventStream
from harness import Sluice, free_ports, voice_room_config, wait_until
from join_test import SECRET, token
from load_test import result_of, start_load
from people import Player

SPEAKERS = 5
SPACING = 10.0  # world units between two speakers, who stand in a row at z = 0
PATH_Z = 3.0  # the listener walks along this line and looks at the speakers
RANGE = 14.0  # at least two speakers are in range everywhere
CONFIG = """
rooms {
  name: "*"
  audibility {
    rules { proximity { audible_distance: %g hysteresis: 1 } }
    selection { max_speakers: 2 rank_by: PROXIMITY min_hold_ms: 0 hysteresis_db: 1 }
  }
}
control { address: "127.0.0.1:%d" tokens: "%s" }
"""
# Sums of the slots' playout. Samples that conceal nothing but silence are not counted.
PLAYOUT = """
(async () => {
  const sum = {total: 0, concealed: 0, events: 0, lost: 0};
  for (const report of (await window.sluice.pc.getStats()).values()) {
    if (report.type !== 'inbound-rtp') continue;
    sum.total += report.totalSamplesReceived ?? 0;
    sum.concealed += (report.concealedSamples ?? 0) - (report.silentConcealedSamples ?? 0);
    sum.events += report.concealmentEvents ?? 0;
    sum.lost += report.packetsLost ?? 0;
  }
  return sum;
})()
"""


class AudibleTest(unittest.TestCase):
    def setUp(self):
        self.serve()

    def serve(self, join_options=""):
        self.port, = free_ports(1)
        config = voice_room_config().replace("join {", "join {" + join_options)
        self.proxy = Sluice(config + CONFIG % (RANGE, self.port, TOKEN), arguments=("--concurrency", "2"))
        self.proxy.__enter__()
        self.addCleanup(self.proxy.__exit__, None, None, None)
        self.game = Game(self.port)

    def load(self, *flags, **options):
        load = start_load(self.proxy, *flags, **options)
        self.addCleanup(load.communicate)
        self.addCleanup(load.kill)
        return load

    def update(self, room, *players):
        status, answer = self.game.call("POST", f"/{room}/update", {"players": players})
        self.assertEqual(status, 200, answer)

    def follow(self, room, player, session="", bearer=None):
        path = f"/v1/rooms/{room}/players/{player}/events?session={session}&audible_hz=20"
        stream = EventStream(self.proxy.ports["join"], path, bearer)
        self.addCleanup(stream.close)
        return stream

    def test_native_clients_that_walk_get_right_renderings_in_the_header_extension(self):
        code, report = result_of(self.load("--walk", control=f"http://127.0.0.1:{self.port}", control_token=TOKEN, field=40,
                                           room="field", players=12, talkers=6, slots=2, seconds=6))
        print(json.dumps(report))
        self.assertEqual(code, 0)
        self.assertGreater(report["renderings"]["received"], 500)
        self.assertEqual(report["renderings"]["wrong"], 0)

    def test_walking_needs_the_control_api_and_its_token(self):
        code, _ = result_of(self.load("--walk", control=f"http://127.0.0.1:{self.port}", control_token="another token",
                                      room="field", players=2, seconds=1))
        self.assertEqual(code, 1)

    def test_events_name_the_slots_speakers_and_their_directions(self):
        self.serve(f'token_secrets: "{SECRET}"')
        self.load(room="row", players=3, talkers=2, slots=2, seconds=60, names="ann,ben,eve", token_secret=SECRET)
        wait_until(lambda: self.proxy.metric("sluice_players", state="connected") == 3, "all are connected")
        self.update("row", {"player": "ann", "position": {"x": 3, "z": -4}},
                    {"player": "ben", "position": {"x": -6, "y": 8}})
        stream = self.follow("row", "eve", bearer=token("row", "eve")["Authorization"].removeprefix("Bearer "))

        def slots():
            state = {}
            for name, data, _ in list(stream.events):
                if name == "audible":
                    state.update({slot["mid"]: slot for slot in data["slots"]})
            return {slot["player"]: slot for slot in state.values() if "player" in slot}

        heard = wait_until(lambda: len(slots()) == 2 and slots(), "both have a slot")
        self.assertEqual({**heard["ann"], "mid": 0, "gain": 0},
                         {"mid": 0, "gain": 0, "player": "ann", "azimuth": 37.0, "elevation": 0.0, "distance": 5.0})
        self.assertEqual((heard["ben"]["azimuth"], heard["ben"]["elevation"], heard["ben"]["distance"]), (-90.0, 53.0, 10.0))
        self.assertAlmostEqual(heard["ann"]["gain"], 1 / 5, delta=0.001)
        self.update("row", {"player": "eve", "blocks": {"names": ["ann"]}})
        wait_until(lambda: set(slots()) == {"ben"}, "the slot of a blocked player is free")
        self.update("row", {"player": "ben", "position": {"x": 100}})
        wait_until(lambda: slots() == {}, "no one is in range")

    def playout(self, listener, during):
        """What the listener's slots play while `during` runs."""
        before = listener.page.run(PLAYOUT)
        during()
        after = listener.page.run(PLAYOUT)
        return {name: after[name] - before[name] for name in before}

    def test_a_browser_that_walks_past_five_speakers_on_two_slots_hears_no_gaps(self):
        self.load(room="row", players=SPEAKERS, talkers=SPEAKERS, slots=1, seconds=120)
        wait_until(lambda: self.proxy.metric("sluice_players", state="connected") == SPEAKERS, "all speakers are connected")
        self.update("row", *({"player": f"player-{i}", "position": {"x": SPACING * i}} for i in range(SPEAKERS)))
        browser = Browser()
        browser.__enter__()
        self.addCleanup(browser.__exit__, None, None, None)
        listener = Player(browser, self.proxy, "row", "eve", query="&listen=1")
        listener.wait_for_state("connected")

        def walk(begin, end, seconds):
            steps = int(seconds * 20)
            start = time.monotonic()
            for step in range(steps + 1):
                x = begin + (end - begin) * step / steps
                self.update("row", {"player": "eve", "position": {"x": x, "z": PATH_Z}})
                time.sleep(max(0.0, start + (step + 1) / 20 - time.monotonic()))

        first, last = SPACING / 2, SPACING * (SPEAKERS - 1.5)
        walk(first, first, 3)  # the jitter buffers settle
        session = listener.page.run("window.sluice.call.location").split("session=")[1]
        stream = self.follow("row", "eve", session)
        standing = self.playout(listener, lambda: walk(first, first, 10))
        changes = self.proxy.metric("sluice_rtp_router_slot_changes_total")
        walking = self.playout(listener, lambda: walk(first, last, 10))
        changes = self.proxy.metric("sluice_rtp_router_slot_changes_total") - changes
        share = {name: sums["concealed"] / sums["total"] for name, sums in (("standing", standing), ("walking", walking))}
        print(f"standing {standing}, walking {walking}, {changes:.0f} changes of a slot's speaker, {share}")
        self.assertGreaterEqual(changes, SPEAKERS - 2)
        self.assertEqual(walking["lost"], 0)
        self.assertLess(share["walking"], share["standing"] + 0.01)
        before = listener.page.run(PLAYOUT)["concealed"]
        self.update("row", {"player": "eve", "position": {"x": 1000, "z": PATH_Z}})
        wait_until(lambda: listener.page.run(PLAYOUT)["concealed"] > before, "the end of all voices is concealed")

        heard = [slot for name, data, _ in stream.events if name == "audible" for slot in data["slots"] if "player" in slot]
        self.assertEqual({slot["player"] for slot in heard}, {f"player-{i}" for i in range(SPEAKERS)})
        for slot in heard:
            azimuth = math.radians(slot["azimuth"])
            self.assertAlmostEqual(math.cos(azimuth) * slot["distance"], PATH_Z, delta=0.15, msg=slot)
        furthest = max(slot["distance"] for slot in heard)
        self.assertLessEqual(furthest, RANGE + 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
