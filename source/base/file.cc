#include "source/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/base/system_error.h"

namespace sluice {
namespace {

constexpr size_t kPiece = 64 * 1024;

Result<std::string> readAll(int fd, size_t max_bytes) {
  struct stat about {};
  if (fstat(fd, &about) != 0) return systemError("cannot be read");
  if (!S_ISREG(about.st_mode)) return Error{"", "cannot be read: not a regular file"};
  std::string content;
  while (true) {
    const size_t size = content.size();
    content.resize(size + kPiece);  // whole pieces: some files of /proc require that
    const ssize_t got = read(fd, content.data() + size, content.size() - size);
    if (got < 0) return systemError("cannot be read");
    content.resize(size + static_cast<size_t>(got));
    if (got == 0) return content;
    if (content.size() > max_bytes)
      return Error{"", "is larger than " + std::to_string(max_bytes) + " bytes"};
  }
}

}  // namespace

Result<std::string> readFile(const std::string& file, size_t max_bytes) {
  const int fd = open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return systemError("cannot be read");
  auto content = readAll(fd, max_bytes);
  close(fd);
  return content;
}

}  // namespace sluice
