// A table of sessions that the test opens; its sessions have no dispatcher.
#pragma once

#include "test/runtime/dispatcher_fixture.h"

namespace sluice::runtime {

struct SessionTableFixture : DispatcherFixture, SessionHost {
  SessionTableFixture() { hook = kTakeInSilence; }

  net::PacketPtr packet(const Address& remote, const Address& local = kLocal) {
    net::PacketPtr packet = DispatcherFixture::worker.pool().acquire();
    packet->assign(check());
    packet->kind = PacketKind::kStun;
    packet->remote = remote;
    packet->local = local;
    packet->received = clock.now();
    packet->settle();
    return packet;
  }
  Session& open(const Address& remote, rooms::PlayerPtr player = nullptr) {
    return open(*port, remote, std::move(player));
  }
  Session& open(WorkerPort& through, const Address& remote, rooms::PlayerPtr player = nullptr) {
    return table.add(std::make_unique<Session>(*this, ++last_id, *packet(remote), through,
                                               through.listener->chains[0], 0, std::move(player)));
  }
  // The client sends a packet now.
  void send(Session& session) { session.receive(packet(session.remote())); }

  // SessionHost
  chain::Worker& worker() override { return DispatcherFixture::worker; }
  const Generation& generation() const override { return *DispatcherFixture::generation; }
  WorkerPort* portAt(const WorkerPort&, const Address&) override { return nullptr; }
  const rooms::IceCredentials* iceCredentials(const rooms::Player&, std::string_view) const override {
    return nullptr;
  }
  void onCheck(Session&, const net::Packet&) override {}
  void onEstablished(Session& session) override { table.onEstablished(session); }
  void onUnauthenticated(Session& session) override { table.onUnauthenticated(session, clock.now()); }
  void onRedirect(const net::Packet&, const Tuple&, unsigned) override {}
  void onAdopted() override {}
  void onClosing(Session&) override {}

  uint64_t last_id = 0;
  SessionTable table;
};

}  // namespace sluice::runtime
