#include "source/base/file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

using namespace sluice;

namespace {

std::string pathOf(const char* name) {
  const char* folder = std::getenv("TEST_TMPDIR");
  return std::string(folder != nullptr ? folder : "/tmp") + "/" + name;
}

}  // namespace

TEST_CASE("readFile: reads a regular file completely, up to the limit") {
  const std::string path = pathOf("content");
  const std::string content(100'000, 'x');
  std::ofstream(path) << content;
  CHECK(*readFile(path, 100'000) == content);
  CHECK(*readFile(path, 1'000'000) == content);
  CHECK(readFile(path, 99'999).error().message == "is larger than 99999 bytes");
}

TEST_CASE("readFile: files without an end, unreadable files and files that may block are errors") {
  CHECK(readFile("/proc/self/pagemap", 1000).error().message == "is larger than 1000 bytes");
  CHECK(readFile("/proc/self/mem", 1000).error().message == "cannot be read: Input/output error");
  CHECK(readFile("/dev/zero", 1000).error().message == "cannot be read: not a regular file");
  CHECK(readFile("/", 1000).error().message == "cannot be read: not a regular file");
  CHECK(readFile(pathOf("none"), 1000).error().message == "cannot be read: No such file or directory");
  const std::string fifo = pathOf("fifo");
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(readFile(fifo, 1000).error().message == "cannot be read: not a regular file");
}
