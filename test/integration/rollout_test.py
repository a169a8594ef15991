"""Versions of a chain: their shares, moves between them during calls, and the rollback of a bad one."""

import json
import re
import socket
import unittest

from harness import Sluice, request, voice_room_config, wait_until
from load_test import result_of, start_load

SESSIONS = 10_000

FORWARD = """
listeners {
  name: "game"
  address: "127.0.0.1:3478"
  idle_timeout_s: 300
  filter_chains {
    name: "proxy"
    versions {
      name: "old" weight: %d
      filters { typed_config { [type.googleapis.com/sluice.filters.Forward] { cluster: "servers" sockets: ONE_WAY } } }
    }
    versions {
      name: "new" weight: %d
      filters { typed_config { [type.googleapis.com/sluice.filters.Marker] { egress { all { dscp: 46 } } } } }
      filters { typed_config { [type.googleapis.com/sluice.filters.Forward] { cluster: "servers" sockets: ONE_WAY } } }
    }
  }
}
clusters { name: "servers" endpoints: "127.0.0.1:%d" }
admin { address: "127.0.0.1:9901" }
"""
IMPAIR = 'filters { typed_config { [type.googleapis.com/sluice.filters.Impair] { ingress { loss { percent: 30 } } } } }'


def voice_room(old, new, extra="", bad=False):
    """The shipped chain in two versions; the new one has another mark, or loses packets."""
    config = voice_room_config()
    found = re.search(r'(    name: "webrtc"\n)(.*?)\n  }\n}', config, re.S)
    filters = found[2]
    changed = filters.replace("dscp: 46", "dscp: 34")
    if bad:
        at = changed.index('filters {\n      name: "pacer"')
        changed = changed[:at] + IMPAIR + changed[at:]
    versions = (f'    versions {{ name: "old" weight: {old}\n{filters}\n    }}\n'
                f'    versions {{ name: "new" weight: {new}\n{changed}\n    }}\n    {extra}')
    return config[:found.start(2)] + versions + config[found.end(2):]


class Rollout(unittest.TestCase):
    @staticmethod
    def sessions(proxy):
        return {version: proxy.metric("sluice_chain_sessions", version=version) for version in ("old", "new")}

    def test_ninety_to_ten_gives_those_shares_over_ten_thousand_sessions(self):
        upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(upstream.close)
        upstream.bind(("127.0.0.1", 0))
        port = upstream.getsockname()[1]
        with Sluice(FORWARD % (90, 10, port), arguments=("--concurrency", "2")) as proxy:
            def knock(i):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    client.bind((f"127.{1 + i // 250 // 250}.{1 + i // 250 % 250}.{1 + i % 250}", 0))
                    client.sendto(b"hello", ("127.0.0.1", proxy.ports["udp"]))

            for i in range(SESSIONS):
                knock(i)
            wait_until(lambda: proxy.metric("sluice_sessions") == SESSIONS, "all sessions have begun")
            before = self.sessions(proxy)
            print(before)
            self.assertAlmostEqual(before["new"] / SESSIONS, 0.10, delta=0.01)
            # A client that returns from another port is served by the same version.
            for i in range(200):
                knock(i)
            wait_until(lambda: proxy.metric("sluice_sessions") == SESSIONS + 200, "they have new sessions")
            again = self.sessions(proxy)
            versions = {}
            for session in json.loads(proxy.admin("/sessions?limit=100000")[2])["sessions"]:
                versions.setdefault(session["remote"].split(":")[0], set()).add(session["version"])
            self.assertEqual({len(found) for found in versions.values()}, {1})
            # Only as many move as necessary.
            shifted = proxy.on_own_ports(FORWARD % (80, 20, port))
            status, _, text = request(f"http://127.0.0.1:{proxy.ports['admin']}/reload?dry_run=1", "POST", shifted)
            self.assertEqual(status, 200, text)
            plan = json.loads(text)
            self.assertEqual(plan["sessions_ending"], 0)
            self.assertAlmostEqual(plan["sessions_moving"] / SESSIONS, 0.10, delta=0.01)
            proxy.write_config(FORWARD % (80, 20, port))
            self.assertEqual(proxy.admin("/reload", "POST")[0], 200)
            wait_until(lambda: self.sessions(proxy)["new"] == again["new"] + plan["sessions_moving"], "they have moved")
            self.assertAlmostEqual(self.sessions(proxy)["new"] / SESSIONS, 0.20, delta=0.015)
            self.assertEqual(proxy.metric("sluice_listener_sessions_closed_total"), 0)

    def test_players_move_to_another_version_during_a_call_and_lose_no_packet(self):
        with Sluice(voice_room(100, 0), arguments=("--concurrency", "2")) as proxy:
            load = start_load(proxy, room="r", rooms=2, players=20, talkers=2, seconds=8)
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 20, "all players are connected")
            self.assertEqual(self.sessions(proxy), {"old": 20, "new": 0})
            for old, new in ((90, 10), (50, 50), (0, 100), (50, 50), (100, 0), (0, 100)):
                proxy.write_config(voice_room(old, new))
                status, _, body = proxy.admin("/reload", "POST")
                self.assertEqual(status, 200, body)
                wait_until(lambda: {s["generation"] for s in json.loads(proxy.admin("/sessions")[2])["sessions"]} ==
                           {proxy.metric("sluice_generation")}, "every session has adopted it", step=0.05)
            self.assertEqual(self.sessions(proxy), {"old": 0, "new": 20})
            code, report = result_of(load)
            print(json.dumps(report))
            self.assertEqual((code, report["packets_lost"], report["integrity_errors"]), (0, 0, 0))
            self.assertGreater(proxy.metric("sluice_filter_packets_total", filter="marker", version="old"), 0)
            self.assertGreater(proxy.metric("sluice_filter_packets_total", filter="marker", version="new"), 0)

    def test_a_bad_version_is_rolled_back_automatically_and_stays_so(self):
        step_back = "step_back { window_s: 5 min_packets: 200 }"
        with Sluice(voice_room(50, 50, step_back), arguments=("--concurrency", "2")) as proxy:
            load = start_load(proxy, room="r", rooms=2, players=20, talkers=3, seconds=12)
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 20, "all players are connected")
            shares = self.sessions(proxy)
            self.assertGreater(min(shares.values()), 2)
            proxy.write_config(voice_room(50, 50, step_back, bad=True))
            self.assertEqual(proxy.admin("/reload", "POST")[0], 200)
            wait_until(lambda: proxy.metric("sluice_rollout_step_backs_total", version="new") == 1,
                       "the bad version is rolled back", timeout=8)
            self.assertRegex(proxy.log(), r"version new is rolled back: \d+\.\d+ % of its packets were dropped")
            self.assertEqual(proxy.metric("sluice_rollout_share", version="new"), 0)
            wait_until(lambda: self.sessions(proxy) == {"old": 20, "new": 0}, "its sessions have moved")
            # The same weights again, and a reload for another reason, do not restore it; other filters do.
            self.assertEqual(proxy.admin("/reload", "POST")[0], 200)
            self.assertEqual(proxy.metric("sluice_rollout_share", version="new"), 0)
            listeners = json.loads(proxy.admin("/listeners")[2])
            chains = listeners[0]["filter_chains"] if isinstance(listeners, list) else listeners["listeners"][0]["filter_chains"]
            self.assertEqual([(c["version"], c["share"], c["stepped_back"]) for c in chains],
                             [("old", 1, False), ("new", 0, True)])
            proxy.write_config(voice_room(50, 50, step_back))
            self.assertEqual(proxy.admin("/reload", "POST")[0], 200)
            self.assertEqual(proxy.metric("sluice_rollout_share", version="new"), 0.5)
            code, report = result_of(load)
            self.assertEqual(report["integrity_errors"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
