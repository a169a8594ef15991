// Tells when a file's content may have changed: written in place, replaced by a rename, or reached through a
// symbolic link that was swapped, at any level of its path.
#pragma once

#include <uv.h>

#include <functional>
#include <string>

#include "source/net/event_loop.h"
#include "source/net/uv_handle.h"

namespace sluice::reload {

class FileWatch {
 public:
  FileWatch(net::EventLoop& loop, const std::string& path, std::function<void()> changed);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

 private:
  const std::function<void()> changed_;
  net::UvHandle<uv_fs_poll_t> poll_;
};

}  // namespace sluice::reload
