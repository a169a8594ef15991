#include "source/server/evidence_collector.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "source/chain/filter_chain.h"
#include "source/runtime/dispatcher.h"
#include "source/runtime/query_workers.h"

namespace sluice::server {
namespace {

constexpr Duration kReplyTimeout = 5ms;  // a worker that is not overloaded replies within one

using Session = std::optional<control::SessionEvidence>;

// Filters name a speaker that a client receives by a field that ends with ".speaker".
void addSpeakers(const chain::Description& description, std::vector<uint32_t>& speakers) {
  for (const auto& [field, value] : description) {
    if (!field.ends_with(".speaker")) continue;
    uint32_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    speakers.push_back(number);
  }
}

Session sessionOf(const rooms::Player& player, runtime::WorkerThread& worker) {
  const runtime::Session* session = worker.dispatcher().sessions().find(player);
  if (session == nullptr) return std::nullopt;
  const Instant now = worker.clock().now();
  control::SessionEvidence out{.idle = now - session->activity().last};
  if (const auto drop = session->lastDrop()) {
    out.last_drop = control::LastDrop{std::string(drop->filter), std::string(drop->reason), now - drop->at};
  }
  session->chain().forEach([&](const std::string&, const chain::Filter& filter) {
    chain::Description description;
    filter.describe(description);
    addSpeakers(description, out.on_slots);
  });
  return out;
}

std::optional<Duration> since(const std::atomic<int64_t>& at_ns, Instant now) {
  const int64_t at = at_ns.load(std::memory_order_relaxed);
  if (at == 0) return std::nullopt;
  return now - Instant(Duration(at));
}

}  // namespace

control::Evidence EvidenceCollector::collect(const rooms::PlayerPtr& speaker,
                                             const rooms::PlayerPtr& listener) const {
  control::Evidence out;
  if (speaker != nullptr) {
    out.speaker = evidenceOf(speaker);
    out.speaker_number = speaker->number;
  }
  if (listener != nullptr) out.listener = evidenceOf(listener);
  return out;
}

control::PlayerEvidence EvidenceCollector::evidenceOf(const rooms::PlayerPtr& player) const {
  const rooms::Observed& observed = player->observed;
  const Instant now = clock_.now();
  const int32_t worker = observed.worker.load(std::memory_order_relaxed);
  control::PlayerEvidence out{.sends = player->negotiated.sending.has_value(),
                              .slots = player->negotiated.slots.size(),
                              .reached = worker >= 0,
                              .connected = observed.connected.load(std::memory_order_relaxed),
                              .packets_in = observed.packets_in.load(std::memory_order_relaxed),
                              .since_rtp = since(observed.last_rtp_ns, now),
                              .since_voice = since(observed.last_voice_ns, now),
                              .loss_out = player->line.downlinkLoss()};
  if (worker >= 0) askWorker(player, *workers_.workers[static_cast<size_t>(worker)], out);
  return out;
}

void EvidenceCollector::askWorker(const rooms::PlayerPtr& player, runtime::WorkerThread& worker,
                                  control::PlayerEvidence& out) const {
  out.worker_busy = worker.busyShare();
  auto session = runtime::queryWorker<Session>(
      worker, kReplyTimeout, [player](runtime::WorkerThread& asked) { return sessionOf(*player, asked); });
  out.worker_replied = session.has_value();
  if (session) out.session = *std::move(session);
}

}  // namespace sluice::server
