#include "filters/fragment/fragment.h"

#include <algorithm>
#include <string>

#include "source/codec/demux.h"

namespace sluice::fragment {
namespace {

enum class Drop {
  kMalformed,
  kDuplicate,
  kInconsistent,
  kTooLong,
  kNested,
  kIncomplete,
  kEvicted,
  kNoPacket
};
constexpr std::string_view kDrops[] = {"malformed", "duplicate",  "inconsistent", "too_long",
                                       "nested",    "incomplete", "evicted",      "no_packet"};
enum class Count { kJoined, kSplit, kFragmentsOut };
constexpr stats::CounterSpec kCounters[] = {{"joined", "Messages from clients that were reassembled."},
                                            {"split", "Packets to clients that were split."},
                                            {"fragments_out", "Fragments created from them."}};

}  // namespace

Result<chain::FilterFactoryPtr> FragmentFactory::make(const filters::Fragment& config,
                                                      chain::FactoryContext&) {
  auto factory = std::make_shared<FragmentFactory>();
  factory->max_messages = config.max_messages();
  factory->timeout = std::chrono::milliseconds{config.timeout_ms()};
  factory->split = config.split();
  factory->max_datagram = config.max_datagram_bytes();
  return chain::FilterFactoryPtr(std::move(factory));
}

chain::FilterPtr FragmentFactory::create(chain::FilterContext& context) const {
  return std::make_unique<Fragment>(context, *this);
}

Fragment::Fragment(chain::FilterContext& context, const FragmentFactory& factory)
    : Filter(context),
      factory_(&factory),
      reassembly_(factory.max_messages),
      timer_(context.timers(), [this] { onTimer(); }) {}

Fragment::~Fragment() {
  while (auto message = reassembly_.expire(Instant::max()))
    context_.drop(std::move(message), Drop::kIncomplete);
}

void Fragment::onIngress(net::PacketPtr&& packet) {
  if (!isFragment(packet->data())) return context_.ingress(std::move(packet));
  const auto header = parse(packet->data());
  if (!header) return context_.drop(std::move(packet), Drop::kMalformed);
  auto [verdict, result, evicted] = reassembly_.add(*header, std::move(packet), context_.now());
  if (evicted != nullptr) context_.drop(std::move(evicted), Drop::kEvicted);
  switch (verdict) {
    case Reassembly::Verdict::kAdded:
      return armTimer();
    case Reassembly::Verdict::kComplete:
      return pass(std::move(result));
    case Reassembly::Verdict::kDuplicate:
      return context_.drop(std::move(result), Drop::kDuplicate);
    case Reassembly::Verdict::kInconsistent:
      return context_.drop(std::move(result), Drop::kInconsistent);
    case Reassembly::Verdict::kTooLong:
      return context_.drop(std::move(result), Drop::kTooLong);
  }
}

void Fragment::pass(net::PacketPtr&& message) {
  if (isFragment(message->data())) return context_.drop(std::move(message), Drop::kNested);
  client_splits_ = true;
  context_.count(Count::kJoined);
  message->kind = classify(message->data());
  context_.ingress(std::move(message));
}

void Fragment::onEgress(net::PacketPtr&& packet) {
  const bool splits = factory_->split || client_splits_;
  if (!splits || packet->size() <= factory_->max_datagram) return context_.egress(std::move(packet));
  if (packet->size() > net::Packet::kMaxPayload) return context_.drop(std::move(packet), Drop::kTooLong);
  split(std::move(packet));
}

void Fragment::split(net::PacketPtr&& packet) {
  const size_t room = factory_->max_datagram - FragmentHeader::kSize;
  const size_t count = (packet->size() + room - 1) / room;
  const size_t each = (packet->size() + count - 1) / count;
  FragmentHeader header{.id = next_id_++, .index = 0, .last = static_cast<uint8_t>(count - 1)};
  context_.count(Count::kSplit);
  context_.count(Count::kFragmentsOut, count);
  packet->kind = PacketKind::kOther;
  packet->origin.reset();
  for (; header.index < header.last; ++header.index) {
    net::PacketPtr fragment = context_.packet();
    if (fragment == nullptr) return context_.drop(std::move(packet), Drop::kNoPacket);
    fragment->assign(packet->data().first(each));
    fragment->prepend(FragmentHeader::kSize);
    write(header, fragment->data().data());
    fragment->copyEnvelope(*packet);
    packet->removePrefix(each);
    context_.egress(std::move(fragment));
  }
  packet->prepend(FragmentHeader::kSize);
  write(header, packet->data().data());
  context_.egress(std::move(packet));
}

void Fragment::onTimer() {
  const Instant then = context_.now() - factory_->timeout;
  while (auto message = reassembly_.expire(then)) context_.drop(std::move(message), Drop::kIncomplete);
  armTimer();
}

void Fragment::armTimer() {
  const Instant oldest = reassembly_.oldest();
  if (oldest != Instant::max() && !timer_.armed()) timer_.armAt(oldest + factory_->timeout);
}

bool Fragment::onReload(const chain::FilterFactory& factory) {
  factory_ = static_cast<const FragmentFactory*>(&factory);
  reassembly_.setCapacity(factory_->max_messages);
  timer_.cancel();
  armTimer();
  return true;
}

void Fragment::describe(chain::Description& out) const {
  out.emplace_back("incomplete", std::to_string(reassembly_.incomplete()));
  out.emplace_back("splits", factory_->split || client_splits_ ? "true" : "false");
}

chain::FilterType filterType() {
  return {.name = "fragment",
          .config_type = "sluice.filters.Fragment",
          .schema = {.drops = kDrops, .counters = kCounters, .histograms = {}},
          .parse = chain::parseAs<filters::Fragment, FragmentFactory>};
}

}  // namespace sluice::fragment
