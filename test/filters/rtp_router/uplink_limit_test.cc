#include "filters/rtp_router/uplink_limit.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::rtp_router {
namespace {

constexpr Instant kStart{1h};
constexpr UplinkLimit::Config kConfig{
    .packets_per_second = 64, .burst_packets = 16, .bytes_per_second = 8'192, .burst_bytes = 4'096};

// How many of the packets sent at a constant rate for ten seconds pass.
int passed(UplinkLimit& limit, int per_second, size_t size) {
  int count = 0;
  for (int i = 0; i < 10 * per_second; ++i)
    count += limit.take(size, kStart + i * Duration(1s) / per_second) ? 1 : 0;
  return count;
}

TEST_CASE("a speaker may send a burst of packets, then as many as the limit allows") {
  UplinkLimit limit(kConfig, kStart);
  for (int i = 0; i < 16; ++i) CHECK(limit.take(1, kStart));
  CHECK_FALSE(limit.take(1, kStart));
  CHECK(limit.take(1, kStart + 16ms));
  CHECK_FALSE(limit.take(1, kStart + 16ms));
}

TEST_CASE("few large packets exceed the limit of bytes") {
  UplinkLimit limit(kConfig, kStart);
  for (int i = 0; i < 4; ++i) CHECK(limit.take(1'024, kStart));
  CHECK_FALSE(limit.take(1'024, kStart));
  CHECK(limit.take(0, kStart));
  CHECK_FALSE(limit.take(1'024, kStart + 124ms));
  CHECK(limit.take(1'024, kStart + 125ms));
}

TEST_CASE("a packet that the limit of bytes refuses counts as a packet all the same") {
  UplinkLimit limit(kConfig, kStart);
  CHECK(limit.take(4'096, kStart));
  for (int i = 0; i < 15; ++i) CHECK_FALSE(limit.take(1, kStart));
  CHECK_FALSE(limit.take(0, kStart));
}

TEST_CASE("a packet that the limit of packets refuses costs no bytes") {
  UplinkLimit limit(kConfig, kStart);
  for (int i = 0; i < 16; ++i) CHECK(limit.take(0, kStart));
  for (int i = 0; i < 100; ++i) CHECK_FALSE(limit.take(4'096, kStart));
  CHECK(limit.take(4'096, kStart + 16ms));
}

TEST_CASE("a speaker within the limit loses nothing") {
  UplinkLimit limit(kConfig, kStart);
  CHECK(passed(limit, 64, 128) == 640);
}

TEST_CASE("a speaker just above the limit is hardly affected, a flood gets less through than speech") {
  UplinkLimit above(kConfig, kStart);
  const int speech = passed(above, 80, 0);
  CHECK(speech >= 645);
  CHECK(speech <= 16 + 640);

  UplinkLimit flooded(kConfig, kStart);
  CHECK(passed(flooded, 6'400, 0) < 100);
}

TEST_CASE("after a flood a speaker has the whole limit again, without a debt") {
  UplinkLimit limit(kConfig, kStart);
  for (int i = 0; i < 100'000; ++i) limit.take(0, kStart);
  CHECK(limit.take(0, kStart + 16ms));
}

TEST_CASE("a changed limit applies to what the speaker has left") {
  UplinkLimit limit(kConfig, kStart);
  UplinkLimit::Config smaller = kConfig;
  smaller.burst_packets = 2;
  smaller.burst_bytes = 100;
  limit.configure(smaller, kStart);
  CHECK(limit.take(100, kStart));
  CHECK_FALSE(limit.take(1, kStart));
  CHECK_FALSE(limit.take(0, kStart));
  limit.configure(kConfig, kStart);
  CHECK_FALSE(limit.take(0, kStart));
}

TEST_CASE("a takeover gives a speaker no second burst") {
  UplinkLimit old(kConfig, kStart);
  for (int i = 0; i < 15; ++i) CHECK(old.take(200, kStart));
  Descriptors none;
  Archive out(none);
  old.archive(out);
  const std::string saved = out.takeBytes();
  UplinkLimit fresh(kConfig, kStart);
  Archive in(asBytes(saved), none);
  fresh.archive(in);
  CHECK(in.ok());
  UplinkLimit bytes = fresh;
  CHECK_FALSE(bytes.take(1'097, kStart));
  CHECK(fresh.take(1'096, kStart));
  CHECK_FALSE(fresh.take(0, kStart));
}

}  // namespace
}  // namespace sluice::rtp_router
