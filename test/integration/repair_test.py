"""Real browsers on lines that lose packets, with and without repair."""

import contextlib
import io
import os
import subprocess
import tempfile
import time
import unittest
import wave

from browser import Browser
from harness import Sluice, metric, wait_until
from people import Player

# Outward of SRTP, which would treat retransmissions as replays. 20 ms each way, so a round trip of 40 ms; and loss in one
# direction.
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


SENTENCES = (
    "The birch canoe slid on the smooth planks.", "Over there!", "Glue the sheet to the dark blue background.",
    "Go left.", "These days a chicken leg is a rare dish.", "Wait.", "The juice of lemons makes fine punch.",
)
# Changes the answer as a game would: the client sends nothing in pauses (RFC 7587 section 6.1).
DTX = """
const set = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function({type, sdp}) {
  return set.call(this, {type, sdp: sdp.replace(/useinbandfec=1/g, 'useinbandfec=1;usedtx=1')});
};
"""


def record_speech(path):
    """Sentences with pauses of 0.8 to 1.6 s between them."""
    with wave.open(path, "wb") as out:
        for i, sentence in enumerate(SENTENCES):
            spoken = subprocess.run(["espeak-ng", "--stdout", "-v", "en-us+m3", sentence], check=True, capture_output=True).stdout
            with wave.open(io.BytesIO(spoken)) as one:
                if i == 0:
                    out.setparams(one.getparams())
                rate = one.getframerate()
            out.writeframes(spoken[spoken.find(b"data") + 8 :])  # the length in a stream's header is invalid
            out.writeframes(bytes(2 * int(rate * (0.8 + 0.4 * (i % 3)))))


class Line:
    """A speaker and a receiver, in two pages, on a proxy with these impairments."""

    def __init__(self, stack, browser, before, up="", down="", repair=None, conceal=False):
        self.name = f"up {up or '-'} | down {down or '-'} | repair {repair}, conceal {conceal}"
        self.conceal = conceal
        pages = os.path.abspath("examples/voice_room/page")
        chain = ("" if repair is None else REPAIR % repair) + (CONCEAL if conceal else "")
        config = CONFIG % {"up": up, "down": down, "repair": chain, "pages": pages}
        self.sluice = stack.enter_context(Sluice(config=config, arguments=["--concurrency", "1"]))
        self.speaker = Player(browser, self.sluice, "lossy", "speaker", before=before)
        self.receiver = Player(browser, self.sluice, "lossy", "receiver", query="&listen=1")

    def connected(self):
        for player in (self.speaker, self.receiver):
            player.wait_for_state("connected")
        wait_until(lambda: self.receiver.stats()["packetsReceived"] > 50, "sound flows")

    def counters(self):
        """The browser's, and the proxy's metrics."""
        return self.receiver.page.run(INBOUND), self.sluice.admin("/metrics")[2]

    def result(self, begin, end):
        """What the browser has counted between the two, and the rise of the proxy's metrics. Frames that the proxy created
        count as concealed too."""
        (before, text_before), (after, text) = begin, end
        counted = {name: after[name] - before.get(name, 0) for name in after}
        for name, total in (("delay_ms", "jitterBufferDelay"), ("target_ms", "jitterBufferTargetDelay")):
            counted[name] = 1000 * counted[total] / counted["jitterBufferEmittedCount"]

        def rise(name, **labels):
            return metric(text, name, **labels) - metric(text_before, name, **labels)

        made_up = 0
        if self.conceal:
            made_up = FRAME * (rise("sluice_opus_concealed_total", by="plc") + rise("sluice_opus_missing_total"))
        counted["concealed_share"] = (counted["concealedSamples"] + made_up) / counted["totalSamplesReceived"]
        print(
            f"{self.name}: {100 * counted['concealed_share']:.2f} % concealed, {counted['delay_ms']:.0f} ms in the jitter "
            f"buffer (target {counted['target_ms']:.0f}), {counted['packetsDiscarded']:.0f} discarded, {counted['packetsLost']:.0f} lost, "
            f"{counted.get('nackCount', 0):.0f} NACKs"
        )
        return counted, rise


def listen_to_each(*lines, dtx=False, warm_up=6, seconds=15):
    """The results of several lines, measured at the same time over this many seconds. All pages are in one browser: the
    start of another one would disturb the measurement."""
    with contextlib.ExitStack() as stack:
        speech = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), "speech.wav")
        if dtx:
            record_speech(speech)
        browser = stack.enter_context(Browser(microphone=speech if dtx else None))
        opened = [Line(stack, browser, DTX if dtx else None, **line) for line in lines]
        for line in opened:
            line.connected()
        time.sleep(warm_up)
        begin = [line.counters() for line in opened]
        time.sleep(seconds)
        end = [line.counters() for line in opened]
        return [line.result(*both) for line, *both in zip(opened, begin, end)]


class RepairTest(unittest.TestCase):
    def recovered(self, rise):
        recovered = rise("sluice_repair_recovered_total")
        self.assertGreater(recovered, 30)
        self.assertLess(rise("sluice_repair_recovered_late_total"), recovered / 10)

    def test_loss_on_the_speakers_line(self):
        # A burst is longer than RED covers: the rest arrives late, and the buffer has to wait for it.
        losses = (("loss { percent: 10 }", False), ("loss { percent: 10 mean_burst: 3 }", True))
        results = iter(listen_to_each(*(line for loss, conceal in losses for line in (
            {"up": loss}, {"up": loss, "repair": "uplink { red: true }", "conceal": conceal}))))
        for loss, _ in losses:
            (without, _), (repaired, rise) = next(results), next(results)
            with self.subTest(loss=loss):
                self.assertGreater(without["concealed_share"], 0.02)
                self.recovered(rise)
                self.assertLess(repaired["concealed_share"], without["concealed_share"] / 4)

    def test_loss_on_the_receivers_line(self):
        # With `prefer: DELAY`, RED replaces retransmission after 3 s. Chromium's jitter buffer takes another 6 s to lower its
        # target, and longer to reach it: it shortens only sound that allows it. So the targets are compared, after 12 s.
        loss = "loss { percent: 10 }"
        (without, _), (repaired, rise), (redundant, rise_redundant) = listen_to_each(
            {"down": loss}, {"down": loss, "repair": "downlink {}"}, {"down": loss, "repair": "downlink { prefer: DELAY }"},
            warm_up=12,
        )
        self.assertGreater(rise("sluice_repair_resent_total"), 50)
        self.assertLess(repaired["concealed_share"], without["concealed_share"] / 3)
        voice, resent, red = (rise("sluice_repair_bytes_total", of=of) for of in ("voice", "resent", "red"))
        print(f"{resent:.0f} bytes sent again and {red:.0f} of RED for {voice:.0f} of voice: {100 * (resent + red) / voice:.0f} %")
        self.assertLess(resent + red, voice * 0.4)

        # With prefer: DELAY.
        self.assertGreater(rise_redundant("sluice_repair_red_out_total"), 300)
        self.assertGreater(rise_redundant("sluice_repair_refused_total", reason="redundant"), 0)
        self.assertLess(redundant["concealed_share"], without["concealed_share"] / 3)
        self.assertLess(redundant["target_ms"], repaired["target_ms"])

    def test_loss_with_discontinuous_transmission(self):
        # In a pause whose beginning was lost, a browser conceals 400 ms, until the next packet arrives.
        loss = "loss { percent: 10 }"
        (without, _), (asked, _), (concealed, _), (without_down, _), (repaired_down, _) = listen_to_each(
            {"up": loss},
            {"up": loss, "repair": "uplink {}"},
            {"up": loss, "repair": "uplink {}", "conceal": True},
            {"down": loss},
            {"down": loss, "repair": "downlink {}"},
            dtx=True,
            seconds=30,
        )
        self.assertGreater(without["concealed_share"], 0.01)
        self.assertLess(without["packetsReceived"], 30 * 45)  # it pauses
        for repaired in (asked, concealed):
            self.assertLess(repaired["concealed_share"], without["concealed_share"] / 4)
        self.assertLess(concealed["delay_ms"], 150)  # not 280, as when retransmissions arrived 400 ms late
        self.assertLess(repaired_down["concealed_share"], without_down["concealed_share"] / 3)

    def test_retransmission_without_red_and_red_without_retransmission(self):
        loss, jitter = "loss { percent: 10 }", "jitter { max_ms: 20 }"
        (without, _), (repaired, rise), (heard, rise_red), (understood, rise_ours) = listen_to_each(
            {"up": f"{loss} {jitter}"},
            {"up": f"{loss} {jitter}", "repair": "uplink {}"},
            {"up": loss, "repair": "uplink { red: true nack: false } downlink { nack: false }"},
            {"down": loss, "repair": "uplink { nack: false } downlink { redundancy: ONE nack: false }"},
        )
        self.recovered(rise)
        self.assertLess(repaired["concealed_share"], without["concealed_share"] / 2)

        # Browsers send RED and understand the proxy's.
        recovered = rise_red("sluice_repair_recovered_total", by="red")
        self.assertGreater(recovered, 0.7 * rise_red("sluice_repair_lost_total"))
        self.assertLess(heard["concealed_share"], 0.03)
        self.assertGreater(rise_ours("sluice_repair_red_out_total"), 400)
        self.assertLess(understood["concealed_share"], 0.03)


if __name__ == "__main__":
    unittest.main()
