#include "filters/forward/upstream.h"

#include <algorithm>

namespace sluice::forward {
namespace {

constexpr Duration kDownTime = 1s;  // how long an endpoint that refused is skipped

// The common part of all sockets towards upstreams.
class UpstreamPort : public net::UdpReceiver {
 public:
  UpstreamPort(chain::Worker& worker, Stats stats, const net::Address& local, const net::Address& connect_to,
               std::unique_ptr<net::UdpReservation> adopted)
      : stats_(stats) {
    net::UdpOptions options;
    options.connect_to = connect_to;
    options.stats = &stats.sockets();
    if (adopted != nullptr) {
      port_ = worker.network().open(std::move(adopted), options, *this);
      return;
    }
    auto port = worker.network().open(local, options, *this);
    if (port.ok()) port_ = *std::move(port);
  }

  bool ok() const { return port_ != nullptr; }
  void send(net::PacketPtr&& packet) { port_->send(std::move(packet)); }
  void onSendFailed(int) override { count(Drop::kSendFailed); }
  const net::Address& local() const { return port_->local(); }
  int descriptor() const { return port_->descriptor(); }

 protected:
  void count(Drop reason) { stats_.drops(reason).add(); }
  void drop(net::PacketPtr packet, Drop reason) {
    count(reason);
    packet->settle();
  }

 private:
  Stats stats_;
  std::unique_ptr<net::UdpPort> port_;
};

class OwnUpstream final : public Upstream, private UpstreamPort {
 public:
  OwnUpstream(chain::Worker& worker, const net::Address& endpoint, Stats stats, Receiver& receiver,
              std::unique_ptr<net::UdpReservation> adopted)
      : UpstreamPort(worker, stats, endpoint.wildcard().withPort(0), endpoint, std::move(adopted)),
        endpoint_(endpoint),
        receiver_(receiver) {}

  using UpstreamPort::ok;

  void send(net::PacketPtr&& packet) override {
    packet->sendTo(endpoint_);
    UpstreamPort::send(std::move(packet));
  }
  const net::Address& local() const override { return UpstreamPort::local(); }
  int descriptor() const override { return UpstreamPort::descriptor(); }

 private:
  void onPacket(net::PacketPtr&& packet) override { receiver_.onReply(std::move(packet)); }
  void onRefused() override { receiver_.onRefused(); }
  void onSendFailed(int) override { receiver_.onSendFailed(); }

  const net::Address endpoint_;
  Receiver& receiver_;
};

}  // namespace

std::unique_ptr<Upstream> openOwn(chain::Worker& worker, const net::Address& endpoint, Stats stats,
                                  Upstream::Receiver& receiver,
                                  std::unique_ptr<net::UdpReservation> adopted) {
  auto upstream = std::make_unique<OwnUpstream>(worker, endpoint, stats, receiver, std::move(adopted));
  if (!upstream->ok()) return nullptr;
  return upstream;
}

class SharedSockets::Socket final : public UpstreamPort {
 public:
  Socket(chain::Worker& worker, Stats stats, const net::Address& local,
         std::unique_ptr<net::UdpReservation> adopted = nullptr)
      : UpstreamPort(worker, stats, local, {}, std::move(adopted)), v6_(local.isV6()) {}

  bool canServe(const net::Address& endpoint) const {
    return endpoint.isV6() == v6_ && !receivers_.contains(endpoint);
  }
  bool isFamily(bool v6) const { return v6 == v6_; }
  void claim(const net::Address& endpoint, Upstream::Receiver& receiver) { receivers_[endpoint] = &receiver; }
  void release(const net::Address& endpoint) { receivers_.erase(endpoint); }

 private:
  void onPacket(net::PacketPtr&& packet) override {
    const auto it = receivers_.find(packet->remote);
    if (it == receivers_.end()) return drop(std::move(packet), Drop::kUnmatchedReply);
    it->second->onReply(std::move(packet));
  }

  const bool v6_;
  std::unordered_map<net::Address, Upstream::Receiver*> receivers_;  // by endpoint
};

namespace {

class SharedUpstream final : public Upstream {
 public:
  SharedUpstream(SharedSockets::Socket& socket, const net::Address& endpoint, bool claimed)
      : socket_(socket), endpoint_(endpoint), claimed_(claimed) {}
  ~SharedUpstream() override {
    if (claimed_) socket_.release(endpoint_);
  }

  void send(net::PacketPtr&& packet) override {
    packet->sendTo(endpoint_);
    socket_.send(std::move(packet));
  }
  const net::Address& local() const override { return socket_.local(); }
  int descriptor() const override { return socket_.descriptor(); }

 private:
  SharedSockets::Socket& socket_;
  const net::Address endpoint_;
  const bool claimed_;
};

}  // namespace

SharedSockets::SharedSockets(chain::Worker& worker, Stats stats) : worker_(worker), stats_(stats) {}
SharedSockets::~SharedSockets() = default;

std::unique_ptr<Upstream> SharedSockets::open(const net::Address& endpoint, size_t max, bool one_way,
                                              Upstream::Receiver& receiver) {
  const auto serves = [&](const auto& s) {
    return one_way ? s->isFamily(endpoint.isV6()) : s->canServe(endpoint);
  };
  auto it = std::find_if(sockets_.begin(), sockets_.end(), serves);
  if (it == sockets_.end()) {
    if (sockets_.size() >= max) return nullptr;
    auto socket = std::make_unique<Socket>(worker_, stats_, endpoint.wildcard().withPort(0));
    if (!socket->ok()) return nullptr;
    it = sockets_.insert(sockets_.end(), std::move(socket));
  }
  if (!one_way) (*it)->claim(endpoint, receiver);
  return std::make_unique<SharedUpstream>(**it, endpoint, !one_way);
}

void SharedSockets::adopt(std::unique_ptr<net::UdpReservation> socket) {
  const net::Address local = socket->local();
  sockets_.push_back(std::make_unique<Socket>(worker_, stats_, local, std::move(socket)));
}

std::unique_ptr<Upstream> SharedSockets::openAt(const net::Address& local, const net::Address& endpoint,
                                                bool one_way, Upstream::Receiver& receiver) {
  const auto it =
      std::find_if(sockets_.begin(), sockets_.end(), [&](const auto& s) { return s->local() == local; });
  if (it == sockets_.end() || !(one_way || (*it)->canServe(endpoint))) return nullptr;
  if (!one_way) (*it)->claim(endpoint, receiver);
  return std::make_unique<SharedUpstream>(**it, endpoint, !one_way);
}

SharedSockets& ForwardWorker::shared(Stats stats) {
  auto& sockets = shared_[&stats.sockets()];
  if (sockets == nullptr) sockets = std::make_unique<SharedSockets>(worker_, stats);
  return *sockets;
}

net::Address ForwardWorker::choose(const chain::Cluster& cluster, const net::Address& client) {
  const size_t n = cluster.endpoints.size();
  const size_t first = cluster.policy == chain::Cluster::Policy::kRoundRobin ? next_++ : client.hash(0);
  for (size_t i = 0; i < n; ++i) {
    const net::Address& endpoint = cluster.endpoints[(first + i) % n];
    if (!isDown(endpoint)) return endpoint;
  }
  return cluster.endpoints[first % n];  // all are down: try one anyway
}

void ForwardWorker::markDown(const net::Address& endpoint) {
  down_until_[endpoint] = worker_.clock().now() + kDownTime;
}

bool ForwardWorker::isDown(const net::Address& endpoint) const {
  const auto it = down_until_.find(endpoint);
  return it != down_until_.end() && worker_.clock().now() < it->second;
}

}  // namespace sluice::forward
