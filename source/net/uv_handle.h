// Owns a libuv handle.
#pragma once

#include <uv.h>

namespace sluice::net {

// `Handle`: uv_poll_t and the like. Its `data` is the owner, and null after this object was destroyed: the
// loop frees the handle's memory in a later iteration, as libuv requires. The owner initializes the handle;
// one that could not be initialized is freed at once. Loop's thread.
template <typename Handle>
class UvHandle {
 public:
  explicit UvHandle(void* owner) : handle_(new Handle{}) { handle_->data = owner; }
  ~UvHandle() {
    handle_->data = nullptr;
    if (!isInitialized()) {
      delete handle_;
      return;
    }
    uv_close(reinterpret_cast<uv_handle_t*>(handle_),
             [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
  }
  UvHandle(const UvHandle&) = delete;
  UvHandle& operator=(const UvHandle&) = delete;

  Handle* get() { return handle_; }
  // libuv sets the loop of a handle that it has initialized.
  bool isInitialized() const { return handle_->loop != nullptr; }

 private:
  Handle* const handle_;
};

}  // namespace sluice::net
