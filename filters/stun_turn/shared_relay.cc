#include "filters/stun_turn/shared_relay.h"

#include <algorithm>
#include <deque>

namespace sluice::stun_turn {

class SharedPort final : private RelayPort::Sink {
 public:
  SharedPort(SharedRelays& owner, net::UdpStats& stats, std::shared_ptr<TurnProcess> process,
             std::unique_ptr<net::UdpReservation> reservation)
      : port_(owner.worker_, std::move(process), stats, std::move(reservation), *this) {}

  class Share;
  size_t shares() const { return users_.size(); }
  const net::Address& address() const { return port_.address(); }

 private:
  void onPacket(net::PacketPtr&& packet) override {
    RelayUser* user = userOf(packet->remote);
    if (user != nullptr) return user->onPeerPacket(std::move(packet));
    if (!users_.empty()) (*users_.begin())->onUnmatchedPeer();  // one of them counts it
    packet->settle();
    packet.reset();
  }
  void onIcmp(const net::IcmpError& error) override {
    if (RelayUser* user = userOf(error.peer)) user->onPeerIcmp(error);
  }
  void onSendFailed() override {
    if (!users_.empty()) (*users_.begin())->onRelayFailed();
  }

  RelayUser* userOf(const net::Address& peer) const {
    if (const auto it = claims_.find(peer); it != claims_.end() && it->second.user->permits(peer)) {
      return it->second.user;
    }
    const auto expecting = expected_.find(peer.withPort(0));
    if (expecting == expected_.end()) return nullptr;
    RelayUser* only = nullptr;
    for (RelayUser* user : expecting->second) {  // nearly all of them permit it, so two checks are enough
      if (!user->permits(peer)) continue;
      if (only != nullptr) return nullptr;
      only = user;
    }
    return only;
  }

  struct Claim {
    RelayUser* user;
    uint64_t serial;
  };
  std::unordered_map<net::Address, Claim> claims_;
  uint64_t claimed_ = 0;                                                       // in total
  std::unordered_map<net::Address, std::unordered_set<RelayUser*>> expected_;  // by IP address, port 0
  std::unordered_set<RelayUser*> users_;
  RelayPort port_;  // last: it may call this object until it is destroyed
};

class SharedPort::Share final : public Relay {
 public:
  Share(SharedPort& port, RelayUser& user) : port_(port), user_(user) { port_.users_.insert(&user); }
  ~Share() override {
    port_.users_.erase(&user_);
    for (const Claimed& claimed : claimed_) release(claimed);
    for (const net::Address& ip : expected_) forget(ip);
  }

  const net::Address& address() const override { return port_.port_.address(); }
  bool isShared() const override { return true; }
  int descriptor() const override { return port_.port_.descriptor(); }
  bool send(net::PacketPtr&& packet) override { return port_.port_.send(std::move(packet)); }
  bool isOurs(const net::Address& peer) override { return port_.port_.isOurs(peer); }

  bool claim(const net::Address& peer) override {
    const auto known = port_.claims_.find(peer);
    if (known != port_.claims_.end()) {
      if (known->second.user == &user_) return true;
      if (known->second.user->permits(peer)) return false;  // if not, that permission has ended
    }
    const uint64_t serial = ++port_.claimed_;
    port_.claims_.insert_or_assign(peer, Claim{&user_, serial});
    claimed_.push_back({peer, serial});
    while (claimed_.size() > user_.maxClaims()) {  // the oldest are forgotten
      release(claimed_.front());
      claimed_.pop_front();
    }
    return true;
  }
  void expect(const net::Address& peer) override {
    const net::Address ip = peer.withPort(0);
    if (expected_.insert(ip).second) port_.expected_[ip].insert(&user_);
  }
  void forgetUnexpected() override {
    std::erase_if(claimed_, [&](const Claimed& claimed) {
      if (user_.expects(claimed.peer)) return false;
      release(claimed);
      return true;
    });
    std::erase_if(expected_, [&](const net::Address& ip) {
      if (user_.expects(ip)) return false;
      forget(ip);
      return true;
    });
  }

 private:
  struct Claimed {
    net::Address peer;
    uint64_t serial;  // another claim of the same peer has another one
  };
  void release(const Claimed& claimed) {
    const auto it = port_.claims_.find(claimed.peer);
    if (it != port_.claims_.end() && it->second.serial == claimed.serial) port_.claims_.erase(it);
  }
  void forget(const net::Address& ip) {
    const auto users = port_.expected_.find(ip);
    users->second.erase(&user_);
    if (users->second.empty()) port_.expected_.erase(users);
  }

  SharedPort& port_;
  RelayUser& user_;
  std::deque<Claimed> claimed_;
  std::unordered_set<net::Address> expected_;
};

SharedRelays::SharedRelays(chain::Worker& worker) : worker_(worker) {}
SharedRelays::~SharedRelays() = default;

void SharedRelays::addTo(Ports& ports, const Range& range, const std::shared_ptr<TurnProcess>& process) {
  auto port = reservePort(worker_.network(), range.ip, *process, range.first, range.last, false, nullptr);
  if (port != nullptr)
    ports.push_back(std::make_unique<SharedPort>(*this, range.stats, process, std::move(port)));
}

void SharedRelays::prepare(const Range& range, const std::shared_ptr<TurnProcess>& process) {
  Ports& ports = ports_[{range.ip, range.first, range.last}];
  if (ports.empty()) addTo(ports, range, process);
}

std::unique_ptr<Relay> SharedRelays::open(const Range& range, const std::shared_ptr<TurnProcess>& process,
                                          RelayUser& user) {
  Ports& ports = ports_[{range.ip, range.first, range.last}];
  const size_t fair = std::max<size_t>(1, (size_t{range.last} - range.first + 1) / worker_.count());
  if (ports.size() < std::min(range.max_ports, fair)) addTo(ports, range, process);
  if (ports.empty()) return nullptr;
  const auto fewest = std::min_element(
      ports.begin(), ports.end(), [](const auto& a, const auto& b) { return a->shares() < b->shares(); });
  return std::make_unique<SharedPort::Share>(**fewest, user);
}

std::unique_ptr<Relay> SharedRelays::adopt(const net::Address& address,
                                           std::unique_ptr<net::UdpReservation> port, uint16_t min_port,
                                           uint16_t max_port, net::UdpStats& stats,
                                           std::shared_ptr<TurnProcess> process, RelayUser& user) {
  auto& ports = ports_[{address.withPort(0), min_port, max_port}];
  if (port != nullptr) {
    ports.push_back(std::make_unique<SharedPort>(*this, stats, std::move(process), std::move(port)));
  }
  const auto known = std::ranges::find_if(ports, [&](const auto& p) { return p->address() == address; });
  if (known == ports.end()) return nullptr;
  return std::make_unique<SharedPort::Share>(**known, user);
}

}  // namespace sluice::stun_turn
