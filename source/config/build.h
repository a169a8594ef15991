// From a Bootstrap to what the server runs: checks everything, opens nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/config.pb.h"
#include "source/base/result.h"
#include "source/chain/filter_type.h"
#include "source/runtime/generation.h"
#include "source/runtime/stats_store.h"

namespace sluice::config {

struct JoinSettings {
  net::Address address;
  std::string page_directory;  // absolute, or empty
  std::vector<std::string> token_secrets;
  std::string tls_certificate_file;
  std::string tls_private_key_file;
  std::vector<net::Address> candidates;
  double max_requests_per_second = 50;
  size_t max_offer_bytes = 262'144;
};

struct WorkerSettings {
  unsigned count = 1;
  bool pin_threads = false;
  size_t max_packets = 32'768;
  bool operator==(const WorkerSettings&) const = default;
};

// What is not a listener.
struct Settings {
  std::optional<net::Address> admin;
  std::optional<JoinSettings> join;
  WorkerSettings workers;
  rooms::Limits rooms;
  Duration drain_timeout = 30s;
};

struct Built {
  runtime::GenerationPtr generation;
  Settings settings;
};

struct BuildInput {
  const Bootstrap& bootstrap;
  std::string directory;  // that relative paths in the file start from
  const chain::Registry& registry;
  rooms::Directory& rooms;
  std::shared_ptr<const crypto::DtlsContext> dtls;
  std::optional<unsigned> concurrency;  // overrides workers.count
  runtime::StatsStore& stats;
  const runtime::Generation* previous;  // its factories live on where the configuration is equal; may be null
  uint64_t version;
};

// All errors at once, each with its field path.
Result<Built> build(const BuildInput& input);

// Workers alone, which must be known before a StatsStore can be made.
Result<WorkerSettings> buildWorkers(const Bootstrap& bootstrap, std::optional<unsigned> concurrency);

}  // namespace sluice::config
