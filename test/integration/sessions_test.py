"""The content of GET /sessions for one player: the speakers in its slots, and the drops of its packets."""

import json
import socket
import unittest

from attack_test import with_forward_listener
from harness import Sluice, free_ports, wait_until
from ice_client import RTP, IcePlayer, exchange
from load_test import result_of, start_load

FORGED = 7


class SessionsTest(unittest.TestCase):
    @staticmethod
    def sessions(proxy, query=""):
        return json.loads(proxy.admin("/sessions" + query)[2])["sessions"]

    def session(self, proxy, player):
        """The only session that is listed under this name."""
        session, = self.sessions(proxy, f"?player={player}")
        self.assertEqual(session["player"], player)
        return session

    @staticmethod
    def dropped(session, name, reason):
        """Packets; `name` is the filter's, or None for drops of the listener."""
        return sum(d["packets"] for d in session["drops"] if (d.get("filter"), d["reason"]) == (name, reason))

    def test_one_player_is_listed_with_the_speakers_in_its_slots_and_its_drops(self):
        with Sluice(arguments=("--concurrency", "2")) as proxy:
            load = start_load(proxy, room="r", players=3, talkers=3, slots=1, seconds=4, names="Ada,Grace,Linus")
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 3, "all players are connected")
            wait_until(lambda: self.dropped(self.session(proxy, "Ada"), "rtp_router", "no_slot"), "Ada has one slot")
            ada = self.session(proxy, "Ada")
            numbers = {s["player"]: str(s["player_number"]) for s in self.sessions(proxy)}
            self.assertEqual(set(numbers), {"Ada", "Grace", "Linus"})
            router = ada["filters"]["rtp_router"]
            self.assertIn(router["slot[0].player"], ("Grace", "Linus"))
            self.assertEqual(router["slot[0].speaker"], numbers[router["slot[0].player"]])
            self.assertTrue(ada["authenticated"])
            self.assertEqual(result_of(load)[0], 0)

    def test_forged_packets_are_dropped_only_at_the_session_where_they_arrived(self):
        with Sluice(arguments=("--concurrency", "2")) as proxy:
            load = start_load(proxy, room="r", players=2, talkers=2, seconds=4)
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 2, "all players are connected")
            victim, bystander = IcePlayer(proxy, "other", "victim"), IcePlayer(proxy, "other", "bystander")
            with victim.path() as path, bystander.path() as other_path:
                self.assertTrue(exchange(path, victim.check(nominate=True)).ok)
                self.assertTrue(exchange(other_path, bystander.check(nominate=True)).ok)
                for _ in range(FORGED):
                    path.send(RTP)
                not_keyed = lambda s: self.dropped(s, "dtls_srtp", "not_keyed")
                wait_until(lambda: not_keyed(self.session(proxy, "victim")) == FORGED, "the drops are counted")
                self.assertEqual(self.session(proxy, "bystander")["drops"], [])
                self.assertNotIn("last_drop", self.session(proxy, "bystander"))
                last = self.session(proxy, "victim")["last_drop"]
                self.assertEqual((last["filter"], last["reason"]), ("dtls_srtp", "not_keyed"))
                self.assertLess(last["ago_ms"], 10_000)
                self.assertEqual({s["player"]: not_keyed(s) for s in self.sessions(proxy)},
                                 {"player-0": 0, "player-1": 0, "victim": FORGED, "bystander": 0})
                self.assertEqual(proxy.metric("sluice_filter_drops_total", filter="dtls_srtp", reason="not_keyed"), FORGED)
            self.assertEqual(result_of(load)[0], 0)

    def test_sessions_of_a_chain_that_does_not_authenticate_are_marked(self):
        upstream = free_ports(1)[0]
        config = with_forward_listener(upstream)
        game = int(config.split('name: "game"')[1].split("127.0.0.1:")[1].split('"')[0])
        with Sluice(config) as proxy, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"x", ("127.0.0.1", game))
            listed = lambda: self.sessions(proxy, "?chain=proxy")
            session, = wait_until(listed, "the session is there")
            self.assertIsNone(session["authenticated"])
            self.assertEqual((session["listener"], session["drops"]), ("game", []))
            self.assertEqual(self.sessions(proxy, "?player=nobody"), [])
            self.assertEqual(len(self.sessions(proxy, "?client=127.0.0.1&chain=proxy")), len(listed()))
            remote = listed()[0]["remote"]
            self.assertEqual([s["remote"] for s in self.sessions(proxy, f"?client={remote}&chain=proxy")], [remote])
            self.assertEqual(self.sessions(proxy, "?client=192.0.2.9"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
