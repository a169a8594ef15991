"""What Chromium's NetEQ makes of the lines of //test/bench:quality: one browser hears another through `impair`.

Usage: bazel run -c opt //test/bench:neteq [-- --quick] [-- --seconds N]
"""

import argparse
import contextlib
import os
import subprocess
import tempfile
import time

import browser
from harness import Sluice, wait_until
from people import Player

QUALITY = "test/bench/quality/quality"
WARM_UP_S = 8  # a buffer that adapts has done so

CONFIG = """
listeners {
  name: "voice"
  address: "127.0.0.1:3478"
  filter_chains {
    name: "webrtc"
    filters { typed_config { [type.googleapis.com/sluice.filters.StunTurn] {} } }
    filters { typed_config { [type.googleapis.com/sluice.filters.Impair] { seed: 1 egress { only: RTP %(line)s } } } }
    filters { typed_config { [type.googleapis.com/sluice.filters.DtlsSrtp] {} } }
    filters { typed_config { [type.googleapis.com/sluice.filters.RtpRouter] {} } }
  }
}
admin { address: "127.0.0.1:9901" }
join { address: "127.0.0.1:8080" page_directory: "%(pages)s" }
"""

# Sums over the lines that hear something.
INBOUND = """
(async () => {
  const total = {};
  for (const entry of (await window.sluice.pc.getStats()).values()) {
    if (entry.type !== 'inbound-rtp' || !entry.packetsReceived) continue;
    for (const [name, value] of Object.entries(entry)) {
      if (typeof value === 'number') total[name] = (total[name] ?? 0) + value;
    }
  }
  return total;
})()
"""

SPEECH = (
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to tell the "
    "depth of a well. These days a chicken leg is a rare dish. Rice is often served in round bowls. The juice of "
    "lemons makes fine punch. The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage."
)


def hear(line, seconds):
    """What the listener's buffer did in so many seconds."""
    config = CONFIG % {"line": line, "pages": os.path.abspath("examples/voice_room/page")}
    with contextlib.ExitStack() as stack:
        sluice = stack.enter_context(Sluice(config=config, arguments=["--concurrency", "1"]))
        chromium = stack.enter_context(browser.Browser())
        Player(chromium, sluice, "bench", "speaker").wait_for_state("connected")
        listener = Player(chromium, sluice, "bench", "listener", query="&listen=1")
        listener.wait_for_state("connected")
        wait_until(lambda: listener.stats()["packetsReceived"] > 50, "sound flows")
        time.sleep(WARM_UP_S)
        before = listener.page.run(INBOUND)
        time.sleep(seconds)
        after = listener.page.run(INBOUND)
    return {name: after[name] - before.get(name, 0) for name in after}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few lines")
    parser.add_argument("--seconds", type=int, default=30, help="on each line")
    options = parser.parse_args()
    lines = subprocess.run(
        [QUALITY, "--lines", *(["--quick"] if options.quick else [])], check=True, capture_output=True, text=True
    ).stdout.splitlines()

    with tempfile.TemporaryDirectory() as directory:
        speech = os.path.join(directory, "speech.wav")
        subprocess.run(["espeak-ng", "-v", "en-us+m3", "-w", speech, SPEECH], check=True)
        browser.FLAGS.append(f"--use-file-for-fake-audio-capture={speech}")

        print(f"{options.seconds} s of speech on each line; delay: from sending to playing, without the line's fixed delay")
        print(f"\n  {'line':<28} {'concealed':>9} {'inserted':>9} {'removed':>9} {'late':>6} {'buffer':>7} {'delay':>7}")
        print(f"  {'':<28} {'%':>9} {'%':>9} {'%':>9} {'%':>6} {'ms':>7} {'ms':>7}")
        for each in lines:
            name, line, mean_jitter = each.split("\t")
            heard = hear(line, options.seconds)
            samples, packets = heard["totalSamplesReceived"], heard["packetsReceived"]
            buffer = 1000 * heard["jitterBufferDelay"] / heard["jitterBufferEmittedCount"]
            print(
                f"  {name:<28} {100 * heard['concealedSamples'] / samples:9.2f}"
                f" {100 * heard['insertedSamplesForDeceleration'] / samples:9.2f}"
                f" {100 * heard['removedSamplesForAcceleration'] / samples:9.2f}"
                f" {100 * heard['packetsDiscarded'] / packets:6.2f} {buffer:7.1f} {buffer + float(mean_jitter):7.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
