#include "filters/position_feed/position_feed.h"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/filters/position_feed.pb.h"
#include "filters/position_feed/datagram.h"
#include "filters/position_feed/feed_windows.h"
#include "source/chain/typed_filter.h"
#include "source/crypto/hmac.h"

namespace sluice::position_feed {
namespace {

constexpr size_t kMinSecretBytes = 16;

constexpr uint32_t kMaxInFlight = 1024;  // datagrams that the main thread has not applied yet

// In the order of the checks.
enum class Drop {
  kNotAFeed,
  kVersion,
  kUnknownKey,
  kWrongMac,
  kWrongTime,
  kOverloaded,
  kReplayed,
  kTooOld,
  kMalformed,
  kWrongPosition,
};
// The main thread writes all of them except kAccepted.
enum class Count { kAccepted, kMovedPlayers, kUnknownRooms, kUnknownPlayers, kOutdatedPlayers };

constexpr stats::Schema<Drop, Count> kSchema{
    .drops = {{Drop::kNotAFeed, "not_a_feed"},
              {Drop::kVersion, "version"},
              {Drop::kUnknownKey, "unknown_key"},
              {Drop::kWrongMac, "wrong_mac"},
              {Drop::kWrongTime, "wrong_time"},
              {Drop::kOverloaded, "overloaded"},
              {Drop::kReplayed, "replayed"},
              {Drop::kTooOld, "too_old"},
              {Drop::kMalformed, "malformed"},
              {Drop::kWrongPosition, "wrong_position"}},
    .counters = {
        {Count::kAccepted, "accepted", "Datagrams that were accepted."},
        {Count::kMovedPlayers, "moved_players", "Records that moved a player."},
        {Count::kUnknownRooms, "unknown_rooms", "Accepted datagrams for a room that does not exist."},
        {Count::kUnknownPlayers, "unknown_players", "Records of players who are not in the room."},
        {Count::kOutdatedPlayers, "outdated_players",
         "Records of players whom this or a later datagram had moved already."}}};
using Schema = std::remove_cv_t<decltype(kSchema)>;

struct Key {
  std::string secret;
  uint64_t fingerprint;  // of the secret
  std::shared_ptr<ReplayWindow> window;
};

struct Settings {
  std::array<std::shared_ptr<const Key>, 256> keys;  // by id
  uint64_t max_age_ms = 0;                           // 0: any
  chain::PositionSink* sink = nullptr;               // null: no room is known
  std::shared_ptr<FeedWindows> windows{};
};

Result<Settings> readSettings(const filters::PositionFeed& config, chain::FactoryContext& context) {
  Settings settings{.keys = {}, .max_age_ms = config.max_age_ms(), .sink = context.positions};
  Errors errors;
  if (config.keys().empty()) errors.push_back({"keys", "at least one is required"});
  const auto windows = settings.windows = context.process.get<FeedWindows>();
  for (int i = 0; i < config.keys_size(); ++i) {
    const filters::PositionFeed::Key& key = config.keys(i);
    const std::string path = "keys[" + std::to_string(i) + "]";
    if (key.secret().size() < kMinSecretBytes) {
      errors.push_back({path + ".secret", "must have at least 16 bytes"});
      continue;
    }
    std::shared_ptr<const Key>& place = settings.keys[key.id()];
    if (place != nullptr) errors.push_back({path + ".id", "is the id of another key"});
    const uint64_t fingerprint = readU64(crypto::sha256(asBytes(key.secret())).data());
    place = std::make_shared<const Key>(Key{key.secret(), fingerprint, windows->of(fingerprint)});
  }
  if (!errors.empty()) return errors;
  return settings;
}

// A datagram on its way to the main thread.
struct Update {
  Update(Bytes datagram, uint64_t from, uint64_t number)
      : bytes(datagram.begin(), datagram.end()), source(from), sequence(number) {}
  Update(const Update&) = delete;
  Update& operator=(const Update&) = delete;

  const std::vector<uint8_t> bytes;
  Body body{};  // refers to `bytes`
  const uint64_t source;
  const uint64_t sequence;
};

void apply(const Update& update, chain::PositionSink* sink, stats::TypedStats<Schema> stats) {
  audibility::PositionOutcome outcome;
  if (sink != nullptr) {
    outcome = sink->move({.room = update.body.room,
                          .source = update.source,
                          .sequence = update.sequence,
                          .players = update.body.players});
  }
  if (!outcome.has_room) stats.counter(Count::kUnknownRooms).add();
  stats.counter(Count::kMovedPlayers).add(outcome.moved);
  stats.counter(Count::kUnknownPlayers).add(outcome.unknown);
  stats.counter(Count::kOutdatedPlayers).add(outcome.outdated);
}

class PositionFeed final : public chain::TypedFilter<Settings, kSchema> {
 public:
  using TypedFilter::TypedFilter;

  void onIngress(net::PacketPtr&& packet) override {
    const auto header = readHeader(packet->data());
    if (!header) return context_.drop(std::move(packet), Drop::kNotAFeed);
    if (header->version != kVersion) return context_.drop(std::move(packet), Drop::kVersion);
    const Key* key = settings().keys[header->key].get();
    if (key == nullptr) return context_.drop(std::move(packet), Drop::kUnknownKey);
    if (!isAuthentic(packet->data(), key->secret)) return context_.drop(std::move(packet), Drop::kWrongMac);
    if (!isInTime(header->time_ms)) return context_.drop(std::move(packet), Drop::kWrongTime);
    std::atomic<uint32_t>& in_flight = settings().windows->inFlight();
    if (in_flight.load(std::memory_order_relaxed) >= kMaxInFlight) {
      return context_.drop(std::move(packet), Drop::kOverloaded);
    }
    const ReplayWindow::Verdict verdict = key->window->accept(header->sequence);
    if (verdict == ReplayWindow::Verdict::kReplayed) return context_.drop(std::move(packet), Drop::kReplayed);
    if (verdict == ReplayWindow::Verdict::kTooOld) return context_.drop(std::move(packet), Drop::kTooOld);
    context_.session().keepAlive();

    // The sender is known from here on, so the datagram may allocate.
    const auto update = std::make_shared<Update>(packet->data(), key->fingerprint, header->sequence);
    const BodyError error = readBody(update->bytes, update->body);
    if (error == BodyError::kMalformed) return context_.drop(std::move(packet), Drop::kMalformed);
    if (error == BodyError::kWrongPosition) return context_.drop(std::move(packet), Drop::kWrongPosition);
    context_.count(Count::kAccepted);
    context_.consume(std::move(packet));
    in_flight.fetch_add(1, std::memory_order_relaxed);
    context_.worker().postToMain(
        [update, windows = settings().windows, sink = settings().sink, stats = context_.stats()] {
          windows->inFlight().fetch_sub(1, std::memory_order_relaxed);
          apply(*update, sink, stats);
        });
  }
  void describe(chain::Description& out) const override {
    out.emplace_back("max_age_ms", std::to_string(settings().max_age_ms));
  }

 private:
  bool isInTime(uint64_t time_ms) const {
    if (settings().max_age_ms == 0) return true;
    const auto since = context_.worker().clock().wall().time_since_epoch();
    const auto now =
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
    return (now > time_ms ? now - time_ms : time_ms - now) <= settings().max_age_ms;
  }
};

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<PositionFeed, readSettings>({.name = "position_feed", .terminal = true});
}

}  // namespace sluice::position_feed
