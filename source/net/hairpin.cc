#include "source/net/hairpin.h"

namespace sluice::net {

Hairpin::~Hairpin() {
  for (PacketPtr& packet : queue_) packet->settle();
}

void Hairpin::add(const Address& address, UdpReceiver& receiver, const void* group) {
  ++version_;
  ports_[address] = {&receiver, group};
  wildcards_ += address.isWildcard();
}

void Hairpin::remove(const Address& address) {
  ++version_;
  if (ports_.erase(address) > 0) wildcards_ -= address.isWildcard();
}

const Hairpin::Port* Hairpin::find(const Address& address) const {
  auto it = ports_.find(address);
  if (it == ports_.end() && wildcards_ > 0 && machine_.contains(address.withPort(0))) {
    it = ports_.find(address.wildcard());
  }
  return it == ports_.end() ? nullptr : &it->second;
}

const void* Hairpin::groupOf(const Address& address) const {
  const Port* port = find(address);
  return port == nullptr ? nullptr : port->group;
}

void Hairpin::send(PacketPtr&& packet) {
  if (queue_.empty() && delivering_.empty()) schedule_();
  queue_.push_back(std::move(packet));
}

void Hairpin::deliver() {
  while (!queue_.empty()) {
    delivering_.swap(queue_);
    for (PacketPtr& packet : delivering_) {
      if (const Port* port = find(packet->local)) {
        port->receiver->onPacket(std::move(packet));
      } else {
        lost_.add();  // the port was removed after has() was called
        packet->settle();
        packet.reset();
      }
    }
    delivering_.clear();
  }
}

}  // namespace sluice::net
