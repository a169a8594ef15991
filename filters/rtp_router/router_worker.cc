#include "filters/rtp_router/router_worker.h"

#include <utility>

namespace sluice::rtp_router {

const LocalRoom& RouterWorker::add(rooms::Room& room, Receiver& receiver) {
  const auto it = rooms_.try_emplace(room.number(), room, audibility_.of(room.number())).first;
  it->second.add(receiver);
  room.addReceiver(worker_.index());
  return it->second;
}

void RouterWorker::remove(rooms::Room& room, Receiver& receiver) {
  room.removeReceiver(worker_.index());
  const auto it = rooms_.find(room.number());
  it->second.remove(receiver);
  if (!it->second.isEmpty()) return;
  rooms_.erase(it);
  audibility_.release(room.number());
}

bool RouterWorker::distribute(const rooms::Room& room, Receiver& speaker, net::PacketPtr&& packet) {
  bool complete = true;
  for (unsigned to = 0; to < worker_.count(); ++to) {
    if (to == worker_.index() || !room.hasReceivers(to)) continue;
    net::PacketPtr copy = worker_.pool().acquire();
    if (copy == nullptr) {
      complete = false;
      continue;
    }
    copy->assign(packet->data());
    copy->received = packet->received;
    copy->kind = packet->kind;
    copy->setNote(packet->note<Voice>());
    const bool sent = worker_.mail(
        to,
        [](chain::Worker& receiver, net::PacketPtr&& mailed) {
          receiver.local<RouterWorker>().fanOut(nullptr, std::move(mailed));
        },
        copy);
    if (!sent) {
      copy->settle();
      complete = false;
    }
  }
  fanOut(&speaker, std::move(packet));
  return complete;
}

void RouterWorker::fanOut(Receiver* speaker, net::PacketPtr&& packet) {
  const Voice voice = packet->note<Voice>();
  const net::SharedPacket shared(std::move(packet));
  const auto room = rooms_.find(voice.room);
  if (room != rooms_.end()) room->second.deliver(shared, voice, speaker, worker_.clock());
}

}  // namespace sluice::rtp_router
