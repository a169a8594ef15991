// The address pairs of one client. Each keeps its index until it is replaced.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "source/net/packet.h"

namespace sluice::runtime {

struct WorkerPort;

// The client's address, the server's address, and the port that received the datagram.
struct Tuple {
  net::Address remote;
  net::Address local;
  WorkerPort* port;
  bool authenticated;
  Instant since;  // when its first packet arrived
  // The worker that receives the client's packets and mails them here, as long as it has to be notified when
  // the client has authenticated.
  std::optional<unsigned> redirect_at = std::nullopt;
};

class Tuples {
 public:
  static constexpr size_t kMax = 8;  // candidate pairs of one client

  // `tuples` is not empty; `selected` is an index into it.
  Tuples(std::vector<Tuple> tuples, size_t selected) : tuples_(std::move(tuples)), selected_(selected) {
    tuples_.reserve(kMax);
  }

  // The packet's address pair; null if it is not one of the client's. The packet's `tuple` is tried first.
  const Tuple* find(const net::Packet& packet) const {
    return find(packet.remote, packet.local, packet.tuple);
  }
  Tuple* find(const net::Packet& packet) { return asMutable(std::as_const(*this).find(packet)); }
  const Tuple* find(const net::Address& remote, const net::Address& local, size_t likely = 0) const;

  struct Added {
    uint8_t index;
    std::optional<Tuple> replaced;
  };
  // Adds the packet's address pair, unless it is known. If there are kMax, it replaces the oldest
  // unauthenticated one, otherwise the oldest one, but never the selected one.
  Added add(const net::Packet& packet, WorkerPort& port);

  const Tuple& selected() const { return tuples_[selected_]; }
  size_t selectedIndex() const { return selected_; }
  // `tuple` is one of these. False if it was already selected.
  bool select(const Tuple& tuple) {
    const size_t before = std::exchange(selected_, indexOf(tuple));
    return before != selected_;
  }
  void unauthenticate() {
    for (Tuple& tuple : tuples_) tuple.authenticated = false;
  }

  Tuple& operator[](size_t index) { return tuples_[index]; }
  const std::vector<Tuple>& all() const { return tuples_; }

 private:
  size_t indexOf(const Tuple& tuple) const { return static_cast<size_t>(&tuple - tuples_.data()); }
  Tuple* asMutable(const Tuple* tuple) { return tuple == nullptr ? nullptr : &tuples_[indexOf(*tuple)]; }
  Tuple& leastUseful();

  std::vector<Tuple> tuples_;
  size_t selected_;
};

}  // namespace sluice::runtime
