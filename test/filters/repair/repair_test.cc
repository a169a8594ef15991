// repair before a router: a speaker's chain and a listener's chain in one room.
#include "filters/repair/repair.h"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <functional>

#include "filters/rtp_router/rtp_router.h"
#include "source/codec/rtcp_feedback.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

using test::Captured;
using test::ChainHarness;

constexpr uint32_t kSsrc = 0xAAAA0001;
constexpr uint32_t kRtxSsrc = 0xAAAA0002;
constexpr uint8_t kOpus = 111;
constexpr uint8_t kRed = 63;
constexpr uint8_t kRtx = 97;

std::vector<uint8_t> frame(uint16_t sequence) {
  return {0x78, static_cast<uint8_t>(sequence >> 8), static_cast<uint8_t>(sequence), 4, 5, 6};
}

std::vector<uint8_t> rtpPacket(uint16_t sequence, std::vector<uint8_t> payload, uint8_t payload_type = kOpus,
                               uint32_t ssrc = kSsrc) {
  const rtp::Header header{.marker = false,
                           .payload_type = payload_type,
                           .sequence = sequence,
                           .timestamp = sequence * 960u,
                           .ssrc = ssrc,
                           .csrcs = {},
                           .extensions = {}};
  std::vector<uint8_t> out(header.size());
  rtp::write(header, out.data());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

std::vector<uint8_t> compound(const std::function<void(rtcp::Writer&)>& fill) {
  std::vector<uint8_t> out(1000);
  rtcp::Writer writer(out);
  fill(writer);
  out.resize(*writer.finish());
  return out;
}

// What the line of a player agreed on.
struct Agreed {
  bool nack = true;
  bool red = false;
  bool rtx = false;
  std::vector<uint32_t> ssrcs{};
};

struct Room {
  ManualClock clock;
  test::FakeWorker worker{clock};
  rooms::Directory directory{{}, 1, clock};
  std::map<std::string, std::unique_ptr<ChainHarness>> chains;
  ChainHarness& speaker;
  ChainHarness& listener;
  uint16_t next = 100;

  explicit Room(Agreed agreed = {}, const char* config = "")
      : speaker(add("speaker", agreed, config)), listener(add("listener", agreed, config)) {
    directory.find("room", "speaker")->observed.rtt_us = 40'000;
    directory.find("room", "listener")->observed.rtt_us = 40'000;
  }

  ChainHarness& add(const std::string& name, Agreed agreed, const char* config = "") {
    rooms::Negotiated negotiated;
    negotiated.local = {name, "password"};
    negotiated.cname = "cname-" + name;
    rooms::AudioLine line;
    line.opus_payload_type = kOpus;
    line.nack = agreed.nack;
    if (agreed.red) line.red_payload_type = kRed;
    if (agreed.rtx) line.rtx_payload_type = kRtx;
    negotiated.sending.emplace();
    static_cast<rooms::AudioLine&>(*negotiated.sending) = line;
    negotiated.sending->ssrcs = agreed.ssrcs;
    rooms::Slot slot;
    static_cast<rooms::AudioLine&>(slot) = line;
    slot.ssrc = 0x5107'0000 + static_cast<uint32_t>(chains.size()) * 16;
    slot.rtx_ssrc = slot.ssrc + 1;
    negotiated.slots.push_back(slot);
    auto player = directory.join("room", name, negotiated);
    REQUIRE(player.ok());
    auto chain = std::make_unique<ChainHarness>(
        worker,
        std::vector<test::FilterConfig>{{repair::filterType(), config}, {rtp_router::filterType(), ""}});
    chain->directory = &directory;
    chain->session.known_player = *player;
    (*player)->observed.connected = true;
    chain->chain();
    return *(chains[name] = std::move(chain));
  }

  void wait(Duration duration) {
    clock.advance(duration);
    worker.timers().run();
  }
  void speak(uint16_t sequence) { speaker.ingress(rtpPacket(sequence, frame(sequence))); }
  // Says `count` frames, 20 ms apart.
  void speak() {
    speak(next++);
    wait(20ms);
  }
  uint32_t slot() const { return listener.session.known_player->negotiated.slots[0].ssrc; }
  void ask(std::vector<uint16_t> sequences) {
    listener.ingress(compound([&](rtcp::Writer& w) { rtcp::addNack(w, 1, slot(), sequences); }));
  }
};

rtp::Packet asRtp(const Captured& packet) {
  CHECK(packet.kind == PacketKind::kRtp);
  const auto rtp = rtp::parse(packet.data);
  REQUIRE(rtp);
  return *rtp;
}
rtp::Packet heard(const Room& room) {
  REQUIRE(!room.listener.outer.empty());
  return asRtp(room.listener.outer.back());
}
std::vector<uint8_t> bytes(Bytes view) {
  return {view.begin(), view.end()};
}

// What a chain's client was asked for.
std::vector<uint16_t> requests(const ChainHarness& chain) {
  std::vector<uint16_t> asked;
  for (const Captured& packet : chain.outer) {
    if (packet.kind != PacketKind::kRtcp) continue;
    rtcp::Reader reader(packet.data);
    while (const auto part = reader.next()) {
      rtcp::forEachLost(*part, [&](uint32_t ssrc, uint16_t sequence) {
        CHECK(ssrc == kSsrc);
        asked.push_back(sequence);
      });
    }
    CHECK(reader.done());
  }
  return asked;
}

std::string told(ChainHarness& chain, const std::string& field) {
  chain::Description description;
  chain.chain().forEach([&](const std::string&, const chain::Filter& f) { f.describe(description); });
  const auto found = std::ranges::find(description, field, [](const auto& entry) { return entry.first; });
  return found == description.end() ? "" : found->second;
}

TEST_CASE("a speaker is asked for a missing packet, and it goes on when it comes") {
  Room room;
  room.speak(1);
  room.speak(3);
  CHECK(room.listener.outer.size() == 2);
  room.wait(10ms);
  CHECK(requests(room.speaker) == std::vector<uint16_t>{2});
  room.speak(2);
  CHECK(room.listener.outer.size() == 3);
  CHECK(bytes(heard(room).payload) == frame(2));
  CHECK(room.speaker.counted("repair", "lost") == 1);
  CHECK(room.speaker.counted("repair", "requested") == 1);
  CHECK(room.speaker.counted("repair", "recovered", "resent") == 1);
  CHECK(room.speaker.counted("repair", "recovered_late") == 0);
  room.speak(2);
  CHECK(room.speaker.dropped("repair", "duplicate") == 1);
  CHECK(room.listener.outer.size() == 3);
  CHECK(room.worker.pool().unaccounted() == 0);
}

TEST_CASE("a packet that comes too late after all is counted") {
  Room room;
  room.speak(1);
  room.speak(3);
  room.wait(10ms);
  room.wait(1s);
  room.speak(2);
  CHECK(room.speaker.counted("repair", "recovered_late") == 1);
}

TEST_CASE("a packet from before all that is remembered goes nowhere") {
  Room room;
  for (uint16_t sequence = 1; sequence < 400; ++sequence) {
    if (sequence != 50) room.speak(sequence);
  }
  const size_t heard = room.listener.outer.size();
  room.speak(50);
  CHECK(room.speaker.dropped("repair", "old") == 1);
  CHECK(room.listener.outer.size() == heard);
}

TEST_CASE("an SSRC that the router refuses changes nothing") {
  Room room;
  room.speak(1);
  room.speak(3);
  room.speaker.ingress(rtpPacket(1000, frame(1000), kOpus, kSsrc + 77));
  CHECK(room.speaker.dropped("rtp_router", "unknown_ssrc") == 1);
  room.wait(10ms);
  CHECK(requests(room.speaker) == std::vector<uint16_t>{2});
  room.speak(2);
  CHECK(room.speaker.counted("repair", "recovered", "resent") == 1);
}

TEST_CASE("what was lost stays counted when the speaker goes over to another SSRC") {
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

TEST_CASE("after its goodbye a speaker may come back under another SSRC") {
  Room room;
  room.speak(1);
  room.speaker.ingress(compound([](rtcp::Writer& w) {
    w.addReceiverReport(kSsrc, {});
    w.addBye(kSsrc);
  }));
  for (const uint16_t sequence : {500, 502})
    room.speaker.ingress(rtpPacket(sequence, frame(sequence), kOpus, kSsrc + 77));
  CHECK(room.listener.outer.size() == 3);
  CHECK(room.speaker.counted("repair", "lost") == 1);
}

TEST_CASE("who cannot answer is not asked") {
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

TEST_CASE("RED goes inward as plain Opus, and makes good what is missing") {
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
  REQUIRE(room.listener.outer.size() == 4);
  for (uint16_t i = 0; i < 4; ++i) {
    const auto packet = asRtp(room.listener.outer[i]);
    CHECK(packet.sequence == static_cast<uint16_t>(asRtp(room.listener.outer[0]).sequence + i));
    CHECK(packet.timestamp == asRtp(room.listener.outer[0]).timestamp + i * 960u);
    CHECK(packet.payload_type == kOpus);
    CHECK(bytes(packet.payload) == frame(static_cast<uint16_t>(1 + i)));
  }
  CHECK(room.speaker.counted("repair", "recovered", "red") == 2);
  room.speaker.ingress(red(5, 2));  // nothing is missing
  CHECK(room.listener.outer.size() == 5);
  room.wait(100ms);
  CHECK(requests(room.speaker).empty());
  room.speaker.ingress(rtpPacket(6, {0x80 | kOpus, 1}, kRed));
  CHECK(room.speaker.dropped("repair", "malformed") == 1);
  room.speaker.ingress(rtpPacket(7, {96, 1, 2}, kRed));  // a primary of another codec
  CHECK(room.speaker.dropped("repair", "malformed") == 2);
}

TEST_CASE("RTX becomes the packet that it repeats, if that is missing") {
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
  CHECK(bytes(heard(room).payload) == frame(2));
  CHECK(room.speaker.counted("repair", "recovered", "rtx") == 1);
  room.speaker.ingress(rtx(2));
  CHECK(room.speaker.dropped("repair", "duplicate") == 1);
  room.speaker.ingress(rtx(9));  // not sent yet
  CHECK(room.speaker.dropped("repair", "duplicate") == 2);
  room.speaker.ingress(rtpPacket(7001, {1}, kRtx, kRtxSsrc));
  CHECK(room.speaker.dropped("repair", "stray") == 2);
  CHECK(room.listener.outer.size() == 3);
}

TEST_CASE("other payload types, other kinds and clients that nobody announced pass untouched") {
  Room room;
  room.speaker.ingress(rtpPacket(1, {1, 2}, 96));
  CHECK(room.speaker.dropped("rtp_router", "unknown_payload_type") == 1);
  room.speaker.ingress(std::vector<uint8_t>{0x80, 0x6f, 1});
  CHECK(room.speaker.dropped("repair", "malformed") == 1);
  ChainHarness nobody(room.worker, {{repair::filterType(), ""}});
  nobody.ingress(rtpPacket(1, frame(1)));
  nobody.egress(rtpPacket(1, frame(1)));
  CHECK(nobody.inner.size() == 1);
  CHECK(nobody.outer.size() == 1);
}

TEST_CASE("a listener that asks is sent the very same packet again") {
  Room room;
  for (int i = 0; i < 5; ++i) room.speak();
  const auto sent = room.listener.outer;
  const uint16_t wanted = asRtp(sent[3]).sequence;
  room.ask({wanted});
  REQUIRE(room.listener.outer.size() == 6);
  CHECK(room.listener.outer.back().data == sent[3].data);
  CHECK(room.listener.counted("repair", "asked") == 1);
  CHECK(room.listener.counted("repair", "resent", "original") == 1);
  room.ask({wanted});  // the answer is still on its way
  CHECK(room.listener.counted("repair", "refused", "repeated") == 1);
  room.wait(40ms);
  room.ask({wanted});
  CHECK(room.listener.counted("repair", "resent", "original") == 2);
}

TEST_CASE("what would come too late is not sent again, nor what is unknown") {
  Room room;
  for (int i = 0; i < 5; ++i) room.speak();
  const uint16_t first = asRtp(room.listener.outer[0]).sequence;
  room.wait(101ms);  // the first is 201 ms old, the last 121 ms
  room.ask({first, static_cast<uint16_t>(first + 4)});
  CHECK(room.listener.counted("repair", "refused", "late") == 1);
  CHECK(room.listener.counted("repair", "resent", "original") == 1);
  room.ask({static_cast<uint16_t>(first + 5)});
  CHECK(room.listener.counted("repair", "refused", "unknown") == 1);
  Room off({}, "downlink { nack: false }");
  off.speak();
  off.ask({asRtp(off.listener.outer[0]).sequence});
  CHECK(off.listener.counted("repair", "refused", "unknown") == 1);
}

TEST_CASE("a listener that asks for everything costs no more than its budget") {
  Room room({}, "downlink { budget_ms: 2000 max_resends: 10 max_overhead_percent: 20 }");
  size_t voice = 0;
  for (int i = 0; i < 2'000; ++i) {
    room.speak();
    std::erase_if(room.listener.outer,
                  [](const Captured& packet) { return packet.kind == PacketKind::kRtcp; });
    const auto last = heard(room);
    voice += room.listener.outer.back().data.size();
    room.listener.outer.clear();
    room.ask({last.sequence});
    room.listener.outer.clear();
  }
  const uint64_t resent = room.listener.counted("repair", "resent", "original");
  const size_t size = voice / 2'000;
  CHECK(resent * size <= voice / 5 + 3'000);
  CHECK(resent * size >= voice / 5 - 500);
  CHECK(room.listener.counted("repair", "refused", "budget") == 2'000 - resent);
}

TEST_CASE("of a datagram that asks for thousands, the first 128 are looked at") {
  Room room;
  for (int i = 0; i < 5; ++i) room.speak();
  std::vector<uint16_t> all(340 * 17);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  std::vector<uint8_t> bytes(1500);
  rtcp::Writer writer(bytes);
  rtcp::addNack(writer, 1, room.slot(), all);
  bytes.resize(*writer.finish());
  room.listener.ingress(bytes);
  CHECK(room.listener.counted("repair", "asked") == 128);
}

TEST_CASE("with RTX the packet comes again under its own numbers (RFC 4588 section 4)") {
  Room room({.nack = true, .red = false, .rtx = true});
  for (int i = 0; i < 3; ++i) room.speak();
  const auto original = asRtp(room.listener.outer[1]);
  const auto payload = bytes(original.payload);
  const uint16_t sequence = original.sequence;
  const uint32_t timestamp = original.timestamp;
  room.ask({sequence});
  const auto rtx = heard(room);
  CHECK(rtx.ssrc == room.slot() + 1);
  CHECK(rtx.payload_type == kRtx);
  CHECK(rtx.timestamp == timestamp);
  REQUIRE(rtx.payload.size() == payload.size() + 2);
  CHECK(readU16(rtx.payload.data()) == sequence);
  CHECK(bytes(rtx.payload.subspan(2)) == payload);
  const uint16_t number = rtx.sequence;
  room.ask({static_cast<uint16_t>(sequence + 1)});
  CHECK(heard(room).sequence == static_cast<uint16_t>(number + 1));
  CHECK(room.listener.counted("repair", "resent", "rtx") == 2);
}

TEST_CASE("packets carry the frames before them where the listener takes RED") {
  Room room({.nack = true, .red = true}, "downlink { redundancy: TWO }");
  for (int i = 0; i < 3; ++i) room.speak();
  CHECK(asRtp(room.listener.outer[0]).payload_type == kOpus);
  CHECK(asRtp(room.listener.outer[1]).payload_type == kRed);
  const auto third = heard(room);
  CHECK(third.payload_type == kRed);
  const auto red = red::parse(third.payload);
  REQUIRE(red);
  REQUIRE(red->count == 3);
  CHECK(red->blocks[0].timestamp_offset == 1920);
  CHECK(bytes(red->blocks[0].data) == frame(100));
  CHECK(bytes(red->blocks[1].data) == frame(101));
  CHECK(bytes(red->primary().data) == frame(102));
  CHECK(room.listener.counted("repair", "red_out") == 2);

  // The same numbers never encrypt two different packets.
  room.ask({third.sequence});
  CHECK(room.listener.counted("repair", "refused", "unknown") == 1);
  CHECK(room.listener.outer.size() == 3);
}

TEST_CASE("what went out as RED comes again by RTX, without the frames before") {
  Room room({.nack = true, .red = true, .rtx = true}, "downlink { redundancy: ONE }");
  for (int i = 0; i < 3; ++i) room.speak();
  const uint16_t sequence = heard(room).sequence;
  CHECK(heard(room).payload_type == kRed);
  room.ask({sequence});
  CHECK(heard(room).payload_type == kRtx);
  CHECK(bytes(heard(room).payload.subspan(2)) == frame(102));
}

TEST_CASE("silence, gaps and long pauses are not repeated") {
  Room room({.nack = true, .red = true}, "downlink { redundancy: ONE }");
  room.speaker.ingress(rtpPacket(1, {0x78}));
  room.speaker.ingress(rtpPacket(2, frame(2)));
  CHECK(heard(room).payload_type == kOpus);  // before it was DTX
  room.speaker.ingress(rtpPacket(4, frame(4)));
  CHECK(heard(room).payload_type == kOpus);  // the one before is missing
  auto late = rtpPacket(5, frame(5));
  writeU32(&late[4], 4 * 960 + 0x4000);
  room.speaker.ingress(late);
  CHECK(heard(room).payload_type == kOpus);  // longer ago than RED can say
}

TEST_CASE("RED begins by itself where packets are lost and asking takes too long") {
  Room room({.nack = false, .red = true}, "downlink { max_overhead_percent: 200 }");
  for (int i = 0; i < 100; ++i) room.speak();
  CHECK(room.listener.counted("repair", "red_out") == 0);
  room.listener.ingress(compound([&](rtcp::Writer& w) {
    const rtcp::ReportBlock block{.ssrc = room.slot(), .fraction_lost = 40};
    w.addReceiverReport(1, {&block, 1});
  }));
  for (int i = 0; i < 50; ++i) room.speak();
  CHECK(room.listener.counted("repair", "red_out") >= 49);
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

TEST_CASE("a speaker is told what its line lost, though it was made good") {
  Room room;
  for (int i = 0; i < 1500; ++i) {  // several of RTCP's random intervals
    const uint16_t sequence = room.next++;
    const bool lost = i % 10 == 5;
    if (!lost) room.speak(sequence);
    room.wait(20ms);
    if (i % 10 == 6) room.speak(static_cast<uint16_t>(sequence - 1));  // the answer to our request
  }
  CHECK(room.speaker.counted("repair", "recovered", "resent") == 150);
  const auto report = lastReport(room.speaker, kSsrc);
  CHECK(report.fraction_lost == doctest::Approx(25.6).epsilon(0.15));
  CHECK(report.cumulative_lost > 20);
}

TEST_CASE("a speaker is told a percentile of the listeners' loss, not the worst") {
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
  lose("listener", 128);
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
  CHECK(room.speaker.session.known_player->room->listenerLoss().percentile(100) > 0);
}

TEST_CASE("when no packet is free, nothing is resent or rebuilt, and it is counted") {
  Room room;
  for (int i = 0; i < 3; ++i) room.speak();
  std::vector<net::PacketPtr> hoard;
  while (net::PacketPtr packet = room.worker.pool().acquire()) hoard.push_back(std::move(packet));
  hoard.back()->settle();
  hoard.pop_back();  // one, for the request itself
  room.ask({asRtp(room.listener.outer[1]).sequence});
  CHECK(room.listener.dropped("repair", "no_packet") == 1);
  for (auto& packet : hoard) packet->settle();
}

TEST_CASE("a reload changes budgets under way, and keeps what is remembered") {
  Room room;
  for (int i = 0; i < 3; ++i) room.speak();
  room.listener.reload(
      {{repair::filterType(), "downlink { max_resends: 1 }"}, {rtp_router::filterType(), ""}});
  const uint16_t wanted = asRtp(room.listener.outer[1]).sequence;
  room.ask({wanted});
  CHECK(room.listener.counted("repair", "resent", "original") == 1);
  room.wait(50ms);
  room.ask({wanted});
  CHECK(room.listener.counted("repair", "refused", "repeated") == 1);
}

TEST_CASE("an end gives every packet back, and the room forgets the listener's loss") {
  Room room;
  for (int i = 0; i < 30; ++i) room.speak();
  rooms::Room& where = *room.listener.session.known_player->room;
  for (auto& [name, chain] : room.chains) chain->closeChain();
  CHECK(where.listenerLoss().percentile(100) == 0);
  std::vector<net::PacketPtr> all;
  while (net::PacketPtr packet = room.worker.pool().acquire()) all.push_back(std::move(packet));
  CHECK(all.size() == room.worker.pool().allocated());
  for (auto& packet : all) packet->settle();
}

TEST_CASE("configuration that makes no sense is refused with its path") {
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
    filters::Repair config;
    REQUIRE(google::protobuf::TextFormat::ParseFromString(c.config, &config));
    const auto settings = repair::Settings::make(config);
    REQUIRE_FALSE(settings.ok());
    CHECK(settings.error().path == c.path);
  }
}

TEST_CASE("numbers of RTX go on, whatever a reload changes") {
  Room room({.nack = true, .red = false, .rtx = true}, "downlink { budget_ms: 200 }");
  for (int i = 0; i < 3; ++i) room.speak();
  room.ask({asRtp(room.listener.outer[1]).sequence});
  const auto before = heard(room);
  const test::FilterConfig router{rtp_router::filterType(), ""};
  SUBCASE("a budget that needs another memory, which keeps what it can") {
    room.listener.reload({{repair::filterType(), "downlink { budget_ms: 400 }"}, router});
    room.ask({asRtp(room.listener.outer[2]).sequence});
    CHECK(heard(room).sequence == static_cast<uint16_t>(before.sequence + 1));
    room.ask({asRtp(room.listener.outer[0]).sequence});
  }
  SUBCASE("without the filter for a while") {
    room.listener.reload({router});
    room.listener.reload({{repair::filterType(), ""}, router});
    room.speak();
    room.ask({heard(room).sequence});
    CHECK(heard(room).sequence == static_cast<uint16_t>(before.sequence + 1));
    room.speak();
    room.ask({heard(room).sequence});
  }
  CHECK(heard(room).ssrc == before.ssrc);
  CHECK(heard(room).sequence == static_cast<uint16_t>(before.sequence + 2));
}

TEST_CASE("a speaker's new stream takes nothing from what was lost") {
  Room room;
  room.speak(1);
  room.speak(5);
  CHECK(room.speaker.counted("repair", "lost") == 3);
  room.speaker.ingress(rtpPacket(1000, frame(1000), kOpus, kSsrc + 77));
  CHECK(room.speaker.counted("repair", "lost") == 3);
}

TEST_CASE("a packet that is asked for again and again was lost once") {
  Room room;
  for (int i = 0; i < 100; ++i) room.speak();
  const uint16_t old = heard(room).sequence;
  for (int i = 0; i < 11; ++i) room.speak();  // too late for it
  for (int i = 0; i < 50; ++i) room.ask({old});
  CHECK(std::stod(told(room.listener, "downlink.loss_percent")) < 5);
}

TEST_CASE("of several streams the one that loses most counts") {
  Room room;
  rooms::Negotiated negotiated = room.listener.session.known_player->negotiated;
  negotiated.local = {"two", "password"};
  rooms::Slot second = negotiated.slots[0];
  second.ssrc = 0x7777'0000;
  negotiated.slots[0].ssrc = 0x7778'0000;
  negotiated.slots.push_back(second);
  const auto player = *room.directory.join("room", "two", negotiated);
  ChainHarness chain(room.worker, {{repair::filterType(), ""}, {rtp_router::filterType(), ""}});
  chain.directory = &room.directory;
  chain.session.known_player = player;
  player->observed.connected = true;
  chain.chain();
  for (int i = 0; i < 100; ++i) room.speak();
  chain.ingress(compound([&](rtcp::Writer& w) {
    const rtcp::ReportBlock blocks[] = {{.ssrc = 0x7778'0000, .fraction_lost = 128},
                                        {.ssrc = 0x7777'0000, .fraction_lost = 0}};
    w.addReceiverReport(1, blocks);
  }));
  CHECK(told(chain, "downlink.loss_percent") != "0.0");
  CHECK(player->observed.loss_permille == 500);
  chain.closeChain();
}

TEST_CASE("who hears nobody any more holds no packets, and counts for nothing in the room") {
  Room room;
  for (int i = 0; i < 200; ++i) room.speak();
  room.listener.ingress(compound([&](rtcp::Writer& w) {
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
  rooms::LossCensus& census = room.listener.session.known_player->room->listenerLoss();
  CHECK(held() > 0);
  CHECK(census.percentile(100) > 0.1);
  for (int i = 0; i < 10; ++i) room.wait(100ms);
  CHECK(held() == 0);
  for (int i = 0; i < 40; ++i) room.wait(1s);
  CHECK(census.percentile(100) == 0);
  CHECK(held() == 0);
}

TEST_CASE("a packet of padding alone keeps its place, also from who sends RED") {
  Room room({.nack = true, .red = true, .rtx = false});
  room.speak(1);
  auto padding = rtpPacket(2, {0, 0, 0, 4}, kRed);
  padding[0] |= 0x20;
  SUBCASE("with repair") {
    room.speaker.ingress(padding);
    CHECK(room.speaker.dropped("repair", "malformed") == 0);
  }
  SUBCASE("without, after a reload") {
    room.speaker.reload({{rtp_router::filterType(), ""}});
    room.speaker.ingress(padding);
    CHECK(room.speaker.dropped("rtp_router", "malformed") == 0);
  }
  room.speak(3);
  CHECK(room.listener.outer.size() == 3);
  CHECK(asRtp(room.listener.outer[2]).sequence - asRtp(room.listener.outer[0]).sequence == 2);
}

}  // namespace
}  // namespace sluice
