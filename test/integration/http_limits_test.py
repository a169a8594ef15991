"""The resources that unknown clients can use at the HTTP endpoints: memory, connections, descriptors."""

import contextlib
import os
import re
import resource
import socket
import struct
import unittest

from harness import Sluice, request, voice_room_config, wait_until
from join_test import SECRET, token

MIB = 1 << 20
OFFER_BYTES = 262144


def with_join(fields):
    return voice_room_config().replace("join {", "join {\n  " + fields)


def rss(proxy):
    with open(f"/proc/{proxy.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024


def connections(proxy):
    return proxy.metric("sluice_http_connections", endpoint="join")


def refused(proxy, reason):
    return proxy.metric("sluice_http_refused_total", endpoint="join", reason=reason)


class HttpLimits(unittest.TestCase):
    def setUp(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        self.open = self.enterContext(contextlib.ExitStack())

    def connect(self, proxy, source="127.0.0.1"):
        client = socket.create_connection(("127.0.0.1", proxy.ports["join"]), 10, (source, 0))
        return self.open.enter_context(client)

    def test_unread_pages_are_in_memory_once(self):
        with Sluice() as proxy:
            folder = os.path.join(proxy.directory, "pages")
            os.mkdir(folder)
            with open(os.path.join(folder, "big.bin"), "wb") as file:
                file.write(bytes(8 * MIB))
            proxy.write_config(re.sub('page_directory: ".*"', f'page_directory: "{folder}"', with_join(
                "max_requests_per_second: 100000")))
            wait_until(lambda: request(proxy.join_url + "/big.bin", "HEAD")[0] == 200, "the new pages are there")
            before = rss(proxy)
            clients = [self.connect(proxy) for _ in range(300)]
            for client in clients:
                client.sendall(b"GET /big.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            for client in clients:
                self.assertEqual(client.recv(12), b"HTTP/1.1 200")
            self.assertEqual(connections(proxy), 300)
            self.assertLess(rss(proxy) - before, 32 * MIB)

    def test_thirty_players_behind_one_address_get_the_page_at_once(self):
        with Sluice() as proxy:
            folder = "examples/voice_room/page"
            files = [name for name in os.listdir(folder) if not name.startswith(".")]
            self.assertGreater(len(files), 8)
            answers = [request(f"{proxy.join_url}/{name}")[0] for _ in range(30) for name in files]
            self.assertEqual(set(answers), {200})

    def unfinished_bodies(self, authorization, most):
        config = with_join(f'token_secrets: "{SECRET}" max_requests_per_second: 100000')
        with Sluice(config) as proxy:
            before = rss(proxy)
            head = ("POST /v1/rooms/lobby/players/alice HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    f"{authorization}Content-Type: application/sdp\r\nContent-Length: {OFFER_BYTES}\r\n\r\n")
            short = head.encode() + bytes(OFFER_BYTES - 1)
            for i in range(4000):
                self.connect(proxy, f"127.0.0.{1 + i % 8}").sendall(short)
            self.assertLess(rss(proxy) - before, most)
            return refused(proxy, "bytes_in_flight")

    def test_bodies_without_a_token_are_not_stored(self):
        self.assertEqual(self.unfinished_bodies("", 128 * MIB), 0)

    def test_bodies_with_a_token_are_bounded_together(self):
        bearer = token("lobby", "alice", seconds=600)["Authorization"]
        self.assertGreater(self.unfinished_bodies(f"Authorization: {bearer}\r\n", 192 * MIB), 3000)

    def test_event_streams_closed_by_their_clients_make_room_at_once(self):
        with Sluice(with_join("max_requests_per_second: 100000 max_connections_per_source: 100")) as proxy:
            with open("test/sdp/data/chromium.sdp", encoding="utf-8") as file:
                offer = file.read()
            url = proxy.join_url + "/v1/rooms/lobby/players/"
            for player in range(25):
                status, _, text = request(url + str(player), "POST", offer, {"Content-Type": "application/sdp"})
                self.assertEqual(status, 201, text)
            wait_until(lambda: connections(proxy) == 0, "the joins' connections are closed")
            for how in (0, 1):  # FIN, RST
                streams = [self.connect(proxy) for _ in range(100)]
                for i, stream in enumerate(streams):
                    path = f"/v1/rooms/lobby/players/{i % 25}/events"
                    stream.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                    self.assertEqual(stream.recv(12), b"HTTP/1.1 200")
                with self.assertRaises(OSError):
                    request(url + "late", "POST", offer, {"Content-Type": "application/sdp"})
                self.assertIn("connections_per_source", proxy.log())
                for stream in streams:
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", how, 0))
                    stream.close()
                wait_until(lambda: connections(proxy) == 0, "closed streams are noticed", timeout=5)
                self.assertEqual(request(url + "late", "POST", offer, {"Content-Type": "application/sdp"})[0], 201)
            self.assertGreater(refused(proxy, "connections_per_source"), 0)

    def test_a_trusted_proxy_has_no_limit_of_its_own_and_its_clients_have(self):
        fields = 'max_connections_per_source: 5 max_requests_per_second: 1 trusted_proxies: "127.0.0.2/32"'
        with Sluice(with_join(fields)) as proxy:
            for _ in range(20):
                self.connect(proxy, "127.0.0.2")
            wait_until(lambda: connections(proxy) == 20, "the proxy's connections are open")

            def status(client):
                connection = self.connect(proxy, "127.0.0.2")
                connection.sendall(f"GET /v1/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {client}\r\n\r\n".encode())
                return connection.recv(12)[-3:]

            first = [status("203.0.113.1") for _ in range(10)]
            self.assertEqual(first[:2], [b"200", b"200"])
            self.assertIn(b"429", first)
            self.assertEqual(status("203.0.113.2"), b"200")
            self.assertEqual(status("203.0.113.1, 127.0.0.2"), b"429")

    def test_the_join_API_leaves_descriptors_to_the_others(self):
        proxy = Sluice(with_join("max_connections_per_source: 1000000"))
        proxy.command = ["prlimit", "--nofile=400:400", *proxy.command]
        with proxy:
            self.assertIn("at most 200 connections", proxy.log())
            clients = [self.connect(proxy, f"127.0.0.{1 + i % 100}") for i in range(450)]
            wait_until(lambda: refused(proxy, "connections") >= 250, "those that are too many are refused")
            self.assertEqual(connections(proxy), 200)
            self.assertEqual(proxy.admin("/live")[0], 200)
            for client in clients:
                client.close()
            wait_until(lambda: connections(proxy) == 0, "they are closed")
            self.assertEqual(request(proxy.join_url + "/v1/rooms")[0], 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
