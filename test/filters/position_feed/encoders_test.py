"""The encoders in C and Python and the documentation agree on the same datagram."""

import hashlib
import hmac
import math
import re
import subprocess
import sys
import unittest

sys.path.insert(0, "examples/position_feed")

import position_feed  # noqa: E402

PAGE = "docs/filters/position_feed.md"
SECRET = "an example of a secret"
TIME = 1767225600


def from_python():
    feed = position_feed.Feed(7, SECRET, TIME << 32)
    return feed.datagram("lobby", [
        position_feed.record("ann", (1.5, -2, 1e6), (math.pi / 2, -math.pi / 6)),
        position_feed.record("ben", (0, 0.1, -0.1)),
        position_feed.record("eve", None, (-math.pi, 0)),
    ], TIME * 1000 + 123)


class EncodersTest(unittest.TestCase):
    def test_c_and_python_write_the_same_bytes(self):
        printed = subprocess.run(["test/filters/position_feed/print_vector"], check=True, capture_output=True, text=True)
        self.assertEqual(bytes.fromhex(printed.stdout), from_python())

    def test_the_documentation_shows_them(self):
        with open(PAGE, encoding="utf-8") as page:
            blocks = re.findall(r"```text\n(53 4c.*?)```", page.read(), re.DOTALL)
        self.assertEqual([bytes.fromhex(block) for block in blocks], [from_python()])

    def test_the_mac_is_that_of_the_standard_library(self):
        datagram = from_python()
        self.assertEqual(datagram[-32:], hmac.new(SECRET.encode(), datagram[:-32], hashlib.sha256).digest())

    def test_many_players_are_divided_among_datagrams(self):
        feed = position_feed.Feed(1, SECRET)
        players = [(f"player-{i}", (i, 0, 0), (0, 0)) for i in range(200)]
        datagrams = list(feed.datagrams("lobby", players))
        self.assertLessEqual(max(map(len, datagrams)), position_feed.MAX_SIZE)
        counts = [int.from_bytes(datagram[30:32], "big") for datagram in datagrams]
        self.assertEqual(sum(counts), 200)
        sequences = [int.from_bytes(datagram[8:16], "big") for datagram in datagrams]
        self.assertEqual(sequences, list(range(sequences[0], sequences[0] + len(datagrams))))

    def test_wrong_arguments_are_refused(self):
        for wrong in (("", (0, 0, 0)), ("p" * 65, (0, 0, 0)), ("ann", None, None)):
            self.assertRaises(ValueError, position_feed.record, *wrong)


if __name__ == "__main__":
    unittest.main(verbosity=2)
