"""The TURN server with many clients: ten thousand allocations, and floods of unknown clients."""

import os
import re
import socket
import struct
import subprocess
import time
import unittest

from harness import wait_until
from turn_client import ALLOCATE, BINDING, LIFETIME, REFRESH, UDP, Response, TurnClient, message
from turn_server import LOOPBACK, Sink, started

SOFTWARE = 0x8022
IP_PKTINFO = 8  # ip(7); Python's socket module does not have it
FLOOD = "test/bench/turn_flood"
RATE = 55_000  # so that 50,000 a second are certain


def resident_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def kernel_drops(*ports):
    """The datagrams that did not fit into the receive queues of these ports (proc(5), /proc/net/udp)."""
    with open("/proc/net/udp", encoding="ascii") as file:
        rows = [line.split() for line in list(file)[1:]]
    return sum(int(row[-1]) for row in rows if int(row[1].split(":")[1], 16) in ports)


class Peers:
    """Any number of peers on one socket: each has its own address and echoes received datagrams."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.socket.bind(("0.0.0.0", 0))
        self.socket.settimeout(5)
        self.port = self.socket.getsockname()[1]

    def echo(self):
        data, (control,), _, sender = self.socket.recvmsg(2000, 100)
        reached = struct.unpack("I4s4s", control[2])[2]
        info = struct.pack("I4s4s", 0, reached, bytes(4))
        self.socket.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, sender)
        return data

    def close(self):
        self.socket.close()


class ManyTest(unittest.TestCase):
    COUNT = 10_000

    def many(self, relays):
        """Descriptors, KiB per allocation, seconds, descriptors left at the end; all relay, and all end."""
        limits = "limits { max_sessions_per_source: 100000 max_sessions: 100000 }"
        options = f"{LOOPBACK} relays: {relays} max_allocations: 20000 max_allocations_per_user: 20000"
        peers = Peers()
        self.addCleanup(peers.close)
        with started(options, extra=limits, listener="idle_timeout_s: 5") as sluice:
            server = ("127.0.0.1", sluice.ports["udp"])
            with TurnClient(server) as first:
                first.allocate()
                self.assertEqual(first.request(REFRESH, (LIFETIME, bytes(4))).code, 0)
            files, memory, began = descriptors(sluice.process), resident_kib(sluice.process), time.monotonic()
            clients = []
            for i in range(self.COUNT):
                clients.append(TurnClient(server, host=f"127.0.{1 + i // 250}.{1 + i % 250}"))
                self.addCleanup(clients[-1].socket.close)
                clients[-1].allocate()
            seconds = time.monotonic() - began
            kib = (resident_kib(sluice.process) - memory) / self.COUNT
            used = descriptors(sluice.process)
            print(f"{relays}: {self.COUNT} allocations in {seconds:.1f} s, {kib:.1f} KiB each, {used} descriptors")
            for i, client in enumerate(clients):
                self.assertEqual(client.bind(0x4000, f"127.100.{1 + i // 250}.{1 + i % 250}", peers.port), 0)
                client.send_channel(0x4000, b"to and fro %d" % i)
                self.assertEqual(peers.echo(), b"to and fro %d" % i)
                self.assertEqual(client.receive(), b"to and fro %d" % i)
            for client in clients:
                self.assertEqual(client.request(REFRESH, (LIFETIME, bytes(4))).code, 0)
            ended = "sluice_stun_turn_allocations_ended_total"
            self.assertEqual(sluice.metric(ended, reason="client"), self.COUNT + 1)
            self.assertEqual(sluice.metric("sluice_stun_turn_live_allocations"), 0)
            wait_until(lambda: sluice.metric("sluice_sessions") == 0, "the sessions end", timeout=30)
            left = descriptors(sluice.process) - files
        return used, kib, seconds, left

    def test_ten_thousand_allocations_with_a_separate_port_each(self):
        used, kib, seconds, left = self.many("PER_ALLOCATION")
        self.assertLess(used, self.COUNT + 200)
        self.assertLess(left, 10)
        self.assertLess(kib, 8)
        self.assertLess(seconds, 30)

    def test_ten_thousand_allocations_on_few_descriptors(self):
        used, kib, seconds, left = self.many("SHARED")
        self.assertLess(used, 100)
        self.assertLess(left, 30)  # shared ports stay
        self.assertLess(kib, 8)
        self.assertLess(seconds, 30)


class ArrivalTest(unittest.TestCase):
    COUNT = 200

    def test_two_hundred_clients_behind_one_address_that_start_at_once_all_get_responses(self):
        with started(LOOPBACK, arguments=("--concurrency", "1")) as sluice:
            sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(self.COUNT)]
            for each in sockets:
                self.addCleanup(each.close)
                each.settimeout(10)
                each.connect(("127.0.0.1", sluice.ports["udp"]))
            for each in sockets:
                each.send(message(BINDING))
                each.send(message(ALLOCATE, [UDP, (SOFTWARE, b"a client as browsers are, who say so")]))
            responses = [[Response(each.recv(2000)) for _ in range(2)] for each in sockets]
            self.assertTrue(all({response.code for response in both} == {0, 401} for both in responses))
            self.assertEqual(sluice.metric("sluice_filter_drops_total", reason="rate_limited"), 0)


class FloodTest(unittest.TestCase):
    SECONDS = 6

    def flood(self, kind, sources):
        """Unknown clients send requests at RATE; a client's channel continues, and others come and go."""
        sink = Sink()
        self.addCleanup(sink.close)
        with started(LOOPBACK) as sluice, TurnClient(("127.0.0.1", sluice.ports["udp"]), host="127.0.0.9") as client:
            server = ("127.0.0.1", sluice.ports["udp"])
            relayed = client.allocate()
            self.assertEqual(client.bind(0x4000, sink.host, sink.port), 0)
            strangers = subprocess.Popen([FLOOD, str(server[1]), str(sources), str(RATE), kind],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.addCleanup(strangers.communicate)
            self.addCleanup(strangers.kill)

            def flood(seconds):
                strangers.stdin.write(f"{seconds}\n")
                strangers.stdin.flush()

            flood(2)  # until memory use has settled
            strangers.stdout.readline()
            memory, before = resident_kib(sluice.process), kernel_drops(server[1], relayed[1])
            flood(self.SECONDS)
            began, said, back, served = time.monotonic(), 0, 0, 0
            client.socket.settimeout(0.1)
            while time.monotonic() < began + self.SECONDS - 0.5:
                said += 1
                client.send_channel(0x4000, b"%d" % said)
                received = sink.received()
                if received is not None:
                    sink.socket.sendto(received[0], relayed)
                    back += client.receives(received[0])
                if said % 5 == 0:
                    # Responses to one address are rate-limited, so each client has its own.
                    with TurnClient(server, host=f"127.250.{served // 200}.{1 + served % 200}") as other:
                        other.allocate()
                        self.assertEqual(other.request(REFRESH, (LIFETIME, bytes(4))).code, 0)
                        served += 1
                time.sleep(0.01)
            sent, responded = (int(number) for number in strangers.stdout.readline().split())
            drops = kernel_drops(server[1], relayed[1]) - before
            rate, grown = sent / self.SECONDS, resident_kib(sluice.process) - memory
            print(f"{kind}: {rate:.0f} Allocates/s of unknown clients, {responded / self.SECONDS:.0f} responses/s; "
                  f"the kernel dropped {drops}; {back} of {said} returned through the channel; {served} clients served; {grown} KiB more")
            self.assertGreaterEqual(rate, 50_000)
            self.assertLessEqual(said - back, drops)
            self.assertGreater(back, 100)
            self.assertGreater(served, 20)
            self.assertLess(grown, 4 * 1024)
            self.assertLess(sluice.metric("sluice_sessions"), 2048 + served + 50)

    def test_a_flood_of_unknown_clients_leaves_memory_flat_and_clients_served(self):
        self.flood("bare", 20_000)

    def test_a_flood_of_wrong_credentials_from_few_addresses_does_so_too(self):
        self.flood("login", 500)


if __name__ == "__main__":
    unittest.main()
