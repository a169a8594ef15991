// Errors of system calls.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "source/base/result.h"

namespace sluice {

// "<what>: <the text of errno>", without a path.
inline Error systemError(const std::string& what) {
  return {"", what + ": " + std::strerror(errno)};
}

}  // namespace sluice
