// The process: workers, configuration, endpoints and signals. Everything here runs on the main thread.
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
#include "source/server/endpoint.h"
#include "source/server/file_watch.h"
#include "source/server/handover.h"
#include "source/server/nat_probe.h"
#include "source/server/options.h"
#include "source/server/port_manager.h"
#include "source/server/reload_plan.h"
#include "source/server/rollout_watch.h"
#include "source/server/signal_watch.h"

namespace sluice::server {

class Server final : private admin::Backend, private rooms::Observer {
 public:
  // Reads and checks the configuration, binds every address and starts the workers, or returns all errors.
  static Result<std::unique_ptr<Server>> start(const Options& options, const chain::Registry& registry);
  ~Server() override;

  // Serves until a signal or a drain ends it.
  void run();

 private:
  static constexpr size_t kProbePackets = 256;

  Server(const Options& options, const chain::Registry& registry, const config::WorkerSettings& workers);
  Result<config::Built> build(const Bootstrap& bootstrap);
  // Builds a configuration that is not going to run, without side effects. `trusted`: the bootstrap comes
  // from the file. `directory`: base of its relative paths.
  Result<config::Built> buildPreview(const Bootstrap& bootstrap, const std::string& directory,
                                     bool trusted) const;
  config::BuildInput buildInput(const Bootstrap& bootstrap, const std::string& directory,
                                runtime::StatsStore& stats, chain::ProcessState& process) const;
  // The directory of the configuration file.
  std::string directory() const;
  // With `snapshot`: the workers load it and wait.
  Status apply(const Bootstrap& bootstrap, config::Built built, TakeoverSnapshot* snapshot = nullptr,
               runtime::LoadingWorkers* loading = nullptr);
  // Checks that settings which only a restart can change are unchanged.
  Status checkFixed(const config::Settings& fresh) const;
  // `snapshot` may have the sockets.
  struct FreshEndpoints {
    std::optional<Endpoint::EndpointSpec> admin_spec, join_spec;
    std::unique_ptr<http::Server> admin, join;
  };
  Result<FreshEndpoints> prepareEndpoints(const config::Settings& settings, const TakeoverSnapshot& snapshot);
  void commitEndpoints(FreshEndpoints fresh);
  // After a handover, the request is refused and its connection closed: another process answers now.
  http::Response unlessHandedOver(const std::function<http::Response()>& answer) const;
  http::Handlers adminHandlers();
  http::Handlers joinHandlers();
  void watchFiles();
  // Removes ports whose sessions have ended or whose drain time has expired.
  void removeDrainedPorts();
  void startWorkers();
  void configureJoin();
  // Warns if the admin endpoint lets everyone who reaches it operate the proxy.
  void warnOfOpenAdmin() const;
  void startSignals();
  Status reloadAndLog(const char* why);
  Status rebuild(const Bootstrap& bootstrap);
  void startProbes();
  void onExternalAddress(const net::Address& local, const net::Address& external);
  // Checks whether the machine's addresses have changed.
  void checkMachine();
  // The process to take over from, if there is one (--takeover).
  Status connectToPredecessor(const Bootstrap& bootstrap);
  Result<TakeoverSnapshot> inherit();
  Status finishTakeover(runtime::LoadingWorkers& loading);
  void reportTakeover(const runtime::LoadingWorkers::Loaded& loaded);
  Status bindTakeoverSocket(int inherited);
  // The process that takes over.
  void onSuccessor(HandoverChannel channel);
  void onSuccessorReady();
  bool hasPendingHandshakes() const;
  TakeoverSnapshot takeSnapshot(runtime::PausedWorkers& workers);
  void handOver();
  void onTerminate();
  // `limit`: the process ends after that time.
  void startDrain(std::optional<Duration> limit);
  void onTick();
  void onRoomFeed();
  bool idle() const { return group_.total_sessions.load(std::memory_order_relaxed) == 0; }
  nlohmann::json externalAddresses() const;
  template <typename Answer, typename Ask>
  std::vector<Answer> askWorkers(Ask ask) const;
  void configureRollouts();
  void checkRollouts();
  void stepBack(const config::VersionName& name, const std::string& why);
  void collectRollouts(stats::Samples& out) const;
  std::vector<LiveSession> liveSessions() const;
  void collectWorkers(stats::Samples& out) const;
  void collectRooms(stats::Samples& out) const;
  void collectHttp(stats::Samples& out) const;
  void collectInfo(stats::Samples& out) const;

  // admin::Backend
  bool draining() const override { return draining_; }
  nlohmann::json serverInfo() const override;
  nlohmann::json configDump() const override;
  nlohmann::json listeners() const override;
  nlohmann::json sessions(const SessionQuery& query) const override;
  void collect(stats::Samples& out) const override;
  Status reload() override;
  Result<nlohmann::json> plan(const Question& question) const override;
  void drain(bool exit) override;

  // Called when a player's session has ended.
  void onPlayerGone(const runtime::PlayerGone& gone);

  // rooms::Observer
  void onJoined(const rooms::PlayerPtr& player) override;
  void onLeft(const rooms::PlayerPtr& player) override;
  void onIceRestart(const rooms::PlayerPtr& player, const rooms::IceCredentials& local) override;

  const Options options_;
  const chain::Registry& registry_;
  const RealClock clock_;
  const Instant started_ = clock_.now();
  net::EventLoop loop_;
  runtime::StatsStore stats_;
  std::shared_ptr<const crypto::DtlsContext> dtls_;
  mutable rooms::Directory rooms_;  // factories may ask for a mutable reference
  chain::ProcessState process_;
  PortManager ports_;
  runtime::WorkerGroup group_;
  runtime::GenerationPtr generation_;
  config::Settings settings_;
  Bootstrap bootstrap_;
  uint64_t version_ = 0;
  std::set<net::Address> machine_;                   // the machine's IP addresses, port 0
  std::map<net::Address, net::Address> discovered_;  // by nat.stun_server: our IP addresses to external ones
  stats::Counter reloads_ok_;
  stats::Counter reloads_refused_;
  bool draining_ = false;
  Instant machine_checked_{};
  Instant drain_deadline_ = Instant::max();
  std::unique_ptr<join::Api> join_;
  admin::Api admin_;
  Endpoint admin_http_{loop_, "admin", adminHandlers()};
  Endpoint join_http_{loop_, "join API", joinHandlers()};
  std::vector<std::string> watched_;
  std::vector<std::unique_ptr<FileWatch>> watches_;
  net::PacketPool probe_packets_{kProbePackets};
  net::SocketNetwork probe_network_{loop_, probe_packets_};
  std::vector<std::unique_ptr<NatProbe>> probes_;
  std::vector<RolloutWatch> rollouts_;
  config::SteppedBack stepped_back_;
  std::map<config::VersionName, uint64_t> step_backs_;
  std::optional<Predecessor> predecessor_;
  std::unique_ptr<HandoverSocket> takeover_socket_;
  std::unique_ptr<Successor> successor_;
  Instant successor_ready_{};
  net::Timer successor_waits_;
  stats::Counter sessions_taken_;
  stats::Counter sessions_not_taken_;
  Instant takeover_began_{};
  bool owns_takeover_path_ = false;
  bool handing_over_ = false;
  bool handed_over_ = false;
  std::vector<std::unique_ptr<SignalWatch>> signals_;
  net::Timer tick_;
  net::Timer room_feed_;
};

}  // namespace sluice::server
