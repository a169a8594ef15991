"""The TURN server as its clients see it: coturn's tools, a hostile client, and the world behind a NAT."""

import json
import os
import re
import socket
import struct
import subprocess
import threading
import unittest

from harness import Sluice, free_ports, wait_until

CONFIG = """
listeners {
  name: "turn"
  address: "127.0.0.1:3478"
  additional_addresses: "[::1]:3478"
  filter_chains {
    name: "turn"
    filters {
      typed_config {
        [type.googleapis.com/sluice.filters.StunTurn] {
          turn { realm: "example.org" rfc5766_channel_numbers: true %s }
        }
      }
    }
  }
}
admin { address: "127.0.0.1:9901" }
credentials {
  users { name: "alice" password: "alice's password" }
  shared_secrets: "a secret that is gone soon"
  shared_secrets: "the secret of this test"
}
"""
LOOPBACK = 'allowed_peers: "127.0.0.0/8" allowed_peers: "::1/128"'


class Echo:
    """coturn's peer."""

    def __init__(self, host):
        self.host, self.port = host, free_ports(1)[0]

    def __enter__(self):
        self.process = subprocess.Popen(["turnutils_peer", "-L", self.host, "-p", str(self.port)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class TurnutilsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sluice = Sluice(CONFIG % LOOPBACK, arguments=["--concurrency", "2"])
        cls.sluice.write_config(
            (CONFIG % LOOPBACK).replace("[::1]:3478", f"[::1]:{cls.sluice.ports['udp']}"))
        cls.sluice.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.sluice.__exit__(None)

    def client(self, *arguments, host="127.0.0.1", peer="127.0.0.1", login=("-u", "alice", "-w", "alice's password")):
        with Echo(peer) as echo:
            return subprocess.run(
                ["turnutils_uclient", *login, "-e", echo.host, "-r", str(echo.port), "-p",
                 str(self.sluice.ports["udp"]), *arguments, host],
                capture_output=True, text=True, timeout=100).stdout

    def all_arrive(self, messages, *arguments, **keywords):
        output = self.client(*arguments, **keywords)
        found = re.search(r"start_mclient: tot_send_msgs=(\d+), tot_recv_msgs=(\d+)\n", output)
        self.assertTrue(found, output[-500:])
        self.assertEqual((int(found[1]), int(found[2])), (messages, messages), output[-500:])
        self.assertIn("Total lost packets 0 ", output)

    def test_channels_of_twenty_clients_lose_none_of_twenty_thousand_messages(self):
        self.all_arrive(20_000, "-c", "-m", "20", "-n", "1000", "-l", "160", "-z", "5")

    def test_send_and_data_indications(self):
        self.all_arrive(200, "-s", "-c", "-m", "4", "-n", "50")

    def test_pairs_of_ports(self):
        self.all_arrive(200, "-m", "4", "-n", "50")

    def test_clients_of_one_server_talk_to_each_other(self):
        self.all_arrive(200, "-y", "-c", "-m", "4", "-n", "50")

    def test_ipv6(self):
        self.all_arrive(80, "-x", "-c", "-m", "4", "-n", "20", host="::1", peer="::1")

    def test_an_ipv6_relay_for_an_ipv4_client(self):
        self.all_arrive(80, "-x", "-c", "-m", "4", "-n", "20", peer="::1")

    def test_both_shared_secrets(self):
        for secret in ("a secret that is gone soon", "the secret of this test"):
            self.all_arrive(20, "-c", "-m", "1", "-n", "20", login=("-u", "bob", "-W", secret))

    def test_a_wrong_password_gets_nothing(self):
        output = self.client("-c", "-m", "1", "-n", "5", login=("-u", "alice", "-w", "wrong"))
        self.assertIn("Cannot complete Allocation", output)
        self.assertNotIn("tot_recv_msgs", output)


if __name__ == "__main__":
    unittest.main()
