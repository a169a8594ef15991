#include "source/server/evidence_collector.h"

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "source/control/explanation.h"
#include "source/runtime/dispatcher.h"
#include "source/runtime/query_workers.h"

namespace sluice::server {

using Session = EvidenceCollector::Session;

namespace {

constexpr Duration kReplyTimeout = 1ms;  // for both workers together: the main thread must not wait longer

std::vector<uint32_t> speakersOn(const std::vector<std::atomic<uint32_t>>& slots) {
  std::vector<uint32_t> speakers;
  for (const std::atomic<uint32_t>& slot : slots) {
    const uint32_t speaker = slot.load(std::memory_order_relaxed);
    if (speaker != 0) speakers.push_back(speaker);
  }
  return speakers;
}

Session sessionOf(const rooms::Player& player, runtime::WorkerThread& worker) {
  const runtime::Session* session = worker.dispatcher().sessions().find(player);
  if (session == nullptr) return std::nullopt;
  return sessionEvidenceOf(*session, worker.clock().now());
}

std::optional<Duration> since(const std::atomic<int64_t>& at_ns, Instant now) {
  const int64_t at = at_ns.load(std::memory_order_relaxed);
  if (at == 0) return std::nullopt;
  return now - Instant(Duration(at));
}

}  // namespace

control::SessionEvidence sessionEvidenceOf(const runtime::Session& session, Instant now) {
  control::SessionEvidence out{.idle = now - session.activity().last};
  for (const chain::RecentDrop& drop : session.recentDrops(control::kRecentDrop)) {
    if (!control::isCause(drop.filter_type, drop.reason)) continue;
    out.drops.push_back({std::string(drop.filter_type), std::string(drop.reason), drop.ago});
  }
  return out;
}

control::Evidence EvidenceCollector::collect(const rooms::PlayerPtr& speaker,
                                             const rooms::PlayerPtr& listener) const {
  control::Evidence out;
  auto of_speaker = ask(speaker), of_listener = ask(listener);
  const auto deadline = std::chrono::steady_clock::now() + kReplyTimeout;
  const auto add = [&](const rooms::Player& player, std::future<Session>& reply) {
    control::PlayerEvidence evidence = evidenceOf(player);
    if (reply.valid()) {
      evidence.worker_replied = reply.wait_until(deadline) == std::future_status::ready;
      if (evidence.worker_replied) evidence.session = reply.get();
    }
    return evidence;
  };
  if (speaker != nullptr) {
    out.speaker = add(*speaker, of_speaker);
    out.speaker_number = speaker->number;
  }
  if (listener != nullptr) out.listener = add(*listener, of_listener);
  return out;
}

// Not valid if no worker has the player.
std::future<Session> EvidenceCollector::ask(const rooms::PlayerPtr& player) const {
  if (player == nullptr) return {};
  const int32_t worker = player->observed.worker.load(std::memory_order_relaxed);
  if (worker < 0) return {};
  return runtime::postQuery<Session>(
      *workers_.workers[static_cast<size_t>(worker)],
      [player](runtime::WorkerThread& asked) { return sessionOf(*player, asked); });
}

control::PlayerEvidence EvidenceCollector::evidenceOf(const rooms::Player& player) const {
  const rooms::Observed& observed = player.observed;
  const Instant now = clock_.now();
  const int32_t worker = observed.worker.load(std::memory_order_relaxed);
  return {.sends = player.negotiated.sending.has_value(),
          .slots = player.negotiated.slots.size(),
          .on_slots = speakersOn(player.slot_speakers),
          .speaker_limit = player.room->speakerLimit(),
          .reached = worker >= 0,
          .connected = observed.connected.load(std::memory_order_relaxed),
          .packets_in = observed.packets_in.load(std::memory_order_relaxed),
          .since_rtp = since(observed.last_rtp_ns, now),
          .since_voice = since(observed.last_voice_ns, now),
          .loss_out = player.line.downlinkLoss(),
          .worker_busy = worker < 0 ? 0 : workers_.workers[static_cast<size_t>(worker)]->busyShare()};
}

}  // namespace sluice::server
