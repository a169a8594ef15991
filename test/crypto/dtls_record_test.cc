#include "source/crypto/dtls_record.h"

#include <doctest/doctest.h>

#include <vector>

namespace sluice::crypto {
namespace {

using Datagram = std::vector<uint8_t>;

Datagram record(uint8_t type, uint16_t epoch, const Datagram& body) {
  Datagram out{type, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0};
  writeU16(&out[3], epoch);
  writeU16(&out[11], static_cast<uint16_t>(body.size()));
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

Datagram fragment(uint32_t length, uint32_t offset, uint32_t size, size_t present) {
  Datagram out(12 + present);
  out[0] = 1;
  writeU24(&out[1], length);
  writeU24(&out[6], offset);
  writeU24(&out[9], size);
  return out;
}

Datagram operator+(Datagram a, const Datagram& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_CASE("complete records pass, one or several in a datagram") {
  const Datagram hello = record(22, 0, fragment(40, 0, 40, 40));
  CHECK(isWellFormedDtls(hello));
  CHECK(isWellFormedDtls(hello + record(20, 0, {1}) + record(22, 1, Datagram(40))));
  CHECK(isWellFormedDtls(record(22, 0, fragment(40, 10, 20, 20))));
  CHECK(isWellFormedDtls(record(22, 0, fragment(4, 0, 4, 4) + fragment(0, 0, 0, 0))));
  CHECK(isWellFormedDtls(record(21, 0, {2, 40})));
}

TEST_CASE("truncated records, and trailing bytes, are refused") {
  const Datagram hello = record(22, 0, fragment(40, 0, 40, 40));
  CHECK_FALSE(isWellFormedDtls({}));
  for (size_t size = 1; size < hello.size(); ++size) CHECK_FALSE(isWellFormedDtls(Bytes(hello).first(size)));
  CHECK_FALSE(isWellFormedDtls(hello + Datagram{22}));
}

TEST_CASE("unknown types and versions are refused") {
  Datagram hello = record(22, 0, fragment(4, 0, 4, 4));
  hello[0] = 19;
  CHECK_FALSE(isWellFormedDtls(hello));
  hello[0] = 24;
  CHECK_FALSE(isWellFormedDtls(hello));
  hello[0] = 22;
  hello[1] = 3;
  CHECK_FALSE(isWellFormedDtls(hello));
}

TEST_CASE("plaintext fragments stay within their message and their record") {
  CHECK_FALSE(isWellFormedDtls(record(22, 0, {})));
  CHECK_FALSE(isWellFormedDtls(record(22, 0, fragment(40, 0, 41, 41))));
  CHECK_FALSE(isWellFormedDtls(record(22, 0, fragment(40, 30, 20, 20))));
  CHECK_FALSE(isWellFormedDtls(record(22, 0, fragment(40, 0xFFFFFF, 2, 2))));
  CHECK_FALSE(isWellFormedDtls(record(22, 0, fragment(40, 0, 40, 39))));
  CHECK(isWellFormedDtls(record(22, 1, {1, 2, 3})));  // encrypted, so it cannot be checked
}

}  // namespace
}  // namespace sluice::crypto
