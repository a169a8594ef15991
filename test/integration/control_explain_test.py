"""A game asks why one player does not hear another, and the first cause on the path is named."""

import time
import unittest

from control_test import TOKEN, Game
from harness import Sluice, free_ports, voice_room_config, wait_until
from load_test import start_load

CONFIG = '''
rooms { name: "match-*" audibility { rules { name: "nearby" proximity { audible_distance: 10 } } } }
control { address: "127.0.0.1:%d" tokens: "%s" }
'''


class ControlExplainTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        port, = free_ports(1)
        cls.proxy = Sluice(voice_room_config() + CONFIG % (port, TOKEN), arguments=("--concurrency", "2"))
        cls.proxy.__enter__()
        cls.addClassCleanup(cls.proxy.__exit__, None, None, None)
        cls.game = Game(port)
        # player-0 to player-3 talk, player-4 sends nothing; each hears two at a time.
        load = start_load(cls.proxy, room="match-1", players=5, talkers=4, slots=2, seconds=60)
        cls.addClassCleanup(load.wait)
        cls.addClassCleanup(load.kill)
        wait_until(lambda: cls.proxy.metric("sluice_players", state="connected") == 5, "all are connected")

    def explain(self, speaker, listener, room="match-1", at=""):
        status, answer = self.game.call("GET", f"/{room}/explain?speaker={speaker}&listener={listener}&at={at}")
        self.assertEqual(status, 200, answer)
        return answer

    def expect(self, cause, speaker="player-0", listener="player-1", timeout=5, **options):
        def named():
            explanation = self.explain(speaker, listener, **options)
            return explanation if explanation["cause"] == cause else None

        answer = wait_until(named, f"the cause is {cause}", timeout)
        self.assertTrue(answer["text"].endswith("."))
        self.assertTrue(answer["advice"].endswith("."))
        return answer

    def test_a_pair_that_hears_each_other_has_no_cause(self):
        def heard():
            explanations = [self.explain(f"player-{speaker}", "player-4") for speaker in range(4)]
            return [explanation for explanation in explanations if explanation["heard"]]

        steps = wait_until(heard, "one is heard")[0]["steps"]
        self.assertTrue(all(step["ok"] and step["evidence"] for step in steps), steps)
        self.assertEqual(len(steps), 19)

    def test_players_and_rooms_that_do_not_exist(self):
        self.expect("speaker_not_joined", speaker="eve")
        self.expect("listener_not_joined", listener="eve")
        self.expect("speaker_not_joined", room="nowhere")
        self.expect("same_player", listener="player-0")
        self.assertEqual(self.game.call("GET", "/match-1/explain?speaker=player-0")[0], 400)

    def test_speakers_without_a_microphone_and_with_a_silent_one(self):
        self.expect("speaker_offers_no_voice", speaker="player-4")
        load = start_load(self.proxy, "--open-microphones", room="match-2", players=2, talkers=1, slots=2, seconds=60)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        answer = self.expect("speaker_silent", speaker="player-1", listener="player-0", room="match-2")
        self.assertIn("no packet had sound", str(answer["steps"]))
        load.kill()
        self.expect("speaker_lost", room="match-2", timeout=15)

    def test_others_have_the_slots(self):
        def unheard():
            explanations = [self.explain(f"player-{speaker}", "player-4") for speaker in range(4)]
            return [explanation for explanation in explanations if explanation["cause"] == "no_slot"]

        answer = wait_until(unheard, "one has no slot")[0]
        evidence = next(step["evidence"] for step in answer["steps"] if step["step"] == "slot")
        self.assertRegex(evidence, r"^the listener's 2 slots have: player-[0-3], player-[0-3]$")

    def test_the_rules_and_the_game_decide(self):
        self.addCleanup(self.game.update, players=[
            {"player": "player-0", "position": {}, "mute": {}, "blocks": {}}, {"player": "player-1", "deafened": False}])
        self.game.place("player-0", 12.5)
        answer = self.expect("out_of_range")
        evidence = next(step["evidence"] for step in answer["steps"] if step["step"] == "rules")
        self.assertIn("-2.5 world units of margin", evidence)
        self.game.update(players=[{"player": "player-1", "deafened": True}])
        self.expect("deafened")
        self.game.update(players=[{"player": "player-0", "mute": {"muted": True}}])
        self.expect("muted")
        self.game.update(players=[{"player": "player-0", "blocks": {"names": ["player-1"]}}])
        self.expect("blocked")

    def test_moments_of_the_past_are_explained_after_the_players_have_left(self):
        room = "match-4"
        load = start_load(self.proxy, "--spurts", room=room, players=2, talkers=1, slots=1, seconds=60)
        self.addCleanup(load.communicate)
        self.addCleanup(load.kill)

        def recorded(cause):
            """The time of a sample with this cause."""
            def named():
                answer = self.explain("player-0", "player-1", room, at=time.time())
                return answer["at"] if answer["cause"] == cause else None
            return wait_until(named, f"the cause {cause!r} is recorded", 10)

        def mute(muted):
            body = {"players": [{"player": "player-0", "mute": {"muted": muted}}]}
            self.assertEqual(self.game.call("POST", f"/{room}/update", body)[0], 200)

        wait_until(lambda: len(self.proxy.players(room)) == 2, "both have joined")
        moments = [(cause, recorded(cause)) for cause in ("", "speaker_sends_no_rtp")]  # a talkspurt and a pause
        mute(True)
        moments.append(("muted", recorded("muted")))
        mute(False)
        moments.append(("", recorded("")))
        load.terminate()
        wait_until(lambda: not self.proxy.players(room), "both have left")
        moments.append(("speaker_not_joined", recorded("speaker_not_joined")))
        for cause, at in moments:
            answer = self.explain("player-0", "player-1", room, at=at + 0.001)
            self.assertEqual((answer["cause"], round(answer["at"], 3)), (cause, round(at, 3)))
            ago = self.explain("player-0", "player-1", room, at=at + 0.001 - time.time())
            self.assertEqual(ago["cause"], cause)
        path = f"/{room}/explain?speaker=player-0&listener=player-1&at="
        for at in ("-601", "yesterday", str(time.time() + 10)):
            status, answer = self.game.call("GET", path + at)
            self.assertEqual((status, answer["field"]), (400, "at"), answer)

    def test_it_takes_little_of_the_main_threads_time(self):
        begin = time.monotonic()
        for _ in range(200):
            self.explain("player-0", "player-1")
        print(f"{(time.monotonic() - begin) / 200 * 1000:.2f} ms for one request and its response")

    def test_the_matrix_has_all_pairs(self):
        self.addCleanup(self.game.place, "player-3", 0)
        self.game.place("player-3", 50)
        status, matrix = self.game.call("GET", "/match-1/matrix")
        self.assertEqual(status, 200, matrix)
        hearers = {row["speaker"]: row["listeners"] for row in matrix["speakers"]}
        self.assertEqual(hearers["player-3"], [])
        self.assertEqual(hearers["player-0"], ["player-1", "player-2", "player-4"])
        self.assertEqual(self.game.call("GET", "/nowhere/matrix")[0], 404)


if __name__ == "__main__":
    unittest.main(verbosity=2)
