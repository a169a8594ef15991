// What is known of a kind of filter: its name, its config's type, its place in a chain, its statistics. A
// plain value; the registry is a list of them that the binary fills.
#pragma once

#include <google/protobuf/any.pb.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "source/base/result.h"
#include "source/chain/filter.h"
#include "source/net/address.h"
#include "source/rooms/directory.h"
#include "source/stats/schema.h"

namespace sluice::crypto {
class DtlsContext;
}

namespace sluice::chain {

// What holds for packets inward of a filter, or is needed by it. Bits.
using Properties = uint32_t;
inline constexpr Properties kNothing = 0;
inline constexpr Properties kAuthenticatedPeer = 1;  // the client's address is proven
inline constexpr Properties kPlainRtp = 2;           // RTP and RTCP are decrypted

struct Cluster {
  enum class Policy { kSourceHash, kRoundRobin };
  std::string name;
  std::vector<net::Address> endpoints;
  Policy policy = Policy::kSourceHash;
};

// What a factory may use. Everything outlives the factory.
struct FactoryContext {
  const std::map<std::string, std::shared_ptr<const Cluster>>& clusters;
  rooms::Directory& directory;  // main thread only
  std::shared_ptr<const crypto::DtlsContext> dtls;
};

struct FilterType {
  std::string_view name;         // snake_case: names its metrics, its folder and its docs page
  std::string_view config_type;  // full name of the protobuf message, e.g. "sluice.filters.Pacer"
  Properties needs = kNothing;
  Properties gives = kNothing;
  bool terminal = false;  // takes packets out of the chain: must be the innermost filter, and one must be
  stats::FilterSchema schema;
  // Main thread. Error paths are relative to typed_config.
  Result<FilterFactoryPtr> (*parse)(const google::protobuf::Any& config, FactoryContext& context);
};

// For FilterType::parse: unpacks the message and calls `Factory::make(const Config&, FactoryContext&)`, which
// returns a Result<FilterFactoryPtr>.
template <typename Config, typename Factory>
Result<FilterFactoryPtr> parseAs(const google::protobuf::Any& any, FactoryContext& context) {
  Config config;
  if (!any.UnpackTo(&config))
    return Error{"", "is not a valid " + std::string(Config::descriptor()->full_name())};
  return Factory::make(config, context);
}

class Registry {
 public:
  // The type lives as long as the registry, at a fixed place.
  void add(FilterType type) { types_.push_back(std::move(type)); }
  // `config_type` as in FilterType, or a type URL that ends with it. Null when unknown.
  const FilterType* find(std::string_view config_type) const;
  const std::deque<FilterType>& types() const { return types_; }

 private:
  std::deque<FilterType> types_;
};

}  // namespace sluice::chain
