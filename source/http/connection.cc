#include "source/http/connection.h"

#include <gnutls/gnutls.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <chrono>

namespace sluice::http {
namespace {

using boost::asio::ip::tcp;

class TlsErrors final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "tls"; }
  std::string message(int code) const override { return gnutls_strerror(code); }
};

// Asio ignores these time limits and waits indefinitely, so reads and writes below use the socket directly.
void limitWaiting(int socket, Duration patience) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(patience).count();
  const timeval limit{static_cast<time_t>(us / 1'000'000), static_cast<suseconds_t>(us % 1'000'000)};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

// With a time limit, a system call interrupted by a signal is not restarted automatically (signal(7)).
template <typename Call>
ptrdiff_t restarting(const Call& call) {
  ptrdiff_t result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(boost::asio::io_context& io, const TlsClient* tls,
                                                     const std::string& host, const std::string& port,
                                                     Duration patience) {
  auto connection = std::unique_ptr<Connection>(new Connection(io, patience));
  ErrorCode error;
  const auto endpoints = tcp::resolver(io).resolve(host, port, error);
  if (!error) boost::asio::connect(connection->socket_, endpoints, error);
  if (error) return Error{"", host + ":" + port + ": " + error.message()};
  connection->socket_.set_option(tcp::no_delay(true), error);
  const int socket = connection->socket_.native_handle();
  limitWaiting(socket, patience);
  if (tls != nullptr) {
    auto session = tls->handshake(socket, host, port, patience);
    if (!session.ok()) return session.error();
    connection->tls_ = *std::move(session);
  }
  return connection;
}

size_t Connection::read(std::span<char> into, ErrorCode& error) {
  const auto receive = [&] { return ::recv(socket_.native_handle(), into.data(), into.size(), 0); };
  const ptrdiff_t result = tls_ != nullptr ? tls_->read(into, patience_) : restarting(receive);
  if (result == 0) {
    error = boost::asio::error::eof;
    return 0;
  }
  return outcome(result, error);
}

size_t Connection::write(std::span<const char> from, ErrorCode& error) {
  const auto send = [&] { return ::send(socket_.native_handle(), from.data(), from.size(), MSG_NOSIGNAL); };
  return outcome(tls_ != nullptr ? tls_->write(from, patience_) : restarting(send), error);
}

size_t Connection::outcome(ptrdiff_t result, ErrorCode& error) const {
  static const TlsErrors kTlsErrors;
  error = {};
  if (result >= 0) return static_cast<size_t>(result);
  const bool timed_out = tls_ != nullptr ? result == GNUTLS_E_TIMEDOUT : errno == EAGAIN;
  if (timed_out) {
    error = boost::asio::error::timed_out;
  } else if (tls_ != nullptr) {
    error.assign(static_cast<int>(result), kTlsErrors);
  } else {
    error.assign(errno, boost::system::system_category());
  }
  return 0;
}

}  // namespace sluice::http
