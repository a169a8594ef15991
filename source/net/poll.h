// Watches a file descriptor on an event loop.
#pragma once

#include <functional>

#include "source/net/event_loop.h"
#include "source/net/uv_handle.h"

namespace sluice::net {

// Loop's thread. Before it calls `ready`, it runs the tasks that were posted to the loop; if one of them
// destroys this object, `ready` is not called.
class Poll {
 public:
  // Bits of a set of events.
  static constexpr int kReadable = UV_READABLE;
  static constexpr int kWritable = UV_WRITABLE;
  static constexpr int kDisconnected = UV_DISCONNECT;  // the peer has closed its half of the connection
  // Always watched. It ends the watch: call watch() again if the descriptor is still in use.
  static constexpr int kError = 1 << 16;

  // Calls `ready` with the events that occur, repeatedly while a condition lasts. `fd` stays open until this
  // object is destroyed or stopped. `ready` must not destroy this object.
  Poll(EventLoop& loop, int fd, int events, std::function<void(int events)> ready);
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  // False if the system cannot watch the descriptor; then `ready` is never called.
  bool isValid() const { return handle_.isInitialized(); }
  // Watches for these events from now on.
  void watch(int events);
  void stop();

 private:
  static void onEvents(uv_poll_t* handle, int status, int events);

  const std::function<void(int events)> ready_;
  UvHandle<uv_poll_t> handle_;
};

}  // namespace sluice::net
