"""A thousand reloads of many kinds in a minute, over forty players, a TURN relay and two browsers: nobody notices."""

import contextlib
import json
import threading
import time
import unittest

from browser import Browser
from edits import Edits
from harness import Sluice, wait_until
from load_test import result_of, start_load
from people import Player
from turn_client import TurnClient
from turn_server import Sink

SEED, RELOADS, SECONDS = 20261125, 1000, 60


class Relay:
    """A TURN client whose channel carries 50 messages a second to a peer and back."""

    def __init__(self, test, proxy):
        self.sink = Sink()
        test.addCleanup(self.sink.close)
        self.client = TurnClient(("127.0.0.1", proxy.ports["udp"]))
        test.addCleanup(self.client.socket.close)
        self.client.allocate()
        test.assertEqual(self.client.bind(0x4000, self.sink.host, self.sink.port), 0)
        self.sent, self.lost, self.stop = 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        begin = time.monotonic()
        while not self.stop.is_set():
            payload = b"%08d" % self.sent
            self.client.send_channel(0x4000, payload)
            self.sent += 1
            heard = self.sink.heard()
            if heard is None or heard[0] != payload:
                self.lost += 1
            else:
                self.sink.socket.sendto(payload, heard[1])
                self.client.socket.settimeout(0.3)
                self.lost += not self.client.receives(payload)
            time.sleep(max(0, begin + self.sent / 50 - time.monotonic()))

    def ended(self):
        self.stop.set()
        self.thread.join()
        return self.sent, self.lost


class ReloadStorm(unittest.TestCase):
    def test_a_thousand_reloads_in_a_minute_lose_no_packet_and_end_no_session(self):
        edits = Edits(SEED)
        with contextlib.ExitStack() as stack:
            proxy = stack.enter_context(Sluice(edits.text(), arguments=("--concurrency", "2")))
            browser = stack.enter_context(Browser())
            pages = [Player(browser, proxy, "browsers", name) for name in ("ann", "ben")]
            for page in pages:
                page.wait_for_state("connected")
            relay = Relay(self, proxy)
            load = start_load(proxy, room="r", rooms=4, players=40, talkers=2, seconds=SECONDS + 5)
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 42, "all players are connected")
            wait_until(lambda: min(page.stats()["packetsReceived"] for page in pages) > 50, "sound flows")
            before = [page.stats() for page in pages]
            relay.thread.start()
            begin = time.monotonic()
            for number in range(RELOADS):
                kind = edits.step()
                proxy.write_config(edits.text())
                status, _, body = proxy.admin("/reload", "POST")
                self.assertEqual(status, 200, f"{kind}: {body}")
                time.sleep(max(0, begin + (number + 1) * SECONDS / RELOADS - time.monotonic()))
            took = time.monotonic() - begin
            print(f"{RELOADS} reloads in {took:.1f} s: {edits.changed}")
            sent, lost = relay.ended()
            after = [page.stats() for page in pages]
            code, report = result_of(load)
            print(f"relay: {sent} there and back, {lost} lost; {json.dumps(report)}")
            self.assertEqual((code, report["packets_lost"], report["integrity_errors"], report["connect_failures"]),
                             (0, 0, 0, 0))
            self.assertEqual(report["duplicates"], 0)
            self.assertGreater(sent, 0.8 * 50 * SECONDS)
            self.assertEqual(lost, 0)
            for old, new in zip(before, after):
                self.assertEqual(new["packetsLost"], old["packetsLost"])
                self.assertGreater(new["packetsReceived"] - old["packetsReceived"], 0.9 * 50 * SECONDS)
            for reason in ("auth_failed", "replayed", "malformed", "not_keyed", "number_used"):
                self.assertEqual(proxy.metric("sluice_filter_drops_total", filter="dtls_srtp", reason=reason), 0, reason)
            # Nothing ended but what left by itself, and strangers of candidate checks.
            closed = lambda **labels: proxy.metric("sluice_listener_sessions_closed_total", **labels)
            wait_until(lambda: proxy.metric("sluice_players", state="joined") == 2, "the load has left")
            self.assertEqual(closed(), sum(closed(reason=r) for r in ("left", "not_authenticated", "replaced")))
            self.assertEqual(proxy.metric("sluice_worker_packets_unaccounted_total"), 0)
            self.assertEqual(min(edits.changed.values()) > 50, True, edits.changed)
            self.assertLess(took, SECONDS * 1.1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
