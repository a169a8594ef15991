"""A game's server follows what happens in its rooms, as a stream of events."""

import unittest

from control_test import TOKEN, Game
from event_stream import EventStream
from harness import Sluice, free_ports, voice_room_config, wait_until
from load_test import result_of, start_load

CONFIG = """
control { address: "127.0.0.1:%d" tokens: "%s" }
takeover_socket: "sluice.sock"
"""


class ControlEventsTest(unittest.TestCase):
    def setUp(self):
        self.port, = free_ports(1)
        config = voice_room_config() + CONFIG % (self.port, TOKEN)
        self.proxy = Sluice(config, arguments=("--concurrency", "2"))
        self.proxy.__enter__()
        self.addCleanup(self.proxy.__exit__, None, None, None)
        self.game = Game(self.port)

    def follow(self, path="/v1/events", last_id=None):
        events = EventStream(self.port, path, TOKEN, last_id)
        self.addCleanup(events.close)
        return events

    def test_players_are_followed_from_joining_to_leaving(self):
        events, other = self.follow(), self.follow("/v1/rooms/other/events")
        load = start_load(self.proxy, room="match-1", players=3, talkers=1, seconds=60)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        joined = events.wait_for("joined")
        self.assertEqual(joined[1]["room"], "match-1")
        wait_until(lambda: events.names().count("connected") == 3, "all are connected")
        speaker = events.wait_for("speaking_started")[1]["player"]
        status, _ = self.game.call("POST", "/match-1/update", {
            "players": [{"player": speaker, "mute": {"muted": True, "duration_s": 1}}]})
        self.assertEqual(status, 200)
        self.assertAlmostEqual(events.wait_for("muted", player=speaker)[1]["ends_in_s"], 1, delta=0.1)
        events.wait_for("unmuted", player=speaker)
        self.assertEqual(self.game.call("POST", "/match-1/update", {"expected_version": 1000})[0], 409)
        self.assertEqual(events.wait_for("conflict")[1]["expected_version"], "1000")
        rules = {"audibility": {"rules": [{"proximity": {"audible_distance": 5, "hysteresis": 5}}]}}
        self.assertEqual(self.game.call("PUT", "/match-1/rules", rules)[0], 400)
        self.assertEqual(events.wait_for("rules_refused")[1]["field"], "audibility.rules[0].proximity.hysteresis")
        load.terminate()  # its players leave
        wait_until(lambda: events.names().count("left") == 3, "all have left")
        names = events.names(speaker)
        self.assertEqual(names[:3], ["joined", "connected", "speaking_started"])
        self.assertEqual(names[-1], "left")
        silent = next(data["player"] for name, data, *_ in events.events if name == "joined" and data["player"] != speaker)
        self.assertEqual([name for name in events.names(silent) if name != "quality"], ["joined", "connected", "left"])
        self.assertEqual(other.names(), ["subscribed"])
        self.assertEqual(self.proxy.metric("sluice_control_events_total", event="connected"), 3)
        self.assertEqual(self.proxy.metric("sluice_control_event_streams"), 2)

    def test_a_kick_is_an_event_with_its_reason(self):
        events = self.follow()
        load = start_load(self.proxy, room="match-1", players=2, talkers=1, seconds=3)
        wait_until(lambda: events.names().count("connected") == 2, "all are connected")
        player = events.wait_for("speaking_started")[1]["player"]
        self.assertEqual(self.game.call("DELETE", f"/match-1/players/{player}")[0], 204)
        self.assertEqual(events.wait_for("left", player=player)[1]["reason"], "kicked")
        load.kill()
        load.communicate()

    def test_a_stream_continues_after_a_takeover_without_a_gap(self):
        events = self.follow()
        load = start_load(self.proxy, room="match-1", players=4, talkers=2, seconds=5)
        wait_until(lambda: events.names().count("connected") == 4, "all are connected")
        self.proxy.take_over()
        wait_until(lambda: events.ended, "the old process closes the stream")
        seen = [event[2] for event in events.events]
        resumed = self.follow(last_id=seen[-1])
        result_of(load)
        wait_until(lambda: resumed.names().count("left") == 4, "all have left")
        self.assertNotIn("missed", resumed.names())
        self.assertNotIn("joined", resumed.names())
        self.assertNotIn("connected", resumed.names())
        numbers = [int(event_id.split("-")[1]) for event_id in seen + [event[2] for event in resumed.events]]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))

    def test_a_reload_that_changes_the_tokens_ends_the_streams(self):
        events = self.follow()
        with open(self.proxy.config_path, encoding="utf-8") as file:
            text = file.read()
        self.proxy.write_config(text + "\n")
        self.assertEqual(self.proxy.admin("/reload", "POST")[0], 200)
        load = start_load(self.proxy, room="match-1", players=1, talkers=1, seconds=1)
        events.wait_for("left")  # after the reload
        result_of(load)
        self.proxy.write_config(text.replace(TOKEN, "another-token-of-the-game"))
        self.assertEqual(self.proxy.admin("/reload", "POST")[0], 200)
        wait_until(lambda: events.ended, "the stream ends")


if __name__ == "__main__":
    unittest.main(verbosity=2)
