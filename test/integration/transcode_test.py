"""TRANSCODE towards a receiver follows its line and its worker: the TOC byte shows the effect of RTCP and load."""

import json
import subprocess
import unittest

from harness import Sluice, wait_until
from peers import AiortcPlayer

CONFIG = """
listeners {
  name: "voice"
  address: "127.0.0.1:3478"
  filter_chains {
    name: "webrtc"
    filters { typed_config { [type.googleapis.com/sluice.filters.StunTurn] {} } }
    filters { typed_config { [type.googleapis.com/sluice.filters.Impair] { seed: 3 egress { %(line)s } ingress { delay_ms: %(delay)d } } } }
    filters { typed_config { [type.googleapis.com/sluice.filters.DtlsSrtp] {} } }
    filters {
      typed_config {
        [type.googleapis.com/sluice.filters.Opus] { egress { mode: TRANSCODE adaptation { hold_ms: 1000 busy_low_percent: 25 } } }
      }
    }
    filters { typed_config { [type.googleapis.com/sluice.filters.RtpRouter] { rtcp_interval_ms: 500 } } }
  }
}
admin { address: "127.0.0.1:9901" }
join { address: "127.0.0.1:8080" }
"""
NARROWBAND_10_MS = {0, 18}  # SILK, CELT (RFC 6716 table 2)
FULLBAND_20_MS = {15, 31}  # hybrid, CELT
SILK_OR_HYBRID = set(range(16))


def config(line="", delay=0):
    return CONFIG % {"line": line, "delay": delay}


class TranscodeTest(unittest.TestCase):
    def setUp(self):
        self.sluice = self.enterContext(Sluice(config=config(), arguments=["--concurrency", "1"]))
        self.enterContext(AiortcPlayer(self.sluice, "room", "speaker", slots=1))
        self.receiver = self.enterContext(AiortcPlayer(self.sluice, "room", "receiver", slots=1))
        self.expect_configs(FULLBAND_20_MS)

    def expect_configs(self, configs, timeout=30):
        """Waits until the last ten packets all have one of these configurations."""
        last = lambda: set(self.receiver.configs[-10:])
        try:
            wait_until(lambda: len(self.receiver.configs) > 10 and last() <= configs, f"packets of {configs}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last were of {last()}") from error

    def profile(self):
        """The receiver's session in /sessions; empty while the worker has no time to report it."""
        sessions = json.loads(self.sluice.admin("/sessions")[2])["sessions"]
        return next((text for text in map(json.dumps, sessions) if '"player": "receiver"' in text), "")

    def reload(self, *line):
        self.sluice.write_config(config(*line))
        self.assertEqual(self.sluice.admin("/reload", "POST")[0], 200)

    def test_a_far_receiver_gets_narrowband_in_short_frames(self):
        self.reload("delay_ms: 55", 55)
        self.expect_configs(NARROWBAND_10_MS)
        self.reload()
        self.expect_configs(FULLBAND_20_MS)

    def test_a_receiver_that_loses_packets_gets_fec(self):
        self.reload("loss { percent: 10 }")
        self.expect_configs(SILK_OR_HYBRID)
        wait_until(lambda: "FEC" in self.profile(), "FEC is on")
        self.reload()
        self.expect_configs(FULLBAND_20_MS)

    def test_a_busy_worker_encodes_with_less_complexity(self):
        self.assertIn("complexity 10", self.profile())
        load = subprocess.Popen(  # ninety streams to encode
            ["source/load/sluice-load", "--join", self.sluice.join_url, "--players", "10", "--talkers", "10", "--slots", "10",
             "--seconds", "10"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(load.wait)
        wait_until(lambda: "complexity 2" in self.profile(), "complexity 2", 30)
        load.wait()
        wait_until(lambda: "complexity 10" in self.profile(), "complexity 10 again", 30)


if __name__ == "__main__":
    unittest.main()
