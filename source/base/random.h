// Cryptographically strong randomness from the kernel. Thread-safe. Control path only: it may be a system
// call.
#pragma once

#include <string>

#include "source/base/bytes.h"

namespace sluice {

void fillRandom(MutableBytes out);
uint32_t randomU32();
uint64_t randomU64();

// `length` characters of A-Z a-z 0-9 + / (RFC 8445 ice-char), 6 bits of entropy each.
std::string randomIceString(size_t length);

}  // namespace sluice
