#include "source/http/request_head.h"

#include <microhttpd.h>

#include <algorithm>
#include <charconv>

namespace sluice::http {
namespace {

// RFC 9110 section 5.6.2.
bool isToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != kMarks.npos;
  });
}

// A second header of these names is an error; its values are not joined.
bool isSingle(std::string_view lower_case_name) {
  constexpr std::string_view kSingle[] = {"authorization", "content-length", "content-type",
                                          "host",          "origin",         "transfer-encoding"};
  return std::ranges::find(kSingle, lower_case_name) != std::end(kSingle);
}

// libmicrohttpd appends a folded line (RFC 9112 section 5.2) to the header's name. A body whose length only a
// proxy in front recognizes would then be read as the next request.
bool isFoldedFraming(std::string_view lower_case_name) {
  constexpr std::string_view kFraming[] = {"content-length", "transfer-encoding"};
  return std::ranges::any_of(kFraming, [&](std::string_view name) {
    return lower_case_name.starts_with(name) && lower_case_name != name;
  });
}

MHD_Result addHeader(void* cls, MHD_ValueKind, const char* name, const char* value) {
  auto& head = *static_cast<RequestHead*>(cls);
  const std::string lower = lowerCase(name);
  const std::string_view text = value != nullptr ? value : "";
  const auto [header, is_new] = head.request.headers.try_emplace(lower, text);
  if (!isToken(lower) || isFoldedFraming(lower)) {
    head.fault = error(400, "a header has an invalid name");
  } else if (!is_new && isSingle(lower)) {
    head.fault = error(400, "must not be repeated", lower);
  } else if (!is_new) {
    header->second.append(", ").append(text);
  }
  return MHD_YES;
}

MHD_Result addQuery(void* cls, MHD_ValueKind, const char* name, const char* value) {
  const auto decoded_name = percentDecode(name), decoded_value = percentDecode(value ? value : "");
  if (decoded_name && decoded_value) {
    static_cast<RequestHead*>(cls)->request.query.insert_or_assign(*decoded_name, *decoded_value);
  }
  return MHD_YES;
}

void checkFraming(RequestHead& head, std::string_view version) {
  const auto& headers = head.request.headers;
  const auto length = headers.find("content-length");
  const auto coding = headers.find("transfer-encoding");
  if (coding != headers.end()) {
    if (length != headers.end()) {
      head.fault = error(400, "must not be combined with Transfer-Encoding", "content-length");
    } else if (version == "HTTP/1.0") {
      head.fault = error(400, "needs HTTP/1.1", "transfer-encoding");
    } else if (lowerCase(coding->second) != "chunked") {
      head.fault = error(501, "must be chunked", "transfer-encoding");
    }
    head.is_chunked = true;
    return;
  }
  if (length == headers.end()) return;
  const char* end = length->second.data() + length->second.size();
  const auto [parsed, failed] = std::from_chars(length->second.data(), end, head.declared_bytes);
  if (failed != std::errc{} || parsed != end) head.fault = error(400, "must be a number", "content-length");
}

}  // namespace

RequestHead readHead(MHD_Connection* connection, const char* method, const char* path, const char* version) {
  RequestHead head;
  head.request.method = method;
  head.request.path = path;
  MHD_get_connection_values(connection, MHD_HEADER_KIND, addHeader, &head);
  MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, addQuery, &head);
  if (!head.fault) checkFraming(head, version);
  return head;
}

}  // namespace sluice::http
