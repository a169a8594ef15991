"""Further changes by a reload while the process runs: listeners that are removed, endpoints that move, certificates."""

import json
import os
import socket
import ssl
import subprocess
import time
import unittest
import urllib.request

from harness import Sluice, free_ports, request, voice_room_config, wait_until
from join_test import CERTIFICATE, PRIVATE_KEY, SDP, with_join
from load_test import result_of, start_load

LISTENER = """
listeners {
  name: "%s"
  address: "127.0.0.1:%d"
  filter_chains {
    name: "%s"
    filters { typed_config { [type.googleapis.com/sluice.filters.Forward] { cluster: "servers" } } }
  }
}
"""
REST = """
clusters { name: "servers" endpoints: "127.0.0.1:%d" }
admin { address: "127.0.0.1:9901" }
limits { drain_timeout_s: %d }
"""


class Client:
    def __init__(self, test, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        self.socket.settimeout(1)
        self.socket.connect(("127.0.0.1", port))

    def echoed(self, upstream):
        self.socket.send(b"hello")
        try:
            data, who = upstream.recvfrom(100)
            upstream.sendto(data, who)
            return self.socket.recv(100) == b"hello"
        except (TimeoutError, ConnectionRefusedError):
            return False


class ChangeTest(unittest.TestCase):
    def setUp(self):
        self.upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.upstream.close)
        self.upstream.bind(("127.0.0.1", 0))
        self.upstream.settimeout(1)
        self.one, self.two = free_ports(2)

    def config(self, *listeners, drain=3):
        return "".join(LISTENER % each for each in listeners) + REST % (self.upstream.getsockname()[1], drain)

    def reload(self, proxy, text):
        proxy.write_config(text)
        status, _, body = proxy.admin("/reload", "POST")
        self.assertEqual(status, 200, body)

    def test_a_removed_listener_drains_only_its_own_sessions(self):
        both = self.config(("one", self.one, "c"), ("two", self.two, "c"))
        with Sluice(both, arguments=("--concurrency", "2")) as proxy:
            leaving, staying = Client(self, self.one), Client(self, self.two)
            self.assertTrue(leaving.echoed(self.upstream) and staying.echoed(self.upstream))
            began = time.monotonic()
            self.reload(proxy, self.config(("two", self.two, "c")))
            self.assertTrue(leaving.echoed(self.upstream))
            self.assertFalse(Client(self, self.one).echoed(self.upstream))  # a new client
            self.assertEqual(proxy.metric("sluice_listener_drops_total", listener="one", reason="draining"), 1)
            wait_until(lambda: proxy.metric("sluice_listener_sessions_closed_total", reason="listener_removed") == 1,
                       "it has had its time", timeout=8)
            self.assertGreater(time.monotonic() - began, 2.9)
            self.assertTrue(staying.echoed(self.upstream))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
                wait_until(lambda: self.bound(free), "the port is free")

    def bound(self, free):
        try:
            free.bind(("127.0.0.1", self.one))
            return True
        except OSError:
            return False

    def test_a_listener_without_sessions_closes_at_once_and_is_the_same_when_it_is_added_again(self):
        both = self.config(("one", self.one, "c"), ("two", self.two, "c"), drain=60)
        only_two = self.config(("two", self.two, "c"), drain=60)
        with Sluice(both, arguments=("--concurrency", "2")) as proxy:
            client = Client(self, self.one)
            self.assertTrue(client.echoed(self.upstream))
            for _ in range(5):
                self.reload(proxy, only_two)
                self.reload(proxy, both)
            self.assertTrue(client.echoed(self.upstream) and Client(self, self.one).echoed(self.upstream))
            self.assertEqual(proxy.metric("sluice_listener_sessions_opened_total", listener="one"), 2)
            self.reload(proxy, self.config(("one", self.one, "c"), drain=60))  # "two" has no session
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
                self.one = self.two
                wait_until(lambda: self.bound(free), "its port is free")

    def test_an_address_moves_to_another_listener_with_its_sessions(self):
        with Sluice(self.config(("one", self.one, "c")), arguments=("--concurrency", "2")) as proxy:
            client = Client(self, self.one)
            self.assertTrue(client.echoed(self.upstream))
            self.reload(proxy, self.config(("renamed", self.one, "c")))
            self.assertTrue(client.echoed(self.upstream) and Client(self, self.one).echoed(self.upstream))
            self.assertEqual(proxy.metric("sluice_listener_sessions_closed_total"), 0)

    def test_sessions_of_a_removed_chain_end_in_time_or_stay_if_it_is_added_again(self):
        with Sluice(self.config(("one", self.one, "c")), arguments=("--concurrency", "2")) as proxy:
            client = Client(self, self.one)
            self.assertTrue(client.echoed(self.upstream))
            self.reload(proxy, self.config(("one", self.one, "d")))
            self.assertTrue(client.echoed(self.upstream))
            self.reload(proxy, self.config(("one", self.one, "c")))
            time.sleep(3.5)  # it should have ended by now
            self.assertTrue(client.echoed(self.upstream))
            self.reload(proxy, self.config(("one", self.one, "d")))
            wait_until(lambda: proxy.metric("sluice_listener_sessions_closed_total", reason="chain_removed") == 1,
                       "it has had its time", timeout=8)
            self.assertTrue(client.echoed(self.upstream))  # as a new one

    def test_adoption_is_measured(self):
        with Sluice(self.config(("one", self.one, "c")), arguments=("--concurrency", "2")) as proxy:
            self.assertTrue(Client(self, self.one).echoed(self.upstream))
            before = proxy.metric("sluice_worker_adoption_seconds_count")
            self.reload(proxy, self.config(("one", self.one, "c"), drain=4))
            wait_until(lambda: proxy.metric("sluice_worker_adoption_seconds_count") == before + 2, "both workers have adopted")
            self.assertLess(proxy.metric("sluice_worker_adoption_seconds_sum"), 2)

    def test_admin_and_join_move_to_other_ports(self):
        with Sluice() as proxy:
            admin, join = free_ports(2)
            moved = voice_room_config().replace("127.0.0.1:9901", f"127.0.0.1:{admin}").replace(
                "127.0.0.1:8080", f"127.0.0.1:{join}")
            old = dict(proxy.ports)
            self.reload(proxy, moved)
            proxy.ports.update(admin=admin, join=join)
            self.assertEqual(proxy.admin("/ready")[0], 200)
            self.assertEqual(request(proxy.join_url + "/v1/rooms")[0], 200)
            for port in (old["admin"], old["join"]):
                with self.assertRaises(OSError):
                    request(f"http://127.0.0.1:{port}/")
            # A port that is in use makes the whole reload fail.
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
                taken.bind(("127.0.0.1", 0))
                taken.listen()
                proxy.write_config(moved.replace(f"127.0.0.1:{join}", f"127.0.0.1:{taken.getsockname()[1]}"))
                status, _, body = proxy.admin("/reload", "POST")
                self.assertEqual((status, json.loads(body)["errors"][0]["field"]), (400, "join.address"))
            self.assertEqual(request(proxy.join_url + "/v1/rooms")[0], 200)

    def test_limits_of_the_join_api_change_under_its_connections(self):
        with Sluice(with_join("max_offer_bytes: 2000")) as proxy:
            url = proxy.join_url + "/v1/rooms/r/players/p"
            self.assertEqual(request(url, "POST", "x" * 3000, SDP)[0], 413)
            self.reload(proxy, with_join("max_offer_bytes: 4000"))
            self.assertEqual(request(url, "POST", "x" * 3000, SDP)[0], 400)

    def test_a_renewed_certificate_is_served_and_a_wrong_one_refused(self):
        with Sluice() as proxy:
            files = [os.path.join(proxy.directory, name) for name in ("chain.pem", "key.pem")]

            def renew(common_name):
                subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                "-nodes", "-days", "2", "-subj", f"/CN={common_name}", "-keyout", files[1] + ".new",
                                "-out", files[0] + ".new"], check=True, capture_output=True)
                for file in files:
                    os.rename(file + ".new", file)

            def served():
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                with socket.create_connection(("127.0.0.1", proxy.ports["join"]), timeout=5) as plain:
                    with context.wrap_socket(plain) as tls:
                        return tls.getpeercert(binary_form=True)

            renew("first")
            text = with_join(f'tls_certificate_file: "{files[0]}" tls_private_key_file: "{files[1]}"')
            self.reload(proxy, text)
            first = served()
            renew("second")  # without a request: the files are watched
            wait_until(lambda: served() != first, "the new certificate is served")
            second = served()
            with open(files[0], "w", encoding="utf-8") as file:
                file.write("nonsense")
            self.assertEqual(proxy.admin("/reload", "POST")[0], 400)
            self.assertEqual(served(), second)
            # Back to one from the tree, with other names.
            self.reload(proxy, with_join(f'tls_certificate_file: "{CERTIFICATE}" tls_private_key_file: "{PRIVATE_KEY}"'))
            context = ssl.create_default_context(cafile=CERTIFICATE)
            url = proxy.join_url.replace("http:", "https:")
            with urllib.request.urlopen(url, context=context, timeout=5) as response:
                self.assertEqual(response.status, 200)

    def test_sigterm_lets_calls_continue_until_they_end_and_tells_the_players(self):
        with Sluice(arguments=("--concurrency", "2")) as proxy:
            load = start_load(proxy, room="r", players=4, talkers=2, seconds=6)
            wait_until(lambda: proxy.metric("sluice_players", state="connected") == 4, "all players are connected")
            name = sorted(proxy.players("r"))[0]
            events = urllib.request.urlopen(f"{proxy.join_url}/v1/rooms/r/players/{name}/events", timeout=20)
            self.addCleanup(events.close)
            proxy.process.terminate()
            self.assertIn("event: draining\ndata: {\"ends_within_s\":30}", self.read_until(events, "draining"))
            code, report = result_of(load)
            self.assertEqual((code, report["packets_lost"]), (0, 0))
            self.assertEqual(proxy.process.wait(10), 0)

    def test_a_drain_by_http_ends_the_process_if_requested(self):
        with Sluice() as proxy:
            self.assertEqual(proxy.admin("/drain", "POST")[0], 200)
            self.assertEqual(proxy.admin("/ready")[0], 503)
            self.assertEqual(proxy.admin("/drain?exit=1", "POST")[0], 200)
            self.assertEqual(proxy.process.wait(10), 0)

    @staticmethod
    def read_until(events, word):
        text = ""
        while word not in text or not text.endswith("\n\n"):
            text += events.readline().decode()
        return text


if __name__ == "__main__":
    unittest.main(verbosity=2)
