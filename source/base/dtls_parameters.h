// The parameters of a DTLS connection in SDP (RFC 8122, RFC 5763).
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace sluice {

// SHA-256 over the DER form of a certificate.
using Fingerprint = std::array<uint8_t, 32>;

// "AB:CD:..." as in SDP.
inline std::string toText(const Fingerprint& fingerprint) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const uint8_t byte : fingerprint) {
    if (!text.empty()) text += ':';
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

// a=setup:passive or a=setup:active in an answer.
enum class DtlsRole { kServer, kClient };

}  // namespace sluice
