"""More open microphones than slots, in real browsers: a slot is assigned to the one that speaks."""

import contextlib
import time
import unittest

from browser import Browser
from harness import Sluice, wait_until
from people import Player

ROOM = "town"
SPEAKERS = 5
SYLLABLE_S = 0.1
PAUSE_S = 0.8
ROUNDS = 3

# A microphone that is always open and silent until speak(), which resolves when the syllable has ended.
OPEN_MICROPHONE = """
navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext();
  await context.resume();
  const tone = new OscillatorNode(context, {frequency: 440});
  const voice = new GainNode(context, {gain: 0});
  const out = context.createMediaStreamDestination();
  tone.connect(voice).connect(out);
  tone.start();
  window.speak = (seconds) => {
    const begin = context.currentTime + 0.02;
    voice.gain.setValueAtTime(0.5, begin);
    voice.gain.setValueAtTime(0, begin + seconds);
    return new Promise((resolve) => setTimeout(resolve, (seconds + 0.02) * 1000));
  };
  return out.stream;
};
"""

# A receiver with the requested number of slots; the shipped page has more.
RECEIVE = """
(async () => {
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  pc.ontrack = ({track}) => {
    const audio = document.createElement('audio');
    audio.srcObject = new MediaStream([track]);
    audio.play();
    document.body.append(audio);
  };
  for (let i = 0; i < SLOTS; ++i) pc.addTransceiver('audio', {direction: 'recvonly'});
  await pc.setLocalDescription();
  const response = await fetch('/v1/rooms/PATH', {
    method: 'POST', headers: {'Content-Type': 'application/sdp'}, body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: 'answer', sdp: await response.text()});
})()
"""
ENERGY = """
(async () => [...(await pc.getStats()).values()].filter((entry) => entry.type === 'inbound-rtp')
    .reduce((sum, entry) => sum + entry.totalAudioEnergy, 0))()
"""


class OpenMicrophones(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.sluice = stack.enter_context(Sluice(arguments=["--concurrency", "2"]))
        self.browser = stack.enter_context(Browser())

    def receiver(self, name, slots):
        page = self.browser.open(f"{self.sluice.join_url}/?room=elsewhere")
        wait_until(lambda: page.run("window.sluice !== undefined"), "the page is loaded")
        page.run(RECEIVE.replace("SLOTS", str(slots)).replace("PATH", f"{ROOM}/players/{name}"))
        wait_until(lambda: page.run("pc.connectionState") == "connected", "the receiver is connected")
        return page

    def syllable(self, speaker, receivers):
        """The energy that each receiver plays during a syllable and during the pause after it, longer than slot_hold_ms."""
        before = [receiver.run(ENERGY) for receiver in receivers]
        speaker.page.run(f"speak({SYLLABLE_S})")
        time.sleep(PAUSE_S)
        return [receiver.run(ENERGY) - energy for receiver, energy in zip(receivers, before)]

    def test_each_of_five_is_heard_on_two_slots_from_the_first_100_ms_of_speech(self):
        speakers = [Player(self.browser, self.sluice, ROOM, f"speaker-{i}", OPEN_MICROPHONE)
                    for i in range(SPEAKERS)]
        for speaker in speakers:
            speaker.wait_for_state("connected")
        receivers = [self.receiver("two", slots=2), self.receiver("all", slots=SPEAKERS)]
        wait_until(lambda: min(s.stats()["packetsSent"] for s in speakers) > 50, "silence flows")
        for turn in range(ROUNDS):
            for speaker in speakers:
                two, all_slots = self.syllable(speaker, receivers)
                print(f"round {turn}, {speaker.name}: energy {two:.4f} on two slots, {all_slots:.4f} on {SPEAKERS}")
                self.assertGreater(all_slots, 0.01)
                self.assertGreater(two, all_slots / 4)  # the statistics are updated in steps
        self.assertEqual(self.sluice.metric("sluice_filter_drops_total", reason="no_slot"), 0)
        self.assertGreater(self.sluice.metric("sluice_filter_drops_total", reason="silence"), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
