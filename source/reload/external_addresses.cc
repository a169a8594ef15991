#include "source/reload/external_addresses.h"

#include <utility>

#include "source/base/log.h"

namespace sluice::reload {
namespace {

constexpr Duration kCheckMachine = 10s;

bool probesTheSame(const config::NatSettings& a, const config::NatSettings& b) {
  return a.stun_server == b.stun_server && a.to_probe == b.to_probe &&
         a.refresh_interval == b.refresh_interval;
}

}  // namespace

void ExternalAddresses::commit(const Running& running) {
  const config::NatSettings& nat = running.settings.nat;
  if (probed_ && probesTheSame(*probed_, nat)) return;
  probed_ = nat;
  probes_.clear();
  if (!nat.stun_server) return;
  for (const net::Address& local : nat.to_probe) {
    // Posted, because the change may destroy this probe.
    const auto found = [this, local](const net::Address& external) {
      io_.post([this, local, external] { onExternalAddress(local, external); });
    };
    probes_.push_back(std::make_unique<NatProbe>(
        io_.network, io_.packets, io_.timers,
        NatProbe::Options{
            .local = local, .server = *nat.stun_server, .interval = nat.refresh_interval, .found = found}));
  }
}

void ExternalAddresses::onExternalAddress(const net::Address& local, const net::Address& external) {
  Environment environment = applier_.environment();
  const auto known = environment.discovered.find(local);
  if (known != environment.discovered.end() && known->second == external) return;
  log::info("the external address of {} is {}", local.ipString(), external.ipString());
  environment.discovered[local] = external;
  // On an error the next response tries again.
  if (const Status status = applier_.changeEnvironment(std::move(environment)); !status.ok()) {
    log::error("cannot apply the new external address:\n{}", toString(status.errors()));
  }
}

void ExternalAddresses::check() {
  const Instant now = io_.clock.now();
  if (checked_ && now - *checked_ < kCheckMachine) return;
  checked_ = now;
  auto machine = io_.machine();
  if (!machine.ok() || *machine == applier_.environment().machine) return;
  log::info("this machine's addresses have changed");
  Environment environment = applier_.environment();
  environment.machine = *std::move(machine);
  if (const Status status = applier_.changeEnvironment(std::move(environment)); !status.ok()) {
    log::error("cannot apply this machine's new addresses:\n{}", toString(status.errors()));
  }
}

}  // namespace sluice::reload
