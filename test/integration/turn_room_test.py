"""Browsers that may only use TURN talk in the shipped voice room, through the TURN server on the same port."""

import contextlib
import json
import unittest

from browser import Browser
from harness import Sluice, metric, request, wait_until
from people import Player, received_shares

LOCAL_CANDIDATE = """
(async () => {
  const stats = await window.sluice.pc.getStats();
  const transport = [...stats.values()].find(s => s.type === 'transport');
  const pair = stats.get(transport.selectedCandidatePairId);
  return stats.get(pair?.localCandidateId)?.candidateType;
})()
"""

# The candidate in the first answer is unreachable.
TAMPER_FIRST_ANSWER = """
const original = RTCPeerConnection.prototype.setRemoteDescription;
let first = true;
RTCPeerConnection.prototype.setRemoteDescription = function(answer) {
  const sdp = first ? answer.sdp.replaceAll(/(a=candidate:.* udp \\d+ )\\S+ \\d+/g, '$1192.0.2.99 9999') : answer.sdp;
  first = false;
  return original.call(this, {type: answer.type, sdp});
};
"""


class TurnRoomTest(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.sluice = stack.enter_context(Sluice(shipped_ports=True, arguments=["--concurrency", "2"]))
        self.browser = stack.enter_context(Browser())

    def test_relay_only_players_receive_each_other_and_no_packet_leaves_the_process(self):
        ada = Player(self.browser, self.sluice, "relayed", "ada", query="&relay=1")
        grace = Player(self.browser, self.sluice, "relayed", "grace", query="&relay=1")
        for player in (ada, grace):
            player.wait_for_state("connected")
            self.assertEqual(player.page.run(LOCAL_CANDIDATE), "relay")
        wait_until(lambda: ada.heard() and grace.heard(), "they hear each other")
        for share, energy in received_shares(ada, grace, 10):
            self.assertGreater(share, 0.95)
            self.assertGreater(energy, 0)
        wait_until(lambda: self.sluice.metric("sluice_stun_turn_relayed_to_peer_total") > 1000, "a thousand are relayed")
        text = self.sluice.admin("/metrics")[2]
        relayed = metric(text, "sluice_stun_turn_relayed_to_peer_total")
        inside = metric(text, "sluice_stun_turn_relayed_inside_total")
        print(f"{relayed:.0f} datagrams relayed, {inside:.0f} of them by hairpin")
        self.assertEqual(relayed, inside)

    def test_a_player_that_cannot_connect_directly_connects_through_the_relay(self):
        late = Player(self.browser, self.sluice, "fallback", "late", before=TAMPER_FIRST_ANSWER)
        late.wait_for_state("connected", timeout=60)
        self.assertEqual(late.page.run(LOCAL_CANDIDATE), "relay")

    def test_credentials_come_from_the_join_api(self):
        status, _, text = request(f"{self.sluice.join_url}/v1/rooms/r/players/p/turn")
        self.assertEqual(status, 200)
        credentials = json.loads(text)
        self.assertEqual(credentials["ttl"], 600)
        self.assertEqual(credentials["uris"], ["turn:127.0.0.1:3478?transport=udp"])
        self.assertTrue(credentials["username"].endswith(":r/p"))


if __name__ == "__main__":
    unittest.main()
