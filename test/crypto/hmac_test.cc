#include "source/crypto/hmac.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "test/support/hex.h"

namespace sluice::crypto {
namespace {

using test::hex;

template <size_t Size>
std::vector<uint8_t> run(void (*hmac)(Bytes, Bytes, uint8_t*), Bytes key, Bytes message) {
  std::vector<uint8_t> out(Size);
  hmac(key, message, out.data());
  return out;
}

struct Case {
  std::vector<uint8_t> key;
  std::string message;
  const char* sha1;    // RFC 2202 section 3
  const char* sha256;  // RFC 4231 section 4
};

TEST_CASE("RFC 2202 and RFC 4231: HMAC-SHA1 and HMAC-SHA256") {
  const Case cases[] = {
      {std::vector<uint8_t>(20, 0x0b), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {{'J', 'e', 'f', 'e'},
       "what do ya want for nothing?",
       "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::vector<uint8_t>(20, 0xaa), std::string(50, '\xdd'), "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.message);
    CHECK(run<20>(hmacSha1, c.key, asBytes(c.message)) == hex(c.sha1));
    CHECK(run<32>(hmacSha256, c.key, asBytes(c.message)) == hex(c.sha256));
  }
}

TEST_CASE("a key longer than a block is hashed first") {
  const std::string message = "Test Using Larger Than Block-Size Key - Hash Key First";
  CHECK(run<20>(hmacSha1, std::vector<uint8_t>(80, 0xaa), asBytes(message)) ==
        hex("aa4ae5e15272d00e95705637ce8a3b55ed402112"));
  CHECK(run<32>(hmacSha256, std::vector<uint8_t>(131, 0xaa), asBytes(message)) ==
        hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
}

TEST_CASE("RFC 1321 and FIPS 180: MD5 and SHA-256") {
  const auto md5_abc = md5(asBytes("abc"));
  CHECK(std::vector<uint8_t>(md5_abc.begin(), md5_abc.end()) == hex("900150983cd24fb0d6963f7d28e17f72"));
  const auto sha_abc = sha256(asBytes("abc"));
  CHECK(std::vector<uint8_t>(sha_abc.begin(), sha_abc.end()) ==
        hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

}  // namespace
}  // namespace sluice::crypto
