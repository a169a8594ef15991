#include "test/support/fake_network.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>

namespace sluice::test {

class FakeNetwork::Port final : public net::UdpPort {
 public:
  Port(FakeNetwork& network, const net::Address& local) : network_(network), local_(local) {}
  ~Port() override {
    network_.ports_.erase(local_);
    if (descriptor_ >= 0) close(descriptor_);
  }

  void send(net::PacketPtr&& packet) override {
    if (network_.record) network_.sent.push_back(recorded(*packet));
    packet->settle();
    packet.reset();
  }
  const net::Address& local() const override { return local_; }
  int descriptor() const override {
    if (descriptor_ >= 0) return descriptor_;
    descriptor_ = memfd_create("port", MFD_CLOEXEC);
    const std::string name = local_.toString();
    return pwrite(descriptor_, name.data(), name.size(), 0) < 0 ? -1 : descriptor_;
  }

 private:
  SentDatagram recorded(const net::Packet& packet) const {
    const Bytes data = packet.data();
    return {local_,      packet.remote, {data.begin(), data.end()},
            packet.tos,  packet.ttl,    packet.dont_fragment,
            packet.local};
  }

  FakeNetwork& network_;
  const net::Address local_;
  mutable int descriptor_ = -1;  // created on request
};

Result<std::unique_ptr<net::UdpPort>> FakeNetwork::open(const net::Address& local,
                                                        const net::UdpOptions& options,
                                                        net::UdpReceiver& receiver) {
  if (exhausted) return Error{"", "no more sockets"};
  const net::Address bound = local.port() == 0 ? local.withPort(next_port_++) : local;
  ports_[bound] = {&receiver, options.connect_to};
  last_opened_ = bound;
  return std::unique_ptr<net::UdpPort>(std::make_unique<Port>(*this, bound));
}

class FakeNetwork::Reservation final : public net::UdpReservation {
 public:
  Reservation(FakeNetwork& network, const net::Address& local) : network_(network), local_(local) {
    network_.reserved_.insert(local_);
  }
  ~Reservation() override { network_.reserved_.erase(local_); }
  const net::Address& local() const override { return local_; }

 private:
  FakeNetwork& network_;
  const net::Address local_;
};

std::unique_ptr<net::UdpReservation> FakeNetwork::adopt(int fd) {
  std::array<char, 64> name;
  const ssize_t size = pread(fd, name.data(), name.size(), 0);
  if (fd >= 0) close(fd);
  if (size <= 0) return nullptr;
  const auto local = net::Address::parse({name.data(), static_cast<size_t>(size)});
  return local.ok() ? std::make_unique<Reservation>(*this, *local) : nullptr;
}

Result<std::unique_ptr<net::UdpReservation>> FakeNetwork::reserve(const net::Address& local,
                                                                  const net::UdpOptions&) {
  if (exhausted) return Error{"", "no more sockets"};
  const net::Address bound = local.port() == 0 ? local.withPort(next_port_++) : local;
  if (ports_.contains(bound) || reserved_.contains(bound)) return Error{"", "in use"};
  return std::unique_ptr<net::UdpReservation>(std::make_unique<Reservation>(*this, bound));
}

std::unique_ptr<net::UdpPort> FakeNetwork::open(std::unique_ptr<net::UdpReservation> reservation,
                                                const net::UdpOptions& options, net::UdpReceiver& receiver) {
  return *open(reservation->local(), options, receiver);
}

bool FakeNetwork::icmp(const net::Address& port, const net::IcmpError& error) {
  const auto it = ports_.find(port);
  if (it == ports_.end()) return false;
  it->second.receiver->onIcmp(error);
  return true;
}

bool FakeNetwork::deliver(const net::Address& from, const net::Address& to, Bytes data, uint8_t tos) {
  const auto it = ports_.find(to);
  if (it == ports_.end() || (it->second.connected_to.isSet() && it->second.connected_to != from))
    return false;
  net::PacketPtr packet = pool_.acquire();
  if (packet == nullptr) return false;
  packet->assign(data);
  packet->received = clock_.now();
  packet->remote = from;
  packet->local = to;
  packet->tos = tos;
  it->second.receiver->onPacket(std::move(packet));
  return true;
}

bool FakeNetwork::refuse(const net::Address& port) {
  const auto it = ports_.find(port);
  if (it == ports_.end()) return false;
  it->second.receiver->onRefused();
  return true;
}

bool FakeNetwork::failSend(const net::Address& port, int error) {
  const auto it = ports_.find(port);
  if (it == ports_.end()) return false;
  it->second.receiver->onSendFailed(error);
  return true;
}

}  // namespace sluice::test
