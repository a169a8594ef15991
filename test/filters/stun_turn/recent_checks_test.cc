#include "filters/stun_turn/recent_checks.h"

#include <doctest/doctest.h>

namespace sluice::stun_turn {
namespace {

using Verdict = RecentChecks::Verdict;

const net::Address kRemote = *net::Address::parse("192.0.2.1:5000");
const net::Address kLocal = *net::Address::parse("198.51.100.1:3478");

stun::TransactionId idOf(uint32_t number) {
  stun::TransactionId id{};
  writeU32(&id[8], number);
  return id;
}

TEST_CASE("RecentChecks: a check is new once, then repeated on its address pair and replayed on another") {
  RecentChecks checks;
  CHECK(checks.examine(idOf(1), kRemote, kLocal) == Verdict::kNew);
  CHECK(checks.examine(idOf(1), kRemote, kLocal) == Verdict::kRepeated);
  CHECK(checks.examine(idOf(1), kRemote.withPort(5001), kLocal) == Verdict::kReplayed);
  CHECK(checks.examine(idOf(1), kRemote, kLocal.withPort(3479)) == Verdict::kReplayed);
  CHECK(checks.examine(idOf(1), kRemote, kLocal) == Verdict::kRepeated);
  CHECK(checks.examine(idOf(2), kRemote.withPort(5001), kLocal) == Verdict::kNew);
}

TEST_CASE("RecentChecks: the last kRemembered checks are remembered, the oldest is forgotten first") {
  RecentChecks checks;
  for (uint32_t i = 0; i < 2 * RecentChecks::kRemembered; ++i) {
    REQUIRE(checks.examine(idOf(i), kRemote, kLocal) == Verdict::kNew);
  }
  for (uint32_t i = RecentChecks::kRemembered; i < 2 * RecentChecks::kRemembered; ++i) {
    CAPTURE(i);
    CHECK(checks.examine(idOf(i), kRemote, kLocal) == Verdict::kRepeated);
  }
  CHECK(checks.examine(idOf(0), kRemote, kLocal) == Verdict::kNew);
  CHECK(checks.examine(idOf(RecentChecks::kRemembered), kRemote, kLocal) == Verdict::kNew);
}

TEST_CASE("RecentChecks: the checks are handed over to another process, which refuses too many of them") {
  RecentChecks before;
  for (uint32_t i = 0; i < 300; ++i) before.examine(idOf(i), kRemote, kLocal);
  Descriptors descriptors;
  Archive writer(descriptors);
  before.archive(writer);
  const std::string bytes = writer.takeBytes();
  RecentChecks after;
  Archive reader(asBytes(bytes), descriptors);
  after.archive(reader);
  CHECK(reader.ok());
  CHECK(after.examine(idOf(299), kRemote, kLocal) == Verdict::kRepeated);
  CHECK(after.examine(idOf(298), kRemote.withPort(1), kLocal) == Verdict::kReplayed);
  // The oldest is replaced next.
  CHECK(after.examine(idOf(300), kRemote, kLocal) == Verdict::kNew);
  CHECK(after.examine(idOf(44), kRemote, kLocal) == Verdict::kNew);
  CHECK(after.examine(idOf(46), kRemote, kLocal) == Verdict::kRepeated);

  Archive many(descriptors);
  uint64_t salt = 1;
  uint32_t next = RecentChecks::kRemembered;
  uint64_t none = 0;
  many(salt, next, none);
  const std::string wrong = many.takeBytes();
  RecentChecks broken;
  Archive wrong_reader(asBytes(wrong), descriptors);
  broken.archive(wrong_reader);
  CHECK_FALSE(wrong_reader.ok());
}

}  // namespace
}  // namespace sluice::stun_turn
