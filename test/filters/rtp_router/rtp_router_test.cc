#include "filters/rtp_router/rtp_router.h"

#include <doctest/doctest.h>

#include "test/filters/rtp_router/router_room.h"

namespace sluice {
namespace {

using namespace test;

TEST_CASE("a speaker's voice is forwarded to all other players, and not to the speaker") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  auto& carol = room.add("carol");
  alice.ingress(VoicePacket().bytes());
  CHECK(alice.outer.empty());
  CHECK(bob.outer.size() == 1);
  CHECK(carol.outer.size() == 1);
  CHECK(bob.counted("rtp_router", "voice_out") == 1);
  CHECK(room.worker.pool().unaccounted() == 0);
}

TEST_CASE(
    "a receiver gets its own SSRC, payload type and extension ids, the true speaker in CSRC and no mid") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.payload_type = 96, .extensions = {.mid = 1, .audio_level = 2}});
  const uint8_t level = 0x80 | 30;
  alice.ingress(VoicePacket{.extensions = {{1, Bytes(&level, 1)}, {4, asBytes("0")}}}.bytes());
  const auto packet = received(bob);
  CHECK(packet.ssrc == bob.session.known_player->negotiated.slots[0].ssrc);
  CHECK(packet.payload_type == 96);
  REQUIRE(packet.csrcCount() == 1);
  CHECK(packet.csrc(0) == kSsrc);
  CHECK_FALSE(packet.findExtension(1));
  REQUIRE(packet.findExtension(2));
  CHECK((*packet.findExtension(2))[0] == level);
  CHECK_FALSE(packet.findExtension(4));
  CHECK(std::vector<uint8_t>(packet.payload.begin(), packet.payload.end()) == kPayload);
}

TEST_CASE("padding-only packets keep their sequence numbers and their padding") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  auto bytes = VoicePacket{.payload = {0, 0, 0, 4}}.bytes();
  bytes[0] |= 0x20;
  alice.ingress(bytes);
  const auto packet = received(bob);
  CHECK(packet.payload.empty());
  CHECK(packet.padding == 4);
}

TEST_CASE("two speakers with the same SSRC stay separate") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  auto& carol = room.add("carol");
  alice.ingress(VoicePacket().bytes());
  bob.ingress(VoicePacket().bytes());
  room.worker.runMain();
  alice.ingress(VoicePacket{.sequence = 2}.bytes());
  const uint32_t from_alice = received(carol).csrc(0);
  const uint32_t alice_slot = received(carol).ssrc;
  bob.ingress(VoicePacket{.sequence = 2}.bytes());
  CHECK(received(carol).csrc(0) != from_alice);
  CHECK(received(carol).ssrc != alice_slot);
}

TEST_CASE("of negotiated RED the primary frame is forwarded, with or without a repair filter") {
  RouterRoom room;
  auto& alice = room.add("alice", {.red_payload_type = 63});
  auto& bob = room.add("bob");
  alice.ingress(
      VoicePacket{.payload_type = 63, .payload = {0x80 | 111, 0x0f, 0, 2, 111, 7, 7, 1, 2, 3, 4}}.bytes());
  CHECK(received(bob).payload_type == 111);
  CHECK(std::vector<uint8_t>(received(bob).payload.begin(), received(bob).payload.end()) == kPayload);
  alice.ingress(VoicePacket{.sequence = 2, .payload_type = 63, .payload = {0x80 | 111, 0x0f}}.bytes());
  CHECK(alice.dropped("rtp_router", "malformed") == 1);
}

TEST_CASE("rtp_router: each drop reason is caused and counted") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& mute = room.add("mute", {.slots = 1, .sends = false});
  room.add("bob");
  const auto drops = [](ChainHarness& chain, const char* reason) {
    return chain.dropped("rtp_router", reason);
  };
  alice.ingress(VoicePacket{.payload_type = 63}.bytes());
  CHECK(drops(alice, "unknown_payload_type") == 1);
  alice.ingress(VoicePacket{.ssrc = 99}.bytes());
  alice.ingress(VoicePacket{.ssrc = 0}.bytes());
  CHECK(drops(alice, "unknown_ssrc") == 2);
  alice.ingress(VoicePacket{.sequence = 100}.bytes());
  alice.ingress(VoicePacket{.sequence = 30'000}.bytes());
  CHECK(drops(alice, "stray") == 1);
  mute.ingress(VoicePacket().bytes());
  CHECK(drops(mute, "not_sending") == 1);
  alice.ingress(std::vector<uint8_t>{0x80, 111, 0, 0});
  CHECK(drops(alice, "malformed") == 1);
  alice.ingress(std::vector<uint8_t>{0x80, 201, 0, 9, 0, 0, 0, 0});
  CHECK(drops(alice, "malformed") == 2);
  alice.ingress(std::vector<uint8_t>{0x40, 0, 0, 0});
  CHECK(drops(alice, "unexpected") == 1);

  ManualClock clock;
  FakeWorker worker(clock);
  ChainHarness stranger(worker, {{rtp_router::filterType(), ""}});
  stranger.ingress(VoicePacket().bytes());
  CHECK(stranger.dropped("rtp_router", "no_player") == 1);
}

TEST_CASE("a player that is not connected yet is sent nothing") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  bob.session.known_player->observed.connected = false;
  alice.ingress(VoicePacket().bytes());
  CHECK(bob.outer.empty());
  CHECK(bob.counted("rtp_router", "not_connected") == 1);
}

TEST_CASE("without a free packet buffer a receiver misses one packet, which is counted") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  std::vector<net::PacketPtr> taken;
  while (taken.size() < 4095) taken.push_back(room.worker.pool().acquire());
  alice.ingress(VoicePacket().bytes());
  CHECK(bob.dropped("rtp_router", "no_packet") == 1);
  for (auto& packet : taken) packet->settle();
}

TEST_CASE("voice crosses from the speaker's worker to the receiver's worker") {
  ManualClock clock;
  FakeWorker here(clock, 0, 2);
  FakeWorker there(clock, 1, 2);
  rooms::Directory directory({}, 2, clock);
  rooms::Negotiated negotiated;
  negotiated.sending.emplace();
  negotiated.slots.resize(1);
  const auto make = [&](FakeWorker& worker, const char* name) {
    negotiated.local = {name, "password"};
    auto chain =
        std::make_unique<ChainHarness>(worker, std::vector<FilterConfig>{{rtp_router::filterType(), ""}});
    chain->directory = &directory;
    chain->session.known_player = *directory.join("room", name, negotiated);
    chain->session.known_player->observed.connected = true;
    chain->chain();
    return chain;
  };
  auto speaker = make(here, "speaker");
  auto receiver = make(there, "receiver");
  here.peers = {nullptr, &there};
  speaker->ingress(VoicePacket().bytes());
  CHECK(receiver->outer.size() == 1);
  here.peers.clear();
  speaker->ingress(VoicePacket{.sequence = 2}.bytes());
  CHECK(speaker->dropped("rtp_router", "crossing") == 1);
  receiver->closeChain();
  speaker->ingress(VoicePacket{.sequence = 3}.bytes());
  CHECK(speaker->dropped("rtp_router", "crossing") == 1);  // no receiver is left there
}

TEST_CASE("an audio level extension without a byte is ignored") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  // A two-byte extension block whose element 1 is empty and ends the packet.
  std::vector<uint8_t> packet = VoicePacket{.payload = {0x10, 0x00, 0, 1, 0, 0, 1, 0}}.bytes();
  packet[0] |= 0x10;
  alice.ingress(packet);
  CHECK(rtp::parse(received(bob).payload) == std::nullopt);
  CHECK_FALSE(received(bob).findExtension(1).has_value());
}

}  // namespace
}  // namespace sluice
