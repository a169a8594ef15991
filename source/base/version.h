// The version of this tree. A release changes it only here.
#pragma once

namespace sluice {

inline constexpr const char* kVersion = "0.2.0";

}  // namespace sluice
