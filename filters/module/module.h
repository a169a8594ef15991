// A filter whose code is in a shared object. The object sees packets and sessions through api/filter_abi.h.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "api/filters/module.pb.h"
#include "filters/module/library.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"

namespace sluice::module {

using LibraryPtr = std::shared_ptr<const Library>;

class ModuleFactory final : public chain::FilterFactory, public std::enable_shared_from_this<ModuleFactory> {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::Module& config, chain::FactoryContext& context);
  ~ModuleFactory() override;

  chain::FilterPtr create(chain::FilterContext& context) const override;
  std::shared_ptr<const stats::FilterSchema> schema() const override;
  // The file's content may have changed.
  bool sameAs(const chain::FilterFactory& previous) const override;

  const LibraryPtr& library() const { return library_; }
  void* config() const { return config_; }

 private:
  LibraryPtr library_;
  void* config_ = nullptr;  // the library's object
};

// The state that sessions of one worker share for one library.
struct WorkerState {
  explicit WorkerState(const ModuleFactory& factory);
  ~WorkerState();
  WorkerState(const WorkerState&) = delete;
  WorkerState& operator=(const WorkerState&) = delete;

  const LibraryPtr library;
  const std::shared_ptr<const ModuleFactory> factory;  // the module may have kept its configuration
  void* const state;
};

class Module final : public chain::Filter {
 public:
  Module(chain::FilterContext& context, const ModuleFactory& factory);
  ~Module() override;

  void onIngress(net::PacketPtr&& packet) override;
  void onEgress(net::PacketPtr&& packet) override;
  bool onReload(const chain::FilterFactory& factory) override;
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

  // For the host's functions, within a call.
  chain::FilterContext& context() { return context_; }
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

  void begin(const ModuleFactory& factory);
  void end();
  void handOver(const ModuleFactory& factory);
  std::optional<std::string> exportState();
  bool importState(const std::string& state);
  using OnPacket = int32_t (*)(void*, sluice_packet*);
  bool decide(OnPacket on_packet, net::PacketPtr& packet);
  void onTimer();
  void flush();

  LibraryPtr library_;
  std::shared_ptr<WorkerState> worker_;
  void* self_ = nullptr;  // the library's object; null: refused
  net::Timer timer_;
  std::array<Sent, kMaxSent> sent_;
  size_t sent_count_ = 0;
  bool flushing_ = false;
  bool archiving_ = false;
};

chain::FilterType filterType();

}  // namespace sluice::module
