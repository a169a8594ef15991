// A dispatcher with one listener and one chain of one filter, which the test controls.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "source/codec/stun_writer.h"
#include "source/runtime/dispatcher.h"
#include "source/runtime/hairpin_port.h"
#include "test/support/harness.h"

namespace sluice::runtime {

using net::Address;

inline const Address kLocal = *Address::parse("198.51.100.1:3478");
inline const Address kAlice = *Address::parse("192.0.2.1:5000");
inline const Address kBob = *Address::parse("192.0.2.2:5000");
inline const Address kCarol = *Address::parse("192.0.2.3:5000");
inline const std::vector<uint8_t> kVoice{0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2};

inline std::vector<uint8_t> check(std::string_view username = {}) {
  std::vector<uint8_t> buffer(200);
  stun::Writer writer(buffer, stun::kBinding, stun::Class::kRequest, {1});
  if (!username.empty()) writer.add(stun::kUsername, username);
  buffer.resize(*writer.finish());
  return buffer;
}

// The treatment of packets by the only filter of the chain.
using Hook = std::function<void(chain::FilterContext&, net::PacketPtr&&)>;

// The behaviour of the filter in a takeover.
using ArchiveHook = std::function<bool(Archive&)>;

class HookFilter final : public chain::Filter {
 public:
  HookFilter(chain::FilterContext& context, const Hook& hook, const ArchiveHook& archive_hook,
             const chain::Description& description)
      : Filter(context),
        context_(context),
        hook_(hook),
        archive_hook_(archive_hook),
        description_(description) {}
  void onIngress(net::PacketPtr&& packet) override { hook_(context_, std::move(packet)); }
  bool archive(Archive& a) override { return archive_hook_(a); }
  void describe(chain::Description& out) const override { out = description_; }

 private:
  chain::FilterContext& context_;
  const Hook& hook_;
  const ArchiveHook& archive_hook_;
  const chain::Description& description_;
};

class HookFactory final : public chain::FilterFactory {
 public:
  HookFactory(const Hook& hook, const ArchiveHook& archive_hook, const chain::Description& description)
      : hook_(hook), archive_hook_(archive_hook), description_(description) {}
  chain::FilterPtr create(chain::FilterContext& context) const override {
    return std::make_unique<HookFilter>(context, hook_, archive_hook_, description_);
  }

 private:
  const Hook& hook_;
  const ArchiveHook& archive_hook_;
  const chain::Description& description_;
};

struct DispatcherFixture {
  struct Options {
    bool authenticates = true;
    SessionLimits limits{.authentication_timeout = 10s};
    unsigned index = 0;
    unsigned workers = 1;
    size_t listener_sessions = SIZE_MAX;
  };

  DispatcherFixture() : DispatcherFixture(Options{}) {}
  explicit DispatcherFixture(const Options& options)
      : worker(clock, options.index, options.workers),
        dispatcher({.worker = worker,
                    .loop = loop,
                    .total_sessions = total,
                    .deliver =
                        [](chain::Worker& receiver, net::PacketPtr&& packet) {
                          byWorker().at(&receiver)->onMailed(std::move(packet));
                        },
                    .redirect =
                        [](chain::Worker& receiver, net::PacketPtr&& packet) {
                          byWorker().at(&receiver)->onRedirectMailed(std::move(packet));
                        },
                    .player_gone = [this](const Session& session) { gone.push_back(session.player()); }}) {
    byWorker()[&worker] = &dispatcher;
    limits = options.limits;
    authenticates = options.authenticates;
    listener_sessions = options.listener_sessions;
    type.name = "hook";
    publish(1);
    auto owned = std::make_unique<WorkerPort>(uint16_t{7}, generation->listeners[0], &stats, dispatcher);
    port = owned.get();
    port->udp = *worker.network().open(kLocal, {}, *port);
    dispatcher.addPort(std::move(owned));
  }
  ~DispatcherFixture() {
    dispatcher.closeAll("shutdown");
    turn();
    CHECK(worker.pool().unaccounted() == 0);
    byWorker().erase(&worker);
  }

  static std::map<chain::Worker*, Dispatcher*>& byWorker() {
    static std::map<chain::Worker*, Dispatcher*> dispatchers;
    return dispatchers;
  }

  void publish(uint64_t version, bool with_listener = true, const std::string& chain_name = "chain") {
    auto chain = std::make_shared<chain::ChainSpec>();
    chain->name = chain_name;
    chain->version = chain_version;
    chain->authenticates = authenticates;
    if (for_some) chain->source_prefixes = {*net::Prefix::parse("192.0.2.0/24")};
    chain->filters.push_back({"hook",
                              &type,
                              "",
                              std::make_shared<HookFactory>(hook, archive, description),
                              {&filter_stats, &filter_stats}});
    auto listener = std::make_shared<ListenerSpec>();
    listener->name = "listener";
    listener->chains = {chain};
    listener->idle_timeout = 60s;
    listener->max_sessions = listener_sessions;
    listener->stats = {&stats};
    auto fresh = std::make_shared<Generation>();
    fresh->version = version;
    fresh->limits = limits;
    if (with_listener) fresh->listeners = {listener};
    generation = fresh;
    dispatcher.setGeneration(fresh);
  }

  void receive(const Address& from, const std::vector<uint8_t>& data) { receive(*port, from, kLocal, data); }
  void receive(WorkerPort& through, const Address& from, const Address& to,
               const std::vector<uint8_t>& data) {
    net::PacketPtr packet = worker.pool().acquire();
    packet->assign(data);
    packet->remote = from;
    packet->local = to;
    packet->received = clock.now();
    through.onPacket(std::move(packet));
  }
  // Receives packets that relays of this process send.
  WorkerPort& addHairpin() {
    const auto id = static_cast<uint16_t>(7 | WorkerPort::kHairpin);
    auto owned = std::make_unique<WorkerPort>(id, generation->listeners[0], &stats, dispatcher);
    WorkerPort& hairpin = *owned;
    hairpin.udp = std::make_unique<HairpinPort>(worker.hairpin(), *port->udp, hairpin, &stats);
    dispatcher.addPort(std::move(owned));
    return hairpin;
  }
  void turn() { uv_run(loop.raw(), UV_RUN_NOWAIT); }
  void sweepAfter(Duration by) {
    clock.advance(by);
    dispatcher.sweep();
    turn();
  }
  uint64_t dropped(ListenerDrop reason) const { return stats.drops[static_cast<size_t>(reason)].value(); }
  uint64_t closed(std::string_view wanted) const {
    uint64_t n = 0;
    stats.closed.forEach([&](std::string_view reason, uint64_t count) { n += reason == wanted ? count : 0; });
    return n;
  }
  // Another listener on another local port, whose chain does not authenticate.
  WorkerPort& addOpenListener() {
    auto chain = std::make_shared<chain::ChainSpec>(*generation->listeners[0]->chains[0]);
    chain->authenticates = false;
    auto listener = std::make_shared<ListenerSpec>(*generation->listeners[0]);
    listener->name = "open";
    listener->chains = {chain};
    listener->stats = {&open_stats};
    auto owned = std::make_unique<WorkerPort>(uint16_t{8}, listener, &open_stats, dispatcher);
    WorkerPort& open = *owned;
    open.udp = *worker.network().open(kLocal.withPort(4000), {}, open);
    dispatcher.addPort(std::move(owned));
    return open;
  }
  const Session* find(const Address& remote) const {
    return dispatcher.sessions().find({remote, kLocal, 7, runtime::SessionUsage::kMedia}).session;
  }

  rooms::PlayerPtr player(const std::string& ufrag, const std::string& password = "") {
    rooms::Negotiated negotiated;
    negotiated.local = {ufrag, password};
    auto joined = std::make_shared<rooms::Player>(room, ufrag, negotiated);
    dispatcher.addPlayer(joined);
    return joined;
  }

  ManualClock clock;
  test::FakeWorker worker;
  net::EventLoop loop;
  std::atomic<size_t> total{0};
  ListenerStats stats;
  ListenerStats open_stats;
  chain::FilterType type;
  stats::FilterStats filter_stats{stats::FilterSchema{}};
  // Every STUN message authenticates its sender; other packets are consumed.
  Hook hook = [](chain::FilterContext& context, net::PacketPtr&& packet) {
    if (packet->kind == PacketKind::kStun) context.session().authenticate(*packet);
    context.consume(std::move(packet));
  };
  ArchiveHook archive = [](Archive&) { return true; };
  chain::Description description;  // of the filter
  std::string chain_version;
  SessionLimits limits;
  bool authenticates = true;
  size_t listener_sessions = SIZE_MAX;
  bool for_some = true;  // clients of 192.0.2.0/24
  GenerationPtr generation;
  std::shared_ptr<rooms::Room> room = std::make_shared<rooms::Room>("room", 2);
  std::vector<rooms::PlayerPtr> gone;
  Dispatcher dispatcher;
  WorkerPort* port = nullptr;
};

// An upstream responds.
inline const Hook kAnswered = [](chain::FilterContext& context, net::PacketPtr&& packet) {
  context.session().keepAlive();
  context.consume(std::move(packet));
};

inline const Hook kTakeInSilence = [](chain::FilterContext& context, net::PacketPtr&& packet) {
  context.consume(std::move(packet));
};

}  // namespace sluice::runtime
