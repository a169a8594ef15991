// Configurations: each that parses is built, and one replaces another while every chain has a client. An
// input is a configuration in either format; a line "---" ends one and begins the next.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "filters/builtin.h"
#include "source/base/log.h"
#include "source/config/build.h"
#include "source/config/load.h"
#include "source/crypto/certificate.h"
#include "test/support/harness.h"

namespace {

using namespace sluice;

constexpr std::string_view kNext = "\n---\n";

// A client's chain, without the session's and the listener's part.
class Client final : private chain::ChainEnds {
 public:
  Client(test::FakeWorker& worker, const chain::ChainSpecPtr& spec)
      : worker_(worker), chain_(spec, *this, session_, worker) {}

  bool follows(const chain::ChainSpec& spec) const { return chain_.spec().name == spec.name; }
  void adopt(const chain::ChainSpecPtr& spec) { chain_.adopt(spec); }
  void send(Bytes datagram) {
    net::PacketPtr packet = worker_.pool().acquire();
    if (packet == nullptr || !packet->assign(datagram)) std::abort();
    packet->remote = session_.selected;
    packet->local = session_.local_address;
    packet->received = worker_.clock().now();
    packet->kind = classify(datagram);
    chain_.ingress(std::move(packet));
  }

 private:
  void onInnerEnd(net::PacketPtr&& packet) override { settle(std::move(packet)); }
  void onOuterEnd(net::PacketPtr&& packet) override { settle(std::move(packet)); }
  static void settle(net::PacketPtr packet) { packet->settle(); }

  test::FakeWorker& worker_;
  test::FakeSession session_;
  chain::FilterChain chain_;
};

// The parts of a process other than its configuration.
class Process {
 public:
  void deploy(std::string_view text) {
    for (const config::Format format : {config::Format::kText, config::Format::kJson}) {
      const auto bootstrap = config::parse(text, format, "input");
      if (!bootstrap.ok()) continue;
      auto next = build(*bootstrap, current_.get());
      if (!next.ok()) continue;
      // The same configuration again, while it is in use.
      auto again = build(*bootstrap, next->generation.get());
      if (!again.ok()) std::abort();
      publish(next->generation);
      publish(again->generation);
    }
  }

 private:
  Result<config::Built> build(const Bootstrap& bootstrap, const runtime::Generation* previous) {
    return config::build({.bootstrap = bootstrap,
                          .directory = "/nonexistent",
                          .registry = registry_,
                          .rooms = rooms_,
                          .process = process_,
                          .dtls = dtls_,
                          .concurrency = 1,
                          .stats = stats_,
                          .machine = {},
                          .discovered = {},
                          .previous = previous,
                          .version = ++version_,
                          .may_run_code = false});
  }

  // Clients whose chain was removed leave; each chain gets one.
  void publish(const runtime::GenerationPtr& next) {
    std::vector<std::unique_ptr<Client>> clients;
    for (const auto& listener : next->listeners) {
      for (const auto& spec : listener->chains) {
        const auto known = std::find_if(clients_.begin(), clients_.end(), [&](const auto& client) {
          return client != nullptr && client->follows(*spec);
        });
        if (known != clients_.end()) {
          (*known)->adopt(spec);
          clients.push_back(std::move(*known));
        } else if (clients.size() < kMaxClients) {
          clients.push_back(std::make_unique<Client>(worker_, spec));
        } else {
          continue;
        }
        clients.back()->send(std::vector<uint8_t>{0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 'v'});
      }
    }
    clients_ = std::move(clients);
    current_ = next;
    clock_.advance(100ms);
    worker_.timers().run();
    worker_.runMain();
  }

  static constexpr size_t kMaxClients = 8;

  ManualClock clock_;
  rooms::Directory rooms_{{}, 1, clock_};
  chain::Registry registry_ = builtinFilters();
  chain::ProcessState process_;
  runtime::StatsStore stats_{1};
  std::shared_ptr<const crypto::DtlsContext> dtls_;
  uint64_t version_ = 0;
  runtime::GenerationPtr current_;
  test::FakeWorker worker_{clock_};
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  log::setLevel("off");
  Process process;
  std::string_view rest = asText(Bytes(data, size));
  while (!rest.empty()) {
    const size_t end = rest.find(kNext);
    process.deploy(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + kNext.size());
  }
  return 0;
}
