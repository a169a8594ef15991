#include "source/turn/nonce.h"

#include <doctest/doctest.h>

#include <set>

namespace sluice::turn {
namespace {

using Verdict = NonceGenerator::Verdict;

const net::Address kClient = *net::Address::parse("192.0.2.1:5000");
constexpr NonceGenerator::Kind kKind{.features = kPasswordAlgorithmsFeature, .lifetime = 600s};

TEST_CASE("RFC 8489 9.2: a nonce begins with the cookie and the features, and has kSize bytes") {
  const NonceGenerator generator;
  ManualClock clock;
  const std::string nonce = generator.make(kClient, clock.now(), kKind);
  CHECK(nonce.size() == NonceGenerator::kSize);
  CHECK(nonce.starts_with("obMatJos2gAAA"));
  CHECK(NonceGenerator::featuresOf(nonce) == kPasswordAlgorithmsFeature);
  CHECK(NonceGenerator::featuresOf("obMatJos2AAAA") == 0);
  CHECK(NonceGenerator::featuresOf("something else") == 0);
  CHECK(NonceGenerator::featuresOf("") == 0);
}

TEST_CASE("NonceGenerator: a nonce is valid for its lifetime, stale for another, then unknown") {
  const NonceGenerator generator;
  ManualClock clock;
  const std::string nonce = generator.make(kClient, clock.now(), kKind);
  const Duration tick = kKind.lifetime / 64;
  const auto after = [&](Duration age) { return generator.verify(nonce, kClient, clock.now() + age, kKind); };
  CHECK(after(0s) == Verdict::kValid);
  CHECK(after(kKind.lifetime - tick) == Verdict::kValid);
  CHECK(after(kKind.lifetime) == Verdict::kStale);
  CHECK(after(2 * kKind.lifetime - tick) == Verdict::kStale);
  // The tick's bits wrap; the MAC covers all of it.
  for (const int lifetimes : {2, 3, 4, 128}) {
    CAPTURE(lifetimes);
    CHECK(after(lifetimes * kKind.lifetime) == Verdict::kUnknown);
  }
}

TEST_CASE("NonceGenerator: nonces of another client, server or kind are unknown") {
  const NonceGenerator generator;
  ManualClock clock;
  const Instant now = clock.now();
  const std::string nonce = generator.make(kClient, now, kKind);
  CHECK(generator.verify(nonce, kClient.withPort(5001), now, kKind) == Verdict::kUnknown);
  CHECK(generator.verify(nonce, *net::Address::parse("192.0.2.2:5000"), now, kKind) == Verdict::kUnknown);
  CHECK(NonceGenerator().verify(nonce, kClient, now, kKind) == Verdict::kUnknown);
  for (const uint32_t features :
       {0u, kUsernameAnonymityFeature, kPasswordAlgorithmsFeature | kUsernameAnonymityFeature}) {
    CAPTURE(features);
    const NonceGenerator::Kind other{.features = features, .lifetime = kKind.lifetime};
    CHECK(generator.verify(nonce, kClient, now, other) == Verdict::kUnknown);
    CHECK(generator.verify(generator.make(kClient, now, other), kClient, now, kKind) == Verdict::kUnknown);
  }
}

TEST_CASE("NonceGenerator: a nonce with any byte changed is unknown") {
  const NonceGenerator generator;
  ManualClock clock;
  const std::string nonce = generator.make(kClient, clock.now(), kKind);
  for (size_t i = 0; i < nonce.size(); ++i) {
    CAPTURE(i);
    std::string changed = nonce;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK(generator.verify(changed, kClient, clock.now(), kKind) == Verdict::kUnknown);
    CHECK(generator.verify(nonce.substr(0, i), kClient, clock.now(), kKind) == Verdict::kUnknown);
  }
  CHECK(generator.verify(nonce + "A", kClient, clock.now(), kKind) == Verdict::kUnknown);
}

TEST_CASE("NonceGenerator: nonces of one moment differ by their salt") {
  const NonceGenerator generator;
  ManualClock clock;
  std::set<std::string> nonces;
  for (int i = 0; i < 256; ++i) nonces.insert(generator.make(kClient, clock.now(), kKind));
  CHECK(nonces.size() == 256);
}

TEST_CASE("NonceGenerator: a process with the same key accepts the nonces") {
  NonceGenerator generator;
  ManualClock clock;
  const std::string nonce = generator.make(kClient, clock.now(), kKind);
  Descriptors descriptors;
  Archive writer(descriptors);
  generator.archive(writer);
  const std::string bytes = writer.takeBytes();
  NonceGenerator successor;
  Archive reader(asBytes(bytes), descriptors);
  successor.archive(reader);
  CHECK(successor.verify(nonce, kClient, clock.now(), kKind) == Verdict::kValid);
}

}  // namespace
}  // namespace sluice::turn
