"""A thousand reloads of many kinds in a minute, over forty players, a TURN relay and two browsers: none is disturbed."""

import time
import unittest

from crowd import Crowd
from edits import Edits
from harness import Sluice

SEED, RELOADS, SECONDS = 20261125, 1000, 60


class ReloadStorm(unittest.TestCase):
    def test_a_thousand_reloads_in_a_minute_lose_no_packet_and_end_no_session(self):
        edits = Edits(SEED)
        with Sluice(edits.text(), arguments=("--concurrency", "2")) as proxy, Crowd(self, proxy, SECONDS + 8) as crowd:
            begin = time.monotonic()
            for number in range(RELOADS):
                kind = edits.step()
                proxy.write_config(edits.text())
                status, _, body = proxy.admin("/reload", "POST")
                self.assertEqual(status, 200, f"{kind}: {body}")
                time.sleep(max(0, begin + (number + 1) * SECONDS / RELOADS - time.monotonic()))
            took = time.monotonic() - begin
            print(f"{RELOADS} reloads in {took:.1f} s: {edits.changed}")
            crowd.check()
            self.assertGreater(min(edits.changed.values()), 50, edits.changed)
            self.assertLess(took, SECONDS * 1.1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
