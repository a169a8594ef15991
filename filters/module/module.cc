#include "filters/module/module.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <vector>

#include "api/filters/module.pb.h"
#include "filters/module/module_filter.h"

namespace sluice::module {
namespace {

constexpr Duration kSlow = 8ms;            // two ticks of the coarse clock
constexpr size_t kMaxStateBytes = 65'536;  // of a session that is handed over
constexpr size_t kGuard = 8;               // bytes on each side of a packet's room
constexpr uint8_t kGuardByte = 0xA5;

// Cheap, with a resolution of a few milliseconds.
Duration coarseTime() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

// The states of one worker, as long as sessions use them.
struct Workers {
  explicit Workers(chain::Worker&) {}
  std::map<const Library*, std::weak_ptr<WorkerState>> states;
};

// The room around a packet that the module may use, between guards that it must not touch.
class Room {
 public:
  explicit Room(net::Packet& packet)
      : data_(packet.mutableData().data()),
        size_(packet.size()),
        front_(std::min(kGuard, packet.headroom())),
        back_(std::min(kGuard, packet.tailroom())),
        headroom_(packet.headroom() - front_),
        tailroom_(packet.tailroom() - back_) {
    std::fill_n(data_ - headroom_ - front_, front_, kGuardByte);
    std::fill_n(data_ + size_ + tailroom_, back_, kGuardByte);
  }

  size_t headroom() const { return headroom_; }
  size_t tailroom() const { return tailroom_; }
  bool intact() const {
    const auto is_guard = [](uint8_t byte) { return byte == kGuardByte; };
    return std::all_of(data_ - headroom_ - front_, data_ - headroom_, is_guard) &&
           std::all_of(data_ + size_ + tailroom_, data_ + size_ + tailroom_ + back_, is_guard);
  }
  bool contains(const sluice_packet& seen) const {
    if (seen.data < data_ - headroom_ || seen.data > data_ + size_) return false;
    return seen.size <= static_cast<size_t>(data_ + size_ + tailroom_ - seen.data);
  }

 private:
  uint8_t* const data_;
  const size_t size_;
  const size_t front_, back_;
  const size_t headroom_, tailroom_;
};

void take(net::Packet& packet, const sluice_packet& seen) {
  const uint8_t* const before = packet.data().data();
  if (seen.data < before) {
    packet.prepend(static_cast<size_t>(before - seen.data));
  } else {
    packet.removePrefix(static_cast<size_t>(seen.data - before));
  }
  packet.resize(seen.size);
  packet.tos = static_cast<uint8_t>(seen.dscp << 2 | (packet.tos & 3));
  packet.ttl = seen.ttl;
}

Result<Settings> readSettings(const filters::Module& config, chain::FactoryContext& context) {
  if (config.file().empty()) return Error{"file", "is required"};
  const std::string file = (std::filesystem::path(context.base_path) / config.file()).string();
  const auto libraries = context.process.get<Libraries>();
  auto library = context.may_run_code ? libraries->load(file) : libraries->find(file);
  if (!library.ok()) return Error{"file", library.error().message};
  std::string json = "{}";
  if (config.has_config() && !google::protobuf::util::MessageToJsonString(config.config(), &json).ok()) {
    return Error{"config", "cannot be written as JSON"};
  }
  auto made = std::make_shared<Configuration>(*std::move(library));
  if (!context.may_run_code) return Settings{std::move(made)};
  char error[256] = "";
  made->object = made->library->filter().config_new(json.data(), json.size(), error, sizeof error - 1);
  if (made->object == nullptr) {
    error[sizeof error - 1] = 0;
    return Error{"config",
                 *error != 0 ? "the module reports: " + std::string(error) : "the module refused it"};
  }
  return Settings{std::move(made)};
}

}  // namespace

Configuration::~Configuration() {
  if (object != nullptr && library->filter().config_free != nullptr) library->filter().config_free(object);
}

std::shared_ptr<const stats::FilterSchema> Settings::schema() const {
  const auto& schema = configuration->library->schema();
  return {schema, &schema->schema()};
}

bool Settings::sameAs(const Settings& previous) const {
  return configuration->library == previous.configuration->library;
}

WorkerState::WorkerState(ConfigurationPtr made_from)
    : configuration(std::move(made_from)),
      state(configuration->library->filter().worker_new != nullptr
                ? configuration->library->filter().worker_new(configuration->object)
                : nullptr) {}

WorkerState::~WorkerState() {
  const sluice_filter_api& filter = configuration->library->filter();
  if (filter.worker_free != nullptr) filter.worker_free(state);
}

// A call into the module: packets that it sends leave when the call is over, and slow calls are counted.
class Module::Call {
 public:
  explicit Call(Module& module) : module_(module), began_(coarseTime()) {}
  ~Call() {
    if (coarseTime() - began_ >= kSlow) module_.context_.count(Count::kSlowCalls);
  }

 private:
  Module& module_;
  const Duration began_;
};

Module::Module(chain::FilterContext& context, const Settings& settings)
    : TypedFilter(context, settings), timer_(context.timers(), [this] { onTimer(); }) {
  begin();
}

Module::~Module() {
  end();
  flush();
}

void Module::begin() {
  const ConfigurationPtr& configuration = settings().configuration;
  library_ = configuration->library;
  auto& states = context_.worker().local<Workers>().states;
  std::erase_if(states, [](const auto& entry) { return entry.second.expired(); });
  auto& state = states[library_.get()];
  worker_ = state.lock();
  const Call call(*this);
  if (worker_ == nullptr) state = worker_ = std::make_shared<WorkerState>(configuration);
  self_ = library_->filter().session_new(reinterpret_cast<sluice_session*>(this), configuration->object,
                                         worker_->state);
}

void Module::end() {
  timer_.cancel();
  if (self_ == nullptr) return;
  const Call call(*this);
  if (library_->filter().session_free != nullptr) library_->filter().session_free(self_);
  self_ = nullptr;
}

bool Module::onSettings(const Settings&) {
  const ConfigurationPtr& fresh = settings().configuration;
  const auto reload = library_->filter().session_reload;
  bool kept = false;
  if (fresh->library == library_ && reload != nullptr && self_ != nullptr) {
    const Call call(*this);
    kept = reload(self_, fresh->object) == 0;
  }
  if (!kept) handOver();
  flush();
  return true;
}

std::optional<std::string> Module::exportState() {
  const auto write = library_->filter().session_export;
  if (self_ == nullptr || write == nullptr) return std::nullopt;
  std::string state(kMaxStateBytes, 0);
  const Call call(*this);
  const size_t size = write(self_, reinterpret_cast<uint8_t*>(state.data()), state.size());
  if (size > state.size()) return std::nullopt;
  state.resize(size);
  return state;
}

bool Module::importState(const std::string& state) {
  const auto read = library_->filter().session_import;
  if (self_ == nullptr || read == nullptr) return false;
  const Call call(*this);
  return read(self_, asBytes(state).data(), state.size()) == 0;
}

// A module without export or import starts again, as after a reload.
bool Module::archive(Archive& a) {
  archiving_ = true;
  std::optional<std::string> state;
  if (!a.isReading()) state = exportState();
  a(state);
  if (a.isReading()) context_.count(state && importState(*state) ? Count::kHandedOver : Count::kLostState);
  archiving_ = false;
  return true;
}

void Module::handOver() {
  const bool had_session = self_ != nullptr;
  const std::optional<std::string> state = exportState();
  LibraryPtr old = library_;  // its session has yet to be destroyed
  end();
  begin();
  const bool kept = state && importState(*state);
  if (had_session) context_.count(kept ? Count::kHandedOver : Count::kLostState);
  context_.worker().postToMain([old = std::move(old)] {});  // may be its last user: unloaded there
}

void Module::describe(chain::Description& out) const {
  out.emplace_back("code", library_->version());
  if (self_ == nullptr) out.emplace_back("state", "refused by the module");
}

void Module::onIngress(net::PacketPtr&& packet) {
  const bool passes = decide(library_->filter().on_ingress, packet);
  flush();
  if (passes) context_.ingress(std::move(packet));
}

void Module::onEgress(net::PacketPtr&& packet) {
  const bool passes = decide(library_->filter().on_egress, packet);
  flush();
  if (passes) context_.egress(std::move(packet));
}

// True: the packet is passed on. Otherwise it was consumed or dropped.
bool Module::decide(OnPacket on_packet, net::PacketPtr& packet) {
  if (self_ == nullptr) {
    context_.drop(std::move(packet), Drop::kNoSession);
    return false;
  }
  if (on_packet == nullptr) return true;
  const Room room(*packet);
  sluice_packet seen{.data = packet->mutableData().data(),
                     .size = packet->size(),
                     .headroom = room.headroom(),
                     .tailroom = room.tailroom(),
                     .kind = static_cast<uint8_t>(packet->kind),
                     .dscp = static_cast<uint8_t>(packet->tos >> 2),
                     .ttl = packet->ttl};
  int32_t verdict;
  {
    const Call call(*this);
    verdict = on_packet(self_, &seen);
  }
  if (!room.intact() || (verdict == SLUICE_PASS && (!room.contains(seen) || seen.dscp > 63))) {
    context_.drop(std::move(packet), Drop::kOutOfBounds);
    return false;
  }
  if (verdict == SLUICE_PASS) {
    take(*packet, seen);
    return true;
  }
  const size_t reason = kSchema.drops.specs().size() + static_cast<size_t>(verdict - SLUICE_DROP);
  if (verdict == SLUICE_CONSUME) {
    context_.consume(std::move(packet));
  } else if (verdict >= SLUICE_DROP && reason < context().stats().drops.size()) {
    context().drop(std::move(packet), reason);
  } else {
    context_.drop(std::move(packet), Drop::kBadVerdict);
  }
  return false;
}

void Module::onTimer() {
  if (self_ != nullptr && library_->filter().on_timer != nullptr) {
    const Call call(*this);
    library_->filter().on_timer(self_);
  }
  flush();
}

// Once a neighbouring filter is archived for another process, that process has the numbers that a packet
// would use.
bool Module::send(sluice_direction direction, PacketKind kind, Bytes data) {
  const bool may_speak = !archiving_ && !context_.session().isHandedOver();
  net::PacketPtr packet = may_speak && sent_count_ < kMaxSent ? context_.packet() : nullptr;
  const bool taken = packet != nullptr && data.size() <= net::Packet::kMaxPayload && packet->assign(data);
  context_.count(taken ? Count::kSent : Count::kNotSent);
  if (taken) {
    packet->kind = kind;
    packet->received = context_.now();
    if (direction == SLUICE_INGRESS) {  // it arrives on the client's address pair
      packet->remote = context_.session().remote();
      packet->local = context_.session().local();
    }
    sent_[sent_count_++] = {direction, std::move(packet)};
  } else if (packet != nullptr) {
    packet->settle();
  }
  return taken;
}

// Not before the call is over: a neighbouring filter may respond at once, through this filter.
void Module::flush() {
  if (std::exchange(flushing_, true)) return;
  for (size_t i = 0; i < sent_count_; ++i) {
    Sent sent = std::move(sent_[i]);
    if (sent.direction == SLUICE_INGRESS) {
      context_.ingress(std::move(sent.packet));
    } else {
      context_.egress(std::move(sent.packet));
    }
  }
  sent_count_ = 0;
  flushing_ = false;
}

chain::FilterType filterType() {
  return chain::typedFilterType<Module, readSettings>({.name = "module"});
}

}  // namespace sluice::module
