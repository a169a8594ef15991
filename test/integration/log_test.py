"""The log lines about players that connect and players that are removed."""

import re
import socket
import unittest

from aioice import stun

from harness import Sluice, voice_room_config, wait_until
from peers import AiortcPlayer, join

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
OFFER = """v=0\r
o=- 1 2 IN IP4 127.0.0.1\r
s=-\r
t=0 0\r
a=group:BUNDLE 0\r
m=audio 9 UDP/TLS/RTP/SAVPF 111\r
c=IN IP4 0.0.0.0\r
a=ice-ufrag:client\r
a=ice-pwd:0123456789abcdef01234567\r
a=fingerprint:sha-256 """ + ":".join(["AB"] * 32) + """\r
a=setup:actpass\r
a=mid:0\r
a=sendonly\r
a=rtcp-mux\r
a=rtpmap:111 opus/48000/2\r
"""


def config(stun_turn="", dtls_srtp=""):
    text = voice_room_config()
    text = text.replace("StunTurn] { turn {} }", "StunTurn] { turn {} " + stun_turn + " }")
    return text.replace("DtlsSrtp] {}", "DtlsSrtp] { " + dtls_srtp + " }")


class SilentPlayer:
    """Joins, authenticates its address with one ICE check (RFC 8445 section 7.2.4), and sends nothing more."""

    def __init__(self, test, sluice, name):
        answer, self.location = join(sluice, "lobby", name, OFFER)
        ufrag = re.search(r"a=ice-ufrag:(\S+)", answer)[1]
        password = re.search(r"a=ice-pwd:(\S+)", answer)[1]
        check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        check.attributes["USERNAME"] = f"{ufrag}:client"
        check.attributes["PRIORITY"] = 1
        check.attributes["ICE-CONTROLLING"] = 1
        check.attributes["USE-CANDIDATE"] = None
        check.add_message_integrity(password.encode())
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        test.addCleanup(udp.close)
        udp.connect(("127.0.0.1", sluice.ports["udp"]))
        udp.settimeout(10)
        udp.send(bytes(check))
        udp.recv(1500)
        self.address = "127.0.0.1:%d" % udp.getsockname()[1]


class ForgedOffer(AiortcPlayer):
    """Announces the fingerprint of another certificate."""

    def _munge(self, offer):
        return re.sub(r"(?m)^(a=fingerprint:sha-256 )..:", r"\g<1>00:" if "256 00:" not in offer else r"\g<1>01:", offer)


class LogTest(unittest.TestCase):
    def check_line(self, sluice, pattern):
        """The one line that matches."""
        found = wait_until(lambda: re.findall(f"(?m)^{TIME} (?:info |debug) \\[\\d+\\] {pattern}$", sluice.log()), pattern)
        self.assertEqual(len(found), 1, sluice.log())

    def test_a_player_connects_and_leaves(self):
        with Sluice(config()) as sluice:
            with AiortcPlayer(sluice, "lobby", "ada"):
                self.check_line(sluice, r"ada joined lobby from 127\.0\.0\.1")
                self.check_line(sluice, r"ada in lobby connected from [\d.]+:\d+; the handshake took \d+ ms")
            self.check_line(sluice, "ada left lobby")
            self.assertNotIn("debug", sluice.log())

    def test_consent_expires(self):
        with Sluice(config(stun_turn="consent_timeout_s: 5")) as sluice:
            player = SilentPlayer(self, sluice, "ada")
            self.check_line(sluice, "ada in lobby was removed: consent_expired; client "
                            + re.escape(player.address) + r", after \d+ ms, packets in 1, out \d+")

    def test_the_handshake_takes_too_long(self):
        with Sluice(config(dtls_srtp="handshake_timeout_s: 1")) as sluice:
            player = SilentPlayer(self, sluice, "ada")
            self.check_line(sluice, "ada in lobby was removed: handshake_timeout; client "
                            + re.escape(player.address) + r", after \d+ ms, packets in 1, out \d+")

    def test_the_fingerprint_is_wrong(self):
        with Sluice(config()) as sluice:
            with ForgedOffer(sluice, "lobby", "ada"):
                self.check_line(sluice, r"ada in lobby was removed: wrong_fingerprint; client [\d.]+:\d+, after \d+ ms, "
                                r"packets in \d+, out \d+")

    def test_a_second_join_replaces_the_first(self):
        with Sluice(config()) as sluice:
            SilentPlayer(self, sluice, "ada")
            SilentPlayer(self, sluice, "ada")
            self.check_line(sluice, "ada in lobby was replaced: it joined again")
            self.assertNotIn("ada in lobby was removed", sluice.log())

    def test_debug_shows_the_life_of_a_session(self):
        with Sluice(config(dtls_srtp="handshake_timeout_s: 1"), arguments=["--log-level", "debug"]) as sluice:
            address = re.escape(SilentPlayer(self, sluice, "ada").address)
            self.check_line(sluice, r"session \d+ opened: listener voice, chain webrtc, client " + address
                            + r", to 127\.0\.0\.1:\d+, ada in lobby")
            self.check_line(sluice, r"session \d+: address " + address + " authenticated")
            self.check_line(sluice, r"session \d+ closed: handshake_timeout; packets in 1, out \d+, ada in lobby")

    def test_every_line_of_a_refused_reload_has_a_time(self):
        with Sluice(config()) as sluice:
            sluice.write_config(config().replace("dscp: 46", "dscp: 99").replace("idle_timeout_s: 60", "idle_timeout_s: 0"))
            self.assertEqual(sluice.admin("/reload", "POST")[0], 400)
            lines = sluice.log().splitlines()
            self.assertTrue(any("idle_timeout_s" in line for line in lines))
            for line in lines:
                self.assertRegex(line, f"^{TIME} ")


if __name__ == "__main__":
    unittest.main()
