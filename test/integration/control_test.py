"""A game decides through the control API who hears whom, and real browsers hear exactly that."""

import contextlib
import json
import time
import unittest

from browser import Browser
from harness import Sluice, free_ports, request, voice_room_config, wait_until
from people import Player

TOKEN = "the-token-of-the-game"
ROOM = "match-1"
CONFIG = """
rooms { name: "silent" audibility { rules { deny {} } } }
rooms { name: "match-*" audibility { rules { name: "nearby" proximity { audible_distance: 10 hysteresis: 1 } } } }
control { address: "127.0.0.1:%d" tokens: "%s" }
takeover_socket: "sluice.sock"
"""
QUIET_S = 1  # 50 packets would arrive meanwhile


class Game:
    """Uses the control API."""

    def __init__(self, port):
        self._url = f"http://127.0.0.1:{port}/v1/rooms"

    def call(self, method, path, body=None, token=TOKEN):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        status, _, text = request(self._url + path, method, json.dumps(body) if body is not None else None, headers)
        return status, json.loads(text) if text else None

    def update(self, **update):
        status, answer = self.call("POST", f"/{ROOM}/update", update)
        assert status == 200, answer
        return int(answer["version"])

    def place(self, player, x):
        return self.update(players=[{"player": player, "position": {"x": x}}])

    def reason(self, speaker, listener):
        return self.call("GET", f"/{ROOM}/audibility?speaker={speaker}&listener={listener}")[1]["reason"]


class ControlTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        port, = free_ports(1)
        config = voice_room_config() + CONFIG % (port, TOKEN)
        cls.proxy = cls.stack.enter_context(Sluice(config, arguments=("--concurrency", "2")))
        cls.browser = cls.stack.enter_context(Browser())
        cls.game = Game(port)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.ann, self.ben = (Player(self.browser, self.proxy, ROOM, name) for name in ("ann", "ben"))
        for player in (self.ann, self.ben):
            self.addCleanup(self.leave, player)
            player.wait_for_state("connected")
        self.expect_heard(self.ann)
        self.expect_heard(self.ben)

    def leave(self, player):
        player.page.close()
        wait_until(lambda: player.name not in self.proxy.players(ROOM), f"{player.name} has left")

    @staticmethod
    def received(player):
        return player.stats()["packetsReceived"]

    def expect_heard(self, listener):
        before = self.received(listener)
        wait_until(lambda: self.received(listener) > before + 25, f"{listener.name} receives voice")

    def expect_silence(self, listener):
        """Not one packet in a second, after those that a busy browser handles late."""

        def is_quiet():
            before = self.received(listener)
            time.sleep(QUIET_S)
            return self.received(listener) == before

        wait_until(is_quiet, f"{listener.name} receives nothing", timeout=5)

    def test_players_hear_those_who_are_near(self):
        self.game.place("ben", 50)
        self.expect_silence(self.ann)
        self.expect_silence(self.ben)
        self.assertEqual(self.game.reason("ben", "ann"), "out_of_range")
        withheld = self.proxy.metric("sluice_rtp_router_inaudible_total")
        self.assertGreater(withheld, 50)
        lost = self.ann.stats()["packetsLost"]
        self.game.place("ben", 9)
        self.expect_heard(self.ann)
        self.expect_heard(self.ben)
        self.assertLess(self.ann.stats()["packetsLost"] - lost, withheld / 4)  # what was withheld is not a loss
        self.assertEqual(self.game.reason("ben", "ann"), "in_range")

    def test_mute_block_and_override_are_about_one_direction_or_both(self):
        self.game.update(players=[{"player": "ben", "mute": {"muted": True, "duration_s": 6}}])
        self.expect_silence(self.ann)
        self.expect_heard(self.ben)
        self.expect_heard(self.ann)  # the mute has ended
        self.game.update(players=[{"player": "ann", "blocks": {"names": ["ben"]}}])
        self.expect_silence(self.ann)
        self.expect_silence(self.ben)
        self.game.update(players=[{"player": "ann", "blocks": {}}],
                         overrides=[{"speaker": "ann", "receiver": "ben", "force": "OFF"}])
        self.expect_heard(self.ann)
        self.expect_silence(self.ben)

    def test_the_rules_are_replaced_during_a_call(self):
        self.game.place("ben", 50)
        self.expect_silence(self.ann)
        rules = {"rules": [{"same_team": {}}, {"proximity": {"audible_distance": 10}}]}
        status, answer = self.game.call("PUT", f"/{ROOM}/rules", {"audibility": rules})
        self.assertEqual(status, 200, answer)
        self.expect_silence(self.ann)
        self.game.update(players=[{"player": name, "team": "red"} for name in ("ann", "ben")])
        self.expect_heard(self.ann)
        status, answer = self.game.call("PUT", f"/{ROOM}/rules", {"audibility": {"rules": [
            {"proximity": {"audible_distance": 5, "hysteresis": 5}}]}})
        self.assertEqual((status, answer["errors"][0]["field"]), (400, "audibility.rules[0].proximity.hysteresis"))
        self.expect_heard(self.ann)

    def test_a_takeover_keeps_states_and_rules(self):
        self.game.place("ben", 50)
        self.expect_silence(self.ann)
        before = self.received(self.ann)
        self.proxy.take_over()
        time.sleep(QUIET_S)
        self.assertEqual(self.received(self.ann), before)  # nothing in between
        self.assertEqual(self.game.reason("ben", "ann"), "out_of_range")
        self.game.place("ben", 3)
        self.expect_heard(self.ann)

    def test_a_reload_keeps_states(self):
        self.game.place("ben", 50)
        self.expect_silence(self.ann)
        self.assertEqual(self.proxy.admin("/reload", "POST")[0], 200)
        self.expect_silence(self.ann)
        self.assertEqual(self.game.reason("ben", "ann"), "out_of_range")

    def test_the_rules_apply_to_the_first_packet_of_a_player(self):
        one, other = (Player(self.browser, self.proxy, "silent", name) for name in ("one", "other"))
        for player in (one, other):
            self.addCleanup(player.page.close)
            player.wait_for_state("connected")
        wait_until(lambda: min(p.stats()["packetsSent"] for p in (one, other)) > 50, "both send voice")
        self.assertEqual([self.received(player) for player in (one, other)], [0, 0])

    def test_a_player_is_removed(self):
        status, _ = self.game.call("DELETE", f"/{ROOM}/players/ben")
        self.assertEqual(status, 204)
        self.expect_silence(self.ann)
        self.assertEqual(set(self.proxy.players(ROOM)), {"ann"})

    def test_requests_that_are_wrong_are_refused(self):
        self.assertEqual(self.game.call("GET", "", token="another token")[0], 401)
        self.assertEqual(self.game.call("POST", "/nowhere/update", {})[0], 404)
        self.assertEqual(self.game.call("POST", f"/{ROOM}/update", {"expected_version": "1"})[0], 409)
        status, answer = self.game.call("POST", f"/{ROOM}/update", {"players": [{"player": "eve"}]})
        self.assertEqual((status, answer["errors"][0]["field"]), (400, "players[0].player"))
        status, answer = self.game.call("POST", f"/{ROOM}/update",
                                        {"players": [{"player": "ann", "position": {"x": "NaN"}}]})
        self.assertEqual((status, answer["errors"][0]["field"]), (400, "players[0].position.x"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
