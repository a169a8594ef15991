// A look at DTLS framing (RFC 6347 sections 4.1 and 4.2.2) before the library sees it. Until the handshake is
// done, nothing proves that a datagram is the peer's, and BoringSSL gives up on a malformed one: damage and
// noise must not end a handshake.
#pragma once

#include "source/base/bytes.h"

namespace sluice::crypto {

// True when the datagram is made of whole records, and its plaintext handshake records of whole fragments.
bool isWellFormedDtls(Bytes datagram);

// True when a well-formed datagram has a plaintext alert or plaintext application data in it. Neither is of
// use to a handshake, and anyone can forge them (RFC 6347 section 4.1.2.7).
bool hasPlaintextAlertOrData(Bytes datagram);

}  // namespace sluice::crypto
