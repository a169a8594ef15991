"""UDP sockets that tell how each datagram was marked on the wire."""

import socket
import struct

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
