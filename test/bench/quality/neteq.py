"""Chromium's NetEQ on the lines of //test/bench:quality: a browser receives the same packets as the strategy `none`, at the
same times. media::JitterBuffer is compared with it on the packets captured at the browser.

Usage: bazel run -c opt //test/bench:neteq [-- --quick] [-- --seconds N]
"""

import argparse
import contextlib
import os
import socket
import struct
import subprocess
import threading
import time

import browser
from harness import Sluice, wait_until
from peers import AiortcPlayer
from people import Player

QUALITY = "test/bench/quality/quality"
REPLAY = "test/bench/quality/replay"
SO_TIMESTAMPNS = 35  # <asm-generic/socket.h>
PACKET_OUTGOING = 4  # <linux/if_packet.h>: loopback shows each packet twice
WARM_UP_S = 8  # until the adaptive buffer has adapted

CONFIG = """
listeners {
  name: "voice"
  address: "127.0.0.1:3478"
  filter_chains {
    name: "webrtc"
    filters { typed_config { [type.googleapis.com/sluice.filters.StunTurn] {} } }
    filters { typed_config { [type.googleapis.com/sluice.filters.DtlsSrtp] {} } }
    filters { typed_config { [type.googleapis.com/sluice.filters.RtpRouter] {} } }
  }
}
admin { address: "127.0.0.1:9901" }
join { address: "127.0.0.1:8080" page_directory: "%s" }
"""

# Sums over the streams that play audio.
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


class Capture:
    """The RTP packets that leave `port` on loopback, with the kernel's time of each."""

    def __init__(self, port):
        self.port = port
        self.packets = []  # (microseconds, sequence number, timestamp)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self.socket.bind(("lo", 0))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.settimeout(0.2)
        self.ended = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                packet, control, _, (_, _, kind, *_) = self.socket.recvmsg(2048, 128)
                udp = packet[(packet[0] & 15) * 4 :]
                is_rtp = len(udp) > 20 and udp[8] >> 6 == 2 and not 192 <= udp[9] <= 223
                if kind == PACKET_OUTGOING or not is_rtp or struct.unpack("!H", udp[:2])[0] != self.port:
                    continue
                seconds, nanoseconds = struct.unpack("qq", control[0][2])
                sequence, timestamp = struct.unpack("!HI", udp[10:16])
                self.packets.append((seconds * 1_000_000 + nanoseconds // 1000, sequence, timestamp))

    def end(self):
        self.ended = True
        self.thread.join()
        self.socket.close()


def replay(packets):
    """The output of media::JitterBuffer for them, after the warm-up."""
    text = "".join(f"{at} {sequence} {timestamp}\n" for at, sequence, timestamp in packets)
    out = subprocess.run([REPLAY, str(WARM_UP_S)], input=text, check=True, capture_output=True, text=True).stdout
    return dict(zip(("packets", "late", "missing", "held_ms", "p95_ms"), map(float, out.split())))


def stream(line):
    """(seconds, sequence number, timestamp, payload) of each packet that arrives, in order."""
    out = subprocess.run([QUALITY, "--stream", line], check=True, capture_output=True, text=True).stdout
    packets = [line.split() for line in out.splitlines()]
    return sorted((int(at) / 1e6, int(sequence), int(timestamp), bytes.fromhex(hex)) for at, sequence, timestamp, hex in packets)


def hear(packets, seconds):
    """The counters of the receiver's buffer over this many seconds, and the output of replay() for the same packets."""
    packets = [packet for packet in packets if packet[0] < WARM_UP_S + seconds + 1]
    with contextlib.ExitStack() as stack:
        pages = os.path.abspath("examples/voice_room/page")
        sluice = stack.enter_context(Sluice(config=CONFIG % pages, arguments=["--concurrency", "1"]))
        chromium = stack.enter_context(browser.Browser())
        receiver = Player(chromium, sluice, "bench", "receiver", query="&listen=1")
        receiver.wait_for_state("connected")
        speaker = stack.enter_context(AiortcPlayer(sluice, "bench", "speaker", slots=1, track=None))
        wait_until(lambda: speaker.state() == "connected", "the speaker is connected")
        capture = Capture(sluice.ports["udp"])
        stack.callback(capture.end)
        sending = speaker.send(packets)
        wait_until(lambda: receiver.stats()["packetsReceived"] > 50, "sound flows")
        time.sleep(WARM_UP_S)
        before = receiver.page.run(INBOUND)
        time.sleep(min(seconds, packets[-1][0] - WARM_UP_S - 3))
        after = receiver.page.run(INBOUND)
        sending.cancel()
    heard = {name: after[name] - before.get(name, 0) for name in after}
    heard["buffer_ms"] = 1000 * heard["jitterBufferDelay"] / heard["jitterBufferEmittedCount"]
    return heard, replay(capture.packets)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few lines")
    parser.add_argument("--seconds", type=int, default=30, help="on each line")
    options = parser.parse_args()
    quick = ["--quick"] if options.quick else []
    lines = subprocess.run([QUALITY, "--lines", *quick], check=True, capture_output=True, text=True).stdout.splitlines()

    print(f"{options.seconds} s of speech on each line; buffer: how long a frame is held, from its arrival")
    print(f"\n  {'':<28} {'Chromium':>39} | {'media::JitterBuffer, same packets':>33}")
    print(f"  {'line':<28} {'concealed':>9} {'stretched':>9} {'late':>9} {'buffer':>9} | "
          f"{'late':>7} {'missing':>8} {'buffer':>8} {'p95':>7}")
    print(f"  {'':<28} {'%':>9} {'%':>9} {'%':>9} {'ms':>9} | {'%':>7} {'%':>8} {'ms':>8} {'ms':>7}")
    for line in lines:
        heard, ours = hear(stream(line), options.seconds)
        samples, packets = heard["totalSamplesReceived"], heard["packetsReceived"]
        print(
            f"  {line:<28} {100 * heard['concealedSamples'] / samples:9.2f}"
            f" {100 * heard['insertedSamplesForDeceleration'] / samples:9.2f}"
            f" {100 * heard['packetsDiscarded'] / packets:9.2f} {heard['buffer_ms']:9.1f} |"
            f" {100 * ours['late'] / ours['packets']:7.2f} {100 * ours['missing'] / ours['packets']:8.2f}"
            f" {ours['held_ms']:8.1f} {ours['p95_ms']:7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
