// Calls a function on the loop's thread when the process gets a signal.
#pragma once

#include <functional>

#include "source/net/event_loop.h"
#include "source/net/uv_handle.h"

namespace sluice::net {

class SignalWatch {
 public:
  // `received` must not destroy this object.
  SignalWatch(EventLoop& loop, int signal, std::function<void()> received);
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  const std::function<void()> received_;
  UvHandle<uv_signal_t> handle_;
};

}  // namespace sluice::net
