// An event stream as the response to a request of libmicrohttpd. Loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "source/http/admission.h"
#include "source/http/event_stream.h"
#include "source/net/poll.h"

struct MHD_Connection;
struct MHD_Response;

namespace sluice::http {

class Subscription {
 public:
  // `resumed` is called when libmicrohttpd has to run again.
  Subscription(net::EventLoop& loop, MHD_Connection* connection, std::shared_ptr<EventStream> events,
               std::shared_ptr<Admission> admission, const net::Address& client,
               std::function<void()> resumed);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // Fills `buffer`. If there is nothing to send, the connection is suspended until the stream has data.
  ssize_t read(char* buffer, size_t most);
  // Sends a comment if the stream has nothing to send.
  void beat();
  // Resumes the connection for the last time.
  void end();

 private:
  void onReady();
  void onGone();
  void wake();
  void account();

  MHD_Connection* const connection_;
  const int fd_;
  const std::shared_ptr<EventStream> events_;
  const std::shared_ptr<Admission> admission_;
  const net::Address client_;
  const std::function<void()> resumed_;
  size_t held_ = 0;  // bytes pending in the stream
  bool suspended_ = false;
  net::Poll gone_;  // detects that the client has closed while the connection is suspended
};

}  // namespace sluice::http
