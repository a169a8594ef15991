"""Reloads while people talk in real browsers: no call is disturbed, and the wire shows the new settings."""

import contextlib
import json
import unittest

from browser import Browser
from harness import Sluice, voice_room_config, wait_until
from udp import StunClient, capture_rtp_marks

RELOADS = 20
SHIPPED_MARK = "egress { all { dscp: 46 ttl: 64 } }"
SHIPPED_PACER = "{ adaptation {} }"


class Reload(unittest.TestCase):
    def test_twenty_reloads_during_a_call_lose_nothing(self):
        with contextlib.ExitStack() as stack:
            sluice = stack.enter_context(Sluice(arguments=["--concurrency", "2"]))
            browser = stack.enter_context(Browser())
            pages = [browser.open(f"{sluice.join_url}/?room=r&name={name}&autojoin=1") for name in ("ann", "ben")]
            stats = lambda: [page.run("window.sluice.stats()") for page in pages]
            for page in pages:
                wait_until(lambda page=page: page.run("window.sluice?.state") == "connected", "the page is connected")
            wait_until(lambda: min(s["packetsReceived"] for s in stats()) > 50, "sound flows")
            stun = StunClient(sluice.ports["udp"])
            self.addCleanup(stun.close)
            self.assertEqual(stun.marks(), (46, 64))
            self.assertIn(capture_rtp_marks(sluice.ports["udp"], 0.5), ({(46, 64)}, None))

            config = voice_room_config()
            self.assertIn(SHIPPED_MARK, config)
            self.assertIn(SHIPPED_PACER, config)
            before = stats()
            for turn in range(RELOADS):
                dscp, ttl = 8 + turn, 100 + turn
                sluice.write_config(
                    config.replace(SHIPPED_MARK, f"egress {{ all {{ dscp: {dscp} ttl: {ttl} }} }}")
                    .replace(SHIPPED_PACER, f"{{ rate_bps: {1_000_000 + turn} }}"))
                status, _, body = sluice.admin("/reload", "POST")
                self.assertEqual(status, 200, body)
                self.assertEqual(stun.marks(), (dscp, ttl))
                # Within one sweep every session has them, also those of players that only listen.
                rates = lambda: {s["filters"]["pacer"]["rate_bps"]
                                 for s in json.loads(sluice.admin("/sessions")[2])["sessions"] if s.get("player")}
                wait_until(lambda turn=turn: rates() == {str(1_000_000 + turn)}, "sessions have the new rate", step=0.05)
                self.assertIn(capture_rtp_marks(sluice.ports["udp"], 0.2), ({(dscp, ttl)}, None))
            after = stats()
            for old, new in zip(before, after):
                self.assertEqual(new["packetsLost"], old["packetsLost"])
                self.assertGreater(new["packetsReceived"] - old["packetsReceived"], 150)
            self.assertEqual(sluice.metric("sluice_filter_drops_total", filter="pacer"), 0)
            self.assertEqual(sluice.metric("sluice_listener_sessions_closed_total"),
                             sluice.metric("sluice_listener_sessions_closed_total", reason="not_authenticated"))
            self.assertGreaterEqual(sluice.metric("sluice_reloads_total", result="ok"), RELOADS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
