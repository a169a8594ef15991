#include "source/net/bound_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include "source/base/system_error.h"
#include "source/net/udp_control.h"

namespace sluice::net {

Result<std::unique_ptr<BoundSocket>> BoundSocket::bind(const Address& local, const UdpOptions& options) {
  const int fd = socket(local.isV6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return systemError("cannot create a socket for " + local.toString());
  const int on = 1;
  if (local.isV6()) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (options.reuse_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  setSocketBuffers(fd, options.receive_buffer, options.send_buffer);
  enableControl(fd, local);
  sockaddr_storage name;
  socklen_t length = local.toSockaddr(name);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&name), length) != 0) {
    Error error = systemError("cannot bind " + local.toString());
    close(fd);
    return error;
  }
  if (options.connect_to.isSet()) {
    length = options.connect_to.toSockaddr(name);
    if (connect(fd, reinterpret_cast<sockaddr*>(&name), length) != 0) {
      Error error = systemError("cannot connect to " + options.connect_to.toString());
      close(fd);
      return error;
    }
  }
  return std::make_unique<BoundSocket>(fd);
}

BoundSocket::~BoundSocket() {
  if (fd_ >= 0) close(fd_);
}

void setSocketBuffers(int fd, int receive, int send) {
  if (receive > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
  if (send > 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof send);
}

}  // namespace sluice::net
