#include "source/net/udp_control.h"

#include <netinet/in.h>

#include <cassert>
#include <cstring>

namespace sluice::net {
namespace {

void enable(int fd, int level, int option) {
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof on);
}

// Appends one control message to a buffer of kControlSize bytes.
template <typename T>
void append(uint8_t* buffer, size_t& used, int level, int type, const T& value) {
  assert(used + CMSG_SPACE(sizeof value) <= kControlSize);
  auto* message = reinterpret_cast<cmsghdr*>(buffer + used);
  message->cmsg_level = level;
  message->cmsg_type = type;
  message->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(message), &value, sizeof value);
  used += CMSG_SPACE(sizeof value);
}

template <typename T>
T valueOf(const cmsghdr* message) {
  T value;
  std::memcpy(&value, CMSG_DATA(message), sizeof value);
  return value;
}

}  // namespace

void enableControl(int fd, const Address& local) {
  if (local.isV6()) {
    enable(fd, IPPROTO_IPV6, IPV6_RECVTCLASS);
    if (local.isWildcard()) enable(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
  } else {
    enable(fd, IPPROTO_IP, IP_RECVTOS);
    if (local.isWildcard()) enable(fd, IPPROTO_IP, IP_PKTINFO);
  }
}

void readControl(msghdr& header, Packet& packet) {
  for (cmsghdr* message = CMSG_FIRSTHDR(&header); message != nullptr;
       message = CMSG_NXTHDR(&header, message)) {
    if (message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_TOS) {
      packet.tos = *CMSG_DATA(message);
    } else if (message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_TCLASS) {
      packet.tos = static_cast<uint8_t>(valueOf<int>(message));
    } else if (message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_PKTINFO) {
      const auto info = valueOf<in_pktinfo>(message);
      packet.local = Address({reinterpret_cast<const uint8_t*>(&info.ipi_addr), 4}, packet.local.port());
    } else if (message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_PKTINFO) {
      const auto info = valueOf<in6_pktinfo>(message);
      packet.local = Address(Bytes(info.ipi6_addr.s6_addr, 16), packet.local.port());
    }
  }
}

void writeControl(const Packet& packet, const Address& bound, uint8_t* buffer, msghdr& header) {
  const bool v6 = bound.isV6();
  size_t used = 0;
  if (packet.tos != 0) {
    append(buffer, used, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, int{packet.tos});
  }
  if (packet.ttl != 0) {
    append(buffer, used, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_HOPLIMIT : IP_TTL, int{packet.ttl});
  }
  if (bound.isWildcard() && packet.local.family() == bound.family() && !packet.local.isWildcard()) {
    if (v6) {
      in6_pktinfo info{};
      std::memcpy(info.ipi6_addr.s6_addr, packet.local.ip().data(), 16);
      append(buffer, used, IPPROTO_IPV6, IPV6_PKTINFO, info);
    } else {
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, packet.local.ip().data(), 4);
      append(buffer, used, IPPROTO_IP, IP_PKTINFO, info);
    }
  }
  header.msg_control = used == 0 ? nullptr : buffer;
  header.msg_controllen = used;
}

}  // namespace sluice::net
