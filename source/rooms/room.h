// A room as all threads see it. The directory has the list of its players.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "source/rooms/loss_histogram.h"

namespace sluice::rooms {

class Room {
 public:
  Room(std::string name, unsigned workers) : name_(std::move(name)), receivers_(workers) {}

  const std::string& name() const { return name_; }
  uint32_t number() const { return number_; }  // unique in the process, never 0

  // Number of players' sessions on a worker; packets are mailed only to workers with at least one. Lock-free.
  void addReceiver(unsigned worker) { receivers_[worker].fetch_add(1, std::memory_order_relaxed); }
  void removeReceiver(unsigned worker) { receivers_[worker].fetch_sub(1, std::memory_order_relaxed); }
  bool hasReceivers(unsigned worker) const { return receivers_[worker].load(std::memory_order_relaxed) > 0; }
  // The speakers that a player hears at the same time, in an overload. Written by the main thread. Lock-free.
  static constexpr uint16_t kNoLimit = UINT16_MAX;
  void limitSpeakers(uint16_t most) { speaker_limit_.store(most, std::memory_order_relaxed); }
  uint16_t speakerLimit() const { return speaker_limit_.load(std::memory_order_relaxed); }
  // The loss of the room's receivers whose chains have a repair filter.
  LossHistogram& receiverLoss() { return receiver_loss_; }

  unsigned workers() const { return static_cast<unsigned>(receivers_.size()); }

 private:
  static uint32_t nextNumber() {
    static std::atomic<uint32_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }

  const std::string name_;
  const uint32_t number_ = nextNumber();
  std::atomic<uint16_t> speaker_limit_{kNoLimit};
  std::vector<std::atomic<uint32_t>> receivers_;
  LossHistogram receiver_loss_;
};

}  // namespace sluice::rooms
