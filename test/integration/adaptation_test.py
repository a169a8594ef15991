"""A speaker on a long line gets a profile, and the page applies it."""

import contextlib
import os
import time
import unittest

from browser import Browser
from harness import Sluice, wait_until
from peers import AiortcPlayer
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



def remb(packet):
    """Bits per second (draft-alvestrand-rmcat-remb section 2.2)."""
    return (int.from_bytes(packet[17:20], "big") & 0x3FFFF) << (packet[17] >> 2)


def tmmbr(packet):
    """Bits per second (RFC 5104 section 4.2.1.1)."""
    word = int.from_bytes(packet[16:20], "big")
    return (word >> 9 & 0x1FFFF) << (word >> 26)


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
        profile = wait_until(lambda: self.sluice.players("far")["speaker"]["profile"], "a profile arrives", 90)  # after about ten of its reports
        self.assertEqual((profile["bandwidth_hz"], profile["frame_ms"]), (8000, 10))
        wait_until(lambda: speaker.page.run("window.sluice.call.profile?.frame_ms") == 10, "the page applies it")
        wait_until(lambda: self.packets_a_second() > 80, "frames of 10 ms")
        self.assertIn("8 kHz, 10 ms", self.sluice.admin("/sessions")[2])

        self.sluice.write_config(self.config(5))
        wait_until(lambda: speaker.page.run("window.sluice.call.profile?.frame_ms") == 20, "all is well again", 90)
        wait_until(lambda: self.packets_a_second() < 60, "frames of 20 ms")

    def test_a_profile_waits_for_a_negotiation_in_progress(self):
        speaker = Player(self.browser, self.sluice, "near", "speaker")
        speaker.wait_for_state("connected")
        frame_ms = speaker.page.run(
            """
            (async () => {
              const {call, pc} = window.sluice;
              await pc.setLocalDescription(await pc.createOffer());
              const applied = call.apply({bandwidth_hz: 8000, frame_ms: 10, bitrate_bps: 16000});
              await pc.setRemoteDescription({type: 'answer', sdp: call.answer});
              await applied;
              return call.profile.frame_ms;
            })()
            """
        )
        self.assertEqual(frame_ms, 10)

    def test_a_native_client_is_told_by_the_feedback_that_it_offered(self):
        self.sluice.write_config(self.config(55))
        self.assertEqual(self.sluice.admin("/reload", "POST")[0], 200)
        with AiortcPlayer(self.sluice, "far", "both", slots=1, feedback=("goog-remb", "ccm tmmbr")) as both, AiortcPlayer(
            self.sluice, "far", "neither", slots=1
        ) as neither:
            self.assertIn("a=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 ccm tmmbr\r\n", both.answer)
            self.assertNotIn("rtcp-fb", neither.answer)
            signalled = lambda player, kind: [p for p in player.rtcp if (p[1], p[0] & 31) == kind]
            REMB, TMMBR = (206, 15), (205, 3)
            wait_until(lambda: signalled(both, REMB) and signalled(both, TMMBR), "a bit rate by RTCP", 30)
            # 16 kb/s of voice, and headers of 56 bytes on each frame of 10 ms.
            self.assertAlmostEqual(remb(signalled(both, REMB)[-1]), 60_800, delta=100)
            self.assertAlmostEqual(tmmbr(signalled(both, TMMBR)[-1]), 60_800, delta=100)
            wait_until(lambda: self.sluice.players("far")["neither"]["profile"], "it has a profile", 30)
            self.assertFalse(signalled(neither, REMB) + signalled(neither, TMMBR))


if __name__ == "__main__":
    unittest.main()
