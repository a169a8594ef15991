#include "filters/impair/impair.h"

#include <string>

#include "source/base/hash.h"
#include "source/base/random.h"
#include "source/rooms/room.h"

namespace sluice::impair {
namespace {

enum class Drop { kLost, kRateLimited, kHeldFull, kNoPacket };
constexpr std::string_view kDrops[] = {"lost", "rate_limited", "held_full", "no_packet"};
enum class Count { kHeld, kReordered, kDuplicated, kCorrupted };
constexpr stats::CounterSpec kCounters[] = {
    {"held", "Packets that had to wait."},
    {"reordered", "Packets held back so that others are passed on first."},
    {"duplicated", "Packets that were duplicated."},
    {"corrupted", "Packets that had a bit flipped."}};

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

net::PacketPtr copyOf(const net::Packet& packet, chain::FilterContext& context) {
  net::PacketPtr copy = context.packet();
  if (copy == nullptr) return nullptr;
  copy->assign(packet.data());
  copy->copyEnvelope(packet);
  return copy;
}

}  // namespace

Result<chain::FilterFactoryPtr> ImpairFactory::make(const filters::Impair& config,
                                                    chain::FactoryContext& context) {
  const auto settings = Settings::make(config);
  if (!settings.ok()) return settings.errors();
  context.warnings.emplace_back("impair is configured: it impairs packets on purpose");
  return chain::FilterFactoryPtr(std::make_shared<ImpairFactory>(*settings));
}

chain::FilterPtr ImpairFactory::create(chain::FilterContext& context) const {
  return std::make_unique<Impair>(context, *this);
}

ImpairedDirection::ImpairedDirection(chain::FilterContext& context, const DirectionSettings& settings,
                                     uint64_t seed, Pass pass)
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
    packet->data()[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    packet->origin.reset();
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

Impair::Impair(chain::FilterContext& context, const ImpairFactory& factory)
    : Filter(context),
      seed_(factory.settings.seed),
      ingress_(context, factory.settings.ingress, streamSeed(seed_, context.session(), kIngress),
               &chain::FilterContext::ingress),
      egress_(context, factory.settings.egress, streamSeed(seed_, context.session(), kEgress),
              &chain::FilterContext::egress) {}

bool Impair::onReload(const chain::FilterFactory& factory) {
  const Settings& fresh = static_cast<const ImpairFactory&>(factory).settings;
  ingress_.configure(fresh.ingress);
  egress_.configure(fresh.egress);
  if (fresh.seed != seed_) {
    seed_ = fresh.seed;
    ingress_.reseed(streamSeed(seed_, context_.session(), kIngress));
    egress_.reseed(streamSeed(seed_, context_.session(), kEgress));
  }
  return true;
}

void Impair::describe(chain::Description& out) const {
  out.emplace_back("ingress_held", std::to_string(ingress_.held()));
  out.emplace_back("egress_held", std::to_string(egress_.held()));
}

chain::FilterType filterType() {
  return {.name = "impair",
          .config_type = "sluice.filters.Impair",
          .schema = {.drops = kDrops, .counters = kCounters, .histograms = {}},
          .parse = chain::parseAs<filters::Impair, ImpairFactory>};
}

}  // namespace sluice::impair
