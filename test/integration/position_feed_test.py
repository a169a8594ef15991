"""A game server moves players by UDP, and they hear each other accordingly."""

import contextlib
import json
import socket
import sys
import time
import unittest

sys.path.insert(0, "examples/position_feed")

from harness import Sluice, free_ports, request, voice_room_config, wait_until  # noqa: E402
from load_test import start_load  # noqa: E402
from position_feed import Feed, record  # noqa: E402

TOKEN = "the-token-of-the-game"
SECRET = "the secret of the game server"
CONFIG = """
rooms { name: "match*" audibility { rules { proximity { audible_distance: 10 } } } }
control { address: "127.0.0.1:%d" tokens: "%s" }
takeover_socket: "sluice.sock"
listeners {
  name: "positions"
  address: "127.0.0.1:%d"
  filter_chains {
    name: "feed"
    filters {
      name: "position_feed"
      typed_config {
        [type.googleapis.com/sluice.filters.PositionFeed] { keys { id: 5 secret: "%s" } max_age_ms: 60000 }
      }
    }
  }
}
"""


class PositionFeedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        control, cls.port = free_ports(2)
        config = voice_room_config() + CONFIG % (control, TOKEN, cls.port, SECRET)
        cls.control = f"http://127.0.0.1:{control}/v1/rooms"
        cls.proxy = cls.stack.enter_context(Sluice(config, arguments=("--concurrency", "2")))
        load = start_load(cls.proxy, room="match", players=2, talkers=1, seconds=90)
        cls.stack.callback(lambda: (load.kill(), load.communicate()))
        wait_until(lambda: cls.proxy.metric("sluice_players", state="connected") == 2, "two players are connected")
        cls.room = json.loads(cls.call("")[1])["rooms"][0]["room"]
        cls.players = sorted(cls.proxy.players(cls.room))
        cls.sender = cls.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        cls.feed = Feed(5, SECRET)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    @classmethod
    def call(cls, path):
        status, _, text = request(cls.control + path, headers={"Authorization": f"Bearer {TOKEN}"})
        return status, text

    def reason(self):
        speaker, receiver = self.players
        return json.loads(self.call(f"/{self.room}/audibility?speaker={speaker}&listener={receiver}")[1])["reason"]

    def send(self, datagram):
        self.sender.sendto(datagram, ("127.0.0.1", self.port))

    def place(self, x, **more):
        """Moves the first player. Returns the datagram."""
        datagram = self.feed.datagram(self.room, [record(self.players[0], (x, 0, 0), (0.5, 0))], **more)
        self.send(datagram)
        return datagram

    def expect_reason(self, reason):
        wait_until(lambda: self.reason() == reason, reason, timeout=5, step=0.005)

    def expect_drop(self, reason, datagram):
        before = self.drops(reason)
        self.send(datagram)
        wait_until(lambda: self.drops(reason) == before + 1, f"one more datagram is dropped as {reason}")

    def drops(self, reason):
        return self.proxy.metric("sluice_filter_drops_total", listener="positions", reason=reason)

    def counted(self, name):
        return self.proxy.metric(f"sluice_position_feed_{name}_total")

    def test_players_move_and_hear_each_other_accordingly(self):
        for x, reason in ((50, "out_of_range"), (9, "in_range"), (-12, "out_of_range"), (0, "in_range")):
            self.place(x)
            self.expect_reason(reason)
            counted = "sluice_rtp_router_" + ("voice_out_total" if reason == "in_range" else "inaudible_total")
            before = self.proxy.metric(counted)
            wait_until(lambda: self.proxy.metric(counted) > before + 10, f"voice is {reason}", step=0.02)

    def test_what_is_refused_is_counted_and_moves_no_one(self):
        good = self.place(50)
        self.expect_reason("out_of_range")
        near = [record(self.players[0], (0, 0, 0))]
        now = int(time.time() * 1000)
        forger = Feed(5, "another secret of this length")
        self.expect_drop("replayed", good)
        self.expect_drop("wrong_mac", forger.datagram(self.room, near))
        self.expect_drop("unknown_key", Feed(6, SECRET).datagram(self.room, near))
        self.expect_drop("wrong_time", self.feed.datagram(self.room, near, now - 61_000))
        self.expect_drop("too_old", Feed(5, SECRET, self.feed.sequence - 2000).datagram(self.room, near))
        self.expect_drop("malformed", self.feed.datagram(self.room, near + [b"\0"]))
        self.expect_drop("wrong_position", self.feed.datagram(self.room, near + [record("far", (1e8, 0, 0))]))
        self.expect_drop("version", b"SLPF\x02" + good[5:])
        self.expect_drop("not_a_feed", b"GET / HTTP/1.1")
        before = self.drops("replayed")
        for _ in range(8):  # from other addresses, and so to both workers
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(good, ("127.0.0.1", self.port))
        wait_until(lambda: self.drops("replayed") == before + 8, "the replays are dropped")
        self.assertEqual(self.reason(), "out_of_range")
        self.sender.setblocking(False)
        self.assertRaises(BlockingIOError, self.sender.recv, 1)
        self.sender.setblocking(True)

    def test_unknown_rooms_and_players_and_outdated_records_are_counted(self):
        names = ("moved_players", "unknown_players", "unknown_rooms", "outdated_players")
        before = [self.counted(name) for name in names]
        early = self.feed.datagram(self.room, [record(self.players[0], (50, 0, 0)), record("nobody", (0, 0, 0))])
        self.place(1)
        wait_until(lambda: self.counted("moved_players") == before[0] + 1, "the later datagram arrives")
        self.send(early)
        self.send(self.feed.datagram("nowhere", []))
        wait_until(lambda: [self.counted(name) for name in names] == [n + 1 for n in before], "all are counted")
        self.assertEqual(self.reason(), "in_range")

    def test_a_reload_keeps_the_window(self):
        old = self.place(50)
        self.expect_reason("out_of_range")
        with open(self.proxy.config_path, encoding="utf-8") as file:
            config = file.read()
        self.proxy.write_config(config.replace("max_age_ms: 60000", "max_age_ms: 50000"))
        self.addCleanup(self.proxy.write_config, config)
        self.assertEqual(self.proxy.admin("/reload", "POST")[0], 200)
        self.expect_drop("replayed", old)
        self.place(5)
        self.expect_reason("in_range")

    def test_a_takeover_keeps_the_window_and_the_positions(self):
        old = self.place(50)
        self.expect_reason("out_of_range")
        self.proxy.take_over()
        self.assertEqual(self.reason(), "out_of_range")
        self.expect_drop("replayed", old)
        self.place(5)
        self.expect_reason("in_range")

    def test_the_secret_is_hidden(self):
        dump = self.proxy.admin("/config_dump")[2]
        self.assertIn("PositionFeed", dump)
        self.assertNotIn(SECRET, dump)


if __name__ == "__main__":
    unittest.main(verbosity=2)
