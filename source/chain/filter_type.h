// What is known of a kind of filter: its name, its config's type, its place in a chain, its statistics. A
// plain value; the registry is a list of them that the binary fills.
#pragma once

#include <google/protobuf/any.pb.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <typeindex>
#include <unordered_map>

#include "source/base/result.h"
#include "source/chain/filter.h"
#include "source/credentials/source.h"
#include "source/net/address_map.h"
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

// State that a filter type has once in the process, like a signing key. Main thread; what it hands out is
// made for all threads.
class ProcessState {
 public:
  // The one T, made when first asked for; lives as long as anyone holds it.
  template <typename T>
  std::shared_ptr<T> get() {
    std::shared_ptr<void>& state = states_[typeid(T)];
    if (state == nullptr) {
      auto made = std::make_shared<T>();
      if constexpr (requires(Archive & a) { made->archive(a); }) {
        archives_[std::string(T::kStateName)] = [made](Archive& a) { made->archive(a); };
      }
      state = std::move(made);
    }
    return std::static_pointer_cast<T>(state);
  }

  // For another process: the states that have an archive() and a kStateName. What this process has no state
  // for is passed over.
  void archive(Archive& a);

 private:
  std::unordered_map<std::type_index, std::shared_ptr<void>> states_;
  std::map<std::string, std::function<void(Archive&)>> archives_;
};

// What a factory may use. References are for the call only, but for the directory and the process' state.
struct FactoryContext {
  const std::map<std::string, std::shared_ptr<const Cluster>>& clusters;
  const std::set<net::Address>& machine;  // this machine's IP addresses, port 0
  rooms::Directory& directory;            // main thread only; outlives the factory
  ProcessState& process;                  // outlives the factory
  std::shared_ptr<const crypto::DtlsContext> dtls;
  std::shared_ptr<const credentials::Source> credentials;  // never null
  std::shared_ptr<const net::AddressMap> nat;              // never null
  std::vector<net::Address> listener;                      // its addresses as configured
  std::string base_path;                                   // that relative paths start from
  // False for a configuration that a client only asks about: then no code may be loaded or be given anything
  // of it.
  bool may_run_code = true;
};

struct FilterType {
  std::string_view name;         // snake_case: names its metrics, its folder and its docs page
  std::string_view config_type;  // full name of the protobuf message, e.g. "sluice.filters.Pacer"
  Properties needs = kNothing;
  Properties gives = kNothing;
  bool terminal = false;      // takes packets out of the chain: must be the innermost filter, and one must be
  bool may_be_last = false;   // does without a terminal filter
  uint32_t state_format = 1;  // of Filter::archive(): another number whenever that reads something else
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
