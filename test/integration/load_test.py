"""Many real clients at once, and reloads that disturb none of them."""

import json
import subprocess
import time
import unittest

from harness import Sluice, voice_room_config, wait_until
from udp import StunClient

LOAD = "source/load/sluice-load"
SHIPPED_MARK = "egress { all { dscp: 46 ttl: 64 } }"
SHIPPED_PACER = "{ adaptation {} }"
ROUTER = 'filters {\n      name: "rtp_router"'


def start_load(proxy, *flags, **options):
    arguments = [part for name, value in options.items() for part in ("--" + name.replace("_", "-"), str(value))]
    return subprocess.Popen([LOAD, "--join", proxy.join_url, "--json", *flags, *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)


def result_of(load):
    output = load.communicate(timeout=90)[0]
    return load.returncode, json.loads(output)


class Load(unittest.TestCase):
    @staticmethod
    def rates(proxy):
        sessions = json.loads(proxy.admin("/sessions")[2])["sessions"]
        return {s["filters"]["pacer"]["rate_bps"] for s in sessions if s.get("player")}

    def test_fifty_players_in_five_rooms_receive_every_packet(self):
        with Sluice(arguments=("--concurrency", "2")) as proxy:
            code, report = result_of(start_load(proxy, room="r", rooms=5, players=50, talkers=2, seconds=10))
            print(json.dumps(report))
            self.assertEqual(code, 0)
            self.assertEqual(report["packets_expected"], report["packets_sent"] * 9)
            self.assertEqual(report["packets_lost"], 0)
            self.assertEqual(report["integrity_errors"], 0)
            self.assertEqual(report["connect_failures"], 0)
            self.assertEqual(report["out_of_order"], 0)
            self.assertGreater(report["latency_ms"]["p99"], 0)
            self.assertEqual(proxy.metric("sluice_worker_packets_unaccounted_total"), 0)
            wait_until(lambda: proxy.metric("sluice_sessions") == 0, "all sessions have ended")
            self.assertEqual(proxy.metric("sluice_rooms"), 0)

    def test_five_open_microphones_one_after_another_are_all_received_on_two_slots(self):
        with Sluice(arguments=("--concurrency", "2")) as proxy:
            load = start_load(proxy, "--in-turn", "--open-microphones", room="r", players=6, talkers=5, slots=2,
                              seconds=10)
            code, report = result_of(load)
            print(json.dumps(report))
            self.assertEqual(code, 0)
            self.assertGreater(report["packets_expected"], 5 * 400)
            self.assertEqual(report["packets_lost"], 0)
            self.assertGreater(proxy.metric("sluice_filter_drops_total", reason="silence"), 0)
            self.assertEqual(proxy.metric("sluice_filter_drops_total", reason="no_slot"), 0)

    def test_a_receiver_that_loses_half_costs_no_other_player_a_packet(self):
        with Sluice(arguments=("--concurrency", "2")) as proxy:
            code, report = result_of(
                start_load(proxy, room="r", players=12, talkers=2, seconds=10, lossy=1, lossy_percent=50)
            )
            print(json.dumps(report))
            self.assertEqual(code, 0)
            self.assertEqual(report["packets_lost"], 0)
            lossy = report["lossy"]
            self.assertLess(lossy["duplicates"], lossy["packets_expected"] * 0.05)
            self.assertGreater(lossy["packets_received"], lossy["packets_expected"] * 0.55)
            resent = proxy.metric("sluice_repair_resent_total")
            self.assertGreater(resent, 100)
            # 35 % of the voice, and a burst of 3000 bytes; voice is sent before and after the counted phase too.
            self.assertLess(resent, lossy["packets_expected"] * 1.3 * 0.35 + 50)
            self.assertGreater(proxy.metric("sluice_repair_refused_total", reason="budget"), 0)

    def test_twenty_reloads_lose_no_packet_and_change_the_marks(self):
        with Sluice(arguments=("--concurrency", "2")) as proxy:
            stun = StunClient(proxy.ports["udp"])
            self.addCleanup(stun.close)
            self.assertEqual(stun.marks(), (46, 64))
            load = start_load(proxy, room="r", rooms=2, players=12, talkers=2, seconds=8)
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 12, "all players are connected")
            config = voice_room_config()
            self.assertIn(SHIPPED_MARK, config)
            self.assertIn(SHIPPED_PACER, config)
            for turn in range(20):
                dscp, ttl, rate = 10 + turn, 40 + turn, 100_000 * (2 + turn)
                proxy.write_config(config.replace(SHIPPED_MARK, f"egress {{ all {{ dscp: {dscp} ttl: {ttl} }} }}")
                                   .replace(SHIPPED_PACER, f"{{ rate_bps: {rate} }}"))
                status, _, body = proxy.admin("/reload", "POST")
                self.assertEqual(status, 200, body)
                self.assertEqual(stun.marks(), (dscp, ttl))
            wait_until(lambda: self.rates(proxy) == {str(100_000 * 21)}, "every session has the last rate")
            code, report = result_of(load)
            print(json.dumps(report))
            self.assertEqual((code, report["packets_lost"], report["integrity_errors"]), (0, 0, 0))
            self.assertEqual(proxy.metric("sluice_filter_drops_total", filter="pacer"), 0)

    def test_opus_is_inserted_changed_and_removed_during_a_call_and_loses_no_packet(self):
        with Sluice(arguments=("--concurrency", "2")) as proxy:
            load = start_load(proxy, room="r", rooms=2, players=12, talkers=2, seconds=8)
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 12, "all players are connected")
            config = voice_room_config()
            self.assertIn(ROUTER, config)
            stages = ("ingress {}", "ingress { mode: CONCEAL } egress { mode: CONCEAL }",
                      "egress { mode: CONCEAL playout_delay { floor_ms: 60 } }", "ingress {} egress {}", None)
            for stage in 2 * stages:
                opus = "" if stage is None else (
                    "filters { typed_config { [type.googleapis.com/sluice.filters.Opus] { %s } } } " % stage)
                proxy.write_config(config.replace(ROUTER, opus + ROUTER))
                status, _, body = proxy.admin("/reload", "POST")
                self.assertEqual(status, 200, body)
                time.sleep(0.5)
            code, report = result_of(load)
            print(json.dumps(report))
            self.assertEqual(code, 0)
            self.assertEqual(report["packets_lost"], 0)
            self.assertEqual(report["integrity_errors"], 0)
            self.assertEqual(report["out_of_order"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
