#include "source/audibility/selection.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::audibility {

Selection::Selection(size_t places, const Config& config)
    : config_(&config), speakers_(places), places_(places) {}

size_t Selection::findHolder(uint32_t speaker) const {
  return static_cast<size_t>(std::ranges::find(speakers_, speaker) - speakers_.begin());
}

float Selection::scoreOf(const Input& input) const {
  float score = input.mutual ? config_->mutual_bonus_db : 0;
  if (config_->rank_by != RankBy::kLoudness) score += input.proximity_db;
  if (config_->rank_by != RankBy::kProximity) score += static_cast<float>(input.loudness);
  return score;
}

float Selection::scoreOf(size_t place) const {
  return places_[place].score + (place == dominant_ ? config_->dominant_bonus_db : 0);
}

bool Selection::isBelow(size_t a, size_t b) const {
  const auto rank = [this](size_t place) { return std::pair(places_[place].priority, scoreOf(place)); };
  return rank(a) < rank(b);
}

size_t Selection::lowest() const {
  size_t lowest = speakers_.size();
  for (size_t place = 0; place < speakers_.size(); ++place) {
    if (speakers_[place] == 0) continue;
    if (lowest == speakers_.size() || isBelow(place, lowest)) lowest = place;
  }
  return lowest;
}

// A free place, if max_speakers permits one more, or that of a speaker without packets for `hold`.
size_t Selection::findFree(Instant now) const {
  if (!isFull()) return findHolder(0);
  size_t oldest = speakers_.size();
  for (size_t place = 0; place < speakers_.size(); ++place) {
    if (speakers_[place] == 0 || now - places_[place].packet < config_->hold) continue;
    if (oldest == speakers_.size() || places_[place].packet < places_[oldest].packet) oldest = place;
  }
  return oldest;
}

bool Selection::yields(size_t place, const Input& input, float score, Instant now) const {
  const Place& held = places_[place];
  if (input.priority > held.priority) return true;
  if (now - held.speech >= config_->hold) return true;
  if (input.priority < held.priority || now - held.since < config_->min_hold) return false;
  return score >= scoreOf(place) + config_->hysteresis_db;
}

// The place of the speaker who has been silent longest, if for at least `hold`; otherwise the lowest-ranked
// place that yields.
size_t Selection::findYielding(const Input& input, float score, Instant now) const {
  size_t silent = speakers_.size(), lowest = speakers_.size();
  for (size_t place = 0; place < speakers_.size(); ++place) {
    if (speakers_[place] == 0 || !yields(place, input, score, now)) continue;
    if (now - places_[place].speech >= config_->hold) {
      const bool longer = silent == speakers_.size() || places_[place].speech < places_[silent].speech;
      if (longer) silent = place;
    } else if (lowest == speakers_.size() || isBelow(place, lowest)) {
      lowest = place;
    }
  }
  return silent < speakers_.size() ? silent : lowest;
}

void Selection::note(size_t place, const Input& input, float score, Instant now) {
  Place& held = places_[place];
  held.priority = input.priority;
  held.score = score;
  held.packet = now;
  if (!input.speech) return;
  held.speech = now;
  if (place == dominant_) return;
  const bool succeeds = dominant_ == kNoPlace || now - places_[dominant_].speech >= config_->hold ||
                        score >= places_[dominant_].score + config_->hysteresis_db;
  if (succeeds) dominant_ = static_cast<uint32_t>(place);
}

Selection::Admission Selection::admit(const Input& input, Instant now) {
  const float score = scoreOf(input);
  size_t place = findHolder(input.speaker);
  if (place < speakers_.size()) {
    note(place, input, score, now);
    return {Outcome::kHeld, place, 0};
  }
  place = findFree(now);
  if (place == speakers_.size()) {
    if (input.speech) place = findYielding(input, score, now);
    if (place == speakers_.size()) {
      const size_t least = lowest();
      return {.outcome = input.speech ? Outcome::kRefused : Outcome::kSilent,
              .other = least < speakers_.size() ? speakers_[least] : 0};
    }
  }
  const uint32_t other = speakers_[place];
  if (other != 0) free(place);
  speakers_[place] = input.speaker;
  ++used_;
  // Until it speaks, the new holder yields like a speaker who has been silent for `hold`.
  places_[place] = {.since = now};
  note(place, input, score, now);
  return {other == 0 ? Outcome::kTaken : Outcome::kReplaced, place, other};
}

void Selection::free(size_t place) {
  if (place == dominant_) dominant_ = kNoPlace;
  speakers_[place] = 0;
  places_[place] = {};
  --used_;
}

void Selection::remove(uint32_t speaker) {
  const size_t place = speaker == 0 ? speakers_.size() : findHolder(speaker);
  if (place < speakers_.size()) free(place);
}

void Selection::configure(const Config& config) {
  config_ = &config;
  freeSurplus();
}

void Selection::limit(uint16_t speakers) {
  limit_ = speakers;
  freeSurplus();
}

void Selection::freeSurplus() {
  while (used_ > mostSpeakers()) free(lowest());
}

void Selection::archive(Archive& a) {
  const size_t places = places_.size();
  a(speakers_, places_, dominant_);
  if (!a.isReading()) return;
  if (speakers_.size() != places || places_.size() != places) {
    a.fail();
    speakers_.resize(places);
    places_.resize(places);
  }
  used_ = static_cast<uint16_t>(std::ssize(speakers_) - std::ranges::count(speakers_, 0U));
  if (dominant_ != kNoPlace && (dominant_ >= speakers_.size() || speakers_[dominant_] == 0)) {
    dominant_ = kNoPlace;
    a.fail();
  }
}

}  // namespace sluice::audibility
