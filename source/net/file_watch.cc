#include "source/net/file_watch.h"

#include <utility>

namespace sluice::net {
namespace {

// Comparing the results of stat() detects every way of replacing a file; directory notifications do not.
constexpr unsigned kIntervalMs = 500;

}  // namespace

FileWatch::FileWatch(EventLoop& loop, const std::string& path, std::function<void()> changed)
    : changed_(std::move(changed)), handle_(this) {
  uv_fs_poll_init(loop.raw(), handle_.get());
  const auto on_change = [](uv_fs_poll_t* handle, int, const uv_stat_t*, const uv_stat_t*) {
    FileWatch* self = EventLoop::enter<FileWatch>(handle);
    if (self != nullptr) self->changed_();
  };
  uv_fs_poll_start(handle_.get(), on_change, path.c_str(), kIntervalMs);
}

}  // namespace sluice::net
