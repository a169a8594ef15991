// One session's use of a module. The functions that the module may call act on it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "filters/module/library.h"
#include "filters/module/statistics.h"
#include "source/chain/typed_filter.h"

namespace sluice::module {

using LibraryPtr = std::shared_ptr<const Library>;

// The object that a library created from a configuration.
struct Configuration {
  explicit Configuration(LibraryPtr of) : library(std::move(of)) {}
  ~Configuration();
  Configuration(const Configuration&) = delete;
  Configuration& operator=(const Configuration&) = delete;

  const LibraryPtr library;
  void* object = nullptr;  // the library's; null in a preview, which runs no code
};
using ConfigurationPtr = std::shared_ptr<const Configuration>;

struct Settings {
  ConfigurationPtr configuration;

  std::shared_ptr<const stats::FilterSchema> schema() const;
  // The file's content may have changed.
  bool sameAs(const Settings& previous) const;
};

// The state that sessions of one worker share for one library.
struct WorkerState {
  explicit WorkerState(ConfigurationPtr made_from);
  ~WorkerState();
  WorkerState(const WorkerState&) = delete;
  WorkerState& operator=(const WorkerState&) = delete;

  const ConfigurationPtr configuration;  // the module may have kept its object
  void* const state;
};

class Module final : public chain::TypedFilter<Settings, kSchema> {
 public:
  Module(chain::FilterContext& context, const Settings& settings);
  ~Module() override;

  void onIngress(net::PacketPtr&& packet) override;
  void onEgress(net::PacketPtr&& packet) override;
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

  // The host's functions use these within a call.
  chain::FilterContext& context() { return context_.untyped(); }
  void arm(Instant at) { timer_.armAt(at); }
  void disarm() { timer_.cancel(); }
  bool send(sluice_direction direction, PacketKind kind, Bytes data);

 private:
  static constexpr size_t kMaxSent = 16;  // packets that it sends in one call
  struct Sent {
    sluice_direction direction;
    net::PacketPtr packet;
  };
  class Call;

  bool onSettings(const Settings& before) override;
  void begin();
  void end();
  void handOver();
  std::optional<std::string> exportState();
  bool importState(const std::string& state);
  using OnPacket = int32_t (*)(void*, sluice_packet*);
  bool decide(OnPacket on_packet, net::PacketPtr& packet);
  void onTimer();
  void flush();

  LibraryPtr library_;  // of self_
  std::shared_ptr<WorkerState> worker_;
  void* self_ = nullptr;  // the library's object; null: refused
  net::Timer timer_;
  std::array<Sent, kMaxSent> sent_;
  size_t sent_count_ = 0;
  bool flushing_ = false;
  bool archiving_ = false;
};

}  // namespace sluice::module
