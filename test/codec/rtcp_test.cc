#include "source/codec/rtcp.h"

#include <doctest/doctest.h>

#include <array>

#include "source/codec/reception.h"
#include "test/support/hex.h"

namespace sluice {
namespace {

using rtp::Reception;
using test::hex;

TEST_CASE("rtcp: a compound of reports is written and read") {
  std::vector<uint8_t> buffer(200);
  rtcp::Writer writer(buffer);
  const rtcp::ReportBlock block{.ssrc = 9,
                                .fraction_lost = 64,
                                .cumulative_lost = -3,
                                .highest_sequence = 0x10005,
                                .jitter = 11,
                                .last_sr = 12,
                                .delay_since_last_sr = 13};
  writer.addSenderReport({1, 0x0102030405060708, 3, 4, 5}, {&block, 1});
  writer.addCname(1, "someone");
  writer.addBye(1);
  buffer.resize(*writer.finish());

  rtcp::Reader reader(buffer);
  const auto report = reader.next();
  REQUIRE(report);
  CHECK(rtcp::readSenderInfo(*report)->ntp == 0x0102030405060708);
  CHECK(rtcp::readSenderInfo(*report)->octets == 5);
  const auto read = rtcp::readReportBlock(*report, 0);
  REQUIRE(read);
  CHECK(read->cumulative_lost == -3);
  CHECK(read->highest_sequence == 0x10005);
  CHECK(read->delay_since_last_sr == 13);
  CHECK_FALSE(rtcp::readReportBlock(*report, 1));
  CHECK(reader.next()->type == rtcp::kSourceDescription);
  CHECK(reader.next()->type == rtcp::kBye);
  CHECK_FALSE(reader.next());
  CHECK(reader.done());
}

TEST_CASE("a malformed part ends the parsing") {
  for (const char* bytes : {"80 c9 00 05 00000001", "40 c9 00 01 00000001", "a0 c9 00 01 00000009", "80"}) {
    const auto packet = hex(bytes);
    rtcp::Reader reader(packet);
    CAPTURE(bytes);
    CHECK_FALSE(reader.next());
    CHECK_FALSE(reader.done());
  }
  const auto lying = hex("9f c9 00 01 00000001");  // claims 31 blocks
  rtcp::Reader reader(lying);
  CHECK_FALSE(rtcp::readReportBlock(*reader.next(), 0));
}

TEST_CASE("rtcp::Writer: reports that do not fit are not written") {
  std::vector<uint8_t> buffer(27);
  rtcp::Writer writer(buffer);
  writer.addSenderReport({1, 2, 3, 4, 5}, {});
  CHECK_FALSE(writer.finish());
}

TEST_CASE("RFC 3550 6.4.1: the round trip of the RFC's example") {
  // A = 0xb710:8000 (46864.500 s), DLSR = 0x0005:4000 (5.250 s), LSR = 0xb705:2000 (46853.125 s): 6.125 s.
  const rtcp::ReportBlock block{.last_sr = 0xb7052000, .delay_since_last_sr = 0x00054000};
  CHECK(*rtcp::roundTrip(block, 0xb7108000) == 6125ms);
  CHECK_FALSE(rtcp::roundTrip({}, 0xb7108000));
  CHECK_FALSE(rtcp::roundTrip({.last_sr = 0xb7052000, .delay_since_last_sr = 0x10000000}, 0xb7108000));
}

TEST_CASE("NTP time starts at 1900") {
  CHECK((rtcp::toNtp(std::chrono::system_clock::time_point{}) >> 32) == 2'208'988'800);
  CHECK((rtcp::toNtp(std::chrono::system_clock::time_point{500ms}) & 0xFFFFFFFF) == 0x80000000);
}

TEST_CASE(
    "Reception: loss is the number of packets that the extended sequence numbers imply and that did not "
    "arrive, over wrap-around") {
  Reception reception(48'000);
  Instant now{1h};
  for (uint32_t i = 65'530; i < 65'550; ++i) {
    if (i == 65'533 || i == 65'540) continue;
    CHECK(reception.onPacket(static_cast<uint16_t>(i), i * 960, now += 20ms));
  }
  CHECK(reception.lost() == 2);
  CHECK(reception.highestSequence() == 65'549);
  const auto report = reception.report(1, now);
  CHECK(report.cumulative_lost == 2);
  CHECK(report.fraction_lost == 2 * 256 / 20);
  CHECK(reception.report(1, now).fraction_lost == 0);  // nothing new
}

TEST_CASE("Reception: duplicates make loss negative, late packets reduce it") {
  Reception reception(48'000);
  Instant now{1h};
  for (const uint16_t sequence : {1, 2, 2, 2, 3}) reception.onPacket(sequence, sequence * 960u, now);
  CHECK(reception.lost() == -2);
  CHECK(reception.report(1, now).fraction_lost == 0);
}

TEST_CASE("Reception: a sequence number that jumps is ignored, two in a row restart the stream") {
  Reception reception(48'000);
  Instant now{1h};
  reception.onPacket(10, 0, now);
  CHECK_FALSE(reception.onPacket(30'000, 0, now));
  CHECK(reception.onPacket(11, 0, now));
  CHECK_FALSE(reception.onPacket(40'000, 0, now));
  CHECK(reception.onPacket(40'001, 0, now));
  CHECK(reception.highestSequence() == 40'001);
  CHECK(reception.lost() == 0);
}

TEST_CASE("Reception: jitter follows RFC 3550 A.8") {
  Reception steady(48'000);
  Instant now{1h};
  for (uint16_t i = 0; i < 100; ++i) steady.onPacket(i, i * 960u, now += 20ms);
  CHECK(steady.jitter() == 0);
  // Every second packet is 10 ms late: the transit difference is 480 units each time, and the mean converges
  // to it.
  Reception shaky(48'000);
  for (uint16_t i = 0; i < 400; ++i) {
    shaky.onPacket(i, i * 960u, now + (i % 2 == 0 ? 0ms : 10ms));
    now += 20ms;
  }
  CHECK(shaky.jitter() > 470);
  CHECK(shaky.jitter() <= 480);
}

TEST_CASE("a report contains the time since the last sender report") {
  Reception reception(48'000);
  Instant now{1h};
  reception.onPacket(1, 0, now);
  CHECK(reception.report(1, now).last_sr == 0);
  reception.onSenderReport(0x1122334455667788, now);
  const auto report = reception.report(1, now + 1500ms);
  CHECK(report.last_sr == 0x33445566);
  CHECK(report.delay_since_last_sr == 65536 * 3 / 2);
}

TEST_CASE("a report block that passes gives the round trip to its sender") {
  Reception reception(48'000);
  const Instant now{1h};
  rtcp::ReportBlock block{.last_sr = 0x33445566, .delay_since_last_sr = 65'536};
  CHECK_FALSE(reception.roundTripBeyond(block, now));  // no sender report has passed
  reception.onSenderReport(0x1122334455667788, now);
  CHECK(reception.roundTripBeyond(block, now + 1040ms) == 40ms);
  CHECK_FALSE(reception.roundTripBeyond(block, now + 900ms));  // it cannot have been held for longer
  block.last_sr = 1;
  CHECK_FALSE(reception.roundTripBeyond(block, now + 1040ms));  // of another sender report
  CHECK_FALSE(reception.roundTripBeyond({}, now + 1040ms));
}

TEST_CASE("a forged timestamp, half the range away, causes only a large jitter") {
  Reception reception(48'000);
  Instant now{1h};
  reception.onPacket(1, 0, now);
  reception.onPacket(2, 0x8000'0000, now);
  CHECK(reception.jitter() == 0x0800'0000);
}

TEST_CASE("report blocks are rewritten in place, others are unchanged (RFC 3550 section 7.2)") {
  using namespace rtcp;
  std::array<uint8_t, 256> buffer;
  Writer writer(buffer);
  const ReportBlock blocks[] = {{.ssrc = 1, .fraction_lost = 9}, {.ssrc = 2, .fraction_lost = 9}};
  writer.addSenderReport({.ssrc = 7, .packets = 5}, blocks);
  writer.addReceiverReport(7, blocks);
  writer.addCname(7, "x");
  const MutableBytes compound = MutableBytes(buffer).first(*writer.finish());
  size_t seen = 0;
  rewriteReportBlocks(compound, [&](ReportBlock& block) {
    ++seen;
    if (block.ssrc != 2) return false;
    block.fraction_lost = 200;
    block.cumulative_lost = -3;
    return true;
  });
  CHECK(seen == 4);
  Reader reader(compound);
  for (int i = 0; i < 2; ++i) {
    const auto packet = reader.next();
    CHECK(readReportBlock(*packet, 0)->fraction_lost == 9);
    CHECK(readReportBlock(*packet, 1)->fraction_lost == 200);
    CHECK(readReportBlock(*packet, 1)->cumulative_lost == -3);
  }
  CHECK(reader.next());
  CHECK(reader.done());
}

}  // namespace
}  // namespace sluice
