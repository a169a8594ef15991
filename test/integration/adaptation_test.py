"""A speaker on a long line is told a profile, and the page applies it."""

import contextlib
import os
import time
import unittest

from browser import Browser
from harness import Sluice, wait_until
from people import Player

CONFIG = """
listeners {
  name: "voice"
  address: "127.0.0.1:3478"
  filter_chains {
    name: "webrtc"
    filters { typed_config { [type.googleapis.com/sluice.filters.StunTurn] {} } }
    filters {
      typed_config {
        [type.googleapis.com/sluice.filters.Impair] { ingress { delay_ms: %(delay)d } egress { delay_ms: %(delay)d } }
      }
    }
    filters { typed_config { [type.googleapis.com/sluice.filters.DtlsSrtp] {} } }
    filters { typed_config { [type.googleapis.com/sluice.filters.Adaptation] { hold_ms: 2000 } } }
    filters { typed_config { [type.googleapis.com/sluice.filters.RtpRouter] { rtcp_interval_ms: 1000 } } }
  }
}
admin { address: "127.0.0.1:9901" }
join { address: "127.0.0.1:8080" page_directory: "%(pages)s" }
"""


class AdaptationTest(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.sluice = stack.enter_context(Sluice(config=self.config(5), arguments=["--concurrency", "1"]))
        self.browser = stack.enter_context(Browser())

    def config(self, delay):
        return CONFIG % {"delay": delay, "pages": os.path.abspath("examples/voice_room/page")}

    def packets_a_second(self):
        before = self.sluice.metric("sluice_rtp_router_voice_in_total")
        begin = time.monotonic()
        time.sleep(2)
        return (self.sluice.metric("sluice_rtp_router_voice_in_total") - before) / (time.monotonic() - begin)

    def test_a_long_line_means_short_frames_until_it_is_short_again(self):
        speaker = Player(self.browser, self.sluice, "far", "speaker")
        speaker.wait_for_state("connected")
        wait_until(lambda: self.sluice.players("far")["speaker"]["rtt_ms"] > 0, "the round trip is known", 30)
        self.assertAlmostEqual(self.packets_a_second(), 50, delta=10)
        self.assertIsNone(self.sluice.players("far")["speaker"]["profile"])

        self.sluice.write_config(self.config(55))
        profile = wait_until(lambda: self.sluice.players("far")["speaker"]["profile"], "a profile is told", 90)  # after some ten of its reports
        self.assertEqual((profile["bandwidth_hz"], profile["frame_ms"]), (8000, 10))
        wait_until(lambda: speaker.page.run("window.sluice.call.profile?.frame_ms") == 10, "the page applies it")
        wait_until(lambda: self.packets_a_second() > 80, "frames of 10 ms")
        self.assertIn("8 kHz, 10 ms", self.sluice.admin("/sessions")[2])

        self.sluice.write_config(self.config(5))
        wait_until(lambda: speaker.page.run("window.sluice.call.profile?.frame_ms") == 20, "all is well again", 90)
        wait_until(lambda: self.packets_a_second() < 60, "frames of 20 ms")


if __name__ == "__main__":
    unittest.main()
