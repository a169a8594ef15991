"""A bad line in front of an upstream: its loss and delay, the end of both after a reload, and repetition with a seed."""

import socket
import struct
import threading
import time
import unittest

from harness import Sluice, free_ports

PACKETS = 2000


def config(upstream, impair):
    return f"""
listeners {{
  name: "udp"
  address: "127.0.0.1:3478"
  filter_chains {{
    name: "bad_line"
    filters {{ typed_config {{ [type.googleapis.com/sluice.filters.Impair] {{ {impair} }} }} }}
    filters {{ typed_config {{ [type.googleapis.com/sluice.filters.Forward] {{ cluster: "sink" }} }} }}
  }}
}}
clusters {{ name: "sink" endpoints: "127.0.0.1:{upstream}" }}
admin {{ address: "127.0.0.1:9901" }}
"""


class Sink:
    """Records the arrival time of each numbered datagram."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", port))
        self.socket.settimeout(0.1)
        self.arrivals = {}
        self.order = []
        self.open = True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.open:
            try:
                (number,) = struct.unpack("!I", self.socket.recv(2048)[:4])
            except TimeoutError:
                continue
            self.arrivals[number] = time.monotonic()
            self.order.append(number)

    def close(self):
        self.open = False
        self.thread.join()
        self.socket.close()


class Impair(unittest.TestCase):
    def setUp(self):
        (port,) = free_ports(1)
        self.sink = Sink(port)
        self.addCleanup(self.sink.close)
        self.upstream = port

    def send(self, proxy, numbers, pause=0.001):
        """Send times by number; returns when all datagrams that were not lost have arrived."""
        sent = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for number in numbers:
                sent[number] = time.monotonic()
                client.sendto(struct.pack("!I", number) + bytes(96), ("127.0.0.1", proxy.ports["udp"]))
                time.sleep(pause)
            time.sleep(0.5)
        return sent

    def test_loses_and_delays_as_configured_until_a_reload_repairs_the_line(self):
        bad = "seed: 1 ingress { loss { percent: 10 } delay_ms: 40 }"
        with Sluice(config(self.upstream, bad)) as proxy:
            sent = self.send(proxy, range(PACKETS))
            lost = proxy.metric("sluice_filter_drops_total", filter="impair", reason="lost")
            self.assertEqual(len(self.sink.arrivals), PACKETS - lost)
            self.assertEqual(self.sink.order, sorted(self.sink.order), "a fixed delay keeps the order")
            # Three standard deviations of a binomial distribution.
            self.assertAlmostEqual(lost / PACKETS, 0.1, delta=3 * (0.1 * 0.9 / PACKETS) ** 0.5)
            delays = sorted(arrival - sent[number] for number, arrival in self.sink.arrivals.items())
            self.assertGreaterEqual(delays[0], 0.0395)
            self.assertLess(delays[len(delays) // 2], 0.045)

            proxy.write_config(config(self.upstream, "seed: 1 ingress { loss { percent: 0 } }"))
            self.assertEqual(proxy.admin("/reload", "POST")[0], 200)
            self.sink.arrivals.clear()
            sent = self.send(proxy, range(PACKETS))
            self.assertEqual(len(self.sink.arrivals), PACKETS)
            self.assertEqual(proxy.metric("sluice_filter_drops_total", filter="impair", reason="lost"), lost)
            delays = sorted(arrival - sent[number] for number, arrival in self.sink.arrivals.items())
            self.assertLess(delays[len(delays) // 2], 0.005)

    def test_the_same_seed_loses_the_same_packets(self):
        runs = []
        for seed in (42, 42, 43):
            bad = f"seed: {seed} ingress {{ loss {{ percent: 20 mean_burst: 3 }} }}"
            with Sluice(config(self.upstream, bad)) as proxy:
                self.sink.arrivals.clear()
                self.send(proxy, range(500), pause=0)
                runs.append(set(self.sink.arrivals))
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], runs[2])

    def test_warns_at_load_that_it_impairs(self):
        with Sluice(config(self.upstream, "")) as proxy:
            self.assertIn("impairs packets on purpose", proxy.log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
