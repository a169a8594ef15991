"""Datagrams of unknown clients and hostile players cause no loss for other players, and memory stays bounded."""

import json
import threading
import unittest

from harness import Sluice, free_ports, voice_room_config, wait_until
from ice_client import RTP, IcePlayer, exchange, send_from_strangers
from load_test import result_of, start_load

FORGED = 20_000
WRONG_CHECKS = 12_000
FLOOD_PER_SECOND = 5_000
MEMORY_KIB = 256 * 1024


def memory_kib(proxy):
    """The peak resident memory of the process."""
    with open(f"/proc/{proxy.process.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def with_forward_listener(upstream):
    return voice_room_config() + f"""
listeners {{
  name: "game"
  address: "127.0.0.1:{free_ports(1)[0]}"
  filter_chains {{
    name: "proxy"
    filters {{ typed_config {{ [type.googleapis.com/sluice.filters.Forward] {{ cluster: "silent" }} }} }}
  }}
}}
clusters {{ name: "silent" endpoints: "127.0.0.1:{upstream}" }}
"""


class AttackTest(unittest.TestCase):
    def not_keyed(self, proxy):
        """The number of media packets that reached dtls_srtp before the handshake of their player was done."""
        return proxy.metric("sluice_filter_drops_total", filter="dtls_srtp", reason="not_keyed")

    def attack(self, proxy, listener, server, count, make_datagram):
        """Sends datagrams until the server has read `count` of them; a full socket buffer may lose some."""
        received = lambda: proxy.metric("sluice_listener_packets_total", listener=listener, direction="in")
        end, sent = received() + count, 0
        while received() < end and sent < 4 * count:
            send_from_strangers(server, range(sent, sent + 500), make_datagram)
            sent += 500
        self.assertGreaterEqual(received(), end)

    def drops(self, proxy, reason):
        return proxy.metric("sluice_listener_drops_total", listener="voice", reason=reason)

    def test_forged_datagrams_to_forward_evict_no_session_of_voice(self):
        upstream = free_ports(1)[0]
        config = with_forward_listener(upstream)
        game = int(config.split('name: "game"')[1].split('127.0.0.1:')[1].split('"')[0])
        with Sluice(config, arguments=("--concurrency", "2")) as proxy:
            server = ("127.0.0.1", game)
            self.attack(proxy, "game", server, FORGED, lambda: b"x")
            more = threading.Thread(target=send_from_strangers, args=(server, range(FORGED), lambda: b"x"))
            more.start()
            self.addCleanup(more.join)
            code, report = result_of(start_load(proxy, room="r", players=3, talkers=3, slots=2, seconds=5))
            print(json.dumps(report), memory_kib(proxy))
            self.assertEqual((code, report["connect_failures"], report["packets_lost"]), (0, 0, 0))
            self.assertGreater(report["packets_expected"], 3 * 2 * 200)
            for reason in ("session_limit", "source_limit", "listener_limit"):
                self.assertEqual(self.drops(proxy, reason), 0, reason)
            self.assertLess(memory_kib(proxy), MEMORY_KIB)

    def test_a_speaker_that_floods_two_hundred_receivers_costs_no_other_speaker_a_packet(self):
        with Sluice(arguments=("--concurrency", "2")) as proxy:
            flood = start_load(proxy, room="flood", players=201, talkers=2, slots=2, seconds=10,
                               flood=FLOOD_PER_SECOND)
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 201, "the room is full", 60)
            code, report = result_of(start_load(proxy, room="calm", players=2, talkers=2, seconds=5))
            flood_code, flood_report = result_of(flood)
            dropped = proxy.metric("sluice_filter_drops_total", filter="rtp_router", reason="uplink_limit")
            print(json.dumps(report), json.dumps(flood_report), dropped, memory_kib(proxy))
            self.assertEqual((code, report["packets_lost"]), (0, 0))
            self.assertGreater(report["packets_expected"], 2 * 200)
            self.assertEqual((flood_code, flood_report["connect_failures"], flood_report["integrity_errors"]), (0, 0, 0))
            # The report covers only the second speaker of the flooded room.
            self.assertEqual(flood_report["packets_lost"], 0)
            self.assertGreater(flood_report["packets_expected"], 200 * 400)
            self.assertGreater(dropped, FLOOD_PER_SECOND * 5)
            self.assertLess(memory_kib(proxy), MEMORY_KIB)

    def test_checks_with_wrong_integrity_for_a_player_take_none_of_its_paths(self):
        with Sluice(arguments=("--concurrency", "2")) as proxy:
            victim = IcePlayer(proxy, "r", "victim")
            with victim.path() as first:
                self.assertTrue(exchange(first, victim.check(nominate=True)).ok)
            self.attack(proxy, "voice", victim.server, WRONG_CHECKS,
                        lambda: victim.check(password=b"another password of another client"))
            for number in range(10):
                player = IcePlayer(proxy, "r", f"player-{number}")
                paths = [player.path() for _ in range(6)]
                for path in paths:
                    self.addCleanup(path.close)
                    self.assertTrue(exchange(path, player.check(nominate=True)).ok)
                before = self.not_keyed(proxy)
                for path in paths:
                    for _ in range(5):
                        path.send(RTP)
                wait_until(lambda: self.not_keyed(proxy) == before + 30, "media of every path has arrived")
            self.assertLess(memory_kib(proxy), MEMORY_KIB)

    def test_a_replayed_check_opens_no_path(self):
        with Sluice(arguments=("--concurrency", "1")) as proxy:
            player = IcePlayer(proxy, "r", "player")
            own, other = player.path(), player.path("127.0.0.9")
            self.addCleanup(own.close)
            self.addCleanup(other.close)
            captured = player.check(nominate=True)
            self.assertTrue(exchange(own, captured).ok)
            other.send(captured)
            other.send(RTP)
            # One worker reads them in order.
            self.assertTrue(exchange(own, player.check()).ok)
            own.send(RTP)
            wait_until(lambda: self.not_keyed(proxy) == 1, "media of the player's own path has arrived")
            self.assertEqual(
                proxy.metric("sluice_filter_drops_total", filter="stun_turn", reason="replayed_check"), 1)
            other.setblocking(False)
            self.assertRaises(BlockingIOError, other.recv, 2000)


if __name__ == "__main__":
    unittest.main()
