// Which speakers a receiver hears at the same time: at most as many as it has places. Pure; one for each
// receiver.
//
// Places are for speech. Packets without speech may use a free place, and yield it to the first speaker that
// needs it. A speaker of higher priority takes the place of one of lower priority at once. Between speakers
// of equal priority the score decides, in dB.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "source/base/archive.h"
#include "source/base/clock.h"

namespace sluice::audibility {

class Selection {
 public:
  enum class RankBy { kProximity, kLoudness, kBoth };

  // api/audibility.proto has the ranges and defaults.
  struct Config {
    size_t max_speakers = 0;
    RankBy rank_by = RankBy::kBoth;
    float hysteresis_db = 0;      // how far a speaker's score must exceed that of the speaker it replaces
    Duration min_hold{};          // how long a speaker keeps its place against others of its priority
    Duration hold{};              // a speaker without packets, or without speech, for this long yields
    float dominant_bonus_db = 0;  // for the dominant speaker
    float mutual_bonus_db = 0;    // for speakers who hear the receiver
  };

  struct Input {
    uint32_t speaker = 0;    // not 0
    uint8_t priority = 0;    // Hearer::priority
    float proximity_db = 0;  // Hearer::proximity_db
    uint8_t loudness = 0;    // smoothed: dB above -127 dBov, 0 to 127; media::SpeechDetector has it
    bool speech = true;      // this packet is speech
    bool mutual = false;     // the speaker hears the receiver now
  };

  enum class Outcome {
    kHeld,      // the speaker had the place
    kTaken,     // it took a place that was free
    kReplaced,  // it took the place of `other`
    kRefused,   // all places are held by better speakers; `other` is the lowest-ranked of them
    kSilent,    // likewise, and the packet is not speech
  };
  struct Admission {
    Outcome outcome;
    size_t place = 0;    // below `places`; set if the packet is admitted
    uint32_t other = 0;  // 0: none
    bool isAdmitted() const { return outcome <= Outcome::kReplaced; }
  };

  // `places` is the number of places that the receiver has; at most max_speakers of them are used. `config`
  // outlives the selection: all receivers of a room share it.
  Selection(size_t places, const Config& config);

  // Call it for each packet of a speaker whom the receiver hears.
  Admission admit(const Input& input, Instant now);
  // Frees the speaker's place, for instance when it is no longer audible.
  void remove(uint32_t speaker);
  // Takes effect at once: the lowest ranks lose their places if max_speakers is less than before. `config`
  // outlives the selection.
  void configure(const Config& config);
  // At most `speakers` places are used, even if max_speakers is more. Takes effect as configure() does.
  void limit(uint16_t speakers);
  static constexpr uint16_t kNoLimit = UINT16_MAX;
  // Whether the limit permits fewer speakers than max_speakers and the places do.
  bool isLimited() const { return limit_ < std::min(config_->max_speakers, speakers_.size()); }

  bool holds(uint32_t speaker) const { return findHolder(speaker) < speakers_.size(); }
  uint32_t speaker(size_t place) const { return speakers_[place]; }  // 0: free
  // 0 if there is none.
  uint32_t dominantSpeaker() const { return dominant_ == kNoPlace ? 0 : speakers_[dominant_]; }
  size_t size() const { return used_; }  // places that are held
  size_t places() const { return speakers_.size(); }
  // No place is free that max_speakers and the limit permit.
  bool isFull() const { return used_ >= std::min(mostSpeakers(), speakers_.size()); }

  void archive(Archive& a);

 private:
  struct Place {
    uint8_t priority = 0;
    float score = 0;   // without the dominant speaker's bonus
    Instant since{};   // when the speaker took it
    Instant packet{};  // the speaker's last one
    Instant speech{};  // the speaker's last one with speech
    void archive(Archive& a) { a(priority, score, since, packet, speech); }
  };

  size_t mostSpeakers() const { return std::min<size_t>(config_->max_speakers, limit_); }
  void freeSurplus();
  size_t findHolder(uint32_t speaker) const;
  size_t findFree(Instant now) const;
  size_t findYielding(const Input& input, float score, Instant now) const;
  size_t lowest() const;
  bool yields(size_t place, const Input& input, float score, Instant now) const;
  bool isBelow(size_t a, size_t b) const;
  float scoreOf(const Input& input) const;
  float scoreOf(size_t place) const;
  void note(size_t place, const Input& input, float score, Instant now);
  void free(size_t place);

  static constexpr uint32_t kNoPlace = UINT32_MAX;

  // These members fit one cache line. A packet of a speaker who has a place reads them, the speakers and the
  // place.
  const Config* config_;
  std::vector<uint32_t> speakers_;  // by place
  std::vector<Place> places_;
  uint16_t used_ = 0;
  uint16_t limit_ = kNoLimit;
  uint32_t dominant_ = kNoPlace;  // a place
};

}  // namespace sluice::audibility
