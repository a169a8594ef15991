#include "source/runtime/tuples.h"

#include <algorithm>
#include <tuple>

namespace sluice::runtime {

const Tuple* Tuples::find(const net::Address& remote, const net::Address& local, size_t likely) const {
  const auto matches = [&](const Tuple& tuple) { return tuple.remote == remote && tuple.local == local; };
  if (likely < tuples_.size() && matches(tuples_[likely])) return &tuples_[likely];
  const auto it = std::ranges::find_if(tuples_, matches);
  return it == tuples_.end() ? nullptr : &*it;
}

Tuples::Added Tuples::add(const net::Packet& packet, WorkerPort& port) {
  const auto known = std::ranges::find_if(tuples_, [&](const Tuple& tuple) {
    return tuple.remote == packet.remote && tuple.local == packet.local && tuple.port == &port;
  });
  if (known != tuples_.end()) return {static_cast<uint8_t>(indexOf(*known)), std::nullopt};
  const Tuple added{packet.remote, packet.local, &port, false, packet.received};
  if (tuples_.size() < kMax) {
    tuples_.push_back(added);
    return {static_cast<uint8_t>(tuples_.size() - 1), std::nullopt};
  }
  Tuple& replaced = leastUseful();
  return {static_cast<uint8_t>(indexOf(replaced)), std::exchange(replaced, added)};
}

Tuple& Tuples::leastUseful() {
  const auto rank = [&](const Tuple& tuple) {
    return std::tuple(&tuple == &selected(), tuple.authenticated, tuple.since);
  };
  return *std::ranges::min_element(tuples_, {}, rank);
}

}  // namespace sluice::runtime
