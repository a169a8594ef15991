"""People in real browsers talk through the shipped configuration."""

import contextlib
import time
import unittest

from browser import Browser
from harness import Sluice, wait_until
from people import Player, received_shares

GCM = "SRTP_AEAD_AES_128_GCM"

# Runs in a page before its own scripts and changes what is sent to the server.
TAMPER_OFFER_FINGERPRINT = """
const original = window.fetch;
window.fetch = (path, options = {}) => {
  if (options.method === 'POST') {
    options.body = options.body.replaceAll(/(a=fingerprint:sha-256 )(..)/g,
        (_, name, byte) => name + (byte === '00' ? '01' : '00'));
  }
  return original(path, options);
};
"""
TAMPER_ANSWER = """
const original = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function(answer) {
  return original.call(this, {type: answer.type, sdp: answer.sdp.replaceAll(PATTERN, REPLACEMENT)});
};
"""
TAMPER_ANSWER_FINGERPRINT = TAMPER_ANSWER.replace("PATTERN", "/(a=fingerprint:sha-256 )(..)/g").replace(
    "REPLACEMENT", "(_, name, byte) => name + (byte === '00' ? '01' : '00')"
)
TAMPER_ANSWER_PASSWORD = TAMPER_ANSWER.replace("PATTERN", "/a=ice-pwd:.*/g").replace(
    "REPLACEMENT", "'a=ice-pwd:thisIsNotThePasswordAtAll'"
)


class VoiceRoomTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.sluice = cls.stack.enter_context(Sluice(shipped_ports=True, arguments=["--concurrency", "2"]))
        cls.browser = cls.stack.enter_context(Browser())

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def player(self, room, name, before=None):
        player = Player(self.browser, self.sluice, room, name, before)
        self.addCleanup(player.page.close)
        return player

    def test_people_hear_each_other_leave_and_return(self):
        alice, bob = self.player("lobby", "alice"), self.player("lobby", "bob")
        for player in (alice, bob):
            player.wait_for_state("connected")
        wait_until(lambda: min(p.stats()["packetsReceived"] for p in (alice, bob)) > 25, "sound flows")

        for share, energy in received_shares(alice, bob, 10):
            self.assertGreater(share, 0.95)
            self.assertGreater(energy, 0)
        for player in (alice, bob):
            stats = player.stats()
            self.assertEqual(stats["srtpCipher"], GCM)
            self.assertEqual(stats["packetsLost"], 0)
            self.assertIsNotNone(stats["rttMs"])

        players = self.sluice.players("lobby")
        self.assertEqual(set(players), {"alice", "bob"})
        wait_until(lambda: alice.heard() == {players["bob"]["csrc"]}, "alice hears bob by his CSRC")
        wait_until(lambda: bob.heard() == {players["alice"]["csrc"]}, "bob hears alice by her CSRC")

        bob.page.run("document.getElementById('leave').click()")
        wait_until(lambda: set(self.sluice.players("lobby")) == {"alice"}, "bob has left", 3)
        wait_until(lambda: alice.page.run("window.sluice.people.length") == 1, "alice sees that", 3)

        bob.page.run("window.sluice.join()")
        bob.wait_for_state("connected")
        wait_until(lambda: bob.stats()["packetsReceived"] > 25, "bob hears again")
        csrc = self.sluice.players("lobby")["bob"]["csrc"]
        wait_until(lambda: alice.heard() == {csrc}, "alice hears bob again")

        carol = self.player("lobby", "carol")
        carol.wait_for_state("connected")
        wait_until(lambda: len(self.sluice.players("lobby")) == 3, "three are in the room")
        csrcs = {name: player["csrc"] for name, player in self.sluice.players("lobby").items()}
        for player in (alice, bob, carol):
            others = {csrc for name, csrc in csrcs.items() if name != player.name}
            wait_until(lambda: player.heard() == others, f"{player.name} hears the two others")
        before = carol.stats()["inbound"]
        time.sleep(3)
        for stream in before:
            now = next(s for s in carol.stats()["inbound"] if s["id"] == stream["id"])
            self.assertGreater(now["packetsReceived"] - stream["packetsReceived"], 120)  # 50 a second

    def test_a_closed_tab_leaves(self):
        player = Player(self.browser, self.sluice, "brief", "dora")
        player.wait_for_state("connected")
        player.page.close()
        wait_until(lambda: not self.sluice.players("brief"), "the room is empty", 3)

    def test_a_certificate_that_was_not_announced_is_refused(self):
        mallory = self.player("guarded", "mallory", TAMPER_OFFER_FINGERPRINT)
        wait_until(
            lambda: self.sluice.metric("sluice_dtls_srtp_handshakes_total", result="wrong_fingerprint") > 0,
            "the proxy refuses the certificate",
        )
        time.sleep(2)
        self.assertNotEqual(mallory.state(), "connected")
        state = self.sluice.players("guarded").get("mallory", {"connected": False, "packets_in": 0})
        self.assertFalse(state["connected"])
        self.assertEqual(state["packets_in"], 0)

    def test_a_browser_refuses_a_proxy_with_another_certificate(self):
        victim = self.player("forged", "victim", TAMPER_ANSWER_FINGERPRINT)
        wait_until(lambda: victim.state() == "idle" and "could not be set up" in victim.problem(), "the page gives up", 30)
        self.assertFalse(self.sluice.players("forged"))

    def test_a_wrong_ice_password_is_refused(self):
        def refused():
            return self.sluice.metric("sluice_stun_turn_requests_total", result="unauthorized")

        before = refused()
        guesser = self.player("locked", "guesser", TAMPER_ANSWER_PASSWORD)
        wait_until(lambda: "guesser" in self.sluice.players("locked"), "the offer was answered")
        time.sleep(6)
        self.assertNotEqual(guesser.state(), "connected")
        state = self.sluice.players("locked")["guesser"]
        self.assertFalse(state["connected"])
        self.assertEqual(state["packets_in"], 0)
        self.assertGreater(refused(), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
