// The description of a filter type: name, configuration type, place in a chain and statistics. A plain value;
// the registry is a list of them that the binary fills. typedFilterType() (typed_filter.h) makes one.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "source/base/result.h"
#include "source/chain/filter.h"
#include "source/rooms/negotiated.h"
#include "source/stats/schema.h"

namespace google::protobuf {
class Any;
}

namespace sluice::chain {

struct FactoryContext;

// A set of properties of packets: those that a filter requires, or those that packets inward of it have.
using Properties = uint32_t;
inline constexpr Properties kNothing = 0;
inline constexpr Properties kAuthenticatedPeer = 1;  // the client's address is authenticated
inline constexpr Properties kPlainRtp = 2;           // RTP and RTCP are decrypted

struct FilterType {
  std::string_view name;           // snake_case: names its metrics, folder and docs page
  std::string_view config_type{};  // full name of the protobuf message, e.g. "sluice.filters.Pacer"
  Properties needs = kNothing;
  Properties gives = kNothing;
  bool terminal = false;       // takes packets out of the chain: must be innermost; a chain needs one
  bool may_be_last = false;    // works without a terminal filter
  bool routes_voice = false;   // serves players of rooms, which join through the join API
  bool enters_ingress = true;  // false: ingress packets pass the filter without a call of onIngress()
  bool enters_egress = true;   // likewise
  uint32_t state_format = 1;   // of Filter::archive(): change it whenever the format changes
  stats::FilterSchema schema{};
  // The loss repair features that clients of its chain may negotiate because of a filter made by `factory`.
  // Null: none.
  rooms::RepairFeatures (*repair_features)(const FilterFactory& factory) = nullptr;
  // Main thread. Error paths are relative to typed_config.
  Result<FilterFactoryPtr> (*parse)(const google::protobuf::Any& config, FactoryContext& context) = nullptr;
};

class Registry {
 public:
  // The type lives as long as the registry, at a fixed address.
  void add(FilterType type) { types_.push_back(std::move(type)); }
  // `config_type` as in FilterType, or a type URL that ends with it. Null when unknown.
  const FilterType* find(std::string_view config_type) const;
  const std::deque<FilterType>& types() const { return types_; }
  // The names of the types that `wanted` selects, for messages: "forward, rtp_router".
  std::string names(bool (*wanted)(const FilterType&)) const;

 private:
  std::deque<FilterType> types_;
};

}  // namespace sluice::chain
