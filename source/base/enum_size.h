// The number of enumerators of an enum, at compile time.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice {
namespace enum_size {

// GCC and Clang print "[... V = ns::E::kName]" for an enumerator and "[... V = (ns::E)7]" for another value.
template <auto V>
consteval bool isEnumerator() {
  const std::string_view text = __PRETTY_FUNCTION__;
  const size_t parenthesis = text.rfind(')');
  const char next = text[parenthesis + 1];
  return !(next == '-' || (next >= '0' && next <= '9'));
}

template <typename E, size_t N>
consteval size_t count() {
  if constexpr (isEnumerator<static_cast<E>(N)>()) {
    return count<E, N + 1>();
  } else {
    return N;
  }
}

}  // namespace enum_size

// The enumerators have the values 0, 1, 2, ..., as those of an enum class without initializers. The enum is
// not a member of a class template.
template <typename E>
inline constexpr size_t kEnumSize = enum_size::count<E, 0>();

}  // namespace sluice
