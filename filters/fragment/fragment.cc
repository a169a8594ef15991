#include "filters/fragment/fragment.h"

#include <algorithm>
#include <string>

#include "api/filters/fragment.pb.h"
#include "filters/fragment/reassembly.h"
#include "source/chain/typed_filter.h"
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
enum class Count { kJoined, kSplit, kFragmentsOut };
constexpr stats::Schema<Drop, Count> kSchema{
    .drops = {{Drop::kMalformed, "malformed"},
              {Drop::kDuplicate, "duplicate"},
              {Drop::kInconsistent, "inconsistent"},
              {Drop::kTooLong, "too_long"},
              {Drop::kNested, "nested"},
              {Drop::kIncomplete, "incomplete"},
              {Drop::kEvicted, "evicted"},
              {Drop::kNoPacket, "no_packet"}},
    .counters = {{Count::kJoined, "joined", "Messages from clients that were reassembled."},
                 {Count::kSplit, "split", "Packets to clients that were split."},
                 {Count::kFragmentsOut, "fragments_out", "Fragments created from them."}}};

struct Settings {
  size_t max_messages = 0;
  Duration timeout{};
  bool split = false;  // even before the client has sent a message in fragments
  size_t max_datagram = 0;
};

Result<Settings> readSettings(const filters::Fragment& config, chain::FactoryContext&) {
  return Settings{.max_messages = config.max_messages(),
                  .timeout = std::chrono::milliseconds{config.timeout_ms()},
                  .split = config.split(),
                  .max_datagram = config.max_datagram_bytes()};
}

class Fragment final : public chain::TypedFilter<Settings, kSchema> {
 public:
  Fragment(chain::FilterContext& context, const Settings& settings)
      : TypedFilter(context, settings),
        reassembly_(settings.max_messages),
        timer_(context.timers(), [this] { onTimer(); }) {}
  ~Fragment() override {
    while (auto message = reassembly_.expire(Instant::max()))
      context_.drop(std::move(message), Drop::kIncomplete);
  }

  void onIngress(net::PacketPtr&& packet) override;
  void onEgress(net::PacketPtr&& packet) override;
  // Incomplete messages are not handed over.
  bool archive(Archive& a) override {
    a(client_splits_, next_id_);
    return true;
  }
  void describe(chain::Description& out) const override;

 private:
  bool onSettings(const Settings& before) override;
  bool splits() const { return settings().split || client_splits_; }
  void pass(net::PacketPtr&& message);
  void split(net::PacketPtr&& packet);
  void onTimer();
  void armTimer();

  Reassembly reassembly_;
  net::Timer timer_;
  bool client_splits_ = false;  // it has sent a message in fragments
  uint16_t next_id_ = 0;
};

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
  if (!splits() || packet->size() <= settings().max_datagram) return context_.egress(std::move(packet));
  if (packet->size() > net::Packet::kMaxPayload) return context_.drop(std::move(packet), Drop::kTooLong);
  split(std::move(packet));
}

void Fragment::split(net::PacketPtr&& packet) {
  const size_t room = settings().max_datagram - FragmentHeader::kSize;
  const size_t count = (packet->size() + room - 1) / room;
  const size_t each = (packet->size() + count - 1) / count;
  FragmentHeader header{.id = next_id_++, .index = 0, .last = static_cast<uint8_t>(count - 1)};
  context_.count(Count::kSplit);
  context_.count(Count::kFragmentsOut, count);
  packet->kind = PacketKind::kOther;
  for (; header.index < header.last; ++header.index) {
    net::PacketPtr fragment = context_.packet();
    if (fragment == nullptr) return context_.drop(std::move(packet), Drop::kNoPacket);
    fragment->assign(packet->data().first(each));
    fragment->prepend(FragmentHeader::kSize);
    write(header, fragment->mutableData().data());
    fragment->copyEnvelope(*packet);
    packet->removePrefix(each);
    context_.egress(std::move(fragment));
  }
  packet->prepend(FragmentHeader::kSize);
  write(header, packet->mutableData().data());
  context_.egress(std::move(packet));
}

void Fragment::onTimer() {
  const Instant then = context_.now() - settings().timeout;
  while (auto message = reassembly_.expire(then)) context_.drop(std::move(message), Drop::kIncomplete);
  armTimer();
}

void Fragment::armTimer() {
  const Instant oldest = reassembly_.oldest();
  if (oldest != Instant::max() && !timer_.armed()) timer_.armAt(oldest + settings().timeout);
}

bool Fragment::onSettings(const Settings&) {
  reassembly_.setCapacity(settings().max_messages);
  timer_.cancel();
  armTimer();
  return true;
}

void Fragment::describe(chain::Description& out) const {
  out.emplace_back("incomplete", std::to_string(reassembly_.incomplete()));
  out.emplace_back("splits", splits() ? "true" : "false");
}

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<Fragment, readSettings>({.name = "fragment"});
}

}  // namespace sluice::fragment
