"""A TURN client that sends what a test specifies, including invalid messages; needs only the standard library."""

import hashlib
import hmac
import os
import socket
import struct
import zlib

COOKIE = 0x2112A442
BINDING, ALLOCATE, REFRESH, SEND, DATA, CREATE_PERMISSION, CHANNEL_BIND = 1, 3, 4, 6, 7, 8, 9
USERNAME, INTEGRITY, ERROR_CODE, CHANNEL_NUMBER, LIFETIME = 0x06, 0x08, 0x09, 0x0C, 0x0D
XOR_PEER, PAYLOAD, REALM, NONCE, XOR_RELAYED = 0x12, 0x13, 0x14, 0x15, 0x16
REQUESTED_FAMILY, TRANSPORT, DONT_FRAGMENT, XOR_MAPPED = 0x17, 0x19, 0x1A, 0x20
UDP = (TRANSPORT, bytes([17, 0, 0, 0]))
BOTH_FAMILIES = (0x8000, bytes([2, 0, 0, 0]))  # ADDITIONAL-ADDRESS-FAMILY


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def message(method, attributes=(), kind=0, transaction=None):
    """`kind`: 0 a request, 1 an indication. An attribute's value may be a function of the transaction."""
    transaction = transaction or os.urandom(12)
    body = b"".join(attribute(number, value(transaction) if callable(value) else value) for number, value in attributes)
    first = (method & 0xF80) << 2 | (method & 0x70) << 1 | (method & 0xF) | kind << 4
    return struct.pack("!HHI", first, len(body), COOKIE) + transaction + body


def sealed(text, key):
    text = text[:2] + struct.pack("!H", len(text) - 20 + 24) + text[4:]
    return text + attribute(INTEGRITY, hmac.new(key, text, hashlib.sha1).digest())


def xor_address(host, port, transaction=bytes(12)):
    v6 = ":" in host
    ip = socket.inet_pton(socket.AF_INET6 if v6 else socket.AF_INET, host)
    mask = struct.pack("!I", COOKIE) + transaction
    return bytes([0, 2 if v6 else 1]) + struct.pack("!H", port ^ COOKIE >> 16) + bytes(
        a ^ b for a, b in zip(ip, mask))


class Response:
    def __init__(self, data):
        first, = struct.unpack_from("!H", data)
        self.data, self.transaction, self.ok = data, data[8:20], first & 0x110 == 0x100
        self.attributes, at = {}, 20
        while at < len(data):
            kind, size = struct.unpack_from("!HH", data, at)
            self.attributes.setdefault(kind, data[at + 4:at + 4 + size])
            at += 4 + size + -size % 4

    @property
    def code(self):
        """0 for a success."""
        error = self.attributes.get(ERROR_CODE)
        return error[2] * 100 + error[3] if error else 0

    def address(self, kind):
        value = self.attributes[kind]
        mask = struct.pack("!I", COOKIE) + self.transaction
        port = struct.unpack_from("!H", value, 2)[0] ^ COOKIE >> 16
        family = socket.AF_INET6 if value[1] == 2 else socket.AF_INET
        return socket.inet_ntop(family, bytes(a ^ b for a, b in zip(value[4:], mask))), port


class TurnClient:
    """One socket connected to the server. Use as a context manager."""

    def __init__(self, server, user="alice", password="alice's password", host="127.0.0.1"):
        self.user, self.password, self.realm, self.nonce = user, password, None, None
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.connect(server)
        self.socket.settimeout(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @property
    def key(self):
        return hashlib.md5(f"{self.user}:{self.realm}:{self.password}".encode()).digest()

    def transact(self, text):
        """Sends it, and retransmits it if no response arrives."""
        for wait in (0.5, 1, 2, 4):
            self.socket.settimeout(wait)
            self.socket.send(text)
            try:
                while (response := Response(self.socket.recv(2000))).transaction != text[8:20]:
                    pass
                return response
            except TimeoutError:
                pass
        raise AssertionError("the server does not respond")

    def request(self, method, *attributes):
        """Sends a request with credentials; requests realm and nonce first."""
        if self.nonce is None:
            challenge = self.transact(message(method, attributes))
            self.realm, self.nonce = challenge.attributes[REALM].decode(), challenge.attributes[NONCE]
        login = ((USERNAME, self.user.encode()), (REALM, self.realm.encode()), (NONCE, self.nonce))
        response = self.transact(sealed(message(method, (*attributes, *login)), self.key))
        if response.code == 438:
            self.nonce = response.attributes[NONCE]
            return self.request(method, *attributes)
        return response

    def allocate(self, *attributes):
        response = self.request(ALLOCATE, UDP, *attributes)
        if response.code:
            raise AssertionError(f"error {response.code}")
        return response.address(XOR_RELAYED)

    def permit(self, host, port=0):
        """An error code, or 0."""
        return self.request(CREATE_PERMISSION, (XOR_PEER, self._peer(host, port))).code

    def bind(self, channel, host, port):
        number = struct.pack("!HH", channel, 0)
        return self.request(CHANNEL_BIND, (CHANNEL_NUMBER, number), (XOR_PEER, self._peer(host, port))).code

    def send(self, host, port, data, whole=False):
        attributes = [(XOR_PEER, self._peer(host, port)), (PAYLOAD, data)]
        if whole:
            attributes.append((DONT_FRAGMENT, b""))
        self.socket.send(message(SEND, attributes, 1))

    def send_channel(self, channel, data):
        self.socket.send(struct.pack("!HH", channel, len(data)) + data)

    def receives(self, payload):
        """True if this arrives from a peer before the socket's timeout."""
        try:
            while self.receive() != payload:
                pass
            return True
        except TimeoutError:
            return False

    def receive(self):
        """The payload of the next datagram from a peer."""
        data = self.socket.recv(2000)
        if data[0] >= 0x40:
            return data[4:4 + struct.unpack_from("!H", data, 2)[0]]
        return Response(data).attributes[PAYLOAD]

    @staticmethod
    def _peer(host, port):
        return lambda transaction: xor_address(host, port, transaction)
