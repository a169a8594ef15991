// Properties of decisions in random rooms, without an oracle.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "source/audibility/hearers.h"
#include "test/audibility/random_room.h"
#include "test/audibility/room_builder.h"

namespace sluice::audibility::test {
namespace {

constexpr uint32_t kRooms = 300;
constexpr uint32_t kPlayers = 8;

// A room with random rules, players and overrides.
class Sample {
 public:
  explicit Sample(uint32_t seed) : random_(seed) {
    while (!room.state.setRules({.rules = random_.rules()}).ok()) continue;
    for (uint32_t number = 1; number <= kPlayers; ++number) {
      REQUIRE(room.state.add(number).ok());
      numbers.push_back(number);
    }
    change();
  }
  void change() { REQUIRE(room.state.apply(random_.batch(numbers, kNow), kNow).ok()); }

  Room room;
  std::vector<uint32_t> numbers;

 private:
  RandomRoom random_;
};

std::string text(const Decision& d) {
  return std::string(name(d.reason)) + " " + std::to_string(d.rule) + " " + std::to_string(d.gain) + " " +
         std::to_string(d.low_pass_hz) + " " + std::to_string(d.margin) + " " + std::to_string(d.distance) +
         " " + std::to_string(d.priority);
}

std::map<std::pair<uint32_t, uint32_t>, std::string> matrix(Room& room,
                                                            const std::vector<uint32_t>& numbers) {
  std::map<std::pair<uint32_t, uint32_t>, std::string> decisions;
  for (const uint32_t speaker : numbers) {
    for (const uint32_t receiver : numbers)
      decisions[{speaker, receiver}] = text(room.decide(speaker, receiver));
  }
  return decisions;
}

TEST_CASE("Blocks, mutes and deafened receivers win over every rule and override") {
  for (uint32_t seed = 1; seed <= kRooms; ++seed) {
    CAPTURE(seed);
    Sample sample(seed);
    sample.room.set({.number = 1, .blocks = std::vector<uint32_t>{2}});
    sample.room.set({.number = 3, .muted_until = kNow + 1s});
    sample.room.set({.number = 4, .deafened = true});
    for (const auto& [speaker, receiver] :
         {std::pair(1U, 2U), {2U, 1U}, {3U, 1U}, {3U, 5U}, {5U, 4U}, {1U, 4U}}) {
      sample.room.set(PairOverride{.speaker = speaker, .receiver = receiver, .force = Force::kOn});
      CHECK_FALSE(sample.room.decide(speaker, receiver).audible);
    }
  }
}

TEST_CASE("A decision about a pair does not depend on other players") {
  for (uint32_t seed = 1; seed <= kRooms; ++seed) {
    CAPTURE(seed);
    Sample sample(seed);
    auto expected = matrix(sample.room, sample.numbers);
    const uint32_t leaving = 1 + seed % kPlayers;
    sample.room.state.remove(leaving);
    std::erase(sample.numbers, leaving);
    std::erase_if(expected, [&](const auto& entry) {
      return entry.first.first == leaving || entry.first.second == leaving;
    });
    CHECK(matrix(sample.room, sample.numbers) == expected);
  }
}

TEST_CASE("The same changes give the same decisions, and gains are between 0 and 1") {
  for (uint32_t seed = 1; seed <= kRooms; ++seed) {
    CAPTURE(seed);
    Sample a(seed), b(seed);
    CHECK(matrix(a.room, a.numbers) == matrix(b.room, b.numbers));
    for (const uint32_t speaker : a.numbers) {
      for (const uint32_t receiver : a.numbers) {
        const Decision decision = a.room.decide(speaker, receiver);
        CHECK(decision.audible == isAudible(decision.reason));
        CHECK(decision.gain >= 0);
        CHECK(decision.gain <= 1);
      }
    }
  }
}

}  // namespace
}  // namespace sluice::audibility::test
