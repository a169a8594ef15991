#include "source/server/file_watch.h"

namespace sluice::server {
namespace {

// Comparing the results of stat() detects every way of replacing a file; directory notifications do not.
constexpr unsigned kIntervalMs = 500;

}  // namespace

FileWatch::FileWatch(net::EventLoop& loop, const std::string& path, std::function<void()> changed)
    : changed_(std::move(changed)), poll_(new uv_fs_poll_t) {
  uv_fs_poll_init(loop.raw(), poll_);
  poll_->data = this;
  uv_fs_poll_start(
      poll_,
      [](uv_fs_poll_t* handle, int, const uv_stat_t*, const uv_stat_t*) {
        static_cast<FileWatch*>(handle->data)->changed_();
      },
      path.c_str(), kIntervalMs);
}

FileWatch::~FileWatch() {
  uv_fs_poll_stop(poll_);
  uv_close(reinterpret_cast<uv_handle_t*>(poll_),
           [](uv_handle_t* h) { delete reinterpret_cast<uv_fs_poll_t*>(h); });
}

}  // namespace sluice::server
