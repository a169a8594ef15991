"""A new process takes over from the running one, without disturbing a call."""

import json
import os
import socket
import stat
import struct
import subprocess
import time
import unittest

from browser import Browser
from harness import BINARY, Sluice, free_ports, request, voice_room_config, wait_until
from load_test import result_of, start_load
from people import Player
from turn_client import BOTH_FAMILIES, LIFETIME, REFRESH, TurnClient
from turn_server import LOOPBACK, Sink, started

MAGIC = 0x534C485D  # of the takeover protocol, as in source/takeover/channel.cc
SOCKET = '\ntakeover_socket: "sluice.sock"\n'

FORWARD = """
listeners {
  name: "game"
  address: "127.0.0.1:3478"
  filter_chains {
    name: "own"
    match { source_prefixes: "127.0.0.1/32" }
    filters { typed_config { [type.googleapis.com/sluice.filters.Forward] { cluster: "servers" } } }
  }
  filter_chains {
    name: "shared"
    filters { typed_config { [type.googleapis.com/sluice.filters.Forward] { cluster: "servers" sockets: SHARED } } }
  }
}
clusters { name: "servers" endpoints: "127.0.0.1:%d" }
admin { address: "127.0.0.1:9901" }
"""


class Echo:
    """An upstream that sends back the address of the client."""

    def __init__(self, test):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.port = self.socket.getsockname()[1]

    def reply(self):
        data, who = self.socket.recvfrom(2000)
        self.socket.sendto(data, who)
        return who


class Takeover(unittest.TestCase):
    def test_browsers_continue_to_talk_and_can_leave_and_join(self):
        with Sluice(voice_room_config() + SOCKET, arguments=("--concurrency", "2")) as proxy, Browser() as browser:
            ann, ben = (Player(browser, proxy, "r", name) for name in ("ann", "ben"))
            for player in (ann, ben):
                player.wait_for_state("connected")
            wait_until(lambda: min(p.stats()["packetsReceived"] for p in (ann, ben)) > 50, "sound flows")
            before = [p.stats() for p in (ann, ben)]
            for _ in range(3):
                proxy.take_over()
                time.sleep(0.5)
            wait_until(lambda: min(p.stats()["packetsReceived"] - b["packetsReceived"]
                                   for p, b in zip((ann, ben), before)) > 150, "voice continues")
            for player, old in zip((ann, ben), before):
                new = player.stats()
                self.assertEqual(new["packetsLost"], old["packetsLost"])
                self.assertGreater(new["totalAudioEnergy"], old["totalAudioEnergy"])
            cid = Player(browser, proxy, "r", "cid")  # joins after the takeover
            cid.wait_for_state("connected")
            wait_until(lambda: len(cid.heard()) == 2, "the new one hears both")
            ben.page.close()
            wait_until(lambda: set(proxy.players("r")) == {"ann", "cid"}, "the player that left is not listed")

    def test_upstreams_see_the_same_clients(self):
        echo = Echo(self)
        with Sluice(FORWARD % echo.port + SOCKET, arguments=("--concurrency", "2")) as proxy:
            clients = []
            for ip in ("127.0.0.1", "127.0.0.2"):
                client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self.addCleanup(client.close)
                client.settimeout(5)
                client.bind((ip, 0))
                clients.append(client)

            def echoed_address(client):
                client.sendto(b"hello", ("127.0.0.1", proxy.ports["udp"]))
                who = echo.reply()
                self.assertEqual(client.recv(100), b"hello")
                return who

            before = [echoed_address(client) for client in clients]
            for _ in range(2):
                proxy.take_over()
                self.assertEqual([echoed_address(client) for client in clients], before)
            self.assertEqual(proxy.metric("sluice_listener_sessions_opened_total"), 0)

    def test_turn_relays_keep_their_ports_and_nonces_stay_valid(self):
        for ports in ("", " relays: SHARED"):
            with self.subTest(ports=ports), started(LOOPBACK + ports, extra=SOCKET) as proxy:
                sink = Sink()
                self.addCleanup(sink.close)
                server = ("127.0.0.1", proxy.ports["udp"])
                clients = [TurnClient(server) for _ in range(4)]
                relayed = []
                for client in clients:
                    self.addCleanup(client.socket.close)
                    relayed.append(client.allocate(BOTH_FAMILIES) if not ports else client.allocate())
                    self.assertEqual(client.permit(sink.host), 0)
                self.assertEqual(clients[0].bind(0x4000, sink.host, sink.port), 0)
                for _ in range(2):
                    proxy.take_over()
                    self.assertEqual(proxy.metric("sluice_takeover_sessions_total", result="kept"), len(clients))
                    self.assertEqual(proxy.metric("sluice_stun_turn_live_allocations"), len(clients))
                    clients[0].send_channel(0x4000, b"by channel")
                    self.assertEqual(sink.received(), (b"by channel", relayed[0]))
                    sink.socket.sendto(b"back", relayed[0])
                    self.assertEqual(clients[0].receive(), b"back")
                    if not ports:  # a shared port's peer belongs to one client
                        for client, address in zip(clients, relayed):
                            client.send(sink.host, sink.port, b"by indication")
                            self.assertEqual(sink.received(), (b"by indication", address))
                    for client in clients:
                        nonce = client.nonce
                        self.assertEqual(client.request(REFRESH).code, 0)
                        self.assertEqual(client.nonce, nonce)  # no 438
                for client in clients:
                    self.assertEqual(client.request(REFRESH, (LIFETIME, bytes(4))).code, 0)
                wait_until(lambda: proxy.metric("sluice_stun_turn_live_allocations") == 0, "all have ended")

    def test_sessions_without_a_place_in_the_new_configuration_end_and_are_reported(self):
        with Sluice(voice_room_config() + SOCKET, arguments=("--concurrency", "2")) as proxy:
            load = start_load(proxy, room="r", players=4, talkers=2, seconds=6)
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 4, "all players are connected")
            proxy.write_config(voice_room_config().replace('name: "webrtc"', 'name: "other"') + SOCKET)
            proxy.take_over()
            self.assertEqual(proxy.metric("sluice_takeover_sessions_total", result="ended"), 4)
            self.assertIn("4 sessions, listener voice, chain webrtc: its chain no longer exists", proxy.log())
            self.assertEqual(proxy.players("r"), {})
            result_of(load)

    def test_a_new_process_that_cannot_run_changes_nothing(self):
        with Sluice(voice_room_config() + SOCKET, arguments=("--concurrency", "2")) as proxy:
            load = start_load(proxy, room="r", players=4, talkers=2, seconds=6)
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 4, "all players are connected")
            start = lambda *arguments: subprocess.run(
                [BINARY, "--config", proxy.config_path, "--takeover", *arguments], capture_output=True, text=True, timeout=20, check=False)
            other_count = start("--concurrency", "1")
            self.assertEqual(other_count.returncode, 1)
            self.assertIn("workers.count must be the same: 2, not 1", other_count.stderr)
            # Detected only when everything was handed over: another process has bound the port.
            taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.addCleanup(taken.close)
            taken.bind(("127.0.0.1", 0))
            broken = os.path.join(proxy.directory, "broken.textproto")
            with open(proxy.config_path, encoding="utf-8") as file:
                text = file.read()
            address = f'address: "127.0.0.1:{proxy.ports["udp"]}"'
            self.assertIn(address, text)
            with open(broken, "w", encoding="utf-8") as file:
                file.write(text.replace(
                    address, address + f' additional_addresses: "127.0.0.1:{taken.getsockname()[1]}"'))
            result = subprocess.run([BINARY, "--config", broken, "--takeover", "--concurrency", "2"],
                                    capture_output=True, text=True, timeout=20, check=False)
            self.assertEqual(result.returncode, 1)
            self.assertIn("listeners[0].additional_addresses[0]: cannot bind", result.stderr)
            wait_until(lambda: "takeover failed, this process continues" in proxy.log(), "the old one logs it")
            code, report = result_of(load)
            self.assertEqual((code, report["packets_lost"], report["integrity_errors"]), (0, 0, 0))
            proxy.take_over()  # it still can

    def test_endpoints_move_to_the_addresses_of_the_new_configuration(self):
        with Sluice(voice_room_config() + SOCKET) as proxy:
            old = dict(proxy.ports)
            admin, = free_ports(1)
            proxy.write_config(voice_room_config().replace("127.0.0.1:9901", f"127.0.0.1:{admin}") + SOCKET)
            proxy.ports["admin"] = admin
            proxy.take_over()
            for port in (old["admin"], admin):
                with socket.socket() as client:
                    self.assertEqual(client.connect_ex(("127.0.0.1", port)) == 0, port == admin)
            self.assertEqual(request(proxy.join_url + "/v1/rooms")[0], 200)

    def test_a_new_process_that_dies_during_the_takeover_changes_nothing(self):
        with Sluice(voice_room_config() + SOCKET, arguments=("--concurrency", "2")) as proxy:
            load = start_load(proxy, room="r", players=4, talkers=2, seconds=6)
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 4, "all players are connected")
            for steps in (("hello",), ("hello", "take"), ("hello", "take"), ("hello", "nonsense")):
                self.pretend(proxy, steps)
                self.assertEqual(proxy.admin("/ready")[0], 200)
            wait_until(lambda: proxy.log().count("takeover failed, this process continues") == 2, "it is logged")
            code, report = result_of(load)
            self.assertEqual((code, report["packets_lost"], report["integrity_errors"]), (0, 0, 0))
            proxy.take_over()

    def pretend(self, proxy, steps):
        """Acts as a successor for these steps of the protocol, then exits."""
        messages = {"hello": (0, struct.pack("=II", 2, os.getpid())), "take": (2, b""), "nonsense": (99, b"?")}
        folder = os.open(proxy.directory, os.O_PATH)
        with socket.socket(socket.AF_UNIX) as successor:
            successor.settimeout(5)
            successor.connect(f"/proc/self/fd/{folder}/sluice.sock")
            for step in steps:
                kind, body = messages[step]
                successor.send(struct.pack("=IIQQ", MAGIC, kind, len(body), 0) + body)
                if step == "nonsense":
                    continue
                magic, kind, size, _ = struct.unpack("=IIQQ", successor.recv(24, socket.MSG_WAITALL))
                self.assertEqual((magic, kind), (MAGIC, {"hello": 1, "take": 3}[step]))
                if step == "hello":
                    self.assertEqual(len(successor.recv(size, socket.MSG_WAITALL)), size)
        os.close(folder)

    def test_only_the_owner_may_connect(self):
        with Sluice(voice_room_config() + SOCKET) as proxy:
            mode = os.stat(os.path.join(proxy.directory, "sluice.sock")).st_mode
            self.assertTrue(stat.S_ISSOCK(mode))
            self.assertEqual(stat.S_IMODE(mode), 0o600)
            folder = os.open(proxy.directory, os.O_PATH)  # an address holds only 107 characters
            self.addCleanup(os.close, folder)
            with socket.socket(socket.AF_UNIX) as stranger:  # which sends an unknown message
                stranger.connect(f"/proc/self/fd/{folder}/sluice.sock")
                stranger.send(b"GET / HTTP/1.1\r\n\r\n" + bytes(100))
                self.assertEqual(proxy.admin("/ready")[0], 200)
            proxy.take_over()


if __name__ == "__main__":
    unittest.main(verbosity=2)
