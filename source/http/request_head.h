// Converts the headers of a request that libmicrohttpd has read.
#pragma once

#include <optional>

#include "source/http/message.h"

struct MHD_Connection;

namespace sluice::http {

struct RequestHead {
  Request request;  // without body and peer
  // Set if it is unclear where the body ends (RFC 9112 section 6.3), or another rule is broken that a proxy
  // in front may interpret differently. The connection must be closed after this response, because bytes that
  // follow cannot be trusted.
  std::optional<Response> fault;
  uint64_t declared_bytes = 0;  // Content-Length
  bool is_chunked = false;

  bool hasBody() const { return is_chunked || declared_bytes > 0; }
};

RequestHead readHead(MHD_Connection* connection, const char* method, const char* path, const char* version);

}  // namespace sluice::http
