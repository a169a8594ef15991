// Notifies when a file's content may have changed: the file was written in place or replaced by a rename, or
// a symbolic link at any level of its path was swapped.
#pragma once

#include <functional>
#include <string>

#include "source/net/event_loop.h"
#include "source/net/uv_handle.h"

namespace sluice::net {

class FileWatch {
 public:
  // `changed` is called on the loop's thread, within about 500 ms, and must not destroy this object.
  FileWatch(EventLoop& loop, const std::string& path, std::function<void()> changed);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

 private:
  const std::function<void()> changed_;
  UvHandle<uv_fs_poll_t> handle_;
};

}  // namespace sluice::net
