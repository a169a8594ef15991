"""Clients with independent implementations receive each other's voice."""

import unittest

from browser import Browser
from harness import Sluice, wait_until
from peers import AiortcPlayer, GstreamerPlayer

VIDEO_FIRST = """
(async () => {
  const microphone = (await navigator.mediaDevices.getUserMedia({audio: true})).getAudioTracks()[0];
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  pc.ontrack = ({track}) => {  // Chromium decodes what it plays
    window.sound = new Audio();
    window.sound.srcObject = new MediaStream([track]);
    window.sound.play();
  };
  pc.addTransceiver('video');
  pc.addTransceiver(microphone, {direction: 'sendonly'});
  pc.addTransceiver('audio', {direction: 'recvonly'});
  await pc.setLocalDescription();
  const response = await fetch('/v1/rooms/video/players/chromium',
      {method: 'POST', headers: {'Content-Type': 'application/sdp'}, body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: 'answer', sdp: await response.text()});
})()
"""
HEARD = """
(async () => [...(await window.pc.getStats()).values()]
    .filter((entry) => entry.type === 'inbound-rtp')
    .reduce((sum, entry) => sum + entry.totalAudioEnergy, 0))()
"""


class InteropTest(unittest.TestCase):
    def test_chromium_aiortc_and_gstreamer_receive_each_other(self):
        with Sluice(arguments=["--concurrency", "2"]) as sluice, Browser() as browser:
            page = browser.open(f"{sluice.join_url}/?room=tower&name=chromium&autojoin=1")
            with AiortcPlayer(sluice, "tower", "aiortc") as aiortc, GstreamerPlayer(
                sluice, "tower", "gstreamer"
            ) as gstreamer:
                wait_until(lambda: aiortc.state() == "connected", "aiortc is connected")
                wait_until(lambda: gstreamer.state() == "connected", "GStreamer is connected")
                wait_until(lambda: page.run("window.sluice?.state") == "connected", "Chromium is connected")

                wait_until(lambda: sum(n > 50 for n in aiortc.loud_frames) == 2, "aiortc hears two", 30)
                wait_until(
                    lambda: sum(n > 50 for n in gstreamer.loud_buffers.values()) == 2, "GStreamer hears two", 30
                )

                def heard_by_chromium():
                    inbound = page.run("window.sluice.stats()")["inbound"]
                    return [s for s in inbound if s["packetsReceived"] > 100 and s["totalAudioEnergy"] > 0.01]

                wait_until(lambda: len(heard_by_chromium()) == 2, "Chromium hears two", 30)
                players = sluice.players("tower")
                self.assertEqual(set(players), {"chromium", "aiortc", "gstreamer"})
                voices = set(page.run("[...window.sluice.voices().keys()]"))
                self.assertEqual(voices, {players["aiortc"]["csrc"], players["gstreamer"]["csrc"]})
            wait_until(lambda: set(sluice.players("tower")) == {"chromium"}, "the others have left", 3)

    def test_max_bundle_with_video_first(self):
        """Chromium refuses an answer that rejects the media section whose transport the bundle uses."""
        with Sluice() as sluice, Browser() as browser:
            with AiortcPlayer(sluice, "video", "aiortc") as aiortc:
                page = browser.open(sluice.join_url)
                wait_until(lambda: page.run("Boolean(window.sluice)"), "the page is loaded")
                page.run(VIDEO_FIRST)
                wait_until(lambda: page.run("window.pc.connectionState") == "connected", "Chromium is connected")
                wait_until(lambda: sum(n > 50 for n in aiortc.loud_frames) == 1, "aiortc hears Chromium", 30)
                wait_until(lambda: page.run(HEARD) > 0.01, "Chromium hears aiortc", 30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
