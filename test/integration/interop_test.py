"""Clients that have nothing in common but the standards hear each other."""

import unittest

from browser import Browser
from harness import Sluice, wait_until
from peers import AiortcPlayer, GstreamerPlayer


class InteropTest(unittest.TestCase):
    def test_chromium_aiortc_and_gstreamer_hear_each_other(self):
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
