// A ConfigApplier without workers, with statistics for one: configurations take effect, but their ports are
// closed at once instead of being read.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "filters/builtin.h"
#include "source/config/load.h"
#include "source/net/udp_socket.h"
#include "source/reload/config_applier.h"

namespace sluice::reload {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/sluice_reload_XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string forwardFilter() {
  return "filters { typed_config { [type.googleapis.com/sluice.filters.Forward] { cluster: 'up' } } } ";
}
// A configuration with one listener `l`. `more` is part of the listener.
inline std::string forwardConfig(const std::string& more = "") {
  return "clusters { name: 'up' endpoints: '127.0.0.1:7' } listeners { name: 'l' address: '127.0.0.1:0' "
         "filter_chains { name: 'c' " +
         forwardFilter() + "} " + more + "} ";
}

struct ApplierFixture {
  explicit ApplierFixture(Environment environment = {})
      : applier({.file = directory.file("sluice.textproto"),
                 .concurrency = 1,
                 .clock = clock,
                 .registry = registry,
                 .dtls = nullptr,
                 .rooms = rooms,
                 .process = process,
                 .stats = stats,
                 .workers = workers,
                 .ports = ports},
                std::move(environment)) {}

  void write(const std::string& text) const { std::ofstream(applier.file()) << text; }
  void start(const std::string& text) {
    write(text);
    const auto bootstrap = config::loadFile(applier.file());
    REQUIRE_MESSAGE(bootstrap.ok(), (bootstrap.ok() ? "" : toString(bootstrap.errors())));
    auto built = applier.build(*bootstrap);
    REQUIRE_MESSAGE(built.ok(), (built.ok() ? "" : toString(built.errors())));
    const Status status = applier.start(*bootstrap, *std::move(built), {});
    REQUIRE_MESSAGE(status.ok(), (status.ok() ? "" : toString(status.errors())));
  }
  Status reload(const std::string& text) {
    write(text);
    return applier.reload("test");
  }
  uint64_t version() const { return applier.running().version; }

  const TemporaryDirectory directory;
  ManualClock clock;
  const chain::Registry registry = builtinFilters();
  rooms::Directory rooms{{}, 1, clock};
  chain::ProcessState process;
  runtime::StatsStore stats{1};
  runtime::WorkerGroup workers;
  net::EventLoop loop;
  net::PacketPool pool{256};
  net::SocketNetwork network{loop, pool};
  PortManager ports{network, 1};
  ConfigApplier applier;
};

}  // namespace sluice::reload
