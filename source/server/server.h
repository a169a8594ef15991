// The process: creates its parts, connects them, and runs them until a signal, a drain or a takeover ends it.
// Everything here runs on the main thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/net/event_loop.h"
#include "source/net/signal_watch.h"
#include "source/net/udp_socket.h"
#include "source/reload/config_applier.h"
#include "source/reload/config_watch.h"
#include "source/reload/external_addresses.h"
#include "source/reload/rollout_controller.h"
#include "source/runtime/worker.h"
#include "source/server/drain.h"
#include "source/server/evidence_collector.h"
#include "source/server/history_recorder.h"
#include "source/server/http_endpoints.h"
#include "source/server/introspection.h"
#include "source/server/metrics.h"
#include "source/server/options.h"
#include "source/server/player_updates.h"
#include "source/server/room_control.h"
#include "source/takeover/client.h"
#include "source/takeover/server.h"

namespace sluice::server {

class Server final : private admin::Operations, private takeover::Host {
 public:
  // Reads and checks the configuration, binds every address and starts the workers, or returns all errors.
  // With options.mode kValidate it only checks.
  static Result<std::unique_ptr<Server>> start(const Options& options, const chain::Registry& registry);
  ~Server() override;

  // Serves until a signal, a drain or a takeover ends it.
  void run();

 private:
  // The constructor's input from the configuration, the machine or the previous process.
  struct Setup {
    unsigned workers = 1;
    std::shared_ptr<const crypto::DtlsContext> dtls;
    reload::Environment environment{};
  };
  Server(const Options& options, const chain::Registry& registry, Setup setup);
  // Starts with the sessions of `predecessor`, if it is not null.
  Status start(const Bootstrap& bootstrap, config::Built built, takeover::Client* predecessor);
  void startWorkers(const config::WorkerSettings& settings);
  // Takes what `predecessor` saved, except for the workers' part, which the result contains.
  Result<takeover::Snapshot> inherit(takeover::Client& predecessor);
  Status finishTakeover(takeover::Client& predecessor, runtime::LoadingWorkers& loading, Instant began);
  void watchSignals();
  void onTerminate();
  void onTick();
  void onRoomFeed();
  void onAudibleFeed();
  void onHistorySample();

  // admin::Operations
  Status reload() override { return applier_.reload("POST /reload"); }
  void drain(bool exit) override;

  // takeover::Host
  std::string refusal() const override { return drain_.isDraining() ? "draining" : ""; }
  unsigned workers() const override { return static_cast<unsigned>(workers_.workers.size()); }
  takeover::Identity identity() const override;
  bool hasPendingHandshakes() const override;
  takeover::Snapshot pause() override;
  void resume() override;
  void end() override;

  const RealClock clock_;
  const Instant started_ = clock_.now();
  const std::shared_ptr<const crypto::DtlsContext> dtls_;
  net::EventLoop loop_;
  runtime::StatsStore stats_;
  rooms::Directory rooms_;
  chain::ProcessState process_;
  net::PacketPool packets_;  // of the main thread: STUN requests for external addresses
  const net::UdpNetworkFactory make_network_ = net::makeSocketNetwork;  // also of the workers
  const std::unique_ptr<net::UdpNetwork> network_;
  reload::PortManager ports_;
  runtime::WorkerGroup workers_;
  RoomControl room_control_;  // before player_updates_: see control::RoomStates
  reload::ConfigApplier applier_;
  reload::RolloutController rollouts_{applier_, clock_};
  reload::ExternalAddresses external_addresses_;
  reload::ConfigWatch config_watch_;
  PlayerUpdates player_updates_{rooms_, workers_};
  Drain drain_;
  TakeoverCounts taken_over_;
  Metrics metrics_;
  Introspection introspection_;
  EvidenceCollector evidence_{clock_, workers_};
  control::History history_{clock_};
  HistoryRecorder recorder_{{.clock = clock_,
                             .rooms = rooms_,
                             .states = room_control_.states(),
                             .workers = workers_,
                             .evidence = evidence_,
                             .history = history_}};
  HttpEndpoints http_;
  takeover::Server takeover_{loop_, *this};
  std::optional<runtime::PausedWorkers> paused_;  // while another process takes over
  std::vector<std::unique_ptr<net::SignalWatch>> signals_;
  net::Timer tick_;
  net::Timer room_feed_;
  net::Timer audible_feed_;
  net::Timer history_sample_;
};

}  // namespace sluice::server
