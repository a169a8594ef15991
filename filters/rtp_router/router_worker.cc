#include "filters/rtp_router/router_worker.h"

#include <algorithm>

namespace sluice::rtp_router {

void RouterWorker::add(rooms::Room& room, Receiver& receiver) {
  receivers_[room.number()].push_back(&receiver);
  room.addReceiver(worker_.index());
}

void RouterWorker::remove(rooms::Room& room, Receiver& receiver) {
  room.removeReceiver(worker_.index());
  const auto it = receivers_.find(room.number());
  std::erase(it->second, &receiver);
  if (it->second.empty()) receivers_.erase(it);
}

bool RouterWorker::distribute(const rooms::Room& room, net::PacketPtr&& packet) {
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
  const auto room = receivers_.find(voice.room);
  if (room == receivers_.end()) return;
  for (Receiver* receiver : room->second) {
    if (hears(receiver->number(), voice)) receiver->deliver(shared, voice);
  }
}

}  // namespace sluice::rtp_router
