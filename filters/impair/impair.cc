#include "filters/impair/impair.h"

#include <string>

#include "filters/impair/delay_line.h"
#include "filters/impair/settings.h"
#include "source/base/hash.h"
#include "source/base/random.h"
#include "source/chain/typed_filter.h"
#include "source/rooms/room.h"

namespace sluice::impair {
namespace {

enum class Drop { kLost, kRateLimited, kHeldFull, kNoPacket };
enum class Count { kHeld, kReordered, kDuplicated, kCorrupted };
constexpr stats::Schema<Drop, Count> kSchema{
    .drops = {{Drop::kLost, "lost"},
              {Drop::kRateLimited, "rate_limited"},
              {Drop::kHeldFull, "held_full"},
              {Drop::kNoPacket, "no_packet"}},
    .counters = {{Count::kHeld, "held", "Packets that had to wait."},
                 {Count::kReordered, "reordered", "Packets held back so that others are passed on first."},
                 {Count::kDuplicated, "duplicated", "Packets that were duplicated."},
                 {Count::kCorrupted, "corrupted", "Packets that had a bit flipped."}}};
using Context = chain::TypedContext<stats::Schema<Drop, Count>>;

constexpr uint64_t kIngress = 1;
constexpr uint64_t kEgress = 2;

// The seed of one session and direction. With a configured seed it identifies the player, or the address
// without its port, so that neither the order of sessions nor an ephemeral port matters.
uint64_t streamSeed(const std::optional<uint64_t>& seed, const chain::Session& session, uint64_t direction) {
  if (!seed) return randomU64();
  const uint64_t own = *seed ^ direction << 62;
  const rooms::PlayerPtr& player = session.player();
  if (player == nullptr) return fnv1a(session.remote().ip(), own ^ kFnvBasis);
  const uint64_t room = fnv1a(asBytes(player->room->name()), own ^ kFnvBasis);
  return fnv1a(asBytes(player->id), room ^ 0xFF ^ kFnvBasis);
}

net::PacketPtr copyOf(const net::Packet& packet, Context context) {
  net::PacketPtr copy = context.packet();
  if (copy == nullptr) return nullptr;
  copy->assign(packet.data());
  copy->copyEnvelope(packet);
  return copy;
}

// One direction of one session.
class ImpairedDirection {
 public:
  using Pass = void (Context::*)(net::PacketPtr&&);

  ImpairedDirection(Context context, const DirectionSettings& settings, uint64_t seed, Pass pass);
  ~ImpairedDirection();

  void take(net::PacketPtr&& packet);
  // Packets that wait keep their times.
  void configure(const DirectionSettings& settings);
  void reseed(uint64_t seed) { line_.reseed(seed); }
  void flush();
  size_t held() const { return held_.size(); }

 private:
  void apply(net::PacketPtr&& packet, const Outcome& outcome);
  void release();

  Context context_;
  const Pass pass_;
  bool only_rtp_;
  Impairment line_;
  DelayLine held_;
  net::Timer timer_;
};

ImpairedDirection::ImpairedDirection(Context context, const DirectionSettings& settings, uint64_t seed,
                                     Pass pass)
    : context_(context),
      pass_(pass),
      only_rtp_(settings.only_rtp),
      line_(settings.line, seed),
      timer_(context.timers(), [this] { release(); }) {
  held_.setCapacity(settings.max_held);
}

ImpairedDirection::~ImpairedDirection() {
  flush();
}

void ImpairedDirection::flush() {
  while (!held_.empty()) (context_.*pass_)(held_.pop());
}

void ImpairedDirection::configure(const DirectionSettings& settings) {
  only_rtp_ = settings.only_rtp;
  line_.configure(settings.line);
  held_.setCapacity(settings.max_held);
}

void ImpairedDirection::take(net::PacketPtr&& packet) {
  if (only_rtp_ && packet->kind != PacketKind::kRtp) return (context_.*pass_)(std::move(packet));
  const Outcomes outcomes = line_.decide(packet->size(), context_.now());
  net::PacketPtr copy;
  if (outcomes.size() > 1) {
    copy = copyOf(*packet, context_);
    if (copy == nullptr) context_.countDrop(Drop::kNoPacket);
  }
  apply(std::move(packet), outcomes.original());
  if (copy == nullptr) return;
  context_.count(Count::kDuplicated);
  apply(std::move(copy), outcomes.begin()[1]);
}

void ImpairedDirection::apply(net::PacketPtr&& packet, const Outcome& outcome) {
  if (outcome.kind == Outcome::kLost) return context_.drop(std::move(packet), Drop::kLost);
  if (outcome.kind == Outcome::kRateLimited) return context_.drop(std::move(packet), Drop::kRateLimited);
  const Instant now = context_.now();
  const bool waits = outcome.release > now;
  if (waits && held_.full()) return context_.drop(std::move(packet), Drop::kHeldFull);
  if (outcome.flip && packet->size() > 0) {
    const uint64_t bit = *outcome.flip % (packet->size() * 8);
    packet->mutableData()[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    context_.count(Count::kCorrupted);
  }
  if (!waits) {
    release();  // a timer may be late
    return (context_.*pass_)(std::move(packet));
  }
  context_.count(Count::kHeld);
  if (outcome.reordered) context_.count(Count::kReordered);
  held_.push(std::move(packet), outcome.release);
  if (!timer_.armed() || outcome.release < timer_.due()) timer_.armAt(outcome.release);
}

void ImpairedDirection::release() {
  const Instant now = context_.now();
  while (!held_.empty() && held_.next() <= now) {
    net::PacketPtr packet = held_.pop();
    packet->received = now;  // as if the network had taken that long
    (context_.*pass_)(std::move(packet));
  }
  if (held_.empty()) return timer_.cancel();
  timer_.armAt(held_.next());
}

class Impair final : public chain::TypedFilter<Settings, kSchema> {
 public:
  Impair(chain::FilterContext& context, const Settings& settings)
      : TypedFilter(context, settings),
        ingress_(context_, settings.ingress, seedOf(kIngress), &Context::ingress),
        egress_(context_, settings.egress, seedOf(kEgress), &Context::egress) {}

  void onIngress(net::PacketPtr&& packet) override { ingress_.take(std::move(packet)); }
  void onEgress(net::PacketPtr&& packet) override { egress_.take(std::move(packet)); }
  void onFlush() override {
    ingress_.flush();
    egress_.flush();
  }
  void describe(chain::Description& out) const override {
    out.emplace_back("ingress_held", std::to_string(ingress_.held()));
    out.emplace_back("egress_held", std::to_string(egress_.held()));
  }

 private:
  bool onSettings(const Settings& before) override {
    ingress_.configure(settings().ingress);
    egress_.configure(settings().egress);
    if (settings().seed != before.seed) {
      ingress_.reseed(seedOf(kIngress));
      egress_.reseed(seedOf(kEgress));
    }
    return true;
  }
  uint64_t seedOf(uint64_t direction) const {
    return streamSeed(settings().seed, context_.session(), direction);
  }

  ImpairedDirection ingress_;
  ImpairedDirection egress_;
};

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<Impair, readSettings>({.name = "impair"});
}

}  // namespace sluice::impair
