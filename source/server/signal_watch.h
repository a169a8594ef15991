// Calls a function on the loop's thread when the process gets a signal.
#pragma once

#include <uv.h>

#include <functional>

#include "source/net/event_loop.h"

namespace sluice::server {

class SignalWatch {
 public:
  SignalWatch(net::EventLoop& loop, int signal, std::function<void()> received)
      : received_(std::move(received)), handle_(new uv_signal_t) {
    uv_signal_init(loop.raw(), handle_);
    handle_->data = this;
    uv_signal_start(
        handle_, [](uv_signal_t* h, int) { static_cast<SignalWatch*>(h->data)->received_(); }, signal);
  }
  ~SignalWatch() {
    uv_close(reinterpret_cast<uv_handle_t*>(handle_),
             [](uv_handle_t* h) { delete reinterpret_cast<uv_signal_t*>(h); });
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  const std::function<void()> received_;
  uv_signal_t* const handle_;
};

}  // namespace sluice::server
