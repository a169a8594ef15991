#include "source/audibility/hearers.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace sluice::audibility {
namespace {

// Below this many receivers it is cheaper to decide about each than to search for candidates.
constexpr size_t kFewReceivers = 16;
// The list of a speaker who sent no packet for longer than this is freed.
constexpr Duration kKeepLists = 30s;

// log2 of a normal number >= 1, with an error below 0.01: a polynomial for the mantissa.
float binaryLogarithm(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto exponent = static_cast<float>(static_cast<int>(bits >> 23) - 127);
  const float mantissa = std::bit_cast<float>((bits & 0x7FFFFF) | 0x3F800000);
  return exponent + (-1.0F / 3 * mantissa + 2) * mantissa - 5.0F / 3;
}

// A measure of nearness: -6 dB for each doubling of the distance beyond 1; 0 for pairs that are not audible
// by range.
float proximityOf(const Decision& decision) {
  constexpr float kPerDoubling = 6.0206F;
  return decision.isByRange() ? -kPerDoubling * binaryLogarithm(std::max(decision.distance, 1.0F)) : 0;
}

}  // namespace

void Hearers::update(SnapshotPtr snapshot) {
  if (!snapshot || (snapshot_ && snapshot->version <= snapshot_->version)) return;
  if (!snapshot_ || snapshot->indices != snapshot_->indices) located_ = false;
  snapshot_ = std::move(snapshot);
  ++epoch_;
  forget(latest_);
}

void Hearers::addReceiver(uint32_t number, void* receiver) {
  removeReceiver(number);
  receiver_indices_.set(number, static_cast<uint32_t>(receivers_.size()));
  receivers_.push_back({number, receiver});
  located_ = false;
  ++epoch_;
}

void Hearers::removeReceiver(uint32_t number) {
  const uint32_t index = receiver_indices_.find(number);
  if (index == NumberMap::kAbsent) return;
  receivers_[index] = receivers_.back();
  receiver_indices_.set(receivers_[index].number, index);
  receiver_indices_.erase(number);
  receivers_.pop_back();
  located_ = false;
  ++epoch_;
}

void Hearers::forget(Instant now) {
  if (now - forgotten_ < kKeepLists) return;
  forgotten_ = now;
  for (uint32_t i = 0; i < speakers_.size();) {
    if (now - speakers_[i].last_call < kKeepLists) {
      ++i;
      continue;
    }
    speaker_indices_.erase(speakers_[i].number);
    if (i + 1 < speakers_.size()) {
      speakers_[i] = std::move(speakers_.back());
      speaker_indices_.set(speakers_[i].number, i);
    }
    speakers_.pop_back();
  }
}

void Hearers::locate() {
  located_ = true;
  locals_.assign(snapshot_->players.size(), {});
  visit_ = 0;
  for (uint32_t i = 0; i < receivers_.size(); ++i) {
    const uint32_t index = snapshot_->find(receivers_[i].number);
    if (index != NumberMap::kAbsent) locals_[index].receiver = i;
  }
}

Hearers::Speaker& Hearers::speakerFor(uint32_t number) {
  uint32_t index = speaker_indices_.find(number);
  if (index == NumberMap::kAbsent) {
    index = static_cast<uint32_t>(speakers_.size());
    speaker_indices_.set(number, index);
    speakers_.emplace_back().number = number;
  }
  return speakers_[index];
}

bool Hearers::isFresh(const Speaker& speaker, Instant now) const {
  return speaker.epoch == epoch_ && now < speaker.valid_until && now - speaker.last_call <= kMemory;
}

std::span<const Hearer> Hearers::of(uint32_t number, Instant now) {
  if (!snapshot_ || number == 0) return {};
  latest_ = now;
  Speaker& speaker = speakerFor(number);
  if (!isFresh(speaker, now)) {
    const bool forgets =
        now - speaker.last_call > kMemory || speaker.rules_version != snapshot_->rules_version;
    if (forgets) speaker.held.clear();
    speaker.hearers.clear();
    speaker.epoch = epoch_;
    speaker.rules_version = snapshot_->rules_version;
    speaker.valid_until = Instant::max();
    const uint32_t index = snapshot_->find(number);
    if (index != NumberMap::kAbsent) compute(speaker, index, now);
  }
  speaker.last_call = now;
  return speaker.hearers;
}

void Hearers::compute(Speaker& speaker, uint32_t index, Instant now) {
  if (!located_) locate();
  if (++visit_ == 0) {  // the counter wrapped
    for (Local& local : locals_) local.visited = 0;
    visit_ = 1;
  }
  for (const Held& held : speaker.held) {
    const uint32_t at = snapshot_->find(held.number);
    if (at != NumberMap::kAbsent) locals_[at].held = held.rule;
  }
  const Decider decider(*snapshot_, index, now);
  speaker.valid_until = decider.validUntil();
  const auto consider_receiver = [&](uint32_t receiver) { consider(speaker, index, decider, receiver); };
  const bool few = receivers_.size() < kFewReceivers;
  if (few || !decider.forEachCandidate(consider_receiver)) {
    for (const Receiver& receiver : receivers_) {
      const uint32_t at = snapshot_->find(receiver.number);
      if (at != NumberMap::kAbsent) consider_receiver(at);
    }
  }
  for (const Held& held : speaker.held) {
    const uint32_t at = snapshot_->find(held.number);
    if (at != NumberMap::kAbsent) locals_[at].held = kNoRule;
  }
  speaker.held.clear();
  for (const Hearer& hearer : speaker.hearers) {
    const bool by_range = hearer.reason == Reason::kInRange || hearer.reason == Reason::kHeldInRange;
    if (by_range) speaker.held.push_back({hearer.number, hearer.rule});
  }
}

void Hearers::consider(Speaker& speaker, uint32_t index, const Decider& decider, uint32_t receiver) {
  Local& local = locals_[receiver];
  if (local.receiver == NumberMap::kAbsent || local.visited == visit_) return;
  local.visited = visit_;
  const Decision decision = decider.decide(receiver, local.held);
  if (decision.audible) {
    speaker.hearers.push_back(describe(snapshot_->players[index], receiver, decision));
  }
}

Hearer Hearers::describe(const PlayerState& speaker, uint32_t receiver, const Decision& decision) const {
  const PlayerState& player = snapshot_->players[receiver];
  return {.receiver = receivers_[locals_[receiver].receiver].receiver,
          .number = player.number,
          .rendering = renderingOf(*snapshot_, speaker, player, decision),
          .proximity_db = proximityOf(decision),
          .rule = decision.rule,
          .reason = decision.reason,
          .priority = decision.priority};
}

Decision Hearers::explain(uint32_t speaker, uint32_t receiver, Instant now) const {
  if (!snapshot_ || speaker == 0 || receiver == 0) return {};
  const uint32_t from = snapshot_->find(speaker), to = snapshot_->find(receiver);
  if (from == NumberMap::kAbsent || to == NumberMap::kAbsent) return {};
  RuleIndex held = kNoRule;
  if (const uint32_t at = speaker_indices_.find(speaker); at != NumberMap::kAbsent) {
    const Speaker& known = speakers_[at];
    const auto it = std::ranges::find(known.held, receiver, &Held::number);
    const bool remembers =
        now - known.last_call <= kMemory && known.rules_version == snapshot_->rules_version;
    if (remembers && it != known.held.end()) held = it->rule;
  }
  return Decider(*snapshot_, from, now).decide(to, held);
}

}  // namespace sluice::audibility
