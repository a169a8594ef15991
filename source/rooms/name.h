// The names of rooms and players.
#pragma once

#include <algorithm>
#include <string_view>

namespace sluice::rooms {

inline constexpr const char* kNameRule = "must be 1 to 64 of A-Z a-z 0-9 . _ ~ -";

inline bool isName(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '~' || c == '-';
  });
}

}  // namespace sluice::rooms
