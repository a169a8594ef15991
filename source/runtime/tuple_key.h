// The key under which a session is found.
#pragma once

#include <cstddef>
#include <cstdint>

#include "source/net/address.h"
#include "source/runtime/session_usage.h"

namespace sluice::runtime {

struct TupleKey {
  net::Address remote;
  net::Address local;  // a wildcard listener has several
  uint16_t port;       // WorkerPort::id
  SessionUsage usage;
  bool operator==(const TupleKey&) const = default;
};
struct TupleKeyHash {
  size_t operator()(const TupleKey& key) const {
    return key.remote.hash() ^ (size_t{key.port} << 1 | static_cast<size_t>(key.usage));
  }
};

}  // namespace sluice::runtime
