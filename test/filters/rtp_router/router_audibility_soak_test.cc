// Random games on two workers: each packet is compared with what an independent oracle decides.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "test/audibility/oracle.h"
#include "test/audibility/random_room.h"
#include "test/filters/rtp_router/ruled_room.h"

namespace sluice {
namespace {

using namespace test;
using audibility::test::Oracle;
using audibility::test::OracleHearing;
using audibility::test::RandomRoom;

constexpr uint32_t kGames = 12;
constexpr int kTicks = 200;  // of 50 ms
constexpr unsigned kPlayers = 10;

class Game {
 public:
  explicit Game(uint32_t seed) : random_(seed), room_({}, 2) {
    replaceRules();
    for (unsigned i = 0; i < kPlayers; ++i) join();
    for (unsigned worker = 0; worker < 2; ++worker) publish(worker);
  }

  void run() {
    for (int tick = 0; tick < kTicks; ++tick) {
      change();
      publish(0);
      const bool is_late = random_.oneIn(3);  // the other worker's task runs later
      if (!is_late) publish(1);
      talk();
      if (is_late) publish(1);
      talk();
      room_.clock.advance(10ms);
    }
    checkAccounts();
  }

  uint64_t heard = 0, inaudible = 0;  // pairs of a packet and a receiver

 private:
  struct View {
    Oracle oracle;  // the state at the worker's version
    OracleHearing hearing;
    unsigned rules = 0;
  };

  void join() {
    const unsigned worker = random_.below(2);
    const uint32_t ssrc = ++ssrc_;
    auto& chain = room_.add("player-" + std::to_string(ssrc),
                            {.ssrcs = {ssrc}, .slots = 2 * kPlayers, .worker = worker});
    players_[numberOf(chain)] = {&chain, worker};
    latest_.players[numberOf(chain)] = {};
  }

  void leave(uint32_t number) {
    ChainHarness& chain = *players_.at(number).chain;
    collect(chain);
    chain.closeChain();
    room_.directory.leave(chain.session.known_player);
    players_.erase(number);
    latest_.remove(number);
    CHECK(room_.game.state.remove(number));
  }

  void replaceRules() {
    std::vector<audibility::Rule> rules = random_.rules();
    while (!room_.game.state.setRules({.rules = rules, .selection = room_.selection}).ok()) {
      rules = random_.rules();
    }
    latest_.rules = std::move(rules);
    ++rules_;
  }

  void change() {
    if (random_.oneIn(20)) replaceRules();
    if (random_.oneIn(20) && players_.size() > 2) leave(players_.begin()->first);
    if (random_.oneIn(20) && players_.size() < 2 * kPlayers) join();
    std::vector<uint32_t> numbers;
    for (const auto& [number, player] : players_) numbers.push_back(number);
    const audibility::Batch batch = random_.batch(numbers, room_.clock.now());
    REQUIRE(room_.game.state.apply(batch, room_.clock.now()).ok());
    latest_.apply(batch);
  }

  void publish(unsigned worker) {
    room_.publish(room_.workers[worker]);
    View& view = views_[worker];
    view.oracle = latest_;
    if (std::exchange(view.rules, rules_) != rules_) view.hearing.clear();
  }

  // One packet of each player, in an order that changes.
  void talk() {
    std::vector<uint32_t> speakers;
    for (const auto& [number, player] : players_) speakers.push_back(number);
    const unsigned first = random_.below(static_cast<unsigned>(speakers.size()));
    std::rotate(speakers.begin(), speakers.begin() + first, speakers.end());
    for (const uint32_t speaker : speakers) {
      if (random_.oneIn(8)) continue;
      std::map<uint32_t, size_t> before;
      for (const auto& [number, player] : players_) before[number] = player.chain->outer.size();
      room_.speak(*players_.at(speaker).chain);
      for (unsigned worker = 0; worker < 2; ++worker) compare(speaker, worker, before);
    }
    room_.clock.advance(20ms);
  }

  void compare(uint32_t speaker, unsigned worker, const std::map<uint32_t, size_t>& before) {
    View& view = views_[worker];
    std::set<uint32_t> receivers;
    for (const auto& [number, player] : players_) {
      if (player.worker == worker && view.oracle.players.contains(number)) receivers.insert(number);
    }
    std::map<uint32_t, audibility::Decision> audible;
    if (view.oracle.players.contains(speaker)) {
      audible = view.hearing.of(view.oracle, receivers, speaker, room_.clock.now());
    }
    for (const auto& [number, player] : players_) {
      if (player.worker != worker) continue;
      const size_t packets = player.chain->outer.size() - before.at(number);
      const size_t expected = audible.contains(number) ? 1 : 0;
      if (packets != expected) {
        FAIL("player " << number << " on worker " << worker << " got " << packets << " packets of " << speaker
                       << " instead of " << expected);
      }
      heard += packets;
      inaudible += number == speaker ? 0 : 1 - packets;
    }
  }

  // The filters' own counts.
  void collect(const ChainHarness& chain) {
    counted_heard_ += chain.counted("rtp_router", "voice_out");
    counted_inaudible_ += chain.counted("rtp_router", "inaudible");
    for (const char* reason : {"no_slot", "silence", "late", "no_packet"}) {
      CHECK(chain.dropped("rtp_router", reason) == 0);
    }
  }

  void checkAccounts() {
    for (const auto& [number, player] : players_) collect(*player.chain);
    CHECK(counted_heard_ == heard);
    CHECK(counted_inaudible_ == inaudible);
    for (FakeWorker& worker : room_.workers) CHECK(worker.pool().unaccounted() == 0);
  }

  struct Player {
    ChainHarness* chain = nullptr;
    unsigned worker = 0;
  };

  RandomRoom random_;
  RuledRoom room_;
  std::map<uint32_t, Player> players_;  // by number
  Oracle latest_;
  unsigned rules_ = 0;  // how often the rules were set
  View views_[2];       // by worker
  uint32_t ssrc_ = 0;
  uint64_t counted_heard_ = 0, counted_inaudible_ = 0;
};

TEST_CASE("in random games on two workers no inaudible packet is delivered, and no audible one is missing") {
  uint64_t heard = 0, inaudible = 0;
  for (uint32_t seed = 1; seed <= kGames; ++seed) {
    CAPTURE(seed);
    Game game(seed);
    game.run();
    heard += game.heard;
    inaudible += game.inaudible;
  }
  // Otherwise the games compare too little.
  CHECK(heard > 10'000);
  CHECK(inaudible > 10'000);
}

}  // namespace
}  // namespace sluice
