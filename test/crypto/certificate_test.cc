#include "source/crypto/certificate.h"

#include <doctest/doctest.h>

namespace sluice::crypto {
namespace {

TEST_CASE("every certificate is different, and its fingerprint is that of its DER form") {
  const auto one = Certificate::generate();
  const auto other = Certificate::generate();
  CHECK(one->fingerprint() != other->fingerprint());
  CHECK(one->fingerprint() == fingerprintOf(one->x509()));
}

TEST_CASE("RFC 8122: a fingerprint is written as upper-case bytes with colons") {
  Fingerprint fingerprint{};
  fingerprint[0] = 0x0A;
  fingerprint[1] = 0xBC;
  fingerprint[31] = 0xFF;
  const std::string text = toText(fingerprint);
  CHECK(text.size() == 32 * 3 - 1);
  CHECK(text.substr(0, 8) == "0A:BC:00");
  CHECK(text.substr(text.size() - 5) == "00:FF");
}

TEST_CASE("a certificate is handed over to another process, and other bytes are refused") {
  const auto certificate = Certificate::generate();
  const std::string saved = certificate->save();
  const auto loaded = Certificate::load(asBytes(saved));
  REQUIRE(loaded != nullptr);
  CHECK(loaded->fingerprint() == certificate->fingerprint());
  for (size_t size = 0; size < saved.size(); ++size)
    CHECK(Certificate::load(asBytes(saved).first(size)) == nullptr);
}

}  // namespace
}  // namespace sluice::crypto
