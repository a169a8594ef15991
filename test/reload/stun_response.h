// The STUN server of the tests.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "source/codec/stun_writer.h"
#include "source/net/address.h"

namespace sluice::reload {

// A success response that maps the client to IP address `mapped`.
inline std::vector<uint8_t> bindingResponse(const stun::TransactionId& id, const std::string& mapped,
                                            uint16_t method = stun::kBinding) {
  std::vector<uint8_t> buffer(128);
  stun::Writer writer(buffer, method, stun::Class::kSuccess, id);
  const auto address = *net::Address::parseIp(mapped, 5000);
  stun::TransportAddress wire{};
  std::copy(address.ip().begin(), address.ip().end(), wire.ip.begin());
  wire.ip_length = static_cast<uint8_t>(address.ip().size());
  wire.port = address.port();
  writer.addXorAddress(stun::kXorMappedAddress, wire);
  writer.addFingerprint();
  buffer.resize(*writer.finish());
  return buffer;
}

}  // namespace sluice::reload
