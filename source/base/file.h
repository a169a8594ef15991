// Reads whole files whose names may come from others.
#pragma once

#include <cstddef>
#include <string>

#include "source/base/result.h"

namespace sluice {

// The content of a regular file of at most `max_bytes`. Never waits for a writer or a device, and uses little
// more memory than that, whatever size the file claims: files of /proc claim none. The error has no path and
// does not name the file, for example "is larger than 1024 bytes".
Result<std::string> readFile(const std::string& file, size_t max_bytes);

}  // namespace sluice
