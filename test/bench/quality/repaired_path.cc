#include "test/bench/quality/repaired_path.h"

#include <algorithm>

#include "filters/repair/repair.h"
#include "source/codec/rtcp.h"
#include "source/codec/rtp.h"

namespace sluice::quality {
namespace {

constexpr uint32_t kSsrc = 7;
constexpr uint8_t kOpus = 111;
constexpr uint8_t kRed = 63;
constexpr Duration kReportEvery = 1s;

}  // namespace

RepairedPath::RepairedPath(const Config& config, Duration round_trip)
    : sender_(worker_, {{repair::filterType(), config.filter}}),
      receiver_(worker_, {{repair::filterType(), config.filter}}) {
  sender_.session.known_player = join("receiver", config, round_trip);
  receiver_.session.known_player = join("speaker", config, round_trip);
}

rooms::PlayerPtr RepairedPath::join(const char* name, const Config& config, Duration round_trip) {
  rooms::AudioSection line;
  line.opus_payload_type = kOpus;
  line.feedback.nack = config.nack;
  if (config.red) line.red_payload_type = kRed;
  rooms::Negotiated negotiated;
  negotiated.local = {name, "password"};
  negotiated.cname = name;
  static_cast<rooms::AudioSection&>(negotiated.sending.emplace()) = line;
  rooms::Slot slot;
  static_cast<rooms::AudioSection&>(slot) = line;
  slot.ssrc = kSsrc;
  negotiated.slots.push_back(slot);
  const rooms::PlayerPtr player = *directory_.join(name, name, negotiated);  // each in its own room
  player->line.onRoundTrip(round_trip);
  return player;
}

void RepairedPath::advance(Instant now) {
  clock_.advance(std::max(Duration::zero(), now - clock_.now()));
}

void RepairedPath::send(size_t frame, size_t sequence, Bytes payload, Instant now) {
  advance(now);
  const rtp::Header header{.payload_type = kOpus,
                           .sequence = static_cast<uint16_t>(sequence),
                           .timestamp = static_cast<uint32_t>(frame * kFrameSamples),
                           .ssrc = kSsrc};
  Payload packet(rtp::kHeaderSize + payload.size());
  rtp::write(header, packet.data());
  std::ranges::copy(payload, packet.begin() + rtp::kHeaderSize);
  sender_.egress(packet);
}

void RepairedPath::onForward(Bytes packet, Instant now) {
  advance(now);
  receiver_.ingress(packet);
  if (now - reported_ >= kReportEvery) report();
}

void RepairedPath::onBack(Bytes packet, Instant now) {
  advance(now);
  sender_.ingress(packet);
}

// Repair writes the loss of the line into the report.
void RepairedPath::report() {
  reported_ = clock_.now();
  uint8_t buffer[200];
  rtcp::Writer writer(buffer);
  const rtcp::ReportBlock block{.ssrc = kSsrc};
  writer.addReceiverReport(1, {&block, 1});
  receiver_.egress(Bytes(buffer, *writer.finish()), PacketKind::kRtcp);
}

Instant RepairedPath::due() {
  return worker_.timers().next();
}

void RepairedPath::run(Instant now) {
  advance(now);
  worker_.timers().run();
}

std::vector<Payload> RepairedPath::take(test::ChainHarness& chain) {
  std::vector<Payload> packets;
  for (test::Captured& each : chain.outer) packets.push_back(std::move(each.data));
  chain.outer.clear();
  return packets;
}

std::vector<RepairedPath::Frame> RepairedPath::frames() {
  std::vector<Frame> frames;
  for (const test::Captured& each : receiver_.inner) {
    const auto packet = rtp::parse(each.data);
    if (packet) {
      frames.push_back({packet->timestamp / kFrameSamples, packet->sequence,
                        Payload(packet->payload.begin(), packet->payload.end())});
    }
  }
  receiver_.inner.clear();
  sender_.inner.clear();
  return frames;
}

}  // namespace sluice::quality
