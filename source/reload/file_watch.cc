#include "source/reload/file_watch.h"

namespace sluice::reload {
namespace {

// Comparing the results of stat() detects every way of replacing a file; directory notifications do not.
constexpr unsigned kIntervalMs = 500;

}  // namespace

FileWatch::FileWatch(net::EventLoop& loop, const std::string& path, std::function<void()> changed)
    : changed_(std::move(changed)) {
  uv_fs_poll_init(loop.raw(), poll_.get());
  poll_.get()->data = this;
  uv_fs_poll_start(
      poll_.get(),
      [](uv_fs_poll_t* handle, int, const uv_stat_t*, const uv_stat_t*) {
        static_cast<FileWatch*>(handle->data)->changed_();
      },
      path.c_str(), kIntervalMs);
}

}  // namespace sluice::reload
