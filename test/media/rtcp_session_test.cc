#include "source/media/rtcp_session.h"

#include <doctest/doctest.h>

#include "source/codec/rtcp_extended.h"
#include "source/codec/rtcp_feedback.h"
#include "source/net/packet_pool.h"
#include "source/rooms/room.h"

namespace sluice::media {
namespace {

struct Fixture {
  explicit Fixture(std::vector<uint32_t> slots) {
    rooms::Negotiated negotiated;
    negotiated.cname = "server";
    for (const uint32_t ssrc : slots) negotiated.slots.emplace_back().ssrc = ssrc;
    player = std::make_shared<rooms::Player>(std::make_shared<rooms::Room>("room", 1), "a", negotiated);
  }
  ~Fixture() { packet->settle(); }
  std::vector<rtcp::Packet> parts() const {
    std::vector<rtcp::Packet> parts;
    rtcp::Reader reader(packet->data());
    while (const auto part = reader.next()) parts.push_back(*part);
    CHECK(reader.done());
    CHECK(packet->kind == PacketKind::kRtcp);
    return parts;
  }

  net::PacketPool pool{256};
  net::PacketPtr packet = pool.acquire();
  rooms::PlayerPtr player;
};

TEST_CASE("the server's SSRC is the first slot's, or the player's number if there is no slot") {
  CHECK(RtcpSession(*Fixture({7, 8}).player).ssrc() == 7);
  const Fixture f({});
  CHECK(RtcpSession(*f.player).ssrc() == f.player->number);
}

TEST_CASE("a report names every sender, with the blocks in the first and a CNAME for each") {
  Fixture f({7, 8});
  const rtcp::SenderInfo senders[] = {{.ssrc = 7, .packets = 3}, {.ssrc = 8, .packets = 4}};
  const rtcp::ReportBlock block{.ssrc = 99, .fraction_lost = 25};
  RtcpSession(*f.player).writeReport(senders, {&block, 1}, 0, *f.packet);
  const auto parts = f.parts();
  REQUIRE(parts.size() == 4);
  CHECK(rtcp::readSenderInfo(parts[0])->ssrc == 7);
  CHECK(rtcp::readReportBlock(parts[0], 0)->fraction_lost == 25);
  CHECK(rtcp::readSenderInfo(parts[1])->ssrc == 8);
  CHECK_FALSE(rtcp::readReportBlock(parts[1], 0));
  CHECK(parts[2].type == rtcp::kSourceDescription);
  CHECK(parts[3].type == rtcp::kSourceDescription);
}

TEST_CASE("the largest report fits into a packet") {
  Fixture f({7});
  const_cast<std::string&>(f.player->negotiated.cname) = std::string(32, 'c');
  const std::vector<rtcp::SenderInfo> senders(RtcpSession::kMaxSenders, {.ssrc = 7});
  const rtcp::ReportBlock block{.ssrc = 99};
  RtcpSession(*f.player).writeReport(senders, {&block, 1}, 0, *f.packet);
  CHECK(f.parts().size() == 2 * RtcpSession::kMaxSenders);
}

// RFC 3611 section 4.4.
TEST_CASE("a report without a sender is a receiver report with a reference time") {
  Fixture f({7});
  const rtcp::ReportBlock block{.ssrc = 99, .fraction_lost = 25};
  RtcpSession(*f.player).writeReport({}, {&block, 1}, 0x1234'5678'9ABC'DEF0, *f.packet);
  const auto parts = f.parts();
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].type == rtcp::kReceiverReport);
  CHECK(rtcp::readReportBlock(parts[0], 0)->ssrc == 99);
  CHECK(parts[1].type == rtcp::kSourceDescription);
  CHECK(parts[2].type == rtcp::kExtendedReport);
}

// RFC 4585 section 3.1.
TEST_CASE("feedback follows a receiver report and a CNAME") {
  Fixture f({7});
  const RtcpSession rtcp(*f.player);
  const uint16_t lost[] = {5, 6};
  rtcp.writeFeedback(*f.packet, [&](rtcp::Writer& writer) { rtcp::addNack(writer, rtcp.ssrc(), 42, lost); });
  const auto parts = f.parts();
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].type == rtcp::kReceiverReport);
  CHECK(parts[1].type == rtcp::kSourceDescription);
  std::vector<uint16_t> read;
  rtcp::forEachLost(parts[2], [&](uint32_t ssrc, uint16_t sequence) {
    CHECK(ssrc == 42);
    read.push_back(sequence);
  });
  CHECK(read == std::vector<uint16_t>{5, 6});
}

// RFC 3550 section 6.2.
TEST_CASE("an interval is half to one and a half of the mean") {
  Duration least = Duration::max(), most{};
  for (int i = 0; i < 1000; ++i) {
    const Duration interval = RtcpSession::interval(1s);
    least = std::min(least, interval);
    most = std::max(most, interval);
  }
  CHECK(least >= 500ms);
  CHECK(least < 600ms);
  CHECK(most <= 1500ms);
  CHECK(most > 1400ms);
}

}  // namespace
}  // namespace sluice::media
