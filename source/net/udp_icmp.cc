#include "source/net/udp_icmp.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace sluice::net {
namespace {

constexpr uint8_t kUnreachable = 3, kFragmentationNeeded = 4;  // RFC 792
constexpr uint8_t kPacketTooBig = 2;                           // RFC 4443

std::optional<IcmpError> fromExtended(const sock_extended_err& error, const Address& peer) {
  IcmpError icmp{peer, error.ee_type, error.ee_code, 0};
  switch (error.ee_origin) {
    case SO_EE_ORIGIN_ICMP:
      if (error.ee_type == kUnreachable && error.ee_code == kFragmentationNeeded) icmp.mtu = error.ee_info;
      return icmp;
    case SO_EE_ORIGIN_ICMP6:
      if (error.ee_type == kPacketTooBig) icmp.mtu = error.ee_info;
      return icmp;
    default:
      return std::nullopt;
  }
}

}  // namespace

void enableIcmp(int fd, const Address& local) {
  const int on = 1;
  if (local.isV6()) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
  } else {
    setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  }
}

void setDontFragment(int fd, bool dont_fragment) {
  const int mode = dont_fragment ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
  setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &mode, sizeof mode);
}

std::optional<IcmpError> readIcmp(int fd) {
  for (;;) {
    sockaddr_storage name{};
    alignas(cmsghdr) uint8_t control[256];
    msghdr header{};
    header.msg_name = &name;
    header.msg_namelen = sizeof name;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    if (recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
    const Address peer = Address::fromSockaddr(reinterpret_cast<sockaddr*>(&name));
    for (cmsghdr* message = CMSG_FIRSTHDR(&header); message != nullptr;
         message = CMSG_NXTHDR(&header, message)) {
      const bool v4 = message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_RECVERR;
      const bool v6 = message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_RECVERR;
      if (!v4 && !v6) continue;
      sock_extended_err error;
      std::memcpy(&error, CMSG_DATA(message), sizeof error);
      if (const auto icmp = fromExtended(error, peer)) return icmp;
    }
  }
}

}  // namespace sluice::net
