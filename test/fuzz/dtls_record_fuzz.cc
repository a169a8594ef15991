// DTLS framing alone. A sequence of complete records is as well-formed as each of them; a record that lacks
// its last byte is not.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "source/crypto/dtls_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  const Bytes datagram(data, size);
  if (!crypto::isWellFormedDtls(datagram)) return 0;
  std::vector<uint8_t> twice(datagram.begin(), datagram.end());
  twice.insert(twice.end(), datagram.begin(), datagram.end());
  if (!crypto::isWellFormedDtls(twice)) std::abort();
  if (crypto::isWellFormedDtls(datagram.first(size - 1))) std::abort();
  return 0;
}
