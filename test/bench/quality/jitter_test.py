"""60 ms of jitter: media::JitterBuffer loses almost nothing, and holds packets hardly longer than Chromium on the same packets."""

import unittest

import neteq


class JitterTest(unittest.TestCase):
    def test_sixty_milliseconds(self):
        heard, ours = neteq.hear(neteq.stream("60 ms jitter"), seconds=20)
        print(f"Chromium holds {heard['buffer_ms']:.0f} ms; ours, for the same packets: {ours}")
        self.assertGreater(ours["packets"], 900)
        self.assertLess(ours["late"], 0.01 * ours["packets"])
        self.assertLess(ours["held_ms"], 1.2 * heard["buffer_ms"])


if __name__ == "__main__":
    unittest.main()
