#include "source/base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace sluice {

void fillRandom(MutableBytes out) {
  while (!out.empty()) {
    const ssize_t n = getrandom(out.data(), out.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) std::abort();  // without entropy nothing secure can continue
    out = out.subspan(static_cast<size_t>(n));
  }
}

uint32_t randomU32() {
  uint8_t bytes[4];
  fillRandom(bytes);
  return readU32(bytes);
}

uint64_t randomU64() {
  uint8_t bytes[8];
  fillRandom(bytes);
  return readU64(bytes);
}

std::string randomIceString(size_t length) {
  static constexpr char kIceChars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text(length, '\0');
  fillRandom({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  for (char& c : text) c = kIceChars[static_cast<uint8_t>(c) & 63];
  return text;
}

}  // namespace sluice
