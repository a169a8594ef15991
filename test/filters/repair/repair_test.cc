// Reloads, memory and configuration.
#include "test/filters/repair/repair_room.h"

namespace sluice {
namespace {

using namespace test;

TEST_CASE("a reload changes budgets during the call, and keeps the remembered packets") {
  Room room;
  for (int i = 0; i < 3; ++i) room.speak();
  room.receiver.reload(
      {{repair::filterType(), "downlink { max_resends: 1 }"}, {rtp_router::filterType(), ""}});
  const uint16_t wanted = asRtp(room.receiver.outer[1]).sequence;
  room.request({wanted});
  CHECK(room.receiver.counted("repair", "resent", "original") == 1);
  room.wait(50ms);
  room.request({wanted});
  CHECK(room.receiver.counted("repair", "refused", "repeated") == 1);
}

TEST_CASE("RTX continues with the next number across reloads, because the SRTP key stays the same") {
  Room room({.nack = true, .red = false, .rtx = true}, "downlink { budget_ms: 200 }");
  const auto resend = [&] {
    room.speak();
    room.wait(20ms);
    room.request({received(room).sequence});
    const auto rtx = received(room);
    REQUIRE(rtx.ssrc == room.slot() + 1);
    return rtx.sequence;
  };
  const uint16_t before = resend();
  SUBCASE("reloads with another memory size") {
    room.receiver.reload(
        {{repair::filterType(), "downlink { budget_ms: 400 }"}, {rtp_router::filterType(), ""}});
  }
  SUBCASE("reloads that remove the filter and add it again") {
    room.receiver.reload({{rtp_router::filterType(), ""}});
    room.receiver.reload({{repair::filterType(), ""}, {rtp_router::filterType(), ""}});
  }
  CHECK(resend() == static_cast<uint16_t>(before + 1));
}

TEST_CASE("a reload to another memory size keeps the packets that fit") {
  Room room({}, "downlink { budget_ms: 400 }");
  for (int i = 0; i < 20; ++i) room.speak();
  std::vector<uint16_t> sent;
  for (const Captured& packet : room.receiver.outer) sent.push_back(asRtp(packet).sequence);
  const auto resentAfter = [&](const char* config, uint16_t sequence) {
    room.receiver.reload({{repair::filterType(), config}, {rtp_router::filterType(), ""}});
    const uint64_t before = room.receiver.counted("repair", "resent", "original");
    room.request({sequence});
    return room.receiver.counted("repair", "resent", "original") > before;
  };
  CHECK(resentAfter("downlink { budget_ms: 800 }", sent[5]));
  CHECK(resentAfter("downlink { budget_ms: 100 }", sent[17]));
  CHECK_FALSE(resentAfter("downlink { budget_ms: 400 }", sent[3]));  // only sixteen fit
}

TEST_CASE("packets are remembered while they can be requested, and for the same time again") {
  Room room({}, "downlink { budget_ms: 500 }");
  for (int i = 0; i < 400; ++i) room.speak();
  CHECK(room.held() >= 50);
  CHECK(room.held() <= 52);
  room.wait(1s);
  room.wait(1s);
  CHECK(room.held() == 0);
}

TEST_CASE("an idle speaker's packets do not use up the worker's packet pool") {
  Room room;
  for (int i = 0; i < 140; ++i) {
    const std::string number = std::to_string(i);
    ChainHarness& speaker = room.add("speaker" + number, {}, "", number.c_str());
    room.add("receiver" + number, {}, "", number.c_str()).record = false;
    for (uint16_t sequence = 0; sequence < 40; ++sequence) {
      speaker.ingress(rtpPacket(sequence, frame(sequence)));
      room.wait(20ms);
    }
  }
  CHECK(room.worker.pool().exhausted() == 0);
}

TEST_CASE("the end of a session releases every packet and removes the receiver's loss from the room") {
  Room room;
  for (int i = 0; i < 30; ++i) room.speak();
  rooms::Room& where = *room.receiver.session.known_player->room;
  for (auto& [name, chain] : room.chains) chain->closeChain();
  CHECK(where.receiverLoss().percentile(100) == 0);
  std::vector<net::PacketPtr> all;
  while (net::PacketPtr packet = room.worker.pool().acquire()) all.push_back(std::move(packet));
  CHECK(all.size() == room.worker.pool().allocated());
  for (auto& packet : all) packet->settle();
}

TEST_CASE("an invalid configuration is refused with its path") {
  struct Case {
    const char* config;
    const char* path;
  };
  const Case cases[] = {{"uplink { budget_ms: 19 }", "uplink.budget_ms"},
                        {"uplink { reordering_ms: 201 }", "uplink.reordering_ms"},
                        {"uplink { max_requests: 0 }", "uplink.max_requests"},
                        {"uplink { listener_loss_percentile: 101 }", "uplink.listener_loss_percentile"},
                        {"downlink { budget_ms: 2001 }", "downlink.budget_ms"},
                        {"downlink { max_resends: 11 }", "downlink.max_resends"},
                        {"downlink { max_overhead_percent: 0 }", "downlink.max_overhead_percent"},
                        {"downlink { redundancy: 9 }", "downlink.redundancy"}};
  for (const Case& c : cases) {
    CAPTURE(c.config);
    const Errors errors = errorsOf({repair::filterType(), c.config});
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].path == c.path);
  }
}

}  // namespace
}  // namespace sluice
