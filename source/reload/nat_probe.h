// Requests the external address of one of this machine's addresses from a STUN server: at once, then at an
// interval. Main thread.
#pragma once

#include <functional>
#include <memory>

#include "source/codec/stun.h"
#include "source/net/timer.h"
#include "source/net/udp.h"

namespace sluice::reload {

class NatProbe final : private net::UdpReceiver {
 public:
  struct Options {
    net::Address local;   // this machine's IP address, port 0
    net::Address server;  // of the same family
    Duration interval;
    std::function<void(const net::Address& external)> found;  // after every response; IP address, port 0
  };
  // `network`, `pool` and `timers` outlive the probe.
  NatProbe(net::UdpNetwork& network, net::PacketPool& pool, net::TimerQueue& timers, Options options);

  const net::Address& local() const { return options_.local; }

 private:
  void onPacket(net::PacketPtr&& packet) override;
  void onTimer();
  void begin();
  bool open();
  void sendRequest();

  net::UdpNetwork& network_;
  net::PacketPool& pool_;
  const Options options_;
  net::UdpStats stats_;
  std::unique_ptr<net::UdpPort> port_;
  stun::TransactionId id_{};
  unsigned requests_ = 0;
  bool waiting_ = false;
  net::Timer timer_;
};

}  // namespace sluice::reload
