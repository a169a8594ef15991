// rtp_router and repair in another process: a room continues there, and its players are not disturbed.
#include "test/filters/repair/repair_room.h"
#include "test/filters/takeover/takeover.h"

namespace sluice {
namespace {

using namespace test;

// The room's chains in another process.
struct Next {
  explicit Next(Room& room) : before(room), worker(room.clock) {}

  std::unique_ptr<ChainHarness> make(const std::string& name) {
    auto chain = std::make_unique<ChainHarness>(
        worker, std::vector<FilterConfig>{{repair::filterType(), ""}, {rtp_router::filterType(), ""}});
    chain->directory = &before.directory;
    chain->session.known_player = before.chains.at(name)->session.known_player;
    return chain;
  }
  void takeOver() {
    for (const auto& [name, chain] : before.chains) {
      chains[name] = make(name);
      CHECK(chains[name]->takeOver(*chain) == "");
    }
  }
  void speak(uint16_t sequence, uint32_t ssrc = kSsrc) {
    chains.at("speaker")->ingress(rtpPacket(sequence, frame(sequence), kOpus, ssrc));
  }
  void wait(Duration duration) {
    before.clock.advance(duration);
    worker.timers().run();
  }
  std::vector<rtp::Packet> received() {
    std::vector<rtp::Packet> all;
    for (const Captured& packet : chains.at("receiver")->outer) {
      if (packet.kind == PacketKind::kRtp) all.push_back(asRtp(packet));
    }
    return all;
  }

  Room& before;
  FakeWorker worker;
  std::map<std::string, std::unique_ptr<ChainHarness>> chains;
};

TEST_CASE("a receiver's stream continues with the next number and timestamp, and loss stays visible") {
  Room room({.nack = false});
  for (uint16_t sequence = 1; sequence <= 5; ++sequence) {
    room.speak(sequence);
    room.wait(20ms);
  }
  const rtp::Packet last = received(room);
  Next next(room);
  for (const char* name : {"speaker", "receiver"}) {
    checkCuts(room.chains.at(name)->save(), [&] { return next.make(name); });
  }
  next.takeOver();
  next.speak(6);
  next.speak(8);
  const auto after = next.received();
  REQUIRE(after.size() == 2);
  CHECK(after[0].ssrc == last.ssrc);
  CHECK(after[0].sequence == static_cast<uint16_t>(last.sequence + 1));
  CHECK(after[0].timestamp == last.timestamp + 960);
  CHECK_FALSE(after[0].marker);  // no talkspurt begins
  CHECK(after[1].sequence == static_cast<uint16_t>(last.sequence + 3));
  next.speak(5);  // its number was used in the old process
  CHECK(next.received().size() == 2);
}

TEST_CASE("a sender report continues to count") {
  Room room;
  for (uint16_t sequence = 1; sequence <= 5; ++sequence) room.speak(sequence);
  Next next(room);
  next.takeOver();
  next.speak(6);
  next.wait(10s);
  std::optional<rtcp::SenderInfo> info;
  for (const Captured& packet : next.chains.at("receiver")->outer) {
    if (packet.kind != PacketKind::kRtcp) continue;
    rtcp::Reader reader(packet.data);
    while (const auto part = reader.next()) {
      if (const auto found = rtcp::readSenderInfo(*part)) info = found;
    }
  }
  REQUIRE(info);
  CHECK(info->packets == 6);
  CHECK(info->octets == 6 * frame(1).size());
}

TEST_CASE("each speaker keeps its slot") {
  Room room;
  room.add("guest", {.ssrcs = {7}});
  room.speak(1);
  room.chains.at("guest")->ingress(rtpPacket(1, frame(1), kOpus, 7));  // finds the only slot in use
  const size_t received_before = room.receiver.outer.size();
  Next next(room);
  next.takeOver();
  next.chains.at("guest")->ingress(rtpPacket(2, frame(2), kOpus, 7));
  CHECK(next.received().empty());
  next.speak(2);
  CHECK(next.received().size() == 1);
  CHECK(received_before == 1);
}

TEST_CASE("a packet that was requested is not requested again at once, and is recovered when it arrives") {
  Room room, stays;
  for (Room* one : {&room, &stays}) {
    one->speak(1);
    one->speak(3);
    one->wait(10ms);
    CHECK(requests(one->speaker) == std::vector<uint16_t>{2});
  }
  Next next(room);
  next.takeOver();
  for (int ms = 0; ms < 100;
       ++ms) {  // the retransmission is late: one more request, at the same time as without a takeover
    next.wait(1ms);
    stays.wait(1ms);
    CHECK(requests(*next.chains.at("speaker")).size() + 1 == requests(stays.speaker).size());
  }
  CHECK(requests(stays.speaker).size() > 1);
  next.speak(2);
  CHECK(next.chains.at("speaker")->counted("repair", "recovered", "resent") == 1);
  next.speak(3);
  CHECK(next.chains.at("speaker")->dropped("repair", "duplicate") == 1);
  CHECK(next.received().size() == 1);
}

TEST_CASE("a gap that no packet had revealed is detected in the new process") {
  Room room;
  room.speak(1);
  Next next(room);
  next.takeOver();
  next.speak(4);
  next.wait(10ms);
  CHECK(requests(*next.chains.at("speaker")) == std::vector<uint16_t>{2, 3});
}

TEST_CASE("the loss reported to a speaker counts from the beginning") {
  Room room({.nack = false});
  for (const uint16_t sequence : {1, 2, 4}) room.speak(sequence);
  Next next(room);
  next.takeOver();
  for (const uint16_t sequence : {5, 7}) next.speak(sequence);
  next.wait(10s);
  std::optional<rtcp::ReportBlock> reported;
  for (const Captured& packet : next.chains.at("speaker")->outer) {
    rtcp::Reader reader(packet.data);
    while (const auto part = reader.next()) {
      for (size_t i = 0; const auto block = rtcp::readReportBlock(*part, i); ++i) {
        if (block->ssrc == kSsrc) reported = block;
      }
    }
  }
  REQUIRE(reported);
  CHECK(reported->cumulative_lost == 2);
  CHECK(reported->highest_sequence == 7);
}

}  // namespace
}  // namespace sluice
