"""A browser restarts ICE during a call (RFC 8445 section 9): the session, its keys and the voice continue."""

import contextlib
import json
import os
import unittest

from browser import Browser
from harness import Sluice, voice_room_config, wait_until
from people import Player

UFRAGS = """
(() => {
  const of = (description) => /a=ice-ufrag:(\\S+)/.exec(description?.sdp)?.[1];
  const {pc} = window.sluice;
  return [of(pc.localDescription), of(pc.remoteDescription)];
})()
"""
# Two connections that share a certificate, as a page may do to keep its fingerprint.
SAME_CERTIFICATE = """
(async () => {
  const certificate = await RTCPeerConnection.generateCertificate({name: 'ECDSA', namedCurve: 'P-256'});
  const stream = await navigator.mediaDevices.getUserMedia({audio: true});
  const states = [];
  for (let i = 0; i < 2; ++i) {
    const pc = new RTCPeerConnection({certificates: [certificate]});
    pc.addTransceiver(stream.getAudioTracks()[0], {direction: 'sendonly'});
    await pc.setLocalDescription();
    const response = await fetch('/v1/rooms/same/players/carol',
        {method: 'POST', headers: {'Content-Type': 'application/sdp'}, body: pc.localDescription.sdp});
    await pc.setRemoteDescription({type: 'answer', sdp: await response.text()});
    while (!['connected', 'failed'].includes(pc.connectionState)) {
      await new Promise((resolve) => pc.addEventListener('connectionstatechange', resolve, {once: true}));
    }
    states.push(pc.connectionState);
  }
  return states;
})()
"""


class IceRestartTest(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.sluice = Sluice(None, arguments=["--concurrency", "2"])
        socket = os.path.join(self.sluice.directory, "takeover")
        self.sluice.write_config(f'takeover_socket: "{socket}"\n' + voice_room_config())
        stack.enter_context(self.sluice)
        self.browser = stack.enter_context(Browser())

    def player(self, name):
        player = Player(self.browser, self.sluice, "moving", name)
        player.wait_for_state("connected")
        return player

    def sessions(self):
        """By player, the numbers of the server's sessions."""
        sessions = json.loads(self.sluice.admin("/sessions")[2])["sessions"]
        return {s["player"]: s["id"] for s in sessions if "player" in s}

    def handshakes(self):
        return self.sluice.metric("sluice_dtls_srtp_handshakes_total")

    def check_voice(self, alice, bob):
        """Voice flows in both directions, within a second."""
        before = [player.stats()["packetsReceived"] for player in (alice, bob)]

        def heard():
            now = [player.stats()["packetsReceived"] for player in (alice, bob)]
            return all(n - b >= 10 for n, b in zip(now, before))

        wait_until(heard, "both hear the other", 1, step=0.02)

    def check_restart(self, alice, bob, restart):
        before = alice.page.run(UFRAGS)
        sessions, handshakes = self.sessions(), self.handshakes()
        alice.page.run(restart)
        wait_until(lambda: not set(before) & set(alice.page.run(UFRAGS)), "both sides have new credentials", 5)
        self.check_voice(alice, bob)
        wait_until(lambda: self.has_checked(alice), "a check with the new credentials gets a response")
        self.check_voice(alice, bob)
        self.assertEqual(self.sessions(), sessions)
        self.assertEqual(self.handshakes(), handshakes)
        self.assertEqual(alice.state(), "connected")

    @staticmethod
    def has_checked(player):
        """True if the pair that carries the voice uses the current credentials."""
        return player.page.run(
            """(async () => {
              const {pc} = window.sluice;
              const stats = await pc.getStats();
              const transport = [...stats.values()].find((s) => s.type === 'transport');
              const pair = stats.get(transport.selectedCandidatePairId);
              const ufrag = /a=ice-ufrag:(\\S+)/.exec(pc.localDescription.sdp)[1];
              return stats.get(pair.localCandidateId).usernameFragment === ufrag && pair.responsesReceived > 0;
            })()"""
        )

    def test_the_call_continues(self):
        alice, bob = self.player("alice"), self.player("bob")
        wait_until(lambda: alice.heard() and bob.heard(), "they hear each other")
        alice.page.run("window.first = window.sluice.pc")
        location = alice.page.run("window.sluice.call.location")
        self.check_restart(alice, bob, "window.sluice.call.restartIce()")
        self.check_restart(alice, bob, "window.sluice.call.restartIce()")
        self.check_restart(alice, bob, "dispatchEvent(new Event('online')), null")
        self.assertTrue(alice.page.run("window.first === window.sluice.pc"))
        self.assertEqual(alice.page.run("window.sluice.call.location"), location)

        self.sluice.take_over()
        self.check_voice(alice, bob)
        self.check_restart(alice, bob, "window.sluice.call.restartIce()")

        self.sluice.admin("/drain", "POST")
        self.check_restart(alice, bob, "window.sluice.call.restartIce()")
        alice.click("leave")
        wait_until(lambda: set(self.sluice.players("moving")) == {"bob"}, "the Location still ends the call")

    def test_a_new_connection_with_the_same_certificate_performs_a_new_handshake(self):
        page = self.player("dora").page
        before = self.handshakes()
        self.assertEqual(page.run(SAME_CERTIFICATE), ["connected", "connected"])
        self.assertEqual(self.handshakes(), before + 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
