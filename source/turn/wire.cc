#include "source/turn/wire.h"

#include <algorithm>

namespace sluice::turn {

stun::TransportAddress toStun(const net::Address& address) {
  stun::TransportAddress out;
  const Bytes ip = address.ip();
  std::copy(ip.begin(), ip.end(), out.ip.begin());
  out.ip_length = static_cast<uint8_t>(ip.size());
  out.port = address.port();
  return out;
}

net::Address fromStun(const stun::TransportAddress& address) {
  return net::Address(Bytes(address.ip).first(address.ip_length), address.port);
}

}  // namespace sluice::turn
