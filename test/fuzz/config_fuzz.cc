#include <cstdint>

#include "source/base/bytes.h"
#include "source/config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  const auto text = asText(Bytes(data, size));
  static_cast<void>(config::parse(text, config::Format::kText, "input"));
  static_cast<void>(config::parse(text, config::Format::kJson, "input"));
  return 0;
}
