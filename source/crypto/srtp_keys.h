// The profile and keys that a DTLS-SRTP handshake negotiates (RFC 5764 section 4.2).
#pragma once

#include <array>
#include <cstdint>

#include "source/base/archive.h"

namespace sluice::crypto {

enum class SrtpProfile : uint8_t { kAeadAes128Gcm, kAes128CmSha1_80 };

constexpr size_t kMasterKeySize = 16;
constexpr size_t saltSize(SrtpProfile profile) {
  return profile == SrtpProfile::kAeadAes128Gcm ? 12 : 14;
}

// Wiped on destruction.
struct SrtpKeys {
  using Master =
      std::array<uint8_t, kMasterKeySize + 14>;  // key, then salt; GCM leaves the last two bytes unused

  SrtpKeys() = default;
  ~SrtpKeys();
  SrtpKeys(const SrtpKeys&) = default;
  SrtpKeys& operator=(const SrtpKeys&) = default;

  SrtpProfile profile = SrtpProfile::kAeadAes128Gcm;
  Master local{};   // for sending
  Master remote{};  // for receiving

  void archive(Archive& a) { a(profile, local, remote); }
};

}  // namespace sluice::crypto
