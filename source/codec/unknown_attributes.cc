#include "source/codec/unknown_attributes.h"

#include <algorithm>

namespace sluice::stun {
namespace {

bool isUnderstood(uint16_t type, bool nat_discovery) {
  const AttributeSpec* known = findAttribute(type);
  return known != nullptr && (nat_discovery || known->usage != Usage::kNatDiscovery);
}

}  // namespace

void UnknownAttributes::add(uint16_t type) {
  const auto end = types.begin() + static_cast<std::ptrdiff_t>(count);
  if (count < types.size() && std::find(types.begin(), end, type) == end) types[count++] = type;
}

void UnknownAttributes::addTo(Writer& writer) const {
  std::array<uint8_t, 2 * std::tuple_size_v<decltype(types)>> value;
  for (size_t i = 0; i < count; ++i) writeU16(&value[2 * i], types[i]);
  writer.add(kUnknownAttributes, Bytes(value).first(2 * count));
}

UnknownAttributes findUnknown(const Message& message, bool nat_discovery) {
  UnknownAttributes unknown;
  message.forEach([&](uint16_t type, Bytes) {
    if (isComprehensionRequired(type) && !isUnderstood(type, nat_discovery)) unknown.add(type);
  });
  return unknown;
}

}  // namespace sluice::stun
