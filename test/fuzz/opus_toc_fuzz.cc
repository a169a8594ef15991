#include <cstdint>
#include <cstdlib>

#include "source/codec/opus_toc.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  const auto info = opus::parse({data, size});
  if (!info) return 0;
  if (info->frame_count < 1 || info->frame_count > 48) std::abort();
  if (info->duration() > std::chrono::milliseconds{120}) std::abort();
  if (info->padding_size >= size) std::abort();
  return 0;
}
