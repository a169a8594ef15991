"""A native client that splits its messages, through the proxy to an upstream without support for the format, and back."""

import os
import random
import socket
import struct
import threading
import unittest

from harness import Sluice, free_ports, wait_until

HEADER = struct.Struct("!BHB")
VERSION = 0xF1


def config(upstream):
    return f"""
listeners {{
  name: "udp"
  address: "127.0.0.1:3478"
  filter_chains {{
    name: "native"
    filters {{ typed_config {{ [type.googleapis.com/sluice.filters.Fragment] {{ max_datagram_bytes: 600 }} }} }}
    filters {{ typed_config {{ [type.googleapis.com/sluice.filters.Forward] {{ cluster: "echo" }} }} }}
  }}
}}
clusters {{ name: "echo" endpoints: "127.0.0.1:{upstream}" }}
admin {{ address: "127.0.0.1:9901" }}
"""


def payload(size):
    """Any data that does not begin like a fragment."""
    return b"\x7f" + os.urandom(size - 1)


def split(message, number, size):
    """As docs/filters/fragment.md defines it."""
    parts = [message[at : at + size] for at in range(0, len(message), size)]
    last = len(parts) - 1
    return [HEADER.pack(VERSION, number, index << 4 | last) + part for index, part in enumerate(parts)]


def join(datagrams):
    """The message with one id."""
    parts = {}
    for datagram in datagrams:
        version, number, place = HEADER.unpack_from(datagram)
        assert version == VERSION
        parts[place >> 4] = datagram[HEADER.size :]
        last, first = place & 15, number
    assert sorted(parts) == list(range(last + 1)), (first, sorted(parts), last)
    return b"".join(parts[index] for index in range(last + 1))


class Fragment(unittest.TestCase):
    def setUp(self):
        (self.upstream,) = free_ports(1)
        self.seen = []
        echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        echo.bind(("127.0.0.1", self.upstream))
        echo.settimeout(0.1)
        self.open = True

        def run():
            while self.open:
                try:
                    data, sender = echo.recvfrom(4096)
                except TimeoutError:
                    continue
                self.seen.append(data)
                echo.sendto(data, sender)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(echo.close)
        self.addCleanup(thread.join)
        self.addCleanup(setattr, self, "open", False)

    def client(self, proxy):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.connect(("127.0.0.1", proxy.ports["udp"]))
        client.settimeout(5)
        return client

    def test_messages_are_reassembled_and_replies_are_split(self):
        order = random.Random(1)
        with Sluice(config(self.upstream)) as proxy:
            client = self.client(proxy)
            for number in range(200):
                message = payload(order.randint(700, 1500))
                fragments = split(message, number, 300)
                fragments.append(order.choice(fragments))
                order.shuffle(fragments)
                for fragment in fragments:
                    client.send(fragment)
                answer = [client.recv(2048)]
                for _ in range(HEADER.unpack_from(answer[0])[2] & 15):
                    answer.append(client.recv(2048))
                self.assertLessEqual(max(map(len, answer)), 600)
                self.assertEqual(join(answer), message)
                self.assertEqual(self.seen[-1], message)
            self.assertEqual(proxy.metric("sluice_fragment_joined_total"), 200)
            self.assertEqual(proxy.metric("sluice_fragment_split_total"), 200)
            self.assertEqual(proxy.metric("sluice_filter_drops_total", reason="duplicate"), 200)
            self.assertEqual(proxy.metric("sluice_worker_packets_unaccounted_total"), 0)

    def test_a_client_that_does_not_split_is_sent_no_fragments(self):
        with Sluice(config(self.upstream)) as proxy:
            client = self.client(proxy)
            message = payload(1400)
            client.send(message)
            self.assertEqual(client.recv(2048), message)
            self.assertEqual(proxy.metric("sluice_fragment_split_total"), 0)

    def test_an_unfinished_message_is_dropped_in_time(self):
        with Sluice(config(self.upstream)) as proxy:
            client = self.client(proxy)
            client.send(split(bytes(1000), 1, 300)[0])
            wait_until(
                lambda: proxy.metric("sluice_filter_drops_total", reason="incomplete") == 1, "it is dropped"
            )
            self.assertEqual(self.seen, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
