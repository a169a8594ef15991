// Real workers that run a configuration, without a server.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "source/config/build.h"
#include "source/net/udp_socket.h"
#include "source/runtime/handover.h"
#include "source/runtime/worker.h"

namespace sluice::test {

class Workers {
 public:
  // `text` is a Bootstrap. The first address of its first listener is bound.
  Workers(const std::string& text, unsigned count, net::UdpNetworkFactory network = net::makeSocketNetwork);
  // Takes over from `before`, whose workers are in `paused`, as another process would.
  Workers(const std::string& text, Workers& before, runtime::PausedWorkers& paused,
          runtime::LoadingWorkers& loading);
  ~Workers();

  void reload(const std::string& text);
  const net::Address& address() const { return address_; }
  // Runs on a worker's thread and waits for completion.
  void on(unsigned worker, const std::function<void(runtime::WorkerThread&)>& task);
  // Drops of the first listener, summed over all workers.
  uint64_t dropped(runtime::ListenerDrop reason) const;
  uint64_t unaccounted() const;
  unsigned count() const { return static_cast<unsigned>(group_.workers.size()); }
  size_t sessions() const { return group_.total_sessions.load(); }

  runtime::WorkerGroup& group() { return group_; }
  rooms::Directory& directory() { return directory_; }
  // Notifies the workers of a new player, as the server does.
  void announce(const rooms::PlayerPtr& player);
  // Runs the tasks that workers posted to the main thread.
  void runMain();

 private:
  void start(const std::string& text, unsigned count, const net::UdpNetworkFactory& network);
  static runtime::PortChanges firstPort(std::unique_ptr<net::UdpReservation> socket,
                                        const runtime::ListenerSpecPtr& listener);
  runtime::GenerationPtr build(const std::string& text);

  const RealClock clock_;
  rooms::Directory directory_;
  chain::ProcessState process_;
  const chain::Registry registry_;
  runtime::StatsStore stats_;
  std::shared_ptr<const crypto::DtlsContext> dtls_;
  runtime::WorkerGroup group_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  runtime::GenerationPtr generation_;
  uint64_t version_ = 0;
  net::Address address_;
  std::vector<int> sockets_;  // the workers'
};

}  // namespace sluice::test
