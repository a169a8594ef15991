"""The generic proxy: forward in front of UDP upstreams."""

import selectors
import socket
import struct
import threading
import time
import unittest

from harness import Sluice, free_ports, wait_until
from udp import marking_socket, receive_marked

FLOWS = 200
DATAGRAMS = 10_000
WINDOW = 8  # datagrams of a flow in transit at once: well below the size of any socket buffer


def config(upstream, ingress_dscp=None, workers=""):
    mark = f"ingress {{ all {{ dscp: {ingress_dscp} ttl: 33 }} }}" if ingress_dscp is not None else ""
    return f"""
listeners {{
  name: "udp"
  address: "127.0.0.1:3478"
  filter_chains {{
    name: "proxy"
    filters {{ typed_config {{ [type.googleapis.com/sluice.filters.Marker] {{ {mark} }} }} }}
    filters {{ typed_config {{ [type.googleapis.com/sluice.filters.Forward] {{ cluster: "echo" }} }} }}
  }}
}}
clusters {{ name: "echo" endpoints: "127.0.0.1:{upstream}" }}
admin {{ address: "127.0.0.1:9901" }}
workers {{ {workers} }}
"""


class Echo:
    """Sends every datagram back until it is closed; stores the DSCP and TTL of the last one."""

    def __init__(self, port):
        self.socket = marking_socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", port))
        self.socket.settimeout(0.1)
        self.dscp = self.ttl = None
        self.open = True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.open:
            try:
                data, sender, self.dscp, self.ttl = receive_marked(self.socket)
            except TimeoutError:
                continue
            self.socket.sendto(data, sender)

    def close(self):
        self.open = False
        self.thread.join()
        self.socket.close()


class Forward(unittest.TestCase):
    def setUp(self):
        (self.upstream,) = free_ports(1)

    def start(self, **kwargs):
        return Sluice(config(self.upstream, **kwargs))

    def echo(self):
        echo = Echo(self.upstream)
        self.addCleanup(echo.close)
        return echo

    def client(self, proxy):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.connect(("127.0.0.1", proxy.ports["udp"]))
        client.settimeout(5)
        return client

    def test_keeps_the_order_of_every_flow_and_loses_nothing(self):
        self.echo()
        with self.start() as proxy:
            selector = selectors.DefaultSelector()
            sent = [0] * FLOWS
            received = [0] * FLOWS
            sockets = [self.client(proxy) for _ in range(FLOWS)]
            for flow, client in enumerate(sockets):
                client.setblocking(False)
                selector.register(client, selectors.EVENT_READ, flow)
            each = DATAGRAMS // FLOWS
            deadline = time.monotonic() + 60
            while sum(received) < DATAGRAMS:
                self.assertLess(time.monotonic(), deadline, f"only {sum(received)} came back")
                for flow, client in enumerate(sockets):
                    while sent[flow] < each and sent[flow] - received[flow] < WINDOW:
                        client.send(struct.pack("!II", flow, sent[flow]) + b"x" * 152)
                        sent[flow] += 1
                for key, _ in selector.select(0.5):
                    flow, number = struct.unpack("!II", key.fileobj.recv(2048)[:8])
                    self.assertEqual((flow, number), (key.data, received[key.data]))
                    received[flow] += 1
            self.assertEqual(proxy.metric("sluice_listener_packets_total", direction="in"), DATAGRAMS)
            self.assertEqual(proxy.metric("sluice_listener_packets_total", direction="out"), DATAGRAMS)
            self.assertEqual(proxy.metric("sluice_filter_socket_packets_total", filter="forward", direction="out"), DATAGRAMS)
            self.assertEqual(proxy.metric("sluice_filter_socket_packets_total", filter="forward", direction="in"), DATAGRAMS)
            self.assertEqual(proxy.metric("sluice_listener_sessions"), FLOWS)
            self.assertEqual(proxy.metric("sluice_listener_drops_total"), 0)
            self.assertEqual(proxy.metric("sluice_filter_drops_total"), 0)
            self.assertEqual(proxy.metric("sluice_worker_packets_unaccounted_total"), 0)

    def test_lets_packets_accumulate_while_they_arrive_fast(self):
        self.echo()
        with self.start(workers="count: 1 coalesce_us: 1000") as proxy:
            client = self.client(proxy)
            client.send(b"one alone")
            self.assertEqual(client.recv(20), b"one alone")
            self.assertEqual(proxy.metric("sluice_worker_pauses_total"), 0)

            def pauses():
                for _ in range(WINDOW):
                    client.send(b"fast")
                for _ in range(WINDOW):
                    client.recv(20)
                return proxy.metric("sluice_worker_pauses_total")

            wait_until(pauses, "packets gather", step=0)
            self.assertEqual(proxy.metric("sluice_filter_drops_total"), 0)

    def test_lets_no_packet_wait_when_accumulation_is_off(self):
        self.echo()
        with self.start(workers="count: 1 coalesce_us: 0") as proxy:
            client = self.client(proxy)
            for _ in range(1000):
                client.send(b"fast")
                self.assertEqual(client.recv(20), b"fast")
            self.assertEqual(proxy.metric("sluice_worker_pauses_total"), 0)

    def test_counts_an_upstream_that_is_down_and_recovers_when_it_returns(self):
        with self.start() as proxy:
            client = self.client(proxy)
            client.settimeout(0.2)

            def refused():
                client.send(b"anyone there?")
                return proxy.metric("sluice_forward_upstream_refused_total")

            wait_until(refused, "the refusal is counted")
            self.echo()

            def recovered():
                client.send(b"and now?")
                try:
                    return client.recv(2048) == b"and now?"
                except (TimeoutError, ConnectionError):
                    return False

            wait_until(recovered, "the session recovers")
            self.assertEqual(proxy.metric("sluice_listener_sessions_opened_total"), 1)

    def test_a_reload_changes_marks_during_a_call(self):
        echo = self.echo()
        with self.start(ingress_dscp=46) as proxy:
            client = self.client(proxy)
            client.send(b"1")
            self.assertEqual(client.recv(10), b"1")
            self.assertEqual((echo.dscp, echo.ttl), (46, 33))
            proxy.write_config(config(self.upstream, ingress_dscp=10))
            status, _, body = proxy.admin("/reload", "POST")
            self.assertEqual(status, 200, body)
            client.send(b"2")
            self.assertEqual(client.recv(10), b"2")
            self.assertEqual((echo.dscp, echo.ttl), (10, 33))
            self.assertEqual(proxy.metric("sluice_listener_sessions_opened_total"), 1)

    def test_a_reload_moves_live_sessions_to_another_upstream(self):
        (other,) = free_ports(1)
        with self.start() as proxy:
            client = self.client(proxy)
            client.send(b"into the void")
            wait_until(lambda: proxy.metric("sluice_listener_sessions_opened_total"), "the session is there")
            proxy.write_config(config(other))
            self.assertEqual(proxy.admin("/reload", "POST")[0], 200)
            self.upstream = other
            self.echo()
            client.send(b"hello")
            self.assertEqual(client.recv(10), b"hello")
            self.assertEqual(proxy.metric("sluice_listener_sessions_opened_total"), 1)

    def test_a_bad_file_is_refused_and_the_old_configuration_stays_in_use(self):
        self.echo()
        with self.start() as proxy:
            proxy.write_config(config(self.upstream).replace('cluster: "echo"', 'cluster: "nowhere"'))
            status, _, body = proxy.admin("/reload", "POST")
            self.assertEqual(status, 400)
            self.assertIn("listeners[0].filter_chains[0].filters[1].typed_config.cluster", body)
            client = self.client(proxy)
            client.send(b"still here")
            self.assertEqual(client.recv(20), b"still here")
            self.assertGreaterEqual(proxy.metric("sluice_reloads_total", result="refused"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
