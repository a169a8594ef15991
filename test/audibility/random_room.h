// Random rules, players and changes, for comparisons with the oracle. The same seed gives the same values.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "source/audibility/rule.h"
#include "source/audibility/update.h"
#include "source/base/clock.h"

namespace sluice::audibility::test {

class RandomRoom {
 public:
  explicit RandomRoom(uint32_t seed) : random_(seed) {}

  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  bool oneIn(unsigned n) { return below(n) == 0; }

  // The rules may contradict each other.
  std::vector<Rule> rules();
  // Valid changes of some of the players.
  Batch batch(const std::vector<uint32_t>& players, Instant now);

 private:
  std::vector<std::string> someOf(const std::vector<std::string>& texts, unsigned one_in);
  PlayerMatch match();
  Proximity proximity();
  PlayerUpdate update(uint32_t number, const std::vector<uint32_t>& players, Instant now);
  PairOverride override(const std::vector<uint32_t>& players, Instant now);
  Instant end(Instant now);
  float coordinate();

  std::mt19937 random_;
};

}  // namespace sluice::audibility::test
