// A chain without a runtime: tests pass packets in at either end, read the recorded output, and set the time.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "source/base/clock.h"
#include "source/chain/factory_context.h"
#include "source/chain/filter_chain.h"
#include "source/chain/filter_type.h"
#include "source/crypto/dtls.h"
#include "test/support/fake_network.h"

namespace sluice::test {

class FakeWorker final : public chain::Worker {
 public:
  explicit FakeWorker(ManualClock& clock, unsigned index = 0, unsigned count = 1)
      : clock_(clock), index_(index), count_(count) {}
  ~FakeWorker() override { clearLocals(); }

  unsigned index() const override { return index_; }
  unsigned count() const override { return count_; }
  net::PacketPool& pool() override { return pool_; }
  const Clock& clock() const override { return clock_; }
  net::TimerQueue& timers() override { return timers_; }
  FakeNetwork& network() override { return network_; }
  net::Hairpin& hairpin() override { return hairpin_; }
  double busyShare() const override { return busy_share; }
  void postToMain(std::function<void()> task) override { posted.push_back(std::move(task)); }
  // To workers in `peers`, at once; refused if there is none.
  bool mail(unsigned to, Deliver deliver, net::PacketPtr& packet) override;

  // Runs the tasks that filters posted to the main thread.
  void runMain();

  std::vector<std::function<void()>> posted;
  std::vector<FakeWorker*> peers;  // by index
  double busy_share = 0;

 private:
  ManualClock& clock_;
  const unsigned index_;
  const unsigned count_;
  net::PacketPool pool_{4096};
  net::TimerQueue timers_{clock_};
  FakeNetwork network_{pool_, clock_};
  net::Hairpin hairpin_{[] {}};  // tests call hairpin().deliver()
};

class FakeSession final : public chain::Session {
 public:
  uint64_t id() const override { return 1; }
  const net::Address& remote() const override { return selected; }
  const net::Address& local() const override { return local_address; }
  const rooms::PlayerPtr& player() const override { return known_player; }
  const rooms::IceCredentials* iceCredentials(std::string_view local_ufrag) const override {
    const bool known = known_player != nullptr && known_player->negotiated.local.ufrag == local_ufrag;
    return known ? &known_player->negotiated.local : nullptr;
  }
  bool authenticate(const net::Packet& check) override { return authenticate(check.remote); }
  bool authenticate(const net::Address& address);
  bool isAuthenticated(const net::Packet& packet) const override {
    return packet.local == local_address && authenticated.contains(packet.remote);
  }
  bool isAuthenticated() const override { return authenticated.contains(selected); }
  void unauthenticate() override { authenticated.clear(); }
  void select(const net::Address& remote, const net::Address&) override { selected = remote; }
  void keepAlive() override { ++kept_alive; }
  void keepAliveUntil(Instant until) override { alive_until = until; }
  bool isHandedOver() const override { return handed_over; }
  void close(std::string_view reason) override {
    if (closed.empty()) closed = reason;
  }

  net::Address selected = *net::Address::parse("192.0.2.1:5000");
  net::Address local_address = *net::Address::parse("198.51.100.1:3478");
  rooms::PlayerPtr known_player;
  std::set<net::Address> authenticated;
  size_t max_addresses = 8;
  int kept_alive = 0;
  Instant alive_until{};
  std::string closed;  // the reason
  bool handed_over = false;
  std::function<void(const net::Address&)> on_authenticated;
};

struct Captured {
  std::vector<uint8_t> data;
  net::Address remote;
  PacketKind kind;
  uint8_t tos;
  uint8_t ttl;
};

// The state of a chain that is handed over to another process.
struct SavedChain {
  std::string lost;  // the filter that cannot continue; empty: all can
  std::vector<chain::SavedFilter> filters;
  std::vector<int> descriptors;  // owned by the process that loads it
};

// One filter of a chain under test.
struct FilterConfig {
  chain::FilterType type;
  std::string text;       // of its protobuf message
  std::string name = {};  // default: the type's
};

// Everything that is wrong with a filter's configuration.
Errors errorsOf(const FilterConfig& filter);

class ChainHarness final : private chain::ChainEnds {
 public:
  ChainHarness(FakeWorker& worker, std::vector<FilterConfig> filters);
  ~ChainHarness() override;

  // The chain is created on first use, so that the session can be prepared.
  void ingress(Bytes data, const net::Address& from, uint8_t tos = 0);
  void ingress(Bytes data) { ingress(data, session.selected); }
  // An RTP packet by default.
  void egress(Bytes data, PacketKind kind = PacketKind::kRtp, uint8_t tos = 0);
  void reload(std::vector<FilterConfig> filters);
  void closeChain();
  chain::FilterChain& chain();

  // Saves the chain for another process: filters send held packets, then their state is written.
  SavedChain save();
  // Into this chain, which is new. The filter that cannot continue; empty: all can.
  std::string load(const SavedChain& saved);
  // The same session continues in this chain.
  std::string takeOver(ChainHarness& other);

  uint64_t dropped(const std::string& filter, std::string_view reason) const;
  uint64_t counted(const std::string& filter, std::string_view counter, std::string_view value = {}) const;
  const stats::FilterStats& stats(const std::string& filter) const { return blocks_.at(filter).back().stats; }

  FakeSession session;
  std::map<std::string, std::shared_ptr<const chain::Cluster>> clusters;
  std::set<net::Address> machine;         // its IP addresses, port 0
  rooms::Directory* directory = nullptr;  // default: one of its own
  std::shared_ptr<const crypto::DtlsContext> dtls;
  std::shared_ptr<const credentials::Source> credentials = std::make_shared<credentials::None>();
  std::shared_ptr<const net::AddressMap> nat = std::make_shared<net::AddressMap>();
  chain::ProcessState* process = nullptr;  // default: one of its own
  chain::PositionSink* positions = nullptr;
  bool record = true;           // false: packets that leave the chain are only settled, without a copy
  std::vector<Captured> inner;  // left the chain inward
  std::vector<Captured> outer;  // left the chain outward

 private:
  void onInnerEnd(net::PacketPtr&& packet) override;
  void onOuterEnd(net::PacketPtr&& packet) override;
  void capture(net::PacketPtr packet, std::vector<Captured>& out);
  chain::ChainSpecPtr makeSpec(const std::vector<FilterConfig>& filters);

  struct Block {
    explicit Block(std::shared_ptr<const stats::FilterSchema> of) : schema(std::move(of)), stats(*schema) {}
    std::shared_ptr<const stats::FilterSchema> schema;
    stats::FilterStats stats;
  };

  FakeWorker& worker_;
  ManualClock clock_;
  rooms::Directory own_directory_{{}, 1, clock_};
  chain::ProcessState own_process_;
  std::vector<FilterConfig> filters_;
  std::deque<chain::FilterType> types_;              // at fixed places
  std::map<std::string, std::deque<Block>> blocks_;  // by filter; the last one is of the newest schema
  chain::ChainSpecPtr spec_;
  std::unique_ptr<chain::FilterChain> chain_;
};

}  // namespace sluice::test
