#include "filters/stun_turn/relay.h"

#include <algorithm>

#include "source/base/random.h"

namespace sluice::stun_turn {
namespace {

constexpr unsigned kTries = 256;

net::UdpOptions optionsFor(net::UdpStats& stats) {
  net::UdpOptions options;
  options.report_icmp = true;
  options.stats = &stats;
  return options;
}

class OwnRelay final : public Relay, private RelayPort::Sink {
 public:
  OwnRelay(chain::Worker& worker, std::shared_ptr<TurnProcess> process, net::UdpStats& stats,
           std::unique_ptr<net::UdpReservation> reservation, RelayUser& user)
      : user_(user), port_(worker, std::move(process), stats, std::move(reservation), *this) {}

  const net::Address& address() const override { return port_.address(); }
  bool send(net::PacketPtr&& packet) override { return port_.send(std::move(packet)); }

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
    : inside_(worker.inside()),
      process_(std::move(process)),
      sink_(sink),
      address_(reservation->local()),
      port_(worker.network().open(std::move(reservation), optionsFor(stats), *this)) {
  process_->addRelay(address_);
  inside_.add(address_, *this);
}

RelayPort::~RelayPort() {
  inside_.remove(address_);
  process_->removeRelay(address_);
}

bool RelayPort::isInside(const net::Address& peer) {
  if (last_version_ != inside_.version() || last_peer_ != peer) {
    last_peer_ = peer;
    last_version_ = inside_.version();
    last_inside_ = inside_.has(peer);
  }
  return last_inside_;
}

bool RelayPort::send(net::PacketPtr&& packet) {
  if (!isInside(packet->remote)) {
    packet->local = {};
    port_->send(std::move(packet));
    return false;
  }
  packet->local = packet->remote;
  packet->remote = address_;
  inside_.send(std::move(packet));
  return true;
}

std::unique_ptr<Relay> openOwnRelay(chain::Worker& worker, std::shared_ptr<TurnProcess> process,
                                    net::UdpStats& stats, std::unique_ptr<net::UdpReservation> reservation,
                                    RelayUser& user) {
  return std::make_unique<OwnRelay>(worker, std::move(process), stats, std::move(reservation), user);
}

std::unique_ptr<net::UdpReservation> reservePort(net::UdpNetwork& network, const net::Address& ip,
                                                 uint16_t min, uint16_t max, bool even,
                                                 std::unique_ptr<net::UdpReservation>* next) {
  const uint32_t range = uint32_t{max} - min + 1;
  const uint32_t start = randomU32() % range;
  // A stride that visits a small range whole and hops around in a large one. Odd, so that even ports come by.
  const uint32_t stride = range <= kTries ? 1 : 1 + 2 * (randomU32() % (range / 2));
  for (uint32_t i = 0; i < std::min(range, uint32_t{kTries}); ++i) {
    const auto port = static_cast<uint16_t>(min + (start + uint64_t{i} * stride) % range);
    if ((even && port % 2 != 0) || (next != nullptr && port == max)) continue;
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
