"""Connectivity checks (RFC 8445 section 7.2) from any number of addresses, without DTLS."""

import hashlib
import hmac
import re
import socket
import struct
import zlib

from harness import request
from turn_client import BINDING, INTEGRITY, USERNAME, Response, attribute, message

PRIORITY, USE_CANDIDATE, FINGERPRINT, ICE_CONTROLLING = 0x24, 0x25, 0x8028, 0x802A
OFFER = "test/sdp/data/chromium.sdp"
# An RTP packet without encryption: dtls_srtp counts it as not_keyed if the chain passes it.
RTP = bytes([0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2]) + b"voice"


class IcePlayer:
    """A player that joined and has the server's ICE credentials."""

    def __init__(self, proxy, room, name):
        with open(OFFER, encoding="utf-8") as file:
            offer = file.read()
        status, _, answer = request(f"{proxy.join_url}/v1/rooms/{room}/players/{name}", "POST", offer,
                                    {"Content-Type": "application/sdp"})
        if status != 201:
            raise AssertionError(f"{name}: {status} {answer}")
        self.server = ("127.0.0.1", proxy.ports["udp"])
        theirs = re.search("a=ice-ufrag:(\\S+)", offer)[1]
        self.username = f"{re.search('a=ice-ufrag:(.*)', answer)[1].strip()}:{theirs}".encode()
        self.password = re.search("a=ice-pwd:(.*)", answer)[1].strip().encode()

    def check(self, nominate=False, password=None):
        """The bytes of a new check; with another password its integrity is wrong."""
        attributes = [(USERNAME, self.username), (ICE_CONTROLLING, bytes(8)), (PRIORITY, struct.pack("!I", 1))]
        if nominate:
            attributes.append((USE_CANDIDATE, b""))
        text = message(BINDING, attributes)
        for kind, size, digest in (
                (INTEGRITY, 20, lambda t: hmac.new(password or self.password, t, hashlib.sha1).digest()),
                (FINGERPRINT, 4, lambda t: struct.pack("!I", zlib.crc32(t) ^ 0x5354554E))):
            text = text[:2] + struct.pack("!H", len(text) - 20 + 4 + size) + text[4:]
            text += attribute(kind, digest(text))
        return text

    def path(self, host="127.0.0.1"):
        """A socket on another address, connected to the server."""
        path = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        path.bind((host, 0))
        path.connect(self.server)
        path.settimeout(5)
        return path


def exchange(path, check):
    """The response to this check."""
    path.send(check)
    while True:
        data = path.recv(2000)
        if data[0] < 4 and data[8:20] == check[8:20]:
            return Response(data)


def source_address(number):
    """One of many loopback addresses, used as the addresses of unknown clients."""
    return socket.inet_ntoa(struct.pack("!I", (127 << 24) + (1 << 16) + number))


def send_from_strangers(server, numbers, make_datagram):
    """A datagram for each number, each from its own address and port, a hundred on each address."""
    for number in numbers:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((source_address(number // 100), 20_000 + number % 100))
            stranger.sendto(make_datagram(), server)
