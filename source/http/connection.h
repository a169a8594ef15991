// A blocking TCP connection to a server, with or without TLS: a SyncStream of Boost.Beast.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <memory>
#include <span>
#include <string>

#include "source/base/result.h"
#include "source/http/tls_client.h"

namespace sluice::http {

class Connection {
 public:
  using ErrorCode = boost::system::error_code;

  // With `tls`, returns after its handshake. `io` and `tls` outlive the connection. Errors have no path and
  // name host and port. Reading and writing fail after `patience` without progress.
  static Result<std::unique_ptr<Connection>> open(boost::asio::io_context& io, const TlsClient* tls,
                                                  const std::string& host, const std::string& port,
                                                  Duration patience);

  // The interface that Beast uses.
  template <typename Buffers>
  size_t read_some(const Buffers& buffers, ErrorCode& error) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::mutable_buffer buffer(*it);
      if (buffer.size() > 0) return read({static_cast<char*>(buffer.data()), buffer.size()}, error);
    }
    error = {};
    return 0;
  }
  template <typename Buffers>
  size_t write_some(const Buffers& buffers, ErrorCode& error) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::const_buffer buffer(*it);
      if (buffer.size() > 0) return write({static_cast<const char*>(buffer.data()), buffer.size()}, error);
    }
    error = {};
    return 0;
  }
  template <typename Buffers>
  size_t read_some(const Buffers& buffers) {
    ErrorCode error;
    const size_t size = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return size;
  }
  template <typename Buffers>
  size_t write_some(const Buffers& buffers) {
    ErrorCode error;
    const size_t size = write_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return size;
  }

 private:
  Connection(boost::asio::io_context& io, Duration patience) : socket_(io), patience_(patience) {}
  size_t read(std::span<char> into, ErrorCode& error);
  size_t write(std::span<const char> from, ErrorCode& error);
  size_t outcome(ptrdiff_t result, ErrorCode& error) const;

  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<TlsSession> tls_;  // null without TLS
  const Duration patience_;
};

}  // namespace sluice::http
