#include "source/server/history_recorder.h"

#include <memory>

namespace sluice::server {

void HistoryRecorder::tick() {
  if (pending_) finish();
  begin();
}

void HistoryRecorder::begin() {
  const std::vector<rooms::Directory::RoomView> rooms = context_.rooms.rooms();
  size_t players = 0;
  for (const auto& view : rooms) players += view.players.size();
  if (!context_.history.isDue(players)) return;
  Pending& pending = pending_.emplace(Pending{});
  pending.sample.at = context_.clock.now();
  pending.replied.resize(context_.workers.workers.size());
  pending.sample.players.reserve(players);
  for (const auto& view : rooms) {
    if (auto snapshot = context_.states.snapshot(view.room->name())) {
      pending.sample.rooms.emplace(view.room->number(), std::move(snapshot));
    }
    for (const rooms::PlayerPtr& player : view.players) {
      pending.indices.emplace(player->number, pending.sample.players.size());
      pending.sample.players.push_back({player, context_.evidence.evidenceOf(*player)});
    }
  }
  ++number_;
  for (auto& worker : context_.workers.workers) {
    worker->post([this, &worker, number = number_] {
      Sessions sessions;
      for (const auto& session : worker->dispatcher().sessions().all()) {
        if (session->player() == nullptr) continue;
        sessions.emplace_back(session->player()->number, sessionEvidenceOf(*session, worker->clock().now()));
      }
      const auto index = static_cast<int32_t>(worker->index());
      auto shared = std::make_shared<Sessions>(std::move(sessions));  // a std::function copies
      context_.workers.post_to_main(
          [this, number, index, shared] { onReply(number, index, std::move(*shared)); });
    });
  }
}

void HistoryRecorder::onReply(uint64_t number, int32_t worker, Sessions sessions) {
  if (!pending_ || number != number_) return;  // too late
  for (auto& [player, evidence] : sessions) {
    const auto it = pending_->indices.find(player);
    if (it != pending_->indices.end()) {
      pending_->sample.players[it->second].evidence.session = std::move(evidence);
    }
  }
  pending_->replied[static_cast<size_t>(worker)] = true;
  if (++pending_->replies == context_.workers.workers.size()) finish();
}

void HistoryRecorder::finish() {
  for (auto& [player, evidence] : pending_->sample.players) {
    const int32_t worker = player->observed.worker.load(std::memory_order_relaxed);
    evidence.worker_replied = worker < 0 || pending_->replied[static_cast<size_t>(worker)];
  }
  context_.history.add(std::move(pending_->sample));
  pending_.reset();
}

}  // namespace sluice::server
