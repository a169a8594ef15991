#include "filters/rtp_router/router_worker.h"

#include <algorithm>

namespace sluice::rtp_router {

void RouterWorker::add(rooms::Room& room, Listener& listener) {
  listeners_[room.number()].push_back(&listener);
  room.addListener(worker_.index());
}

void RouterWorker::remove(rooms::Room& room, Listener& listener) {
  room.removeListener(worker_.index());
  const auto it = listeners_.find(room.number());
  std::erase(it->second, &listener);
  if (it->second.empty()) listeners_.erase(it);
}

bool RouterWorker::distribute(const rooms::Room& room, net::PacketPtr&& packet) {
  bool complete = true;
  for (unsigned to = 0; to < worker_.count(); ++to) {
    if (to == worker_.index() || !room.hasListeners(to)) continue;
    net::PacketPtr copy = worker_.pool().acquire();
    if (copy == nullptr) {
      complete = false;
      continue;
    }
    copy->assign(packet->data());
    copy->received = packet->received;
    copy->kind = packet->kind;
    copy->note<Voice>() = packet->note<Voice>();
    const bool sent = worker_.mail(
        to,
        [](chain::Worker& receiver, net::PacketPtr&& mailed) {
          receiver.local<RouterWorker>().fanOut(std::move(mailed));
        },
        copy);
    if (!sent) {
      copy->settle();
      complete = false;
    }
  }
  fanOut(std::move(packet));
  return complete;
}

void RouterWorker::fanOut(net::PacketPtr&& packet) {
  const Voice voice = packet->note<Voice>();
  const net::SharedPacket shared(std::move(packet));
  const auto room = listeners_.find(voice.room);
  if (room == listeners_.end()) return;
  for (Listener* listener : room->second) {
    if (listener->number() != voice.speaker) listener->hear(shared, voice);
  }
}

}  // namespace sluice::rtp_router
