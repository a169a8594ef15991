"""A proxy that is a TURN server, and a peer behind it."""

import socket

from harness import Sluice

CONFIG = """
listeners {
  name: "turn"
  address: "127.0.0.1:3478"
  additional_addresses: "[::1]:3478"
  %l
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


class Sink:
    """A peer that counts received datagrams."""

    def __init__(self, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(0.3)
        self.host, self.port = self.socket.getsockname()[:2]

    def received(self):
        try:
            return self.socket.recvfrom(2000)
        except TimeoutError:
            return None

    def close(self):
        self.socket.close()


def started(options="", arguments=("--concurrency", "2"), extra="", listener=""):
    """`options` are turn's, `listener` the listener's, `extra` is appended to the file."""
    text = CONFIG.replace("%s", options).replace("%l", listener) + extra
    sluice = Sluice(text, arguments=arguments)
    for host in ("[::1]", "127.0.0.2"):
        text = text.replace(f"{host}:3478", f"{host}:{sluice.ports['udp']}")
    sluice.write_config(text)
    sluice.text = text
    return sluice
