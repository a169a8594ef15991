#include "filters/rtp_router/rtp_router.h"

#include <doctest/doctest.h>

#include <tuple>

#include "filters/rtp_router/stream_rewriter.h"
#include "source/codec/rtcp.h"
#include "source/codec/rtp.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

using rtp_router::StreamRewriter;
using test::ChainHarness;

constexpr uint32_t kSsrc = 0xAAAA0001;
const std::vector<uint8_t> kPayload{1, 2, 3, 4};

struct VoicePacket {
  uint16_t sequence = 1;
  uint32_t timestamp = 960;
  uint32_t ssrc = kSsrc;
  uint8_t payload_type = 111;
  std::vector<rtp::ExtensionElement> extensions{};
  std::vector<uint8_t> payload = kPayload;

  std::vector<uint8_t> bytes() const {
    const rtp::Header header{.payload_type = payload_type,
                             .sequence = sequence,
                             .timestamp = timestamp,
                             .ssrc = ssrc,
                             .extensions = extensions};
    std::vector<uint8_t> out(header.size());
    rtp::write(header, out.data());
    out.insert(out.end(), payload.begin(), payload.end());
    return out;
  }
};

// Players of one room, each with its own chain, on one worker.
struct Room {
  ManualClock clock;
  test::FakeWorker worker{clock};
  rooms::Directory directory{{}, 1, clock};
  std::map<std::string, std::unique_ptr<ChainHarness>> chains;

  struct PlayerOptions {
    std::vector<uint32_t> ssrcs{kSsrc};
    unsigned slots = 2;
    uint8_t payload_type = 111;
    uint8_t red_payload_type = 0;
    rooms::ExtensionIds extensions{.mid = 4, .audio_level = 1};
    bool sends = true;
  };

  ChainHarness& add(const std::string& name, const PlayerOptions& options, const char* config = "") {
    rooms::Negotiated negotiated;
    negotiated.local = {name, "password"};
    negotiated.cname = "cname-" + name;
    rooms::AudioSection line;
    line.mid = "0";
    line.opus_payload_type = options.payload_type;
    line.red_payload_type = options.red_payload_type;
    line.extensions = options.extensions;
    if (options.sends) {
      negotiated.sending.emplace();
      static_cast<rooms::AudioSection&>(*negotiated.sending) = line;
      negotiated.sending->ssrcs = options.ssrcs;
    }
    for (unsigned i = 0; i < options.slots; ++i) {
      rooms::Slot slot;
      static_cast<rooms::AudioSection&>(slot) = line;
      slot.ssrc = 0x5107'0000 + static_cast<uint32_t>(chains.size()) * 16 + i;
      negotiated.slots.push_back(slot);
    }
    auto player = directory.join("room", name, negotiated);
    REQUIRE(player.ok());
    auto chain = std::make_unique<ChainHarness>(
        worker, std::vector<test::FilterConfig>{{rtp_router::filterType(), config}});
    chain->directory = &directory;
    chain->session.known_player = *player;
    (*player)->observed.connected = true;
    chain->chain();
    return *(chains[name] = std::move(chain));
  }
  ChainHarness& add(const std::string& name) { return add(name, PlayerOptions{}); }
};

rtp::Packet received(const ChainHarness& receiver) {
  REQUIRE(!receiver.outer.empty());
  const auto packet = rtp::parse(receiver.outer.back().data);
  REQUIRE(packet.has_value());
  return *packet;
}

TEST_CASE("a speaker's voice is forwarded to all other players, and not to the speaker") {
  Room room;
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
  Room room;
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
  Room room;
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
  Room room;
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
  Room room;
  auto& alice = room.add("alice", {.red_payload_type = 63});
  auto& bob = room.add("bob");
  alice.ingress(
      VoicePacket{.payload_type = 63, .payload = {0x80 | 111, 0x0f, 0, 2, 111, 7, 7, 1, 2, 3, 4}}.bytes());
  CHECK(received(bob).payload_type == 111);
  CHECK(std::vector<uint8_t>(received(bob).payload.begin(), received(bob).payload.end()) == kPayload);
  alice.ingress(VoicePacket{.sequence = 2, .payload_type = 63, .payload = {0x80 | 111, 0x0f}}.bytes());
  CHECK(alice.dropped("rtp_router", "malformed") == 1);
}

TEST_CASE("the round trip to a player that receives no voice is measured by extended reports (RFC 3611)") {
  Room room;
  auto& alice = room.add("alice");
  alice.ingress(VoicePacket().bytes());
  room.clock.advance(10s);
  room.worker.timers().run();
  REQUIRE(!alice.outer.empty());
  rtcp::Reader reader(alice.outer.back().data);
  std::optional<uint64_t> reference;
  while (const auto part = reader.next()) {
    if (part->type == rtcp::kExtendedReport) reference = readU64(&part->body[8]);
  }
  REQUIRE(reference);
  std::vector<uint8_t> report{0x80, 207, 0, 5, 0, 0, 0, 1, 5, 0, 0, 3};
  report.resize(24);
  writeU32(&report[12], alice.session.known_player->negotiated.slots[0].ssrc);
  writeU32(&report[16], rtcp::middle(*reference) - 65536 / 10);  // as if it had left 100 ms earlier
  alice.ingress(report);
  CHECK(alice.session.known_player->line.roundTrip() >= 99ms);
  CHECK(alice.session.known_player->line.roundTrip() < 5s);
}

TEST_CASE("no number is used twice, whatever a speaker sends") {
  StreamRewriter stream(1000, 0);
  const Instant now{1h};
  CHECK(stream.rewrite(10, 0, true, now));
  CHECK(stream.rewrite(13, 0, false, now));
  CHECK(stream.rewrite(11, 0, false, now));
  CHECK_FALSE(stream.rewrite(11, 0, false, now));
  CHECK_FALSE(stream.rewrite(13, 0, false, now));
  CHECK(stream.rewrite(12, 0, false, now));
  CHECK_FALSE(stream.rewrite(10, 0, false, now));
  CHECK(stream.rewrite(139, 0, false, now));
  CHECK_FALSE(stream.rewrite(11, 0, false, now));  // outside the window
  CHECK(stream.rewrite(14, 0, false, now));
  CHECK_FALSE(stream.rewrite(14, 0, false, now));
  CHECK(stream.rewrite(5000, 0, false, now));
  CHECK_FALSE(stream.rewrite(139, 0, false, now));
  CHECK(stream.rewrite(5000, 0, true, now));  // another speaker
  CHECK_FALSE(stream.rewrite(5000, 0, false, now));
}

TEST_CASE("rtp_router: each drop reason is caused and counted") {
  Room room;
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
  test::FakeWorker worker(clock);
  ChainHarness stranger(worker, {{rtp_router::filterType(), ""}});
  stranger.ingress(VoicePacket().bytes());
  CHECK(stranger.dropped("rtp_router", "no_player") == 1);
}

TEST_CASE("more speakers than slots: a new speaker is not forwarded until a slot becomes silent") {
  Room room;
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

TEST_CASE("a BYE ends each stream that it names, at any position in the list (RFC 3550 section 6.6)") {
  for (const bool named_second : {false, true}) {
    CAPTURE(named_second);
    Room room;
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
  Room room;
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

TEST_CASE("a slot's sequence numbers begin below 2^15") {
  Room room;
  auto& alice = room.add("alice");
  for (int i = 0; i < 40; ++i) {
    auto& receiver = room.add("receiver-" + std::to_string(i));
    alice.ingress(VoicePacket{.sequence = static_cast<uint16_t>(i)}.bytes());
    CHECK(received(receiver).sequence < 0x8000);
  }
}

TEST_CASE("a speaker that changes its SSRC with each packet costs the main thread no more than its limit") {
  Room room;
  auto& alice = room.add("alice", {}, "uplink { packets_per_second: 20 burst_packets: 10 }");
  room.worker.runMain();
  const uint8_t mid[] = {'0'};
  for (uint16_t i = 0; i < 100; ++i) {
    alice.ingress(VoicePacket{.sequence = i, .ssrc = 2000u + i, .extensions = {{4, mid}}}.bytes());
  }
  CHECK(alice.dropped("rtp_router", "uplink_limit") == 90);
  CHECK(room.worker.posted.size() == 10);
  room.clock.advance(1s);
  alice.ingress(VoicePacket{.sequence = 100, .ssrc = 2099}.bytes());  // bound before, beyond the limit
  CHECK(room.worker.posted.size() == 11);
}

TEST_CASE("a speaker's packets beyond its uplink limit reach no receiver") {
  Room room;
  auto& bob = room.add("bob", {.slots = 1});
  const auto send = [&](ChainHarness& alice, uint16_t first, int count, size_t size) {
    for (int i = 0; i < count; ++i) {
      const auto sequence = static_cast<uint16_t>(first + i);
      alice.ingress(VoicePacket{.sequence = sequence, .payload = std::vector<uint8_t>(size, 0xf8)}.bytes());
    }
  };
  SUBCASE("the packets of a stall of five seconds pass at once, then the limit applies") {
    auto& alice = room.add("alice");
    send(alice, 1, 260, 100);
    CHECK(bob.outer.size() == 250);
    CHECK(alice.dropped("rtp_router", "uplink_limit") == 10);
    room.clock.advance(1s);
    send(alice, 261, 200, 100);
    CHECK(bob.outer.size() == 250 + 120);
  }
  SUBCASE(
      "less of a flood passes than of speech, and a speaker just above the limit gets all that the limit "
      "allows") {
    for (const auto& [per_second, least, most] :
         {std::tuple{5'000, 25, 50}, {10'000, 0, 0}, {150, 115, 120}}) {
      CAPTURE(per_second);
      Room quiet;
      auto& receiver = quiet.add("bob", {.slots = 1});
      auto& alice = quiet.add("alice");
      send(alice, 1, 250, 10);
      const size_t before = receiver.outer.size();
      for (int i = 0; i < 4 * per_second; ++i) {
        quiet.clock.advance(std::chrono::nanoseconds{1'000'000'000 / per_second});
        send(alice, static_cast<uint16_t>(251 + i), 1, 10);
      }
      const size_t through = (receiver.outer.size() - before) / 4;
      CHECK(through >= static_cast<size_t>(least));
      CHECK(through <= static_cast<size_t>(most));
    }
  }
  SUBCASE("as configured, and after a reload") {
    auto& alice = room.add("alice", {}, "uplink { packets_per_second: 20 burst_packets: 10 }");
    send(alice, 1, 20, 100);
    CHECK(bob.outer.size() == 10);
    alice.reload({{rtp_router::filterType(), "uplink { packets_per_second: 1000 burst_packets: 2000 }"}});
    room.clock.advance(1s);
    send(alice, 21, 1000, 100);
    CHECK(bob.outer.size() == 1010);
  }
  SUBCASE("bytes") {
    auto& alice = room.add("alice", {}, "uplink { bytes_per_second: 1000 burst_bytes: 1500 }");
    send(alice, 1, 20, 150);
    CHECK(bob.outer.size() == 10);
    CHECK(alice.dropped("rtp_router", "uplink_limit") == 10);
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
    Room room;
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
      const bool at_once = std::ranges::any_of(receiver.outer, [&](const test::Captured& packet) {
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
  Room room;
  auto& alice = room.add("alice");
  const auto& talked = alice.session.known_player->observed.last_voice_ns;
  const uint8_t loud = 0x80 | 20;
  alice.ingress(VoicePacket{.extensions = {{1, Bytes(&loud, 1)}}, .payload = {0xf8, 0xff}}.bytes());
  CHECK(talked == 0);
  alice.ingress(VoicePacket{.sequence = 2, .extensions = {{1, Bytes(&loud, 1)}}}.bytes());
  CHECK(talked != 0);
}

TEST_CASE("a packet from before a change of speaker is late") {
  Room room;
  auto& alice = room.add("alice");
  auto& carol = room.add("carol", {.ssrcs = {3}, .slots = 1});
  alice.ingress(VoicePacket{.sequence = 10}.bytes());
  alice.ingress(VoicePacket{.sequence = 8}.bytes());
  CHECK(carol.dropped("rtp_router", "late") == 1);
}

TEST_CASE("a player that is not connected yet is sent nothing") {
  Room room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  bob.session.known_player->observed.connected = false;
  alice.ingress(VoicePacket().bytes());
  CHECK(bob.outer.empty());
  CHECK(bob.counted("rtp_router", "not_connected") == 1);
}

TEST_CASE("without a free packet buffer a receiver misses one packet, which is counted") {
  Room room;
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
  test::FakeWorker here(clock, 0, 2);
  test::FakeWorker there(clock, 1, 2);
  rooms::Directory directory({}, 2, clock);
  rooms::Negotiated negotiated;
  negotiated.sending.emplace();
  negotiated.slots.resize(1);
  const auto make = [&](test::FakeWorker& worker, const char* name) {
    negotiated.local = {name, "password"};
    auto chain = std::make_unique<ChainHarness>(
        worker, std::vector<test::FilterConfig>{{rtp_router::filterType(), ""}});
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

TEST_CASE("reports contain the packets sent to a receiver, a speaker's loss, and the round trip") {
  Room room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  for (uint16_t i = 0; i < 10; ++i) {
    if (i != 5) alice.ingress(VoicePacket{.sequence = i, .timestamp = i * 960u}.bytes());
    room.clock.advance(20ms);
  }
  room.clock.advance(10s);
  room.worker.timers().run();
  REQUIRE(bob.outer.back().kind == PacketKind::kRtcp);
  rtcp::Reader to_bob(bob.outer.back().data);
  const auto report = to_bob.next();
  REQUIRE(report);
  const auto info = rtcp::readSenderInfo(*report);
  REQUIRE(info);
  CHECK(info->ssrc == bob.session.known_player->negotiated.slots[0].ssrc);
  CHECK(info->packets == 9);
  CHECK(info->octets == 36);

  REQUIRE(alice.outer.back().kind == PacketKind::kRtcp);
  rtcp::Reader to_alice(alice.outer.back().data);
  const auto block = rtcp::readReportBlock(*to_alice.next(), 0);
  REQUIRE(block);
  CHECK(block->ssrc == kSsrc);
  CHECK(block->cumulative_lost == 1);
  CHECK(block->fraction_lost == 25);  // one of ten

  // Bob responds at once: the round trip is the time since the report, and he lost half.
  std::vector<uint8_t> his_report(200);
  rtcp::Writer writer(his_report);
  const rtcp::ReportBlock his{.ssrc = info->ssrc, .fraction_lost = 128, .last_sr = rtcp::middle(info->ntp)};
  writer.addReceiverReport(7, {&his, 1});
  his_report.resize(*writer.finish());
  bob.ingress(his_report);
  const rooms::LineQuality& line = bob.session.known_player->line;
  CHECK(line.roundTrips() == 1);
  CHECK(line.roundTrip() < 1s);
  CHECK(line.downlinkLoss() == 0.5);
}

TEST_CASE("numbers that another filter used are skipped, and no late packet uses one of them") {
  StreamRewriter stream(1000, 0);
  const Instant now{1h};
  CHECK(stream.rewrite(10, 0, true, now)->sequence == 1000);
  stream.skip(90);
  CHECK_FALSE(stream.rewrite(9, 0, false, now));
  CHECK(stream.rewrite(11, 0, false, now)->sequence == 1091);
  CHECK(stream.rewrite(13, 0, false, now)->sequence == 1093);
  CHECK(stream.rewrite(12, 0, false, now)->sequence == 1092);
  CHECK(stream.rewrite(7, 0, true, now)->sequence == 1094);
}

TEST_CASE("a stream continues without a gap across a change of speaker and wrap-around") {
  Instant now{1h};
  StreamRewriter stream(0xFFFE, 0xFFFFFF00);
  auto out = stream.rewrite(500, 1000, true, now);
  CHECK(out->sequence == 0xFFFE);
  CHECK(out->timestamp == 0xFFFFFF00);
  CHECK(out->marker);
  out = stream.rewrite(501, 1960, false, now += 20ms);
  CHECK(out->sequence == 0xFFFF);
  CHECK(out->timestamp == 0xFFFFFF00 + 960);
  CHECK_FALSE(out->marker);
  out = stream.rewrite(503, 3880, false, now += 40ms);  // one lost: the gap stays visible
  CHECK(out->sequence == 1);
  out = stream.rewrite(502, 2920, false, now);  // and is filled when the packet arrives
  CHECK(out->sequence == 0);
  const uint32_t before = stream.timestampAt(now);
  out = stream.rewrite(9, 77, true, now += 100ms);
  CHECK(out->sequence == 2);
  CHECK(out->timestamp == before + 4800);
  CHECK(out->marker);
  CHECK_FALSE(stream.rewrite(8, 70, false, now).has_value());
  for (uint32_t i = 10; i < 70'000; ++i) {
    out = stream.rewrite(static_cast<uint16_t>(i), i, false, now);
    REQUIRE(out);
    REQUIRE(out->sequence == static_cast<uint16_t>(i - 7));
  }
}

TEST_CASE("an audio level extension without a byte is ignored") {
  Room room;
  auto& alice = room.add("alice");
  auto& bob = room.add("bob");
  // A two-byte extension block whose element 1 is empty and ends the packet.
  std::vector<uint8_t> packet = VoicePacket{.payload = {0x10, 0x00, 0, 1, 0, 0, 1, 0}}.bytes();
  packet[0] |= 0x10;
  alice.ingress(packet);
  CHECK(rtp::parse(received(bob).payload) == std::nullopt);
  CHECK_FALSE(received(bob).findExtension(1).has_value());
}

TEST_CASE("a speaker whose stream restarts continues without a gap for its receivers") {
  Room room;
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
  Room room;
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

TEST_CASE("after a complete cycle of sequence numbers, reordering is still no reason to drop") {
  const Instant now{1h};
  StreamRewriter stream(0, 0);
  REQUIRE(stream.rewrite(0, 0, true, now));
  for (uint32_t i = 1; i <= 0x10002; ++i) {
    if (i != 0xFFFF) REQUIRE(stream.rewrite(static_cast<uint16_t>(i), i, false, now));
  }
  CHECK(stream.rewrite(0xFFFF, 0xFFFF, false, now).has_value());
}

}  // namespace
}  // namespace sluice
