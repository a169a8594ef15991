#include "test/support/udp_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace sluice::test {

UdpClient::UdpClient() : fd_(socket(AF_INET, SOCK_DGRAM, 0)) {
  sockaddr_storage name{};
  socklen_t length = net::Address::parse("127.0.0.1:0")->toSockaddr(name);
  bind(fd_, reinterpret_cast<sockaddr*>(&name), length);
  getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &length);
  local_ = net::Address::fromSockaddr(reinterpret_cast<sockaddr*>(&name));
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

UdpClient::~UdpClient() {
  close(fd_);
}

void UdpClient::send(Bytes data, const net::Address& to) {
  sockaddr_storage name{};
  const socklen_t length = to.toSockaddr(name);
  sendto(fd_, data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&name), length);
}

std::optional<UdpClient::Received> UdpClient::receive() {
  std::array<uint8_t, 2048> buffer;
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  const ssize_t n =
      recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&name), &length);
  if (n < 0) return std::nullopt;
  return Received{{buffer.begin(), buffer.begin() + n},
                  net::Address::fromSockaddr(reinterpret_cast<sockaddr*>(&name))};
}

}  // namespace sluice::test
