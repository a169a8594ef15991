#include <cassert>
#include <cstdint>
#include <cstdlib>

#include "source/codec/stun.h"
#include "source/crypto/hmac.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  const Bytes bytes(data, size);
  const auto message = stun::parse(bytes);
  if (!message) return 0;
  size_t attributes = 0;
  message->forEach([&](uint16_t, Bytes value) {
    ++attributes;
    // Views never leave the datagram.
    if (!value.empty() && (value.data() < data || value.data() + value.size() > data + size)) std::abort();
  });
  if (attributes > size / 4) std::abort();
  static_cast<void>(message->xorAddress(stun::kXorMappedAddress));
  static_cast<void>(message->errorCode());
  static_cast<void>(message->findU32(stun::kPriority));
  static_cast<void>(message->checkFingerprint());
  static_cast<void>(message->checkIntegrity(asBytes("password"), crypto::hmacSha1));
  static_cast<void>(message->checkIntegritySha256(asBytes("password"), crypto::hmacSha256));

  // Attributes are parsed as they were written: writes the same attributes into a buffer that may be too
  // small.
  uint8_t out[512];
  stun::Writer writer(MutableBytes(out, size % sizeof out), message->method, message->kind, message->id);
  message->forEach([&](uint16_t type, Bytes value) { writer.add(type, value); });
  if (const auto written = writer.finish(); written && !stun::parse(Bytes(out, *written))) std::abort();
  return 0;
}
