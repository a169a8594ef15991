#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "source/codec/red.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  const auto packet = red::parse({data, size});
  if (!packet) return 0;
  size_t total = red::headerSize(packet->redundant().size());
  for (size_t i = 0; i < packet->count; ++i) total += packet->blocks[i].data.size();
  if (total != size) std::abort();
  // RED is parsed as it was written.
  std::vector<uint8_t> headers(red::headerSize(packet->redundant().size()));
  red::writeHeaders(packet->redundant(), packet->primary().payload_type, headers.data());
  if (!std::equal(headers.begin(), headers.end(), data)) std::abort();
  return 0;
}
