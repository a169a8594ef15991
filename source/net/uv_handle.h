// Owns a libuv handle.
#pragma once

#include <uv.h>

#include <memory>

namespace sluice::net {

// `Handle`: uv_poll_t and the like. The user initializes it before the object is destroyed. Its memory is
// freed by the loop in the iteration after that, as libuv requires.
template <typename Handle>
class UvHandle {
 public:
  UvHandle() : handle_(new Handle) {}
  ~UvHandle() {
    uv_close(reinterpret_cast<uv_handle_t*>(handle_),
             [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
  }
  UvHandle(const UvHandle&) = delete;
  UvHandle& operator=(const UvHandle&) = delete;

  Handle* get() { return handle_; }
  const Handle* get() const { return handle_; }

 private:
  Handle* const handle_;
};

// Calls `readable` when `fd` is readable, with `data` as the handle's data. `fd` stays open until the handle
// is destroyed.
inline std::unique_ptr<UvHandle<uv_poll_t>> pollReadable(uv_loop_t* loop, int fd, void* data,
                                                         uv_poll_cb readable) {
  auto handle = std::make_unique<UvHandle<uv_poll_t>>();
  uv_poll_init(loop, handle->get(), fd);
  handle->get()->data = data;
  uv_poll_start(handle->get(), UV_READABLE, readable);
  return handle;
}

}  // namespace sluice::net
