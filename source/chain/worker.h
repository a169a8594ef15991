// A worker as filters see it: packet pool, clock, timers and network, and state that filters of one type
// share on the worker.
#pragma once

#include <functional>
#include <memory>
#include <typeindex>
#include <unordered_map>

#include "source/base/clock.h"
#include "source/net/hairpin.h"
#include "source/net/packet_pool.h"
#include "source/net/timer.h"
#include "source/net/udp.h"

namespace sluice::chain {

class Worker {
 public:
  virtual ~Worker() = default;

  virtual unsigned index() const = 0;  // 0 .. count()-1
  virtual unsigned count() const = 0;
  virtual net::PacketPool& pool() = 0;
  virtual const Clock& clock() const = 0;
  virtual net::TimerQueue& timers() = 0;
  virtual net::UdpNetwork& network() = 0;
  // The listeners of this worker register their addresses here as groups.
  virtual net::Hairpin& hairpin() = 0;
  // The share of about the last second in which the worker was not waiting for events, 0 to 1.
  virtual double busyShare() const = 0;

  // Runs `task` on the main thread, soon.
  virtual void postToMain(std::function<void()> task) = 0;

  // Hands a packet to another worker, which runs `deliver` with it. Bounded: false when that worker's mailbox
  // is full; the caller keeps the packet then. No lock, no allocation.
  using Deliver = void (*)(Worker& receiver, net::PacketPtr&& packet);
  virtual bool mail(unsigned to, Deliver deliver, net::PacketPtr& packet) = 0;

  // The one T of this worker: created as T(Worker&) on first use, lives as long as the worker. For state that
  // all sessions of a worker share; look it up when a filter is created, not per packet.
  template <typename T>
  T& local() {
    std::shared_ptr<void>& state = locals_[typeid(T)];
    if (state == nullptr) state = std::make_shared<T>(*this);
    return *static_cast<T*>(state.get());
  }

 protected:
  // Destroys the filters' shared state before what it depends on.
  void clearLocals() { locals_.clear(); }

 private:
  std::unordered_map<std::type_index, std::shared_ptr<void>> locals_;
};

}  // namespace sluice::chain
