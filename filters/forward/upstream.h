// The socket of a forward filter towards its upstream, its own or shared.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "filters/forward/statistics.h"
#include "source/chain/factory_context.h"
#include "source/chain/worker.h"

namespace sluice::forward {

// One session's use of an upstream. Destroying it closes the socket, or frees the endpoint on a
// shared one.
class Upstream {
 public:
  class Receiver {
   public:
    virtual ~Receiver() = default;
    virtual void onReply(net::PacketPtr&& packet) = 0;
    virtual void onRefused() {}
    virtual void onSendFailed() {}  // on a socket that no one shares
  };
  virtual ~Upstream() = default;
  virtual void send(net::PacketPtr&& packet) = 0;
  // The address and descriptor of the socket, which others may share.
  virtual const net::Address& local() const = 0;
  virtual int descriptor() const = 0;
};

// Opens a socket connected to `endpoint`, or uses `adopted` if not null. Null if no socket is available.
std::unique_ptr<Upstream> openOwn(chain::Worker& worker, const net::Address& endpoint, Stats stats,
                                  Upstream::Receiver& receiver,
                                  std::unique_ptr<net::UdpReservation> adopted = nullptr);

// Worker-wide sockets of one configured filter; on each socket an endpoint belongs to at most one session.
class SharedSockets {
 public:
  SharedSockets(chain::Worker& worker, Stats stats);
  ~SharedSockets();

  // With `one_way` the endpoint is shared too and replies are dropped. Null if all `max` sockets serve the
  // endpoint.
  std::unique_ptr<Upstream> open(const net::Address& endpoint, size_t max, bool one_way,
                                 Upstream::Receiver& receiver);

  // Adds a socket from another process.
  void adopt(std::unique_ptr<net::UdpReservation> socket);
  // Uses the socket bound to `local`; null if there is none, or it serves the endpoint already.
  std::unique_ptr<Upstream> openAt(const net::Address& local, const net::Address& endpoint, bool one_way,
                                   Upstream::Receiver& receiver);

  class Socket;

 private:
  chain::Worker& worker_;
  Stats stats_;
  std::vector<std::unique_ptr<Socket>> sockets_;
};

// State that all forward filters of a worker share.
class ForwardWorker {
 public:
  explicit ForwardWorker(chain::Worker& worker) : worker_(worker) {}

  // The sockets of the configured filter that counts in `stats`.
  SharedSockets& shared(Stats stats);

  // The endpoint for a session: by policy, skipping endpoints that refused a moment ago.
  net::Address choose(const chain::Cluster& cluster, const net::Address& client);
  void markDown(const net::Address& endpoint);
  bool isDown(const net::Address& endpoint) const;

 private:
  chain::Worker& worker_;
  std::unordered_map<const stats::SocketStats*, std::unique_ptr<SharedSockets>> shared_;
  std::unordered_map<net::Address, Instant> down_until_;  // bounded by the clusters' endpoints
  size_t next_ = 0;
};

}  // namespace sluice::forward
