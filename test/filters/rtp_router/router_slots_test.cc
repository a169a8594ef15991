// Which speakers get a slot of a receiver, and how their packets make one stream.
#include <doctest/doctest.h>

#include "test/filters/rtp_router/router_room.h"

namespace sluice {
namespace {

using namespace test;

TEST_CASE("more speakers than slots: a new speaker is not forwarded until a slot becomes silent") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.ssrcs = {2}});
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 1});
  alice.ingress(VoicePacket().bytes());
  bob.ingress(VoicePacket{.ssrc = 2}.bytes());
  CHECK(carol.outer.size() == 1);
  CHECK(carol.dropped("rtp_router", "no_slot") == 1);
  room.clock.advance(500ms);
  bob.ingress(VoicePacket{.sequence = 2, .ssrc = 2}.bytes());
  CHECK(carol.outer.size() == 2);
  CHECK(received(carol).csrc(0) == 2);
  CHECK(carol.counted("rtp_router", "slot_changes") == 2);
}

TEST_CASE("the player states which speakers have its slots") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.ssrcs = {2}});
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 2});
  const rooms::PlayerPtr& player = carol.session.known_player;
  const auto speakers = [&] {
    return std::vector<uint32_t>{player->slot_speakers[0], player->slot_speakers[1]};
  };
  CHECK(speakers() == std::vector<uint32_t>{0, 0});
  alice.ingress(VoicePacket().bytes());
  CHECK(speakers() == std::vector<uint32_t>{alice.session.known_player->number, 0});
  bob.ingress(VoicePacket{.ssrc = 2}.bytes());
  CHECK(speakers() ==
        std::vector<uint32_t>{alice.session.known_player->number, bob.session.known_player->number});
}

TEST_CASE("a slot's sequence numbers begin below 2^15") {
  RouterRoom room;
  auto& alice = room.add("alice");
  for (int i = 0; i < 40; ++i) {
    auto& receiver = room.add("receiver-" + std::to_string(i));
    alice.ingress(VoicePacket{.sequence = static_cast<uint16_t>(i)}.bytes());
    CHECK(received(receiver).sequence < 0x8000);
  }
}

// An open microphone: the level of each packet, or a SILK frame's voice activity.
struct OpenMicrophone {
  ChainHarness& chain;
  uint32_t ssrc;
  bool with_level;
  VoicePacket packet{};

  void send(bool speaking) {
    const uint8_t level = speaking ? 0x80 | 30 : 127;
    packet.ssrc = ssrc;
    ++packet.sequence;
    packet.timestamp += 960;
    packet.payload = {0x48, static_cast<uint8_t>(speaking ? 0x80 : 0x00), 0, 0};
    if (with_level) packet.extensions = {{1, Bytes(&level, 1)}};
    chain.ingress(packet.bytes());
  }
};

TEST_CASE("five open microphones on two slots: each is forwarded from its first packet with speech") {
  for (const bool with_level : {true, false}) {
    CAPTURE(with_level);
    RouterRoom room;
    auto& receiver = room.add("receiver", {.sends = false});
    std::vector<OpenMicrophone> microphones;
    for (uint32_t i = 1; i <= 5; ++i) {
      microphones.push_back({room.add("speaker-" + std::to_string(i), {.ssrcs = {i}}), i, with_level});
    }
    const auto say = [&](uint32_t speaking) {
      for (auto& microphone : microphones) microphone.send(microphone.ssrc == speaking);
      room.clock.advance(20ms);
    };
    for (int i = 0; i < 50; ++i) say(0);
    for (uint32_t speaking = 1; speaking <= 5; ++speaking) {
      receiver.outer.clear();
      say(speaking);
      const bool at_once = std::ranges::any_of(receiver.outer, [&](const Captured& packet) {
        return rtp::parse(packet.data)->csrc(0) == speaking;
      });
      CHECK(at_once);
      for (int i = 0; i < 100; ++i) say(speaking);
      for (int i = 0; i < 10; ++i) say(0);
    }
    CHECK(receiver.dropped("rtp_router", "silence") > 0);
    CHECK(receiver.dropped("rtp_router", "no_slot") == 0);
  }
}

TEST_CASE("frames of discontinuous transmission and padding are silence, whatever their level") {
  RouterRoom room;
  auto& alice = room.add("alice");
  const auto& talked = alice.session.known_player->observed.last_voice_ns;
  const auto& loudness = alice.session.known_player->observed.loudness;
  const uint8_t loud = 0x80 | 20;
  alice.ingress(VoicePacket{.extensions = {{1, Bytes(&loud, 1)}}, .payload = {0xf8, 0xff}}.bytes());
  CHECK(talked == 0);
  CHECK(loudness == 0);
  alice.ingress(VoicePacket{.sequence = 2, .extensions = {{1, Bytes(&loud, 1)}}}.bytes());
  CHECK(talked != 0);
  CHECK(loudness == 26);  // a quarter of 107 dB above -127 dBov
}

TEST_CASE("a packet from before a change of speaker is late") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 1});
  alice.ingress(VoicePacket{.sequence = 10}.bytes());
  alice.ingress(VoicePacket{.sequence = 8}.bytes());
  CHECK(carol.dropped("rtp_router", "late") == 1);
}

TEST_CASE("a speaker whose stream restarts continues without a gap for its receivers") {
  RouterRoom room;
  auto& alice = room.add("alice", {.ssrcs = {kSsrc, 7}});
  auto& bob = room.add("bob");
  alice.ingress(VoicePacket{.sequence = 100}.bytes());
  const uint16_t first = received(bob).sequence;
  SUBCASE("under another SSRC") {
    alice.ingress(VoicePacket{.sequence = 30'000, .ssrc = 7}.bytes());
  }
  SUBCASE("under the same SSRC") {
    alice.ingress(VoicePacket{.sequence = 30'000}.bytes());
    alice.ingress(VoicePacket{.sequence = 30'001}.bytes());
  }
  REQUIRE(bob.outer.size() == 2);
  CHECK(received(bob).sequence == static_cast<uint16_t>(first + 1));
}

TEST_CASE("a speaker whose first packet found no free packet buffer starts with its second") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob", {.ssrcs = {2}});
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 1});
  alice.ingress(VoicePacket{.sequence = 100}.bytes());
  const uint16_t first = received(carol).sequence;
  room.clock.advance(1s);
  std::vector<net::PacketPtr> taken;
  while (taken.size() < 4095) taken.push_back(room.worker.pool().acquire());
  bob.ingress(VoicePacket{.sequence = 30'000, .ssrc = 2}.bytes());
  for (auto& packet : taken) packet->settle();
  taken.clear();
  CHECK(carol.dropped("rtp_router", "no_packet") == 1);
  bob.ingress(VoicePacket{.sequence = 30'001, .ssrc = 2}.bytes());
  CHECK(received(carol).csrc(0) == 2);
  CHECK(received(carol).sequence == static_cast<uint16_t>(first + 1));
}

TEST_CASE("a packet that finds no free packet buffer is a gap in the receiver's stream") {
  RouterRoom room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  alice.ingress(VoicePacket{.sequence = 100}.bytes());
  const uint16_t first = received(bob).sequence;
  std::vector<net::PacketPtr> taken;
  while (taken.size() < 4095) taken.push_back(room.worker.pool().acquire());
  alice.ingress(VoicePacket{.sequence = 101}.bytes());
  for (auto& packet : taken) packet->settle();
  taken.clear();
  alice.ingress(VoicePacket{.sequence = 102}.bytes());
  CHECK(bob.outer.size() == 2);
  CHECK(received(bob).sequence == static_cast<uint16_t>(first + 2));
}

TEST_CASE("a BYE ends each stream that it names, at any position in the list (RFC 3550 section 6.6)") {
  for (const bool named_second : {false, true}) {
    CAPTURE(named_second);
    RouterRoom room;
    auto& alice = room.add("alice", {.ssrcs = {}});
    auto& bob = room.add("bob");
    alice.ingress(VoicePacket().bytes());
    std::vector<uint8_t> bye{0x82, 203, 0, 2, 0, 0, 0, 5, 0, 0, 0, 5};
    writeU32(&bye[named_second ? 8 : 4], kSsrc);
    alice.ingress(bye);
    alice.ingress(VoicePacket{.ssrc = 7}.bytes());
    CHECK(bob.outer.size() == 2);
  }
}

TEST_CASE("if the offer names no SSRC, another SSRC may follow when the previous one has stopped") {
  RouterRoom room;
  auto& alice = room.add("alice", {.ssrcs = {}});
  auto& bob = room.add("bob");
  alice.ingress(VoicePacket().bytes());
  room.clock.advance(1999ms);
  alice.ingress(VoicePacket{.ssrc = 7}.bytes());
  CHECK(alice.dropped("rtp_router", "unknown_ssrc") == 1);
  room.clock.advance(1ms);
  alice.ingress(VoicePacket{.ssrc = 7}.bytes());
  CHECK(bob.outer.size() == 2);
  alice.ingress(VoicePacket{.sequence = 2}.bytes());
  CHECK(alice.dropped("rtp_router", "unknown_ssrc") == 2);
}

}  // namespace
}  // namespace sluice
