#!/usr/bin/env python3
"""Writes the datagrams of a position feed (docs/filters/position_feed.md). Needs only Python's standard library.

As a program it moves one player around the origin, until it is interrupted:

    position_feed.py 127.0.0.1:9903 --room lobby --player ann --radius 20 --secret-file secret
"""

import argparse
import hashlib
import hmac
import math
import socket
import struct
import time

MAX_SIZE = 1400  # bytes; fits into one packet on almost every path
MAC_SIZE = 32
HAS_POSITION, HAS_DIRECTION = 1, 2


def angle(radians):
    """In units of pi/32768, as 16 bits."""
    return math.floor(radians * (32768 / math.pi) + 0.5) & 0xFFFF


def name(text):
    data = text.encode()
    if not 1 <= len(data) <= 64:
        raise ValueError(f"a name has 1 to 64 bytes: {text!r}")
    return bytes([len(data)]) + data


def record(player, position=None, direction=None):
    """One player. `position` is x, y, z; `direction` is yaw and pitch in radians; what is None stays as it is."""
    flags = HAS_POSITION * (position is not None) | HAS_DIRECTION * (direction is not None)
    if flags == 0:
        raise ValueError("a player needs a position or a direction")
    data = bytes([flags]) + name(player)
    if position is not None:
        data += struct.pack(">3f", *position)
    if direction is not None:
        data += struct.pack(">2H", *map(angle, direction))
    return data


class Feed:
    """One sender. Datagrams are to be sent in the order in which they are made."""

    def __init__(self, key_id, secret, sequence=None):
        """`secret` is a str or bytes. By default, a sender that starts again continues above its earlier sequence."""
        self.key_id = key_id
        self.secret = secret.encode() if isinstance(secret, str) else secret
        self.sequence = int(time.time()) << 32 if sequence is None else sequence

    def datagram(self, room, records, unix_ms=None):
        """One datagram. The caller limits its size."""
        self.sequence += 1
        unix_ms = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
        data = b"SLPF" + struct.pack(">BBHQQ", 1, self.key_id, 0, self.sequence, unix_ms)
        data += name(room) + struct.pack(">H", len(records)) + b"".join(records)
        return data + hmac.digest(self.secret, data, hashlib.sha256)

    def datagrams(self, room, players, max_size=MAX_SIZE):
        """As many datagrams as (player, position, direction) of all `players` need."""
        records, size = [], 0
        space = max_size - 24 - len(name(room)) - 2 - MAC_SIZE
        for player in players:
            data = record(*player)
            if records and size + len(data) > space:
                yield self.datagram(room, records)
                records, size = [], 0
            records.append(data)
            size += len(data)
        if records:
            yield self.datagram(room, records)


def main():
    parser = argparse.ArgumentParser(description="Moves one player around the origin.")
    parser.add_argument("address", help="HOST:PORT of the listener with the filter position_feed")
    parser.add_argument("--room", required=True)
    parser.add_argument("--player", required=True)
    parser.add_argument("--radius", type=float, default=10, help="in world units; default %(default)s")
    parser.add_argument("--rate", type=float, default=20, help="updates per second; default %(default)s")
    parser.add_argument("--key-id", type=int, default=0)
    parser.add_argument("--secret-file", required=True, help="a file with the key's secret")
    options = parser.parse_args()
    with open(options.secret_file, encoding="utf-8") as file:
        feed = Feed(options.key_id, file.read().strip())
    host, _, port = options.address.rpartition(":")
    family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        while True:
            around = time.time() / 10 * math.tau
            position = (options.radius * math.cos(around), 0, -options.radius * math.sin(around))
            for datagram in feed.datagrams(options.room, [(options.player, position, (around, 0))]):
                sender.sendto(datagram, address)
            time.sleep(1 / options.rate)


if __name__ == "__main__":
    main()
