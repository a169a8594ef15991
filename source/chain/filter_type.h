// The description of a filter type: name, configuration type, place in a chain and statistics. A plain value;
// the registry is a list of them that the binary fills.
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
#include <vector>

#include "source/base/field_options.h"
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

// Bits that say what is true of packets inward of a filter, or what a filter requires of its packets.
using Properties = uint32_t;
inline constexpr Properties kNothing = 0;
inline constexpr Properties kAuthenticatedPeer = 1;  // the client's address is authenticated
inline constexpr Properties kPlainRtp = 2;           // RTP and RTCP are decrypted

struct Cluster {
  enum class Policy { kSourceHash, kRoundRobin };
  std::string name;
  std::vector<net::Address> endpoints;
  Policy policy = Policy::kSourceHash;
};

// State that exists once per process for a filter type, like a signing key. Main thread only; the objects
// that it hands out may be used by all threads.
class ProcessState {
 public:
  // The one T, created on first use; lives as long as something holds it.
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

  // For a handover: archives the states that have an archive() and a kStateName. States that this process
  // does not have are skipped.
  void archive(Archive& a);

 private:
  std::unordered_map<std::type_index, std::shared_ptr<void>> states_;
  std::map<std::string, std::function<void(Archive&)>> archives_;
};

// What a factory may use. References are valid for the call only, except the directory and the process state.
struct FactoryContext {
  const std::map<std::string, std::shared_ptr<const Cluster>>& clusters;
  const std::set<net::Address>& machine;  // this machine's IP addresses, port 0
  rooms::Directory& directory;            // main thread only; outlives the factory
  ProcessState& process;                  // outlives the factory
  std::shared_ptr<const crypto::DtlsContext> dtls;
  std::shared_ptr<const credentials::Source> credentials;  // never null
  std::shared_ptr<const net::AddressMap> nat;              // never null
  std::vector<net::Address> listener;                      // the listener's addresses as configured
  std::string base_path;                                   // base of relative paths
  // False for a preview (a dry run) of a configuration: then no code may be loaded, and none receives any
  // part of the configuration.
  bool may_run_code = true;
  // Sentences for the user that a factory adds. They are logged when the configuration takes effect.
  std::vector<std::string> warnings = {};
};

struct FilterType {
  std::string_view name;         // snake_case: names its metrics, folder and docs page
  std::string_view config_type;  // full name of the protobuf message, e.g. "sluice.filters.Pacer"
  Properties needs = kNothing;
  Properties gives = kNothing;
  bool terminal = false;      // takes packets out of the chain: must be innermost; a chain needs one
  bool may_be_last = false;   // works without a terminal filter
  uint32_t state_format = 1;  // of Filter::archive(): change it whenever the format changes
  stats::FilterSchema schema;
  // Main thread. Error paths are relative to typed_config.
  Result<FilterFactoryPtr> (*parse)(const google::protobuf::Any& config, FactoryContext& context);
};

// `factory`, or all errors of both.
Result<FilterFactoryPtr> withErrors(Errors errors, Result<FilterFactoryPtr> factory);

// For FilterType::parse: unpacks the message, applies its field options and calls
// `Factory::make(const Config&, FactoryContext&)`, which returns a Result<FilterFactoryPtr>.
template <typename Config, typename Factory>
Result<FilterFactoryPtr> parseAs(const google::protobuf::Any& any, FactoryContext& context) {
  Config config;
  if (!any.UnpackTo(&config))
    return Error{"", "is not a valid " + std::string(Config::descriptor()->full_name())};
  Errors errors = applyFieldOptions(config);
  return withErrors(std::move(errors), Factory::make(config, context));
}

class Registry {
 public:
  // The type lives as long as the registry, at a fixed address.
  void add(FilterType type) { types_.push_back(std::move(type)); }
  // `config_type` as in FilterType, or a type URL that ends with it. Null when unknown.
  const FilterType* find(std::string_view config_type) const;
  const std::deque<FilterType>& types() const { return types_; }

 private:
  std::deque<FilterType> types_;
};

}  // namespace sluice::chain
