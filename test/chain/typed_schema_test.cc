// Checks at compile time which schemas, reasons and counters a filter accepts. This file has to compile; code
// that must not compile is a concept that must not hold.
#include "source/stats/typed_schema.h"

#include <doctest/doctest.h>

#include <type_traits>

#include "source/base/enum_size.h"
#include "source/chain/typed_context.h"

namespace sluice {

enum class Outside { kFirst, kSecond, kThird };
enum class Numbered : uint8_t { k1a, kB2 };

namespace {

enum class Drop { kLate, kFull };
enum class Count { kPassed, kQueued };
enum class Record { kDelay };
enum class Other { kFirst, kSecond };
enum class Empty {};
enum class Single { kOnly };
enum Plain { kRed, kGreen, kBlue };

struct Owner {
  enum class Nested { kA, kB, kC, kD };
};

static_assert(kEnumSize<Outside> == 3);
static_assert(kEnumSize<Numbered> == 2);
static_assert(kEnumSize<Drop> == 2);
static_assert(kEnumSize<Empty> == 0);
static_assert(kEnumSize<stats::None> == 0);
static_assert(kEnumSize<Single> == 1);
static_assert(kEnumSize<Plain> == 3);
static_assert(kEnumSize<Owner::Nested> == 4);

using Schema = stats::Schema<Drop, Count, Record>;
constexpr Schema kSchema{
    .drops = {{Drop::kLate, "late"}, {Drop::kFull, "full"}},
    .counters = {{Count::kPassed, "passed", "Packets.", "kind", "voice",
                  stats::CounterSpec::Health::kSuccess},
                 {Count::kQueued, {.name = "queued", .help = "Packets that wait.", .gauge = true}}},
    .histograms = {{Record::kDelay, "delay", "How long packets wait."}},
    .sockets = true};

template <typename Rows, auto... kValues>
concept Compiles = requires {
  typename std::bool_constant<Rows{{kValues, "reason"}...}.specs().size() == sizeof...(kValues)>;
};
template <typename Rows>
concept CompilesEmpty = requires {
  typename std::bool_constant<Rows{}.specs().empty()>;
};

using Drops = stats::Rows<Drop, std::string_view>;
static_assert(Compiles<Drops, Drop::kLate, Drop::kFull>);
static_assert(!Compiles<Drops, Drop::kLate>, "a row is missing");
static_assert(!Compiles<Drops, Drop::kFull>, "the first row is missing");
static_assert(!Compiles<Drops, Drop::kFull, Drop::kLate>, "the rows are out of order");
static_assert(!Compiles<Drops, Drop::kLate, Drop::kLate>, "a row is there twice");
static_assert(!Compiles<Drops, Drop::kLate, Drop::kFull, Drop::kFull>, "there is a row too many");
static_assert(!Compiles<Drops, Other::kFirst, Other::kSecond>, "the rows are of another enum");
static_assert(!CompilesEmpty<Drops>, "the enum has enumerators");
static_assert(CompilesEmpty<stats::Rows<Empty, std::string_view>>);
static_assert(CompilesEmpty<stats::Rows<stats::None, stats::CounterSpec>>);

template <typename T>
concept CanDrop = requires(chain::TypedContext<Schema> context, T reason) {
  context.drop(nullptr, reason);
  context.countDrop(reason);
};
template <typename T>
concept CanCount = requires(chain::TypedContext<Schema> context, T counter) {
  context.count(counter);
  context.count(counter, 2);
  context.stats().counter(counter);
};
template <typename T>
concept CanRecord = requires(chain::TypedContext<Schema> context, T histogram) {
  context.record(histogram, Duration{});
};
static_assert(CanDrop<Drop> && CanCount<Count> && CanRecord<Record>);
static_assert(!CanDrop<Count> && !CanDrop<Record> && !CanDrop<Other> && !CanDrop<int> && !CanDrop<size_t>);
static_assert(!CanCount<Drop> && !CanCount<Record> && !CanCount<Other> && !CanCount<int> &&
              !CanCount<size_t>);
static_assert(!CanRecord<Drop> && !CanRecord<Count> && !CanRecord<Other> && !CanRecord<int>);

TEST_CASE("a schema has its rows in the order of the enumerators") {
  const stats::FilterSchema schema = kSchema.untyped();
  REQUIRE(schema.drops.size() == 2);
  CHECK(schema.drops[static_cast<size_t>(Drop::kFull)] == "full");
  REQUIRE(schema.counters.size() == 2);
  CHECK(schema.counters[0] == stats::CounterSpec{.name = "passed",
                                                 .help = "Packets.",
                                                 .label = "kind",
                                                 .value = "voice",
                                                 .health = stats::CounterSpec::Health::kSuccess});
  CHECK(schema.counters[1].gauge);
  REQUIRE(schema.histograms.size() == 1);
  CHECK(schema.histograms[0].name == "delay");
  CHECK(schema.sockets);
  CHECK(kSchema.drops[Drop::kLate] == "late");
  CHECK(stats::Schema<stats::None>{}.untyped() == stats::FilterSchema{});
}

}  // namespace
}  // namespace sluice
