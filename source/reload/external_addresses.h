// Keeps the environment's addresses current: this machine's, and the external ones that a STUN server
// reports. Main thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "source/net/timer.h"
#include "source/net/udp.h"
#include "source/reload/config_applier.h"
#include "source/reload/nat_probe.h"

namespace sluice::reload {

class ExternalAddresses final : public Participant {
 public:
  // The references outlive the object.
  struct Io {
    const Clock& clock;
    net::UdpNetwork& network;
    net::PacketPool& packets;
    net::TimerQueue& timers;
    std::function<Result<std::set<net::Address>>()> machine;  // net::machineAddresses
    std::function<void(std::function<void()>)> post;          // runs a task soon, on this thread
  };
  ExternalAddresses(ConfigApplier& applier, Io io) : applier_(applier), io_(std::move(io)) {}

  // Call it about once a second: every ten seconds it checks whether the machine's addresses have changed.
  void check();

  // Starts requests to the STUN server if the server or the local addresses have changed.
  void commit(const Running& running) override;

 private:
  void onExternalAddress(const net::Address& local, const net::Address& external);

  ConfigApplier& applier_;
  const Io io_;
  std::optional<config::NatSettings> probed_;  // of the probes
  std::vector<std::unique_ptr<NatProbe>> probes_;
  std::optional<Instant> checked_;
};

}  // namespace sluice::reload
