// RTCP between the router and players.
#include <doctest/doctest.h>

#include "source/codec/rtcp.h"
#include "test/filters/rtp_router/router_room.h"

namespace sluice {
namespace {

using namespace test;

TEST_CASE("the round trip to a player that receives no voice is measured by extended reports (RFC 3611)") {
  RouterRoom room;
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

TEST_CASE("reports contain the packets sent to a receiver, a speaker's loss, and the round trip") {
  RouterRoom room;
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

}  // namespace
}  // namespace sluice
