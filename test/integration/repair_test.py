"""Real browsers on lines that lose packets, with and without repair."""

import contextlib
import time
import unittest

from browser import Browser
from harness import Sluice, metric, wait_until
from people import Player

# Outside of SRTP, which would take what is sent again for a replay. 20 ms each way, so a round trip of 40 ms; and loss in one direction.
CONFIG = """
listeners {
  name: "voice"
  address: "127.0.0.1:3478"
  filter_chains {
    name: "webrtc"
    filters { typed_config { [type.googleapis.com/sluice.filters.StunTurn] {} } }
    filters {
      typed_config {
        [type.googleapis.com/sluice.filters.Impair] {
          seed: 11
          ingress { delay_ms: 20 %(up)s }
          egress { delay_ms: 20 %(down)s }
        }
      }
    }
    filters { typed_config { [type.googleapis.com/sluice.filters.DtlsSrtp] {} } }
    %(repair)s
    filters { typed_config { [type.googleapis.com/sluice.filters.RtpRouter] { rtcp_interval_ms: 1000 } } }
  }
}
admin { address: "127.0.0.1:9901" }
join { address: "127.0.0.1:8080" page_directory: "%(pages)s" }
"""
REPAIR = "filters { typed_config { [type.googleapis.com/sluice.filters.Repair] { %s } } }"
CONCEAL = "filters { typed_config { [type.googleapis.com/sluice.filters.Opus] { ingress { mode: CONCEAL } } } }"
FRAME = 960  # samples of 20 ms

INBOUND = """
(async () => {
  const total = {};
  for (const entry of (await window.sluice.pc.getStats()).values()) {
    if (entry.type !== 'inbound-rtp') continue;
    for (const [name, value] of Object.entries(entry)) {
      if (typeof value === 'number') total[name] = (total[name] ?? 0) + value;
    }
  }
  return total;
})()
"""


def listen(up="", down="", repair=None, conceal=False, warm_up=8, seconds=20):
    """What a browser that listens to another one counts within so many seconds, and the proxy's metrics then. What the
    proxy made up itself counts as concealed too."""
    import os

    pages = os.path.abspath("examples/voice_room/page")
    chain = ("" if repair is None else REPAIR % repair) + (CONCEAL if conceal else "")
    config = CONFIG % {"up": up, "down": down, "repair": chain, "pages": pages}
    with contextlib.ExitStack() as stack:
        sluice = stack.enter_context(Sluice(config=config, arguments=["--concurrency", "1"]))
        browser = stack.enter_context(Browser())
        Player(browser, sluice, "lossy", "speaker").wait_for_state("connected")
        listener = Player(browser, sluice, "lossy", "listener", query="&listen=1")
        listener.wait_for_state("connected")
        wait_until(lambda: listener.stats()["packetsReceived"] > 50, "sound flows")
        time.sleep(warm_up)
        before = listener.page.run(INBOUND)
        text_before = sluice.admin("/metrics")[2]
        time.sleep(seconds)
        after = listener.page.run(INBOUND)
        text = sluice.admin("/metrics")[2]
    counted = {name: after[name] - before.get(name, 0) for name in after}
    counted["delay_ms"] = 1000 * counted["jitterBufferDelay"] / counted["jitterBufferEmittedCount"]

    def rise(name, **labels):
        return metric(text, name, **labels) - metric(text_before, name, **labels)

    made_up = FRAME * (rise("sluice_opus_concealed_total", by="plc") + rise("sluice_opus_missing_total")) if conceal else 0
    counted["concealed_share"] = (counted["concealedSamples"] + made_up) / counted["totalSamplesReceived"]

    print(
        f"up {up or '-'} | down {down or '-'} | repair {repair}, conceal {conceal}: {100 * counted['concealed_share']:.2f} % concealed, "
        f"{counted['delay_ms']:.0f} ms in the jitter buffer, {counted['packetsDiscarded']:.0f} discarded, "
        f"{counted['packetsLost']:.0f} lost, {counted.get('nackCount', 0):.0f} NACKs"
    )
    return counted, rise


class RepairTest(unittest.TestCase):
    def recovered(self, rise):
        self.assertGreater(rise("sluice_repair_recovered_total"), 50)
        self.assertEqual(rise("sluice_repair_recovered_late_total"), 0)

    def test_loss_on_the_speakers_line(self):
        # A burst is longer than what RED carries: the rest comes late, and has to be waited for.
        for loss, conceal in (("loss { percent: 10 }", False), ("loss { percent: 10 mean_burst: 3 }", True)):
            with self.subTest(loss=loss):
                without, _ = listen(up=loss)
                self.assertGreater(without["concealed_share"], 0.02)
                repaired, rise = listen(up=loss, repair="uplink { red: true }", conceal=conceal)
                self.recovered(rise)
                self.assertLess(repaired["concealed_share"], without["concealed_share"] / 4)

    def test_a_speaker_without_red_is_asked_again(self):
        loss = "loss { percent: 10 } jitter { max_ms: 20 }"
        without, _ = listen(up=loss)
        repaired, rise = listen(up=loss, repair="uplink {}")
        self.recovered(rise)
        self.assertLess(repaired["concealed_share"], without["concealed_share"] / 2)

    def test_loss_on_the_listeners_line(self):
        loss = "loss { percent: 10 }"
        without, _ = listen(down=loss)
        repaired, rise = listen(down=loss, repair="downlink {}")
        self.assertGreater(rise("sluice_repair_resent_total"), 50)
        self.assertLess(repaired["concealed_share"], without["concealed_share"] / 3)
        voice, resent, red = (rise("sluice_repair_bytes_total", of=of) for of in ("voice", "resent", "red"))
        print(f"{resent:.0f} bytes sent again and {red:.0f} of RED for {voice:.0f} of voice: {100 * (resent + red) / voice:.0f} %")
        self.assertLess(resent + red, voice * 0.4)

    def test_browsers_speak_red_and_understand_ours(self):
        loss = "loss { percent: 10 }"
        heard, rise = listen(up=loss, repair="uplink { red: true nack: false } downlink { nack: false }", seconds=10)
        recovered = rise("sluice_repair_recovered_total", by="red")
        self.assertGreater(recovered, 0.7 * rise("sluice_repair_lost_total"))
        self.assertLess(heard["concealed_share"], 0.03)

        heard, rise = listen(down=loss, repair="uplink { nack: false } downlink { redundancy: ONE nack: false }", seconds=10)
        self.assertGreater(rise("sluice_repair_red_out_total"), 400)
        self.assertLess(heard["concealed_share"], 0.03)


if __name__ == "__main__":
    unittest.main()
