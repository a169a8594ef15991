"""The game's server without a network: what it accepts from pages, and what it sends to the control API."""

import json
import sys
import unittest

sys.path.insert(0, "examples/game_world")

import game  # noqa: E402

PLAYER = {"x": 1, "z": 2, "heading": 0, "team": "", "channel": "", "voice": "NORMAL", "blocks": []}


class Control(game.Control):
    """Responds as the control API does for the players who are in the room."""

    def __init__(self):
        super().__init__("", "", "")
        self.room_players = set()
        self.accepted = []  # the names in each accepted update

    def post(self, body):
        names = [update["player"] for update in body["players"]]
        errors = [{"field": f"players[{i}].player", "error": "is not in the room"}
                  for i, name in enumerate(names) if name not in self.room_players]
        if errors:
            return 400, {"error": "wrong", "errors": errors}
        self.accepted.append(names)
        return 200, {}


def updates(*names, x=0):
    return {name: {"player": name, "position": {"x": x}} for name in names}


class WorldTest(unittest.TestCase):
    def setUp(self):
        self.world = game.World(["Ada"])

    def test_a_player_is_placed_within_the_world(self):
        self.assertIsNone(self.world.place("eve", PLAYER | {"x": -5, "z": 1000, "heading": 370}))
        eve = self.world.state()["players"]["eve"]
        self.assertEqual((eve["x"], eve["z"], eve["heading"]), (0, game.FIELD, 10))

    def test_what_is_wrong_is_named(self):
        for wrong in ({"x": "1"}, {"x": True}, {"x": None}, {"z": 1e999}, {"z": float("nan")}, {"heading": 10**400},
                      {"team": "green"}, {"team": []}, {"channel": "3"}, {"voice": ""}, {"blocks": "Ada"},
                      {"blocks": ["a b"]}, {"blocks": ["a"] * 65}):
            problem = self.world.place("eve", PLAYER | wrong)
            self.assertEqual(problem.split(":")[0], *wrong, problem)
        self.assertNotIn("eve", self.world.state()["players"])

    def test_a_page_cannot_move_a_bot_and_the_world_has_a_limit(self):
        self.assertIn("name:", self.world.place("Ada", PLAYER))
        for i in range(game.MAX_PLAYERS - 1):
            self.assertIsNone(self.world.place(f"p{i}", PLAYER))
        self.assertIn("name:", self.world.place("one-more", PLAYER))
        self.assertIsNone(self.world.place("p0", PLAYER))

    def test_a_silent_player_is_forgotten_and_a_bot_is_not(self):
        self.world.place("eve", PLAYER)
        self.world.tick(self.world.players["eve"]["seen"] + game.FORGET_S)
        self.assertIn("eve", self.world.state()["players"])
        self.world.tick(self.world.players["eve"]["seen"] + game.FORGET_S + 0.1)
        self.assertEqual(list(self.world.state()["players"]), ["Ada"])

    def test_bots_stay_in_the_world(self):
        bots = game.World([f"bot-{i}" for i in range(8)])
        for second in range(0, 120, 3):
            bots.tick(second)
            for bot in bots.state()["players"].values():
                self.assertTrue(0 <= bot["x"] <= game.FIELD and 0 <= bot["z"] <= game.FIELD, bot)

    def test_an_update_has_the_direction_in_which_the_player_looks(self):
        self.world.place("eve", PLAYER | {"heading": 90, "channel": "2", "team": "red", "blocks": ["Ada"]})
        update = self.world.updates()["eve"]
        self.assertAlmostEqual(update["forward"]["x"], 1)
        self.assertAlmostEqual(update["forward"]["z"], 0)
        self.assertEqual(update["channels"], {"channels": [{"name": "2", "talk": True}]})
        self.assertEqual((update["team"], update["blocks"]), ("red", {"names": ["Ada"]}))
        json.dumps(update, allow_nan=False)


class ControlTest(unittest.TestCase):
    def setUp(self):
        self.control = Control()
        self.control.room_players = {"ann", "ben"}

    def test_only_changes_are_sent(self):
        self.control.tell(updates("ann", "ben"), 0)
        self.control.tell(updates("ann", "ben"), 0.05)
        self.control.tell(updates("ann", "ben") | updates("ben", x=1), 0.1)
        self.assertEqual(self.control.accepted, [["ann", "ben"], ["ben"]])

    def test_a_player_who_is_not_in_the_room_does_not_stop_the_others_and_is_tried_again(self):
        self.control.tell(updates("eve", "ann"), 0)
        self.assertEqual(self.control.accepted, [["ann"]])
        self.control.room_players.add("eve")
        self.control.tell(updates("eve", "ann"), 0.1)
        self.assertEqual(len(self.control.accepted), 1)
        self.control.tell(updates("eve", "ann"), 0.6)
        self.assertEqual(self.control.accepted[1:], [["eve"]])

    def test_who_joins_again_gets_its_state_at_once_and_after_a_restart_all_do(self):
        self.control.tell(updates("ann", "ben"), 0)
        self.control.joined.put("ann")
        self.control.tell(updates("ann", "ben"), 0.05)
        self.control.joined.put(None)
        self.control.tell(updates("ann", "ben"), 0.1)
        self.assertEqual(self.control.accepted[1:], [["ann"], ["ann", "ben"]])

    def test_players_of_the_past_take_no_memory(self):
        for i in range(100):
            self.control.room_players = {f"present-{i}"}
            self.control.tell(updates(f"present-{i}", f"absent-{i}"), i)
        self.assertEqual((list(self.control.sent), list(self.control.absent)), (["present-99"], ["absent-99"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
