#include <cassert>
#include <cstdint>
#include <cstdlib>

#include "source/codec/unknown_attributes.h"
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
  static_cast<void>(message->priority());
  static_cast<void>(message->channelNumber());
  static_cast<void>(message->evenPort());
  static_cast<void>(message->reservationToken());
  static_cast<void>(message->responsePort());
  static_cast<void>(message->passwordAlgorithm());
  static_cast<void>(message->requestedAddressFamily());
  static_cast<void>(stun::localUfrag(*message));
  static_cast<void>(stun::findUnknown(*message, false));
  static_cast<void>(message->checkFingerprint());
  static_cast<void>(message->checkIntegrity(asBytes("password"), crypto::hmacSha1));
  static_cast<void>(message->checkIntegritySha256(asBytes("password"), crypto::hmacSha256));

  // Attributes are parsed as they were written: writes the same attributes into a buffer that may be too
  // small.
  uint8_t out[512];
  stun::Writer writer(MutableBytes(out, size % sizeof out), message->method, message->kind, message->id);
  message->forEach([&](uint16_t type, Bytes value) { writer.add(type, value); });
  if (const auto written = writer.finish(); written && !stun::parse(Bytes(out, *written))) std::abort();

  // The index finds the same attributes as a walk through the message.
  if (attributes > 256) return 0;
  message->forEach([&](uint16_t type, Bytes) {
    std::optional<Bytes> first;
    message->forEach([&](uint16_t other, Bytes value) {
      if (other == type && !first) first = value;
    });
    if (message->find(type)->data() != first->data()) std::abort();
  });
  return 0;
}
