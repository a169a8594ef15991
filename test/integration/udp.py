"""DSCP and TTL of datagrams on the wire."""

import os
import socket
import struct
import time

IP_RECVTTL = 12  # <linux/in.h>; Python's socket module does not have it


def marking_socket():
    """An unbound IPv4 socket whose receive_marked() works."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    udp.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
    return udp


def receive_marked(udp):
    """(data, sender, dscp, ttl)"""
    data, control, _, sender = udp.recvmsg(2048, 256)
    values = {kind: value for _, kind, value in control}
    return data, sender, values[socket.IP_TOS][0] >> 2, struct.unpack("i", values[socket.IP_TTL])[0]


STUN_COOKIE = 0x2112A442


class StunClient:
    """Records the marks of a STUN server's responses."""

    def __init__(self, port):
        self.socket = marking_socket()
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", port))

    def marks(self):
        """(DSCP, TTL)"""
        self.socket.send(struct.pack("!HHI", 1, 0, STUN_COOKIE) + os.urandom(12))
        return receive_marked(self.socket)[2:]

    def close(self):
        self.socket.close()


def capture_rtp_marks(port, seconds):
    """The set of (DSCP, TTL) of the RTP packets that leave `port` on loopback; None without the right to capture."""
    try:
        capture = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    except PermissionError:
        return None
    seen = set()
    with capture:
        capture.bind(("lo", 0))
        capture.settimeout(0.2)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                packet = capture.recv(2048)
            except TimeoutError:
                continue
            header = (packet[0] & 15) * 4
            udp = packet[header:]
            is_rtp = len(udp) > 9 and udp[8] >> 6 == 2 and not 192 <= udp[9] <= 223
            if packet[9] == socket.IPPROTO_UDP and struct.unpack("!H", udp[:2])[0] == port and is_rtp:
                seen.add((packet[1] >> 2, packet[8]))
    return seen
