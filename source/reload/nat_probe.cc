#include "source/reload/nat_probe.h"

#include "source/base/log.h"
#include "source/base/random.h"
#include "source/codec/stun_writer.h"
#include "source/net/packet_pool.h"

namespace sluice::reload {
namespace {

constexpr Duration kFirstWait = 500ms;  // RFC 8489 section 6.2.1: RTO, doubled each time, Rc requests
constexpr unsigned kMaxRequests = 7;
constexpr unsigned kLastWait = 16;  // Rm: in RTOs, wait for the response to the last request

}  // namespace

NatProbe::NatProbe(net::UdpNetwork& network, net::PacketPool& pool, net::TimerQueue& timers, Options options)
    : network_(network), pool_(pool), options_(std::move(options)), timer_(timers, [this] { onTimer(); }) {
  begin();
}

bool NatProbe::open() {
  net::UdpOptions socket;
  socket.stats = &stats_;
  auto port = network_.open(options_.local, socket, *this);
  if (port.ok()) {
    port_ = *std::move(port);
  } else {
    log::warn("cannot query the external address of {}: {}", options_.local.ipString(), port.error().message);
  }
  return port.ok();
}

void NatProbe::begin() {
  if (port_ == nullptr && !open()) return timer_.arm(options_.interval);
  fillRandom(id_);
  requests_ = 0;
  waiting_ = true;
  sendRequest();
}

void NatProbe::sendRequest() {
  const unsigned wait = 1u << requests_;
  ++requests_;
  timer_.arm(kFirstWait * (requests_ < kMaxRequests ? wait : kLastWait));
  net::PacketPtr packet = pool_.acquire();
  if (packet == nullptr) return;
  packet->resize(net::Packet::kMaxPayload);
  stun::Writer writer(packet->mutableData(), stun::kBinding, stun::Class::kRequest, id_);
  writer.addFingerprint();
  packet->resize(*writer.finish());
  packet->sendTo(options_.server);
  port_->send(std::move(packet));
}

void NatProbe::onTimer() {
  if (!waiting_) return begin();
  if (requests_ < kMaxRequests) return sendRequest();
  log::warn("{} did not respond to the query for the external address of {}", options_.server.toString(),
            options_.local.ipString());
  waiting_ = false;
  timer_.arm(options_.interval);
}

void NatProbe::onPacket(net::PacketPtr&& packet) {
  const net::PacketPtr own = std::move(packet);
  own->settle();
  const auto response = stun::parse(own->data());
  if (!waiting_ || own->remote != options_.server || !response || response->id != id_ ||
      response->method != stun::kBinding || response->kind != stun::Class::kSuccess ||
      !response->checkFingerprint()) {
    return;
  }
  const auto mapped = response->xorMappedAddress();
  if (!mapped || mapped->ip_length != options_.local.ip().size()) return;
  waiting_ = false;
  timer_.arm(options_.interval);
  options_.found(net::Address(Bytes(mapped->ip).first(mapped->ip_length), 0));
}

}  // namespace sluice::reload
