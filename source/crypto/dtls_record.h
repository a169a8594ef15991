// Checks DTLS framing (RFC 6347 sections 4.1 and 4.2.2) before the library gets it. Until the handshake is
// done, datagrams are not authenticated, and BoringSSL fails on a malformed one: a damaged datagram, or one
// of another host, must not end a handshake.
#pragma once

#include "source/base/bytes.h"

namespace sluice::crypto {

// True if the datagram consists of whole records, and its plaintext handshake records of whole fragments.
bool isWellFormedDtls(Bytes datagram);

// True if a well-formed datagram contains a plaintext alert or plaintext application data. Neither is of use
// to a handshake, and anyone can forge them (RFC 6347 section 4.1.2.7).
bool hasPlaintextAlertOrData(Bytes datagram);

}  // namespace sluice::crypto
