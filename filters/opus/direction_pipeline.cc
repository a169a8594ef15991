#include "filters/opus/direction_pipeline.h"

#include <algorithm>
#include <string>

#include "source/rooms/room.h"

namespace sluice::opus_filter {
namespace {

struct WorkerTools {
  explicit WorkerTools(chain::Worker&) {}
  media::ConcealerTools tools;
};

// A speaker's voice is encoded for this percentile of its receivers' loss.
constexpr unsigned kReceiverPercentile = 75;
constexpr const char* kModes[] = {"REORDER", "CONCEAL", "TRANSCODE"};

}  // namespace

DirectionPipeline::DirectionPipeline(Context context, bool inward, const DirectionSettings* settings,
                                     uint8_t payload_type)
    : direction_{.context = context,
                 .inward = inward,
                 .settings = settings,
                 .tools = context.worker().local<WorkerTools>().tools,
                 .adaptation = media::Adaptation(settings != nullptr ? settings->adaptation
                                                                     : media::Adaptation::Config{})},
      payload_type_(payload_type) {}

DirectionPipeline::~DirectionPipeline() {
  clearLoss();
}

// True if what leaves this direction has fewer gaps than what enters it.
bool DirectionPipeline::fillsGaps() const {
  return direction_.settings != nullptr && direction_.mode() != Mode::kReorder;
}

void DirectionPipeline::clearLoss() {
  const auto& player = direction_.context.session().player();
  if (direction_.inward && player != nullptr) player->line.clearLossBeforeConcealment();
}

size_t DirectionPipeline::maxStreams() const {
  if (direction_.settings->max_streams != 0) return direction_.settings->max_streams;
  const auto& player = direction_.context.session().player();
  return direction_.inward || player == nullptr ? 1 : std::max<size_t>(1, player->negotiated.slots.size());
}

std::optional<uint8_t> DirectionPipeline::payloadTypeOf(uint32_t ssrc) const {
  const auto& player = direction_.context.session().player();
  if (player == nullptr) return payload_type_;
  const rooms::Negotiated& negotiated = player->negotiated;
  if (direction_.inward) {
    if (!negotiated.sending) return std::nullopt;
    return negotiated.sending->opus_payload_type;
  }
  for (const rooms::Slot& slot : negotiated.slots) {
    if (slot.ssrc == ssrc) return slot.opus_payload_type;
  }
  return std::nullopt;
}

Stream* DirectionPipeline::find(uint32_t ssrc) {
  for (const auto& stream : streams_) {
    if (stream->used() && stream->ssrc() == ssrc) return stream.get();
  }
  return nullptr;
}

Stream& DirectionPipeline::take(uint32_t ssrc) {
  if (Stream* known = find(ssrc)) return *known;
  if (streams_.size() < maxStreams()) {
    streams_.push_back(std::make_unique<Stream>(direction_));
    streams_.back()->begin(ssrc);
    return *streams_.back();
  }
  Stream& oldest = **std::min_element(streams_.begin(), streams_.end(), [](const auto& a, const auto& b) {
    return a->lastPacket() < b->lastPacket();
  });
  if (oldest.used()) direction_.context.count(Count::kStreamsTaken);
  oldest.begin(ssrc);
  return oldest;
}

void DirectionPipeline::onPacket(net::PacketPtr&& packet) {
  if (direction_.settings == nullptr) {
    streams_.clear();  // a reload removed the direction: held packets leave first
  } else if (packet->kind == PacketKind::kRtp) {
    return onRtp(std::move(packet));
  } else if (packet->kind == PacketKind::kRtcp) {
    onRtcp(*packet);
  }
  direction_.pass(std::move(packet));
}

void DirectionPipeline::onRtp(net::PacketPtr&& packet) {
  const rtp::Packet* rtp = packet->rtp();
  if (rtp == nullptr) return direction_.pass(std::move(packet));
  if (rtp->payload_type == payloadTypeOf(rtp->ssrc) && !rtp->payload.empty()) {
    adapt();
    return take(rtp->ssrc).onVoice(std::move(packet), *rtp);
  }
  if (Stream* stream = find(rtp->ssrc)) return stream->onOther(std::move(packet), *rtp);
  direction_.pass(std::move(packet));
}

void DirectionPipeline::onRtcp(net::Packet& packet) {
  rtcp::Reader reader(packet.data());
  while (const auto part = reader.next()) {
    if (const auto info = rtcp::readSenderInfo(*part)) {
      Stream* stream = find(info->ssrc);
      if (stream == nullptr) continue;
      stream->onSenderReport(info->ntp);
      if (direction_.mode() != Mode::kTranscode) continue;
      uint8_t* body = &packet.mutableData()[static_cast<size_t>(part->body.data() - packet.data().data())];
      writeU32(body + 16, stream->packetsSent());
      writeU32(body + 20, stream->octetsSent());
    }
    rtcp::forEachBye(*part, [this](uint32_t ssrc) {
      if (Stream* stream = find(ssrc)) stream->flush();  // held packets leave before the BYE
    });
  }
}

void DirectionPipeline::flush() {
  for (const auto& stream : streams_) stream->flush();
}

void DirectionPipeline::archive(Archive& a) {
  auto count = static_cast<uint32_t>(streams_.size());
  a(count);
  for (uint32_t i = 0; i < count && a.ok(); ++i) {
    if (i == streams_.size()) streams_.push_back(std::make_unique<Stream>(direction_));
    a(*streams_[i]);
  }
}

void DirectionPipeline::onReports(net::Packet& packet) {
  if (!fillsGaps()) return;
  rtcp::rewriteReportBlocks(packet.mutableData(), [this](rtcp::ReportBlock& block) {
    Stream* stream = find(block.ssrc);
    if (stream == nullptr) return false;
    block = stream->report();
    if (const auto& player = direction_.context.session().player()) {
      player->line.setLossBeforeConcealment(block.fraction_lost / 256.0);
    }
    return true;
  });
}

void DirectionPipeline::readReports(Bytes compound) {
  if (direction_.settings == nullptr || direction_.mode() != Mode::kTranscode) return;
  std::optional<uint8_t> lost;  // of the worst stream
  rtcp::Reader reader(compound);
  while (const auto part = reader.next()) {
    for (size_t i = 0; const auto block = rtcp::readReportBlock(*part, i); ++i) {
      const Stream* stream = find(block->ssrc);
      if (stream == nullptr) continue;
      lost = std::max(lost.value_or(0), block->fraction_lost);
      const auto round_trip = stream->roundTrip(*block);
      if (!round_trip) continue;
      reported_.rtt_ms = std::chrono::duration<double, std::milli>(*round_trip).count();
      ++reported_rtts_;
    }
  }
  if (lost) reported_.loss = *lost / 256.0;
}

media::Adaptation::Line DirectionPipeline::line() const {
  media::Adaptation::Line line = reported_;
  if (const auto& player = direction_.context.session().player()) {
    line.rtt_ms = std::chrono::duration<double, std::milli>(player->line.roundTrip()).count();
    // Voice from a client is encoded for its receivers.
    line.loss =
        direction_.inward ? player->receiver_loss.ofOthers(kReceiverPercentile) : player->line.downlinkLoss();
  }
  line.busy = direction_.context.worker().busyShare();
  return line;
}

void DirectionPipeline::adapt() {
  const Instant now = direction_.context.now();
  if (direction_.mode() != Mode::kTranscode || now - adapted_ < kAdaptInterval) return;
  adapted_ = now;
  const auto& player = direction_.context.session().player();
  const uint32_t round_trips = player == nullptr ? reported_rtts_ : player->line.roundTrips();
  if (direction_.adaptation.update(average_.update(line(), round_trips, now), now)) {
    direction_.context.count(Count::kProfileChanges);
  }
}

void DirectionPipeline::onReload(const DirectionSettings* settings, uint8_t payload_type) {
  direction_.settings = settings;
  payload_type_ = payload_type;
  if (!fillsGaps()) clearLoss();
  if (settings != nullptr) direction_.adaptation.configure(settings->adaptation);
  for (const auto& stream : streams_) stream->onReload();
}

void DirectionPipeline::describe(chain::Description& out) const {
  if (direction_.settings == nullptr) return;
  const std::string prefix = direction_.inward ? "ingress_" : "egress_";
  const auto add = [&](const char* name, std::string value) {
    out.emplace_back(prefix + name, std::move(value));
  };
  size_t used = 0;
  size_t held = 0;
  Duration delay{};
  for (const auto& stream : streams_) {
    if (!stream->used()) continue;
    ++used;
    held += stream->buffer().size();
    delay = std::max(delay, stream->buffer().delay().delay());
  }
  add("mode", kModes[static_cast<size_t>(direction_.mode())]);
  add("streams", std::to_string(used));
  add("held", std::to_string(held));
  add("delay_ms", std::to_string(delay / 1ms));
  if (direction_.mode() == Mode::kTranscode) add("profile", media::describe(direction_.adaptation.profile()));
}

}  // namespace sluice::opus_filter
