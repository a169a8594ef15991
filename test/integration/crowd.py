"""Forty players of sluice-load, a TURN relay and two browsers on one proxy, which must not be disturbed by a test."""

import contextlib
import json
import threading
import time

from browser import Browser
from harness import wait_until
from load_test import result_of, start_load
from people import Player
from turn_client import TurnClient
from turn_server import Sink

PLAYERS = 40
PER_SECOND = 50
# Sessions of unknown clients with candidate checks begin and end by themselves.
QUIET_ENDS = ("left", "not_authenticated", "replaced")


class Relay:
    """A TURN client whose channel carries messages to a peer and back."""

    def __init__(self, test, proxy):
        self.sink = Sink()
        test.addCleanup(self.sink.close)
        self.client = TurnClient(("127.0.0.1", proxy.ports["udp"]))
        test.addCleanup(self.client.socket.close)
        self.client.allocate()
        test.assertEqual(self.client.bind(0x4000, self.sink.host, self.sink.port), 0)
        self.sent, self.lost, self.stop = 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        begin = time.monotonic()
        while not self.stop.is_set():
            payload = b"%08d" % self.sent
            self.client.send_channel(0x4000, payload)
            self.sent += 1
            received = self.sink.received()
            if received is None or received[0] != payload:
                self.lost += 1
            else:
                self.sink.socket.sendto(payload, received[1])
                self.client.socket.settimeout(0.3)
                self.lost += not self.client.receives(payload)
            time.sleep(max(0, begin + self.sent / PER_SECOND - time.monotonic()))

    def end(self):
        self.stop.set()
        self.thread.join()


class Crowd:
    """Use as a context manager around the actions of a test; then call `check()`."""

    def __init__(self, test, proxy, seconds):
        """`seconds`: how long the players talk; longer than the test's actions. TURN has the user alice."""
        self.test, self.proxy, self.seconds = test, proxy, seconds
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        browser = self.stack.enter_context(Browser())
        self.pages = [Player(browser, self.proxy, "browsers", name) for name in ("ann", "ben")]
        for page in self.pages:
            page.wait_for_state("connected")
        self.load = start_load(self.proxy, room="r", rooms=4, players=PLAYERS, talkers=2, seconds=self.seconds)
        everyone = PLAYERS + len(self.pages)
        wait_until(lambda: self.proxy.metric("sluice_players", state="connected") == everyone, "all are connected")
        wait_until(lambda: min(page.stats()["packetsReceived"] for page in self.pages) > 50, "sound flows")
        self.relay = Relay(self.test, self.proxy)
        self.stack.callback(self.relay.end)
        self.before = [page.stats() for page in self.pages]
        self.began = time.monotonic()
        return self

    def __exit__(self, *failed):
        return self.stack.__exit__(*failed)

    def check(self):
        """Call it inside the context: ends all clients and checks that none was disturbed."""
        test, proxy = self.test, self.proxy
        took = time.monotonic() - self.began
        after = [page.stats() for page in self.pages]
        self.relay.end()
        code, report = result_of(self.load)
        print(f"relay: {self.relay.sent} there and back, {self.relay.lost} lost; {json.dumps(report)}")
        test.assertEqual((code, report["packets_lost"], report["integrity_errors"], report["connect_failures"],
                          report["duplicates"]), (0, 0, 0, 0, 0))
        test.assertGreater(self.relay.sent, 0.8 * PER_SECOND * took)
        test.assertEqual(self.relay.lost, 0)
        for old, new in zip(self.before, after):
            test.assertEqual(new["packetsLost"], old["packetsLost"])
            test.assertGreater(new["packetsReceived"] - old["packetsReceived"], 0.9 * PER_SECOND * took)
        for reason in ("auth_failed", "replayed", "malformed", "not_keyed", "number_used"):
            test.assertEqual(proxy.metric("sluice_filter_drops_total", filter="dtls_srtp", reason=reason), 0, reason)
        closed = lambda **labels: proxy.metric("sluice_listener_sessions_closed_total", **labels)
        wait_until(lambda: proxy.metric("sluice_players", state="joined") == len(self.pages), "the load has left")
        test.assertEqual(closed(), sum(closed(reason=reason) for reason in QUIET_ENDS))
        test.assertEqual(proxy.metric("sluice_worker_packets_unaccounted_total"), 0)
        return report
