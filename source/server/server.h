// The process: workers, configuration, endpoints and signals, put together. Everything here runs on the main
// thread.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "source/admin/api.h"
#include "source/base/result.h"
#include "source/config/build.h"
#include "source/http/server.h"
#include "source/join/api.h"
#include "source/net/event_loop.h"
#include "source/runtime/worker.h"
#include "source/server/file_watch.h"
#include "source/server/nat_probe.h"
#include "source/server/options.h"
#include "source/server/port_manager.h"
#include "source/server/reload_plan.h"
#include "source/server/signal_watch.h"

namespace sluice::server {

class Server final : private admin::Backend, private rooms::Observer {
 public:
  // Reads and checks the configuration, binds every address and starts the workers; or says all that is
  // wrong.
  static Result<std::unique_ptr<Server>> start(const Options& options, const chain::Registry& registry);
  ~Server() override;

  // Serves until a signal or a drain ends it.
  void run();

 private:
  static constexpr size_t kProbePackets = 256;

  Server(const Options& options, const chain::Registry& registry, const config::WorkerSettings& workers);
  // `stats`: the server's, or any for what is not to run.
  Result<config::Built> build(const Bootstrap& bootstrap, runtime::StatsStore& stats) const;
  Status apply(const Bootstrap& bootstrap, config::Built built);
  // What only a restart can change.
  Status checkFixed(const config::Settings& fresh) const;
  Status startEndpoints();
  void startWorkers();
  void configureJoin();
  void startSignals();
  Status reloadAndLog(const char* why);
  Status rebuild(const Bootstrap& bootstrap);
  void startProbes();
  void onExternalAddress(const net::Address& local, const net::Address& external);
  // The machine's addresses may have changed.
  void checkMachine();
  void onTerminate();
  void onTick();
  bool idle() const { return group_.total_sessions.load(std::memory_order_relaxed) == 0; }
  nlohmann::json externalAddresses() const;
  template <typename Answer, typename Ask>
  std::vector<Answer> askWorkers(Ask ask) const;
  std::vector<LiveSession> liveSessions() const;
  void collectWorkers(stats::Samples& out) const;
  void collectRooms(stats::Samples& out) const;
  void collectInfo(stats::Samples& out) const;

  // admin::Backend
  bool draining() const override { return draining_; }
  nlohmann::json serverInfo() const override;
  nlohmann::json configDump() const override;
  nlohmann::json listeners() const override;
  nlohmann::json sessions(size_t limit) const override;
  void collect(stats::Samples& out) const override;
  Status reload() override;
  Result<nlohmann::json> plan(const std::string& text, bool is_json) const override;
  void drain() override;

  // rooms::Observer
  void onJoined(const rooms::PlayerPtr& player) override;
  void onLeft(const rooms::PlayerPtr& player) override;

  const Options options_;
  const chain::Registry& registry_;
  const RealClock clock_;
  const Instant started_ = clock_.now();
  net::EventLoop loop_;
  runtime::StatsStore stats_;
  std::shared_ptr<const crypto::DtlsContext> dtls_;
  mutable rooms::Directory rooms_;  // factories may ask for it to be changed
  mutable chain::ProcessState process_;
  PortManager ports_;
  runtime::WorkerGroup group_;
  runtime::GenerationPtr generation_;
  config::Settings settings_;
  Bootstrap bootstrap_;
  uint64_t version_ = 0;
  std::set<net::Address> machine_;                   // its IP addresses, port 0
  std::map<net::Address, net::Address> discovered_;  // by nat.stun_server: our IP addresses to external ones
  stats::Counter reloads_ok_;
  stats::Counter reloads_refused_;
  bool draining_ = false;
  Instant machine_checked_{};
  Instant drain_deadline_ = Instant::max();
  std::unique_ptr<join::Api> join_;
  http::Router admin_router_;
  std::unique_ptr<http::Server> admin_http_;
  std::unique_ptr<http::Server> join_http_;
  net::PacketPool probe_packets_{kProbePackets};
  net::SocketNetwork probe_network_{loop_, probe_packets_};
  std::vector<std::unique_ptr<NatProbe>> probes_;
  std::unique_ptr<FileWatch> watch_;
  std::vector<std::unique_ptr<SignalWatch>> signals_;
  net::Timer tick_;
};

}  // namespace sluice::server
