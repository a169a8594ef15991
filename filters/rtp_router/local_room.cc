#include "filters/rtp_router/local_room.h"

#include <algorithm>

namespace sluice::rtp_router {

void LocalRoom::add(Receiver& receiver) {
  receivers_.push_back(&receiver);
  hearers_.addReceiver(receiver.number(), &receiver);
}

void LocalRoom::remove(Receiver& receiver) {
  std::erase(receivers_, &receiver);
  // A reload may create a player's new filter before it destroys the old one.
  const auto other = std::ranges::find(receivers_, receiver.number(), &Receiver::number);
  if (other == receivers_.end()) return hearers_.removeReceiver(receiver.number());
  hearers_.addReceiver(receiver.number(), *other);
}

// No receiver is added or removed during the loops: a receiver only sends, and a session that is closed ends
// when the event loop's iteration ends.
void LocalRoom::deliver(const net::SharedPacket& packet, const Voice& voice, Receiver* speaker,
                        const Clock& clock) {
  if (hearers_.version() == 0) {
    for (Receiver* receiver : receivers_) {
      if (receiver->number() != voice.speaker) receiver->deliver(packet, voice, nullptr);
    }
    return;
  }
  if (version_ != hearers_.version()) {
    version_ = hearers_.version();
    selection_ = hearers_.snapshot()->selection;
  }
  const auto hearing = hearers_.of(voice.speaker, clock.now());
  const size_t others = hearers_.receivers() - (speaker != nullptr ? 1 : 0);
  if (hearing.size() < others) {
    Receiver& counting = speaker != nullptr ? *speaker : *receivers_.front();
    counting.countInaudible(others - hearing.size(), hearing.empty());
  }
  for (const audibility::Hearer& hearer : hearing) {
    static_cast<Receiver*>(hearer.receiver)->deliver(packet, voice, &hearer);
  }
}

}  // namespace sluice::rtp_router
