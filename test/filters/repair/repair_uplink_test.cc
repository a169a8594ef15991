// Repair on a speaker's line.
#include "source/codec/red.h"
#include "test/filters/repair/repair_room.h"

namespace sluice {
namespace {

using namespace test;

TEST_CASE("a missing packet is requested from its speaker, and forwarded when it arrives") {
  Room room;
  room.speak(1);
  room.speak(3);
  CHECK(room.receiver.outer.size() == 2);
  room.wait(10ms);
  CHECK(requests(room.speaker) == std::vector<uint16_t>{2});
  room.wait(40ms);
  room.speak(2);
  CHECK(room.receiver.outer.size() == 3);
  CHECK(bytes(received(room).payload) == frame(2));
  CHECK(room.speaker.counted("repair", "lost") == 1);
  CHECK(room.speaker.counted("repair", "requested") == 1);
  CHECK(room.speaker.counted("repair", "recovered", "resent") == 1);
  CHECK(room.speaker.counted("repair", "recovered_late") == 0);
  room.speak(2);
  CHECK(room.speaker.dropped("repair", "duplicate") == 1);
  CHECK(room.receiver.outer.size() == 3);
  CHECK(room.worker.pool().unaccounted() == 0);
}

TEST_CASE("a packet that arrives sooner than a round trip after the request was only late") {
  Room room;
  room.speak(1);
  room.speak(3);
  room.wait(10ms);
  room.wait(5ms);
  room.speak(2);
  CHECK(room.receiver.outer.size() == 3);
  CHECK(room.speaker.counted("repair", "requested") == 1);
  CHECK(room.speaker.counted("repair", "recovered", "resent") == 0);
}

TEST_CASE("a packet that arrives too late after all is dropped") {
  Room room;
  room.speak(1);
  room.speak(3);
  room.wait(10ms);
  room.wait(1s);
  room.speak(2);
  CHECK(room.speaker.counted("repair", "recovered_late") == 1);
  CHECK(room.speaker.dropped("repair", "late") == 1);
  CHECK(room.receiver.outer.size() == 2);
  CHECK(room.worker.pool().unaccounted() == 0);
}

TEST_CASE("a packet of a pause that was requested as if it were of the following speech is dropped") {
  for (const bool rtx : {false, true}) {
    CAPTURE(rtx);
    Room room({.rtx = rtx});
    const auto packet = [](uint16_t sequence, uint32_t at, uint8_t type, std::vector<uint8_t> payload) {
      auto bytes = rtpPacket(sequence, std::move(payload), type, type == kRtx ? kRtxSsrc : kSsrc);
      writeU32(&bytes[4], at * 960);
      return bytes;
    };
    room.speaker.ingress(packet(1, 1, kOpus, {0x78}));  // a pause begins
    room.wait(840ms);
    room.speaker.ingress(packet(4, 43, kOpus, frame(4)));
    room.wait(10ms);
    CHECK(requests(room.speaker) == std::vector<uint16_t>{2, 3});
    room.wait(40ms);
    const size_t received = room.receiver.outer.size();
    const std::vector<uint8_t> noise = frame(2);
    auto repeated = noise;
    if (rtx) repeated.insert(repeated.begin(), {0, 2});
    room.speaker.ingress(packet(rtx ? 900 : 2, 22, rtx ? kRtx : kOpus, repeated));  // 20 frames before
    CHECK(room.receiver.outer.size() == received);
    CHECK(room.speaker.dropped("repair", "late") == 1);
  }
}

TEST_CASE("a packet older than all remembered ones is dropped") {
  Room room;
  for (uint16_t sequence = 1; sequence < 400; ++sequence) {
    if (sequence != 50) room.speak(sequence);
  }
  const size_t received = room.receiver.outer.size();
  room.speak(50);
  CHECK(room.speaker.dropped("repair", "old") == 1);
  CHECK(room.receiver.outer.size() == received);
}

TEST_CASE("an SSRC that the router refuses changes nothing") {
  Room room;
  room.speak(1);
  room.speak(3);
  room.speaker.ingress(rtpPacket(1000, frame(1000), kOpus, kSsrc + 77));
  CHECK(room.speaker.dropped("rtp_router", "unknown_ssrc") == 1);
  room.wait(10ms);
  CHECK(requests(room.speaker) == std::vector<uint16_t>{2});
  room.wait(40ms);
  room.speak(2);
  CHECK(room.speaker.counted("repair", "recovered", "resent") == 1);
}

TEST_CASE("lost packets stay counted when the speaker changes to another SSRC") {
  Room room({.ssrcs = {kSsrc, kSsrc + 77}});
  const auto speak = [&](uint16_t sequence) {
    room.speaker.ingress(rtpPacket(sequence, frame(sequence), kOpus, kSsrc + 77));
  };
  room.speak(1);
  room.speak(5);
  CHECK(room.speaker.counted("repair", "lost") == 3);
  speak(1000);
  CHECK(room.speaker.counted("repair", "lost") == 3);
  speak(1002);
  CHECK(room.speaker.counted("repair", "lost") == 4);
  CHECK(described(room.speaker, "uplink.lost") == "4");
}

TEST_CASE("after BYE a speaker may return under another SSRC") {
  Room room;
  room.speak(1);
  room.speaker.ingress(compound([](rtcp::Writer& w) {
    w.addReceiverReport(kSsrc, {});
    w.addBye(kSsrc);
  }));
  for (const uint16_t sequence : {500, 502})
    room.speaker.ingress(rtpPacket(sequence, frame(sequence), kOpus, kSsrc + 77));
  CHECK(room.receiver.outer.size() == 3);
  CHECK(room.speaker.counted("repair", "lost") == 1);
}

TEST_CASE("a lost packet that begins a pause is requested before the next one arrives") {
  Room room({.rtx = true});
  const auto pause = [&] {
    room.speaker.ingress(rtpPacket(room.next++, {0x78}));
    room.wait(400ms);
  };
  pause();
  for (int i = 0; i < 5; ++i) room.speak();
  const uint16_t lost = room.next++;
  const size_t received = room.receiver.outer.size();
  room.wait(30ms);
  CHECK(requests(room.speaker) == std::vector<uint16_t>{lost});
  room.speaker.ingress(
      rtpPacket(1, {static_cast<uint8_t>(lost >> 8), static_cast<uint8_t>(lost), 0x78}, kRtx, kRtxSsrc));
  CHECK(room.receiver.outer.size() == received + 1);
  CHECK(room.speaker.counted("repair", "lost") == 1);
  CHECK(room.speaker.counted("repair", "recovered", "rtx") == 1);
  room.wait(400ms);
  CHECK(room.speaker.counted("repair", "requested") == 1);
}

TEST_CASE("after BYE during speech nothing is requested") {
  Room room({.rtx = true});
  room.speaker.ingress(rtpPacket(room.next++, {0x78}));
  room.wait(400ms);
  for (int i = 0; i < 5; ++i) room.speak();
  room.speaker.ingress(compound([](rtcp::Writer& w) {
    w.addReceiverReport(kSsrc, {});
    w.addBye(kSsrc);
  }));
  room.wait(400ms);
  CHECK(room.speaker.counted("repair", "requested") == 0);
}

TEST_CASE("a client that did not negotiate NACK gets no requests") {
  Room room({.nack = false});
  room.speak(1);
  room.speak(3);
  room.wait(100ms);
  CHECK(requests(room.speaker).empty());
  Room off({}, "uplink { nack: false }");
  off.speak(1);
  off.speak(3);
  off.wait(100ms);
  CHECK(requests(off.speaker).empty());
}

TEST_CASE("RED passes inward as plain Opus, and replaces missing packets") {
  Room room({.nack = true, .red = true});
  const auto red = [](uint16_t sequence, size_t back) {
    std::vector<std::vector<uint8_t>> frames;
    std::vector<red::Block> blocks;
    for (size_t i = back; i > 0; --i) frames.push_back(frame(static_cast<uint16_t>(sequence - i)));
    for (size_t i = back; i > 0; --i)
      blocks.push_back({kOpus, static_cast<uint16_t>(i * 960), frames[back - i]});
    std::vector<uint8_t> payload(red::headerSize(back));
    red::writeHeaders(blocks, kOpus, payload.data());
    for (const auto& block : blocks) payload.insert(payload.end(), block.data.begin(), block.data.end());
    const auto primary = frame(sequence);
    payload.insert(payload.end(), primary.begin(), primary.end());
    return rtpPacket(sequence, payload, kRed);
  };
  room.speaker.ingress(red(1, 0));
  room.speaker.ingress(red(4, 2));
  REQUIRE(room.receiver.outer.size() == 4);
  for (uint16_t i = 0; i < 4; ++i) {
    const auto packet = asRtp(room.receiver.outer[i]);
    CHECK(packet.sequence == static_cast<uint16_t>(asRtp(room.receiver.outer[0]).sequence + i));
    CHECK(packet.timestamp == asRtp(room.receiver.outer[0]).timestamp + i * 960u);
    CHECK(packet.payload_type == kOpus);
    CHECK(bytes(packet.payload) == frame(static_cast<uint16_t>(1 + i)));
  }
  CHECK(room.speaker.counted("repair", "recovered", "red") == 2);
  room.speaker.ingress(red(5, 2));  // nothing is missing
  CHECK(room.receiver.outer.size() == 5);
  room.wait(100ms);
  CHECK(requests(room.speaker).empty());
  room.speaker.ingress(rtpPacket(6, {0x80 | kOpus, 1}, kRed));
  CHECK(room.speaker.dropped("repair", "malformed") == 1);
  room.speaker.ingress(rtpPacket(7, {96, 1, 2}, kRed));  // a primary block of another codec
  CHECK(room.speaker.dropped("repair", "malformed") == 2);
}

TEST_CASE("padding alone under RED's payload type keeps its number (RFC 3550 section 5.1)") {
  Room room({.nack = true, .red = true});
  room.speak(1);
  auto padding = rtpPacket(2, {0, 0, 0, 4}, kRed);
  padding[0] |= 0x20;
  room.speaker.ingress(padding);
  CHECK(received(room).payload_type == kOpus);
  CHECK(received(room).padding == 4);
  room.speak(3);
  CHECK(received(room).sequence == static_cast<uint16_t>(asRtp(room.receiver.outer[0]).sequence + 2));
  CHECK(room.receiver.outer.size() == 3);
}

TEST_CASE("RTX becomes the packet that it repeats, if that one is missing") {
  Room room({.nack = true, .red = false, .rtx = true});
  const auto rtx = [](uint16_t sequence) {
    auto payload = frame(sequence);
    payload.insert(payload.begin(), {static_cast<uint8_t>(sequence >> 8), static_cast<uint8_t>(sequence)});
    auto packet = rtpPacket(7000, payload, kRtx, kRtxSsrc);
    writeU32(&packet[4], sequence * 960u);
    return packet;
  };
  room.speaker.ingress(rtx(2));
  CHECK(room.speaker.dropped("repair", "stray") == 1);
  room.speak(1);
  room.speak(3);
  room.wait(10ms);
  room.speaker.ingress(rtx(2));
  CHECK(bytes(received(room).payload) == frame(2));
  CHECK(room.speaker.counted("repair", "recovered", "rtx") == 1);
  room.speaker.ingress(rtx(2));
  CHECK(room.speaker.dropped("repair", "duplicate") == 1);
  room.speaker.ingress(rtx(9));  // not sent yet
  CHECK(room.speaker.dropped("repair", "duplicate") == 2);
  room.speaker.ingress(rtpPacket(7001, {1}, kRtx, kRtxSsrc));
  CHECK(room.speaker.dropped("repair", "stray") == 2);
  CHECK(room.receiver.outer.size() == 3);
}

TEST_CASE("other payload types, other kinds and unannounced clients pass unchanged") {
  Room room;
  room.speaker.ingress(rtpPacket(1, {1, 2}, 96));
  CHECK(room.speaker.dropped("rtp_router", "unknown_payload_type") == 1);
  room.speaker.ingress(std::vector<uint8_t>{0x80, 0x6f, 1});
  CHECK(room.speaker.dropped("repair", "malformed") == 1);
  ChainHarness unannounced(room.worker, {{repair::filterType(), ""}});
  unannounced.ingress(rtpPacket(1, frame(1)));
  unannounced.egress(rtpPacket(1, frame(1)));
  CHECK(unannounced.inner.size() == 1);
  CHECK(unannounced.outer.size() == 1);
}

rtcp::ReportBlock lastReport(const ChainHarness& chain, uint32_t ssrc) {
  std::optional<rtcp::ReportBlock> found;
  for (const Captured& packet : chain.outer) {
    if (packet.kind != PacketKind::kRtcp) continue;
    rtcp::Reader reader(packet.data);
    while (const auto part = reader.next()) {
      for (size_t i = 0; const auto block = rtcp::readReportBlock(*part, i); ++i) {
        if (block->ssrc == ssrc) found = block;
      }
    }
  }
  REQUIRE(found);
  return *found;
}

TEST_CASE("the reports to a speaker contain the loss of its line, including repaired packets") {
  Room room;
  for (int i = 0; i < 1'500; ++i) {
    const uint16_t sequence = room.next++;
    const bool lost = i % 10 == 5;
    if (!lost) room.speak(sequence);
    room.wait(20ms);
    if (i % 10 == 8)
      room.speak(static_cast<uint16_t>(sequence - 3));  // the retransmission that was requested
  }
  CHECK(room.speaker.counted("repair", "recovered", "resent") == 150);
  const auto report = lastReport(room.speaker, kSsrc);
  CHECK(report.fraction_lost == doctest::Approx(25.6).epsilon(0.15));
  CHECK(report.cumulative_lost > 100);
}

TEST_CASE("the reports to a speaker contain a percentile of the receivers' loss, not the worst") {
  Room room;
  for (int i = 0; i < 6; ++i) room.add("other" + std::to_string(i), {});
  const auto lose = [&](const std::string& name, uint8_t fraction) {
    ChainHarness& chain = *room.chains[name];
    const rtcp::ReportBlock block{.ssrc = chain.session.known_player->negotiated.slots[0].ssrc,
                                  .fraction_lost = fraction};
    chain.ingress(compound([&](rtcp::Writer& w) { w.addReceiverReport(1, {&block, 1}); }));
  };
  const auto toldAfter = [&] {
    room.speaker.outer.clear();
    for (int i = 0; i < 500; ++i) room.speak();
    return lastReport(room.speaker, kSsrc).fraction_lost;
  };
  for (int i = 0; i < 6; ++i) lose("other" + std::to_string(i), 0);
  lose("receiver", 128);
  CHECK(toldAfter() == 0);
  for (int i = 0; i < 3; ++i) lose("other" + std::to_string(i), 26);
  room.speaker.outer.clear();
  for (int i = 0; i < 400; ++i) {
    room.speak();
    if (i % 25 == 0) {
      for (int j = 0; j < 3; ++j) lose("other" + std::to_string(j), 26);
    }
  }
  CHECK(lastReport(room.speaker, kSsrc).fraction_lost == doctest::Approx(26).epsilon(0.1));
  CHECK(room.speaker.session.known_player->room->receiverLoss().percentile(100) > 0);
}

TEST_CASE("a speaker's own loss as a receiver is not reported to it as its receivers' loss") {
  Room room;
  room.speak();
  room.receiver.ingress(rtpPacket(1, frame(1), kOpus, 0xBBBB));
  room.wait(1s);
  room.speaker.ingress(compound([&](rtcp::Writer& w) {
    const rtcp::ReportBlock block{.ssrc = room.speaker.session.known_player->negotiated.slots[0].ssrc,
                                  .fraction_lost = 128};
    w.addReceiverReport(1, {&block, 1});
  }));
  CHECK(described(room.receiver, "room.loss_percent") == "50.0");
  CHECK(std::stod(described(room.speaker, "room.loss_percent")) == 0);
}

}  // namespace
}  // namespace sluice
