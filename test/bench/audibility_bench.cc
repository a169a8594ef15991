// What decisions about who hears whom cost: CPU time of one thread, as a share of a core. The writer moves
// all players at the rate of positions and publishes; a worker with all receivers looks up and selects for
// each packet of each speaker, 50 a second.
#include <cmath>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "source/audibility/hearers.h"
#include "source/audibility/room_state.h"
#include "source/audibility/selection.h"

namespace sluice::audibility {
namespace {

constexpr int kPacketsPerSecond = 50;
constexpr Selection::Config kSelection{.max_speakers = 20,
                                       .rank_by = Selection::RankBy::kBoth,
                                       .hysteresis_db = 6,
                                       .min_hold = 500ms,
                                       .hold = 500ms,
                                       .dominant_bonus_db = 6,
                                       .mutual_bonus_db = 0};

double cpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class Stopwatch {
 public:
  void start() { begin_ = cpuSeconds(); }
  void stop() { total_ += cpuSeconds() - begin_; }
  double total() const { return total_; }

 private:
  double begin_ = 0;
  double total_ = 0;
};

struct Scene {
  const char* name;
  unsigned players;
  float talking;     // share of the players
  int positions_hz;  // of every player
  float size;        // edge of the square world, in world units
  bool teams;        // rules for teams and channels before proximity
};

Rule proximity(float audible) {
  Rule rule;
  rule.kind = RuleKind::kProximity;
  rule.proximity = {.audible_distance = audible,
                    .conversational_distance = 1,
                    .fade_model = FadeModel::kInverse,
                    .hysteresis = 1,
                    .whisper_factor = 0.4F,
                    .shout_factor = 2};
  return rule;
}

std::vector<Rule> rulesOf(const Scene& scene) {
  std::vector<Rule> rules;
  if (scene.teams) {
    rules.resize(3);
    rules[0].kind = RuleKind::kDeny;
    rules[0].speaker.tags = {"dead"};
    rules[0].receiver.without_tags = {"dead"};
    rules[1].kind = RuleKind::kSameTeam;
    rules[2].kind = RuleKind::kChannels;
  }
  rules.push_back(proximity(32));
  return rules;
}

class Bench {
 public:
  explicit Bench(const Scene& scene) : scene_(scene), coordinate_(0, scene.size) {
    if (!state_.setRules({.rules = rulesOf(scene)})) std::abort();
    Batch batch;
    for (uint32_t number = 1; number <= scene.players; ++number) {
      if (!state_.add(number)) std::abort();
      movements_.push_back({.number = number, .position = {coordinate_(random_), 0, coordinate_(random_)}});
      hearers_.addReceiver(number, nullptr);
      selections_.emplace_back(20, kSelection);
      if (!scene.teams) continue;
      PlayerUpdate update{.number = number};
      update.team = "team" + std::to_string(number % (scene.players / 8 + 1));
      if (number % 100 == 0) update.tags = {"dead"};
      update.channels = {{.name = "radio" + std::to_string(number % 1000), .talk = number % 10 == 0}};
      batch.players.push_back(std::move(update));
    }
    if (!state_.apply(batch, now_)) std::abort();
  }

  void run(int seconds) {
    std::vector<uint32_t> speakers;
    const auto talking = static_cast<uint32_t>(static_cast<float>(scene_.players) * scene_.talking);
    for (uint32_t i = 0; i < talking; ++i)
      speakers.push_back(1 + static_cast<uint32_t>(random_() % scene_.players));
    uint64_t hearers = 0, lists = 0, admitted = 0, packets = 0;
    const int frames = seconds * kPacketsPerSecond;
    for (int frame = 0; frame < frames; ++frame) {
      now_ += 20ms;
      if (frame % (kPacketsPerSecond / scene_.positions_hz) == 0) {
        move();
        publish();
        decide_.start();
        for (const uint32_t speaker : speakers) hearers += hearers_.of(speaker, now_).size();
        decide_.stop();
        lists += speakers.size();
      }
      cached_.start();
      for (const uint32_t speaker : speakers) packets += hearers_.of(speaker, now_).size();
      cached_.stop();
      select_.start();
      for (const uint32_t speaker : speakers) admitted += select(speaker);
      select_.stop();
    }
    unchanged_.start();
    for (int i = 0; i < 1000; ++i) state_.publish(now_);
    unchanged_.stop();
    report(seconds, speakers.size(), static_cast<double>(hearers) / static_cast<double>(lists),
           static_cast<double>(admitted) / static_cast<double>(packets));
  }

 private:
  void move() {
    for (Movement& movement : movements_) {
      movement.position.x += step_(random_);
      movement.position.z += step_(random_);
    }
    move_.start();
    if (!state_.move(movements_)) std::abort();
    move_.stop();
  }

  void publish() {
    publish_.start();
    SnapshotPtr snapshot = state_.publish(now_);
    publish_.stop();
    update_.start();
    hearers_.update(std::move(snapshot));
    update_.stop();
  }

  uint64_t select(uint32_t speaker) {
    uint64_t admitted = 0;
    for (const Hearer& hearer : hearers_.of(speaker, now_)) {
      const Selection::Input input{.speaker = speaker,
                                   .priority = hearer.priority,
                                   .proximity_db = hearer.proximity_db,
                                   .loudness = static_cast<uint8_t>(60 + speaker % 30)};
      if (selections_[hearer.number - 1].admit(input, now_).isAdmitted()) ++admitted;
    }
    return admitted;
  }

  void report(int seconds, size_t speakers, double hearers, double admitted) const {
    const auto share = [&](const Stopwatch& watch) { return 100 * watch.total() / seconds; };
    const double rounds = static_cast<double>(seconds) * scene_.positions_hz;
    const double lists = rounds * static_cast<double>(speakers);
    const double packets = static_cast<double>(seconds) * kPacketsPerSecond * static_cast<double>(speakers);
    std::printf(
        "%s: %u players, %zu speakers, positions at %d Hz, %.1f hearers a speaker, %.0f %% admitted\n",
        scene_.name, scene_.players, speakers, scene_.positions_hz, hearers, 100 * admitted);
    const auto line = [](const char* what, double percent, double each_us, const char* unit) {
      std::printf("  %-34s %7.3f %% of a core  %10.3f us a %s\n", what, percent, each_us, unit);
    };
    line("move all players (writer)", share(move_), 1e6 * move_.total() / rounds, "batch");
    line("publish (writer)", share(publish_), 1e6 * publish_.total() / rounds, "version");
    line("update (worker)", share(update_), 1e6 * update_.total() / rounds, "version");
    line("decide (worker)", share(decide_), 1e6 * decide_.total() / lists, "speaker");
    line("of() when cached (worker)", share(cached_), 1e6 * cached_.total() / packets, "packet");
    line("select, with of() (worker)", share(select_), 1e6 * select_.total() / packets, "packet");
    std::printf("  %-34s %7.3f %%\n", "publish + update + decide",
                share(publish_) + share(update_) + share(decide_));
    std::printf("  %-34s %7.3f %%\n", "all",
                share(move_) + share(publish_) + share(update_) + share(decide_) + share(select_));
    std::printf("  publish in which nothing changed: %.1f ns\n", 1e9 * unchanged_.total() / 1000);
  }

  const Scene scene_;
  std::mt19937 random_{1};
  std::uniform_real_distribution<float> coordinate_;
  std::uniform_real_distribution<float> step_{-0.5F, 0.5F};
  RoomState state_;
  Hearers hearers_;
  std::vector<Selection> selections_;
  std::vector<Movement> movements_;
  Instant now_{1h};
  Stopwatch move_, publish_, update_, decide_, cached_, select_, unchanged_;
};

}  // namespace
}  // namespace sluice::audibility

int main() {
  using sluice::audibility::Scene;
  // 430 x 430 units with 10,000 players: about 170 of them are within 32 units of a speaker.
  const Scene scenes[] = {
      {"world", 10'000, 0.03F, 10, 430, false},
      {"world with teams and channels", 10'000, 0.03F, 10, 430, true},
      {"sparse world", 10'000, 0.03F, 10, 4000, false},
      {"room", 100, 0.03F, 25, 200, false},
      {"room with teams and channels", 100, 0.03F, 25, 200, true},
      {"crowded room, everyone in range", 100, 0.1F, 25, 20, true},
      {"crowd, more speakers than places", 1000, 0.05F, 10, 20, false},
  };
  for (const Scene& scene : scenes) sluice::audibility::Bench(scene).run(20);
  return 0;
}
