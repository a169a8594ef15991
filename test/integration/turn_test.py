"""The TURN server with real clients: coturn's tools, a hostile client, and clients and peers behind a NAT."""

import asyncio
import contextlib
import ipaddress
import json
import os
import re
import socket
import struct
import subprocess
import threading
import unittest

from aioice import turn

from harness import Sluice, free_ports, wait_until
from turn_client import (ALLOCATE, BOTH_FAMILIES, COOKIE, LIFETIME, REFRESH, REQUESTED_FAMILY, UDP, XOR_MAPPED, Response,
                         TurnClient, attribute, message, xor_address)
from turn_server import LOOPBACK, Sink, started

# docs/filters/stun_turn.md, "Peers".
DENIED = """
    0.0.0.0/8     10.0.0.0/8   100.64.0.0/10   127.0.0.0/8    169.254.0.0/16  172.16.0.0/12
    192.0.0.0/24  192.88.99.0/24  192.168.0.0/16  198.18.0.0/15  224.0.0.0/4  240.0.0.0/4
    ::/3          2001::/23    2002::/16       4000::/2       8000::/1        2001::/32""".split()

class Echo:
    """coturn's peer."""

    def __init__(self, host):
        self.host, self.port = host, free_ports(1)[0]

    def __enter__(self):
        self.process = subprocess.Popen(["turnutils_peer", "-L", self.host, "-p", str(self.port)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.1)
            probe.connect((self.host, self.port))
            wait_until(lambda: self.echoes(probe), "the peer echoes", step=0.02)
        return self

    @staticmethod
    def echoes(probe):
        try:
            probe.send(b"there?")
            return probe.recv(100) == b"there?"
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class TurnutilsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sluice = started(LOOPBACK).__enter__()

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

    def test_the_example_carries_the_load_in_its_readme(self):
        with open("examples/turn_server/sluice.textproto", encoding="utf-8") as file:
            realm = 'realm: "example.org"'
            text = file.read().replace(realm, f'{realm} allowed_peers: "127.0.0.0/8" rfc5766_channel_numbers: true')
        with Sluice(text) as self.sluice:
            self.all_arrive(2500, "-c", "-m", "10", "-n", "250", "-l", "160", "-z", "20",
                            login=("-u", "alice", "-w", "a password of this example"))

    def test_a_wrong_password_is_refused(self):
        output = self.client("-c", "-m", "1", "-n", "5", login=("-u", "alice", "-w", "wrong"))
        self.assertIn("Cannot complete Allocation", output)
        self.assertNotIn("tot_recv_msgs", output)


class OtherClientsTest(unittest.TestCase):
    def setUp(self):
        self.sluice = started(LOOPBACK).__enter__()
        self.addCleanup(self.sluice.__exit__, None, None, None)
        self.server = ("127.0.0.1", self.sluice.ports["udp"])

    def test_pion(self):
        program = os.path.join(self.sluice.directory, "pion_client")
        environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
                       "GOCACHE": os.path.join(self.sluice.directory, "go"), "HOME": self.sluice.directory}
        subprocess.run(["go", "build", "-o", program, os.path.realpath("test/integration/pion_client/main.go")],
                       env=environment, check=True)
        with Echo("127.0.0.1") as echo:
            output = subprocess.run(
                [program, "%s:%d" % self.server, "alice", "alice's password", "example.org",
                 f"{echo.host}:{echo.port}", "200"], capture_output=True, text=True, timeout=60)
        self.assertEqual(output.stdout.strip(), "200", output.stderr)

    def test_aioice(self):
        received = []

        class Protocol(asyncio.DatagramProtocol):
            def datagram_received(self, data, addr):
                received.append((data, addr))

        async def talk(peer):
            transport, _ = await turn.create_turn_endpoint(
                Protocol, server_addr=self.server, username="alice", password="alice's password")
            for i in range(100):
                transport.sendto(b"%d" % i, peer)
                for _ in range(100):
                    if len(received) > i:
                        break
                    await asyncio.sleep(0.01)
            transport.close()
            await asyncio.sleep(0.2)

        with Echo("127.0.0.1") as echo:
            asyncio.run(talk((echo.host, echo.port)))
            self.assertEqual(received, [(b"%d" % i, (echo.host, echo.port)) for i in range(100)])


class SafetyTest(unittest.TestCase):
    def test_none_of_the_default_ranges_can_be_reached(self):
        v4, v6 = Sink(), Sink("::1")
        self.addCleanup(v4.close)
        self.addCleanup(v6.close)
        denied = {str(ip) for text in DENIED for ip in (ipaddress.ip_network(text)[0], ipaddress.ip_network(text)[-1])}
        interfaces = subprocess.run(["ip", "-o", "address"], capture_output=True, text=True, check=True).stdout
        own = {line.split()[3].split("/")[0] for line in interfaces.splitlines()}
        with started() as sluice, TurnClient(("127.0.0.1", sluice.ports["udp"])) as client:
            client.allocate(BOTH_FAMILIES)
            for host in denied | own | {"::ffff:8.8.8.8", "64:ff9b::808:808"}:
                sink = v6 if ":" in host else v4
                for port in (0, 53, sink.port):
                    self.assertEqual(client.permit(host, port), 403, f"{host}:{port}")
                self.assertEqual(client.bind(0x4000, host, sink.port), 403, host)
                client.send(host, sink.port, b"let me in")
            self.assertIsNone(v4.received())
            self.assertIsNone(v6.received())
            self.assertEqual(sluice.metric("sluice_stun_turn_relayed_to_peer_total"), 0)
            self.assertEqual(client.permit("8.8.8.8", 53), 0)
            self.assertEqual(client.permit("2a01:4f8::5", 53), 0)

    def test_no_datagram_is_sent_to_a_peer_without_permission(self):
        sink, other = Sink(), Sink("127.0.0.2")
        self.addCleanup(sink.close)
        self.addCleanup(other.close)
        with started(LOOPBACK) as sluice, TurnClient(("127.0.0.1", sluice.ports["udp"])) as client:
            relayed = client.allocate()
            client.send(sink.host, sink.port, b"too early")
            client.send_channel(0x4000, b"too early")
            self.assertIsNone(sink.received())
            self.assertEqual(client.permit(other.host), 0)
            client.send(sink.host, sink.port, b"to somebody else")
            sink.socket.sendto(b"from somebody else", relayed)
            other.socket.sendto(b"from the permitted one", relayed)
            self.assertEqual(client.receive(), b"from the permitted one")
            self.assertIsNone(sink.received())
            self.assertEqual(client.permit(sink.host), 0)
            client.send(sink.host, sink.port, b"now")
            self.assertEqual(sink.received(), (b"now", relayed))
            self.assertEqual(client.request(REFRESH, (LIFETIME, bytes(4))).code, 0)
            client.send(sink.host, sink.port, b"too late")
            self.assertIsNone(sink.received())
            self.assertEqual(sluice.metric("sluice_filter_drops_total", filter="stun_turn", reason="no_permission"), 3)

    def test_responses_to_unknown_clients_are_less_than_three_times_the_request(self):
        with started() as sluice, TurnClient(("127.0.0.1", sluice.ports["udp"])) as client:
            for query in (message(ALLOCATE, [UDP]), message(ALLOCATE, [UDP, (LIFETIME, bytes(4))]), message(1),
                          message(REFRESH, [(LIFETIME, bytes(4))])):
                self.assertLess(len(client.transact(query).data), 3 * len(query))

class OperationTest(unittest.TestCase):
    def test_a_reload_keeps_allocations_and_its_limits_apply_at_once(self):
        sink = Sink()
        self.addCleanup(sink.close)
        with started(LOOPBACK) as sluice, TurnClient(("127.0.0.1", sluice.ports["udp"])) as client:
            relayed = client.allocate()
            self.assertEqual(client.bind(0x4000, sink.host, sink.port), 0)

            def reloaded(text):
                before = json.loads(sluice.admin("/server_info")[2])["generation"]
                sluice.write_config(text)
                sluice.admin("/reload", "POST")
                wait_until(lambda: json.loads(sluice.admin("/server_info")[2])["generation"] > before, "reloaded")

            reloaded(sluice.text + "limits { max_rooms: 7 }")
            client.send_channel(0x4000, b"still there")
            self.assertEqual(sink.received(), (b"still there", relayed))
            reloaded(sluice.text.replace(LOOPBACK, LOOPBACK + ' denied_peers: "127.0.0.1/32"'))
            client.send_channel(0x4000, b"allowed_peers counts first")
            self.assertEqual(sink.received(), (b"allowed_peers counts first", relayed))
            reloaded(sluice.text.replace(LOOPBACK, ""))
            client.send_channel(0x4000, b"denied now")
            self.assertIsNone(sink.received())
            reloaded(sluice.text.replace("alice's password", "another password"))
            self.assertEqual(client.request(REFRESH).code, 401)

    def test_clients_of_a_public_and_a_private_address_have_relays_on_the_other_and_reach_each_other(self):
        crossed = " ".join(f'relay_addresses {{ address: "127.0.0.{3 - i}" for_local_address: "127.0.0.{i}" }}'
                           for i in (1, 2))
        mappings = "".join(f'mappings {{ local: "127.0.0.{i}" external: "203.0.113.{i}" }}' for i in (1, 2))
        for nat, prefix in ("", "127.0.0"), (f"nat {{ {mappings} }}", "203.0.113"):
            sink = Sink("127.0.0.3")
            self.addCleanup(sink.close)
            with started(f"{LOOPBACK} {crossed}", extra=nat,
                         listener='additional_addresses: "127.0.0.2:3478"') as sluice, TurnClient(
                             ("127.0.0.1", sluice.ports["udp"])) as public, TurnClient(
                                 ("127.0.0.2", sluice.ports["udp"]), host="127.0.0.2") as private:
                relays = [client.allocate() for client in (public, private)]
                self.assertEqual([host for host, _ in relays], [f"{prefix}.2", f"{prefix}.1"])
                # With an external peer, which the relay's own address reaches.
                for client, (_, port), host in (public, relays[0], "127.0.0.2"), (private, relays[1], "127.0.0.1"):
                    self.assertEqual(client.bind(0x4000, sink.host, sink.port), 0)
                    client.send_channel(0x4000, b"out")
                    self.assertEqual(sink.received(), (b"out", (host, port)))
                    sink.socket.sendto(b"and in", (host, port))
                    self.assertEqual(client.receive(), b"and in")
                # With each other, by the relayed addresses that they received.
                self.assertEqual(public.bind(0x4001, *relays[1]), 0)
                self.assertEqual(private.bind(0x4001, *relays[0]), 0)
                public.send_channel(0x4001, b"from outside")
                self.assertEqual(private.receive(), b"from outside")
                private.send_channel(0x4001, b"from inside")
                self.assertEqual(public.receive(), b"from inside")

    def test_sessions_show_the_content_of_an_allocation(self):
        sink = Sink()
        self.addCleanup(sink.close)
        with started(LOOPBACK) as sluice, TurnClient(("127.0.0.1", sluice.ports["udp"])) as client:
            relayed = client.allocate((LIFETIME, (1800).to_bytes(4)))
            self.assertEqual(client.bind(0x4001, sink.host, sink.port), 0)
            self.assertEqual(client.permit("127.0.0.9"), 0)

            def shown():
                session, = json.loads(sluice.admin("/sessions")[2])["sessions"]
                return next(f for f in session["filters"].values() if "allocation" in f)

            client.send_channel(0x4001, b"ten bytes.")
            self.assertEqual(sink.received(), (b"ten bytes.", relayed))
            sink.socket.sendto(b"seven..", relayed)
            self.assertEqual(client.receive(), b"seven..")
            found = shown()
            self.assertEqual(found["allocation"], "active")
            self.assertEqual((found["realm"], found["user"]), ("example.org", "alice"))
            self.assertEqual(found["relayed_address"], "%s:%d" % relayed)
            self.assertTrue(1795 <= int(found["expires_s"]) <= 1800, found)
            self.assertEqual((found["bytes_to_peers"], found["bytes_from_peers"]), ("10", "7"))
            self.assertRegex(found["channels"], rf"^16385 127\.0\.0\.1:{sink.port} (600|59\d)s$")
            self.assertRegex(found["permissions"], r"127\.0\.0\.1 (300|29\d)s")
            self.assertRegex(found["permissions"], r"127\.0\.0\.9 (300|29\d)s")
            self.assertEqual(sluice.metric("sluice_stun_turn_info", realm="example.org"), 1)
            self.assertEqual(sluice.metric("sluice_stun_turn_live_allocations"), 1)
            self.assertEqual(client.request(REFRESH, (LIFETIME, bytes(4))).code, 0)
            self.assertNotIn('"allocation"', sluice.admin("/sessions")[2])
            self.assertEqual(sluice.metric("sluice_stun_turn_live_allocations"), 0)

    @unittest.skipUnless(os.geteuid() == 0, "captures are root's")
    def test_clients_can_request_the_dont_fragment_bit(self):
        sink = Sink()
        self.addCleanup(sink.close)
        with started(LOOPBACK) as sluice, TurnClient(("127.0.0.1", sluice.ports["udp"])) as client, socket.socket(
                socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as capture:
            capture.bind(("lo", 0))
            capture.settimeout(5)
            relayed = client.allocate()
            self.assertEqual(client.permit(sink.host), 0)
            self.assertEqual(client.bind(0x4000, sink.host, sink.port), 0)

            def flag():
                """DF of the next packet from the relay."""
                while True:
                    packet = capture.recv(2000)
                    udp = packet[(packet[0] & 15) * 4:]
                    if packet[9] == socket.IPPROTO_UDP and struct.unpack_from("!H", udp)[0] == relayed[1]:
                        return packet[6] >> 6 & 1

            for whole in (False, True, False):
                client.send(sink.host, sink.port, b"data", whole)
                self.assertEqual(flag(), whole)
            client.send_channel(0x4000, b"data")
            self.assertEqual(flag(), 0)

    def test_the_external_address_is_discovered_and_used(self):
        stun = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stun.bind(("127.0.0.1", 0))
        self.addCleanup(stun.close)

        def reply():
            data, client = stun.recvfrom(2000)
            transaction = data[8:20]
            body = attribute(XOR_MAPPED, xor_address("203.0.113.7", 4242, transaction))
            stun.sendto(struct.pack("!HHI", 0x101, len(body), COOKIE) + transaction + body, client)

        threading.Thread(target=reply, daemon=True).start()
        extra = f'nat {{ external_address: "auto" stun_server: "127.0.0.1:{stun.getsockname()[1]}" }}'
        with started(LOOPBACK, extra=extra) as sluice:
            wait_until(lambda: "203.0.113.7" in sluice.admin("/server_info")[2], "the address is known")
            with TurnClient(("127.0.0.1", sluice.ports["udp"])) as client:
                self.assertEqual(client.allocate()[0], "203.0.113.7")

    def test_icmp_errors_are_reported_to_the_client(self):
        sink = Sink()
        sink.close()
        with started(LOOPBACK) as sluice, TurnClient(("127.0.0.1", sluice.ports["udp"])) as client:
            client.allocate()
            self.assertEqual(client.bind(0x4000, sink.host, sink.port), 0)
            client.send_channel(0x4000, b"anybody there?")
            report = Response(client.socket.recv(2000))
            self.assertEqual(report.attributes[0x8004], bytes([0, 0, 3 << 1, 3, 0, 0, 0, 0]))
            self.assertEqual(report.address(0x12), (sink.host, sink.port))

    @contextlib.contextmanager
    def narrow_way(self, ours, theirs, prefix, mtu):
        """A client with a permission for a peer beyond a link of this MTU. Yields echoed(size, whole=False)."""
        space = f"sluice-{os.getpid()}"

        def ip(*arguments):
            subprocess.run(["ip", *arguments], check=True)

        with contextlib.ExitStack() as stack:
            ip("netns", "add", space)
            stack.callback(ip, "netns", "delete", space)
            # By MTU, because a deleted namespace keeps its link for a moment.
            near, far = f"n{mtu}-{os.getpid()}", "far"
            ip("link", "add", near, "mtu", mtu, "type", "veth", "peer", "name", far, "mtu", mtu, "netns", space)
            nodad = ["nodad"] if ":" in ours else []
            ip("address", "add", f"{ours}/{prefix}", "dev", near, *nodad)
            ip("link", "set", near, "up")
            ip("-n", space, "address", "add", f"{theirs}/{prefix}", "dev", far, *nodad)
            ip("-n", space, "link", "set", far, "up")
            peer = stack.enter_context(subprocess.Popen(
                ["ip", "netns", "exec", space, "turnutils_peer", "-L", theirs, "-p", "7000"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            stack.callback(peer.kill)
            options = f'relay_addresses {{ address: "{ours}" }} allowed_peers: "{theirs}"'
            sluice = stack.enter_context(started(options))
            client = stack.enter_context(TurnClient(("127.0.0.1", sluice.ports["udp"])))
            client.allocate((REQUESTED_FAMILY, bytes([2 if ":" in ours else 1, 0, 0, 0])))
            self.assertEqual(client.permit(theirs), 0)

            def echoed(size, whole=False):
                client.socket.settimeout(0.5)
                client.send(theirs, 7000, bytes(size), whole)
                try:
                    return len(client.receive()) == size
                except TimeoutError:
                    return False

            wait_until(lambda: echoed(100), "the peer echoes")
            yield echoed

    @unittest.skipUnless(os.geteuid() == 0, "network namespaces are root's")
    def test_datagrams_that_are_too_long_are_fragmented_unless_the_client_forbids_it(self):
        with self.narrow_way("10.219.0.2", "10.219.0.1", 24, "600") as echoed:
            self.assertTrue(echoed(1400))
            self.assertFalse(echoed(1200, whole=True))
            self.assertTrue(echoed(500, whole=True))
            self.assertTrue(echoed(1300))

    @unittest.skipUnless(os.geteuid() == 0, "network namespaces are root's")
    def test_datagrams_over_ipv6_are_fragmented_regardless_of_the_client(self):
        with self.narrow_way("fd42:219::2", "fd42:219::1", 64, "1300") as echoed:
            self.assertTrue(echoed(1400))
            self.assertTrue(echoed(1400, whole=True))
            self.assertTrue(echoed(1000, whole=True))

    def test_nat_discovery_with_two_addresses(self):
        port, other = free_ports(2)
        addresses = "".join(f' additional_addresses: "{a}"' for a in (
            f"127.0.0.2:{other}", f"127.0.0.1:{other}", f"127.0.0.2:{port}"))
        config = f"""
            listeners {{ name: "nat" address: "127.0.0.1:{port}" {addresses} filter_chains {{ name: "stun" filters {{
              typed_config {{ [type.googleapis.com/sluice.filters.StunTurn] {{ other_address: "127.0.0.2:{other}" }} }}
            }} }} }}
            admin {{ address: "127.0.0.1:9901" }}"""
        with Sluice(config):
            output = subprocess.run(["turnutils_natdiscovery", "-m", "-f", "-p", str(port), "127.0.0.1"],
                                    capture_output=True, text=True, timeout=60).stdout
        self.assertIn("NAT with Endpoint Independent Filtering!", output)
        self.assertIn(f"Response origin: : 127.0.0.2:{other}", output)


if __name__ == "__main__":
    unittest.main()
