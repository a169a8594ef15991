#include "filters/stun_turn/relay.h"

#include <algorithm>
#include <numeric>

#include "source/base/random.h"

namespace sluice::stun_turn {
namespace {

constexpr unsigned kTries = 256;    // ports
constexpr unsigned kMaxBinds = 64;  // tries that bind a socket, which takes two system calls

net::UdpOptions optionsFor(net::UdpStats& stats) {
  net::UdpOptions options;
  options.report_icmp = true;
  options.fragment = true;  // RFC 8656 section 14
  options.stats = &stats;
  return options;
}

class OwnRelay final : public Relay, private RelayPort::Sink {
 public:
  OwnRelay(chain::Worker& worker, std::shared_ptr<TurnProcess> process, net::UdpStats& stats,
           std::unique_ptr<net::UdpReservation> reservation, RelayUser& user)
      : user_(user), port_(worker, std::move(process), stats, std::move(reservation), *this) {}

  const net::Address& address() const override { return port_.address(); }
  int descriptor() const override { return port_.descriptor(); }
  bool send(net::PacketPtr&& packet) override { return port_.send(std::move(packet)); }
  bool isOurs(const net::Address& peer) override { return port_.isOurs(peer); }

 private:
  void onPacket(net::PacketPtr&& packet) override { user_.onPeerPacket(std::move(packet)); }
  void onIcmp(const net::IcmpError& error) override { user_.onPeerIcmp(error); }
  void onSendFailed() override { user_.onRelayFailed(); }

  RelayUser& user_;
  RelayPort port_;
};

}  // namespace

RelayPort::RelayPort(chain::Worker& worker, std::shared_ptr<TurnProcess> process, net::UdpStats& stats,
                     std::unique_ptr<net::UdpReservation> reservation, Sink& sink)
    : hairpin_(worker.hairpin()),
      process_(std::move(process)),
      sink_(sink),
      address_(reservation->local()),
      port_(worker.network().open(std::move(reservation), optionsFor(stats), *this)) {
  process_->relays().add(address_);
  hairpin_.add(address_, *this);
}

RelayPort::~RelayPort() {
  hairpin_.remove(address_);
  process_->relays().remove(address_);
}

bool RelayPort::isLocal(const net::Address& peer) {
  const uint64_t version = hairpin_.version();
  if (last_local_.version != version || last_local_.peer != peer) {
    last_local_ = {peer, version, hairpin_.has(peer)};
  }
  return last_local_.is_local;
}

bool RelayPort::send(net::PacketPtr&& packet) {
  if (!isLocal(packet->remote)) {
    port_->send(std::move(packet));
    return false;
  }
  packet->local = packet->remote;
  packet->remote = address_;
  packet->dont_fragment = false;
  hairpin_.send(std::move(packet));
  return true;
}

std::unique_ptr<Relay> openOwnRelay(chain::Worker& worker, std::shared_ptr<TurnProcess> process,
                                    net::UdpStats& stats, std::unique_ptr<net::UdpReservation> reservation,
                                    RelayUser& user) {
  return std::make_unique<OwnRelay>(worker, std::move(process), stats, std::move(reservation), user);
}

std::unique_ptr<net::UdpReservation> reservePort(net::UdpNetwork& network, const net::Address& ip,
                                                 const TurnProcess& process, uint16_t min, uint16_t max,
                                                 bool even, std::unique_ptr<net::UdpReservation>* next) {
  const uint32_t range = uint32_t{max} - min + 1;
  const uint32_t start = randomU32() % range;
  // Visits all of a small range, and jumps through a large one without visiting a port twice.
  uint32_t stride = 1;
  while (range > kTries && (stride == 1 || std::gcd(stride, range) != 1)) stride = 2 + randomU32() % range;
  unsigned binds = 0;
  for (uint32_t i = 0; i < std::min(range, uint32_t{kTries}) && binds < kMaxBinds; ++i) {
    const auto port = static_cast<uint16_t>(min + (start + uint64_t{i} * stride) % range);
    if ((even && port % 2 != 0) || (next != nullptr && port == max)) continue;
    if (process.isRelay(ip.withPort(port))) continue;
    ++binds;
    auto reservation = network.reserve(ip.withPort(port));
    if (!reservation.ok()) continue;
    if (next == nullptr) return *std::move(reservation);
    auto second = network.reserve(ip.withPort(static_cast<uint16_t>(port + 1)));
    if (!second.ok()) continue;
    *next = *std::move(second);
    return *std::move(reservation);
  }
  return nullptr;
}

}  // namespace sluice::stun_turn
