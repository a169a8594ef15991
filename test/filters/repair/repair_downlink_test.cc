// Repair on a receiver's line.
#include "source/codec/red.h"
#include "test/filters/repair/repair_room.h"

namespace sluice {
namespace {

using namespace test;

TEST_CASE("a requested packet is retransmitted unchanged") {
  Room room;
  for (int i = 0; i < 5; ++i) room.speak();
  const auto sent = room.receiver.outer;
  const uint16_t wanted = asRtp(sent[3]).sequence;
  room.request({wanted});
  REQUIRE(room.receiver.outer.size() == 6);
  CHECK(room.receiver.outer.back().data == sent[3].data);
  CHECK(room.receiver.counted("repair", "asked") == 1);
  CHECK(room.receiver.counted("repair", "resent", "original") == 1);
  room.request({wanted});  // the retransmission is still on its way
  CHECK(room.receiver.counted("repair", "refused", "repeated") == 1);
  room.wait(40ms);
  room.request({wanted});
  CHECK(room.receiver.counted("repair", "resent", "original") == 2);
}

TEST_CASE("packets that would arrive too late, and unknown packets, are not retransmitted") {
  Room room;
  for (int i = 0; i < 5; ++i) room.speak();
  const uint16_t first = asRtp(room.receiver.outer[0]).sequence;
  room.wait(101ms);  // the first is 201 ms old, the last 121 ms
  room.request({first, static_cast<uint16_t>(first + 4)});
  CHECK(room.receiver.counted("repair", "refused", "late") == 1);
  CHECK(room.receiver.counted("repair", "resent", "original") == 1);
  room.request({static_cast<uint16_t>(first + 5)});
  CHECK(room.receiver.counted("repair", "refused", "unknown") == 1);
  Room off({}, "downlink { nack: false }");
  off.speak();
  off.request({asRtp(off.receiver.outer[0]).sequence});
  CHECK(off.receiver.counted("repair", "refused", "unknown") == 1);
}

TEST_CASE("a receiver that requests everything costs no more than its budget") {
  Room room({}, "downlink { budget_ms: 2000 max_resends: 10 max_overhead_percent: 20 }");
  size_t voice = 0;
  for (int i = 0; i < 2'000; ++i) {
    room.speak();
    std::erase_if(room.receiver.outer,
                  [](const Captured& packet) { return packet.kind == PacketKind::kRtcp; });
    const auto last = received(room);
    voice += room.receiver.outer.back().data.size();
    room.wait(20ms);
    room.receiver.outer.clear();
    room.request({last.sequence});
    room.receiver.outer.clear();
  }
  const uint64_t resent = room.receiver.counted("repair", "resent", "original");
  const size_t size = voice / 2'000;
  CHECK(resent * size <= voice / 5 + 3'000);
  CHECK(resent * size >= voice / 5 - 500);
  CHECK(room.receiver.counted("repair", "refused", "budget") == 2'000 - resent);
}

TEST_CASE("of a datagram that requests thousands of packets, the first 128 are read") {
  Room room;
  for (int i = 0; i < 5; ++i) room.speak();
  std::vector<uint16_t> all(340 * 17);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  std::vector<uint8_t> bytes(1500);
  rtcp::Writer writer(bytes);
  rtcp::addNack(writer, 1, room.slot(), all);
  bytes.resize(*writer.finish());
  room.receiver.ingress(bytes);
  CHECK(room.receiver.counted("repair", "asked") == 128);
}

TEST_CASE("with RTX the packet is retransmitted under RTX numbers (RFC 4588 section 4)") {
  Room room({.nack = true, .red = false, .rtx = true});
  for (int i = 0; i < 3; ++i) room.speak();
  const auto original = asRtp(room.receiver.outer[1]);
  const auto payload = bytes(original.payload);
  const uint16_t sequence = original.sequence;
  const uint32_t timestamp = original.timestamp;
  room.request({sequence});
  const auto rtx = received(room);
  CHECK(rtx.ssrc == room.slot() + 1);
  CHECK(rtx.payload_type == kRtx);
  CHECK(rtx.timestamp == timestamp);
  REQUIRE(rtx.payload.size() == payload.size() + 2);
  CHECK(readU16(rtx.payload.data()) == sequence);
  CHECK(bytes(rtx.payload.subspan(2)) == payload);
  const uint16_t number = rtx.sequence;
  room.wait(20ms);
  room.request({static_cast<uint16_t>(sequence + 1)});
  CHECK(received(room).sequence == static_cast<uint16_t>(number + 1));
  CHECK(room.receiver.counted("repair", "resent", "rtx") == 2);
}

TEST_CASE("packets carry the previous frames if the receiver accepts RED") {
  Room room({.nack = true, .red = true}, "downlink { redundancy: TWO }");
  for (int i = 0; i < 3; ++i) room.speak();
  CHECK(asRtp(room.receiver.outer[0]).payload_type == kOpus);
  CHECK(asRtp(room.receiver.outer[1]).payload_type == kRed);
  const auto third = received(room);
  CHECK(third.payload_type == kRed);
  const auto red = red::parse(third.payload);
  REQUIRE(red);
  REQUIRE(red->count == 3);
  CHECK(red->blocks[0].timestamp_offset == 1920);
  CHECK(bytes(red->blocks[0].data) == frame(100));
  CHECK(bytes(red->blocks[1].data) == frame(101));
  CHECK(bytes(red->primary().data) == frame(102));
  CHECK(room.receiver.counted("repair", "red_out") == 2);

  // The same numbers never encrypt two different packets: the packet is retransmitted unchanged, or not at
  // all.
  room.wait(20ms);
  room.request({third.sequence});
  REQUIRE(room.receiver.outer.size() == 4);
  CHECK(room.receiver.outer[3].data == room.receiver.outer[2].data);
  const size_t size = room.receiver.outer[2].data.size();
  CHECK(room.receiver.counted("repair", "bytes", "resent") == size);
  CHECK(room.receiver.counted("repair", "bytes", "red") > 0);
  CHECK(room.receiver.counted("repair", "bytes", "voice") + room.receiver.counted("repair", "bytes", "red") ==
        room.receiver.outer[0].data.size() + room.receiver.outer[1].data.size() + size);
}

TEST_CASE("a packet that was sent as RED is not retransmitted when the previous frames are forgotten") {
  Room room({.nack = true, .red = true}, "downlink { redundancy: ONE budget_ms: 100 }");
  room.speak(1);
  room.wait(150ms);
  room.speak(2);
  CHECK(received(room).payload_type == kRed);
  const uint16_t sequence = received(room).sequence;
  room.wait(60ms);
  room.speak(3);
  const size_t sent = room.receiver.outer.size();
  room.request({sequence});
  CHECK(room.receiver.outer.size() == sent);
  CHECK(room.receiver.counted("repair", "refused", "unknown") == 1);
  room.wait(40ms);
  room.request({static_cast<uint16_t>(sequence + 1)});
  CHECK(received(room).payload_type == kRed);
  CHECK(room.receiver.outer.size() == sent + 1);
}

TEST_CASE("redundancy that does not fit into a packet does not use the budget") {
  Room room({.nack = true, .red = true}, "downlink { redundancy: ONE max_red_overhead_percent: 1 }");
  const std::vector<uint8_t> big(1'000, 0x78);
  room.speaker.ingress(rtpPacket(1, big));
  for (uint16_t sequence = 2; sequence < 12; ++sequence) room.speaker.ingress(rtpPacket(sequence, big));
  CHECK(room.receiver.counted("repair", "red_out") == 0);
  room.speaker.ingress(rtpPacket(12, frame(12)));
  room.speaker.ingress(rtpPacket(13, frame(13)));
  CHECK(room.receiver.counted("repair", "red_out") == 2);
}

TEST_CASE("a packet that was sent as RED is retransmitted by RTX without the previous frames") {
  Room room({.nack = true, .red = true, .rtx = true}, "downlink { redundancy: ONE }");
  for (int i = 0; i < 3; ++i) room.speak();
  const uint16_t sequence = received(room).sequence;
  CHECK(received(room).payload_type == kRed);
  room.wait(20ms);
  room.request({sequence});
  CHECK(received(room).payload_type == kRtx);
  CHECK(bytes(received(room).payload.subspan(2)) == frame(102));
}

TEST_CASE("RED does not repeat frames across silence, gaps and long pauses") {
  Room room({.nack = true, .red = true}, "downlink { redundancy: ONE }");
  room.speaker.ingress(rtpPacket(1, {0x78}));
  room.speaker.ingress(rtpPacket(2, frame(2)));
  CHECK(received(room).payload_type == kOpus);  // the previous frame was DTX
  room.speaker.ingress(rtpPacket(4, frame(4)));
  CHECK(received(room).payload_type == kOpus);  // the previous frame is missing
  auto late = rtpPacket(5, frame(5));
  writeU32(&late[4], 4 * 960 + 0x4000);
  room.speaker.ingress(late);
  CHECK(received(room).payload_type == kOpus);  // longer ago than RED can express
}

TEST_CASE("a packet is counted as lost once, however often it is requested and refused") {
  const auto loss = [](Room& room) { return std::stod(described(room.receiver, "downlink.loss_percent")); };
  SUBCASE("too late") {
    Room room;
    for (int i = 0; i < 100; ++i) room.speak();
    const uint16_t old = received(room).sequence;
    for (int i = 0; i < 11; ++i) room.speak();
    for (int i = 0; i < 50; ++i) room.request({old});
    CHECK(room.receiver.counted("repair", "refused", "late") == 50);
    CHECK(loss(room) > 0.5);
    CHECK(loss(room) < 2);
  }
  SUBCASE("over budget") {
    Room room({}, "downlink { max_overhead_percent: 1 budget_ms: 2000 }");
    std::vector<uint16_t> missing;
    // One of fifty packets is lost, and requested every 40 ms, as by libwebrtc.
    for (int i = 0; i < 10'000; ++i) {
      room.speak();
      if (i % 50 == 0) missing = {received(room).sequence};
      if (i % 2 == 0 && i % 50 < 20) room.request(missing);
    }
    CHECK(room.receiver.counted("repair", "refused", "budget") > 200);
    CHECK(loss(room) == doctest::Approx(2).epsilon(0.5));
  }
}

TEST_CASE("of several report blocks the worst counts, because an idle slot's block gives no information") {
  Room room;
  const auto reported = [&](std::vector<uint8_t> fractions) {
    std::vector<rtcp::ReportBlock> blocks;
    for (const uint8_t fraction : fractions)
      blocks.push_back({.ssrc = room.slot(), .fraction_lost = fraction});
    room.receiver.ingress(compound([&](rtcp::Writer& w) { w.addReceiverReport(1, blocks); }));
    return described(room.receiver, "downlink.loss_percent");
  };
  CHECK(reported({128, 0}) == "50.0");
  CHECK(room.receiver.session.known_player->line.downlinkLoss() == 0.5);
  CHECK(reported({0, 64}) == "25.0");
  CHECK(reported({}) == "25.0");
  CHECK(room.receiver.session.known_player->line.downlinkLoss() == 0.25);
}

TEST_CASE("ADAPTIVE starts RED where packets are lost and a retransmission would take too long") {
  Room room({.nack = false, .red = true});
  for (int i = 0; i < 100; ++i) room.speak();
  CHECK(room.receiver.counted("repair", "red_out") == 0);
  room.receiver.ingress(compound([&](rtcp::Writer& w) {
    const rtcp::ReportBlock block{.ssrc = room.slot(), .fraction_lost = 40};
    w.addReceiverReport(1, {&block, 1});
  }));
  for (int i = 0; i < 50; ++i) room.speak();
  CHECK(room.receiver.counted("repair", "red_out") >= 49);
}

TEST_CASE("with prefer: DELAY, RED has priority, and a packet that RED did not carry is not retransmitted") {
  const auto lose = [](Room& room) {
    for (int i = 0; i < 20; ++i) room.speak();
    room.receiver.ingress(compound([&](rtcp::Writer& w) {
      const rtcp::ReportBlock block{.ssrc = room.slot(), .fraction_lost = 26};
      w.addReceiverReport(1, {&block, 1});
    }));
    for (int i = 0; i < 250; ++i) room.speak();
    room.wait(20ms);
    room.request({static_cast<uint16_t>(received(room).sequence - 1)});
  };
  Room bytes({.nack = true, .red = true});
  lose(bytes);
  CHECK(bytes.receiver.counted("repair", "red_out") == 0);
  CHECK(bytes.receiver.counted("repair", "resent", "original") == 1);
  Room delay({.nack = true, .red = true}, "downlink { prefer: DELAY }");
  lose(delay);
  CHECK(delay.receiver.counted("repair", "red_out") >= 40);
  CHECK(delay.receiver.counted("repair", "resent", "original") == 0);
  CHECK(delay.receiver.counted("repair", "refused", "redundant") == 1);
  CHECK(described(delay.receiver, "downlink.means") == "red1");
  delay.request({received(delay).sequence});  // RED has not repeated it yet
  CHECK(delay.receiver.counted("repair", "resent", "original") == 1);
  Room no_red({.nack = true}, "downlink { prefer: DELAY }");
  lose(no_red);
  CHECK(no_red.receiver.counted("repair", "resent", "original") == 1);
}

TEST_CASE("a receiver's loss counts while voice is sent to it, whatever its media section negotiated") {
  for (const bool nack : {true, false}) {
    Room room({.nack = nack});
    for (int i = 0; i < 100; ++i) room.speak();
    const auto report = [&] {
      room.receiver.ingress(compound([&](rtcp::Writer& w) {
        const rtcp::ReportBlock block{.ssrc = room.slot(), .fraction_lost = 128};
        w.addReceiverReport(1, {&block, 1});
      }));
    };
    report();
    const rooms::LossHistogram& census = room.receiver.session.known_player->room->receiverLoss();
    CHECK(census.percentile(100) == doctest::Approx(0.5));
    for (int i = 0; i < 17; ++i) room.wait(1s);
    CHECK(census.percentile(100) == 0);
    report();
    CHECK(census.percentile(100) == 0);
  }
}

TEST_CASE("without a free packet buffer nothing is retransmitted or rebuilt, and it is counted") {
  Room room;
  for (int i = 0; i < 3; ++i) room.speak();
  std::vector<net::PacketPtr> hoard;
  while (net::PacketPtr packet = room.worker.pool().acquire()) hoard.push_back(std::move(packet));
  hoard.back()->settle();
  hoard.pop_back();  // one, for the request itself
  room.request({asRtp(room.receiver.outer[1]).sequence});
  CHECK(room.receiver.dropped("repair", "no_packet") == 1);
  for (auto& packet : hoard) packet->settle();
}

TEST_CASE("RTX numbers continue across any reload") {
  Room room({.nack = true, .red = false, .rtx = true}, "downlink { budget_ms: 200 }");
  for (int i = 0; i < 4; ++i) room.speak();
  room.request({asRtp(room.receiver.outer[1]).sequence});
  const auto before = received(room);
  const test::FilterConfig router{rtp_router::filterType(), ""};
  SUBCASE("another budget needs another memory size, which keeps what fits") {
    room.receiver.reload({{repair::filterType(), "downlink { budget_ms: 400 }"}, router});
    room.wait(20ms);
    room.request({asRtp(room.receiver.outer[2]).sequence});
    CHECK(received(room).sequence == static_cast<uint16_t>(before.sequence + 1));
    room.wait(20ms);
    room.request({asRtp(room.receiver.outer[0]).sequence});
  }
  SUBCASE("the filter is absent for a while") {
    room.receiver.reload({router});
    room.receiver.reload({{repair::filterType(), ""}, router});
    room.speak();
    room.wait(20ms);
    room.request({received(room).sequence});
    CHECK(received(room).sequence == static_cast<uint16_t>(before.sequence + 1));
    room.speak();
    room.wait(20ms);
    room.request({received(room).sequence});
  }
  CHECK(received(room).ssrc == before.ssrc);
  CHECK(received(room).sequence == static_cast<uint16_t>(before.sequence + 2));
}

TEST_CASE("a packet that was requested before it was sent is not sent twice") {
  Room room;
  room.speak(1);
  room.speak(3);
  room.wait(20ms);
  room.speak(2);  // the receiver's NACK is on its way
  room.wait(20ms);
  const size_t sent = room.receiver.outer.size();
  room.request({asRtp(room.receiver.outer[2]).sequence});
  CHECK(room.receiver.outer.size() == sent);
  CHECK(room.receiver.counted("repair", "refused", "repeated") == 1);
  CHECK(described(room.receiver, "downlink.loss_percent") == "0.00");
}

TEST_CASE("a measured round trip that is too long does not prevent a retransmission") {
  Room room;
  room.directory.find("room", "receiver")->line.onRoundTrip(std::chrono::microseconds{70'000});
  room.speak(1);
  room.wait(60ms);
  room.request({asRtp(room.receiver.outer[0]).sequence});
  CHECK(room.receiver.counted("repair", "resent", "original") == 1);
  room.directory.find("room", "receiver")
      ->line.onRoundTrip(std::chrono::microseconds{5'000'000});  // as after a client's DLSR of 0
  room.speak(2);
  room.wait(100ms);
  room.request({received(room).sequence});
  CHECK(room.receiver.counted("repair", "resent", "original") == 2);
}

TEST_CASE("the packet that begins a pause is repeated without a request on a line with loss") {
  Room room({.rtx = true});
  const auto pause = [&] {
    const uint16_t sequence = room.next++;
    room.speaker.ingress(rtpPacket(sequence, {0x78}));
  };
  const auto repeated = [&] { return room.receiver.counted("repair", "resent", "rtx"); };
  for (int i = 0; i < 50; ++i) room.speak();
  pause();
  room.wait(400ms);
  CHECK(repeated() == 0);  // the line loses nothing
  room.receiver.ingress(compound([&](rtcp::Writer& w) {
    const rtcp::ReportBlock block{.ssrc = room.slot(), .fraction_lost = 26};
    w.addReceiverReport(1, {&block, 1});
  }));
  for (int i = 0; i < 50; ++i) room.speak();
  CHECK(repeated() == 0);
  pause();
  CHECK(repeated() == 0);
  room.wait(20ms);
  CHECK(repeated() == 1);
  const rtp::Packet again = received(room);
  CHECK(readU16(again.payload.data()) == asRtp(room.receiver.outer[room.receiver.outer.size() - 2]).sequence);
  room.wait(400ms);
  CHECK(repeated() == 1);
  pause();
  room.wait(10ms);
  room.speak(room.next++);  // the pause ends before the repetition is due
  room.wait(400ms);
  CHECK(repeated() == 1);
  pause();
  room.wait(400ms);
  CHECK(repeated() == 2);
  for (int i = 0; i < 10; ++i) pause(), room.wait(30ms);  // the pause continues
  CHECK(repeated() == 2);
  CHECK(room.worker.pool().unaccounted() == 0);
}

TEST_CASE("a receiver without speakers holds no packets, and does not count in the room") {
  Room room;
  for (int i = 0; i < 200; ++i) room.speak();
  room.receiver.ingress(compound([&](rtcp::Writer& w) {
    const rtcp::ReportBlock block{.ssrc = room.slot(), .fraction_lost = 128};
    w.addReceiverReport(1, {&block, 1});
  }));
  const auto held = [&] {
    std::vector<net::PacketPtr> free;
    while (net::PacketPtr packet = room.worker.pool().acquire()) free.push_back(std::move(packet));
    for (auto& packet : free) packet->settle();
    return room.worker.pool().allocated() - free.size();
  };
  room.speak();
  room.wait(600ms);
  room.speak();
  rooms::LossHistogram& census = room.receiver.session.known_player->room->receiverLoss();
  CHECK(held() > 0);
  CHECK(census.percentile(100) > 0.1);
  for (int i = 0; i < 10; ++i) room.wait(100ms);
  CHECK(held() == 0);
  for (int i = 0; i < 40; ++i) room.wait(1s);
  CHECK(census.percentile(100) == 0);
  CHECK(held() == 0);
}

}  // namespace
}  // namespace sluice
