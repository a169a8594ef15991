// Calls a function on the loop's thread when the process gets a signal.
#pragma once

#include <uv.h>

#include <functional>

#include "source/net/event_loop.h"
#include "source/net/uv_handle.h"

namespace sluice::server {

class SignalWatch {
 public:
  SignalWatch(net::EventLoop& loop, int signal, std::function<void()> received)
      : received_(std::move(received)) {
    uv_signal_init(loop.raw(), handle_.get());
    handle_.get()->data = this;
    uv_signal_start(
        handle_.get(), [](uv_signal_t* h, int) { static_cast<SignalWatch*>(h->data)->received_(); }, signal);
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  const std::function<void()> received_;
  net::UvHandle<uv_signal_t> handle_;
};

}  // namespace sluice::server
