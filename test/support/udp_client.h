// A plain blocking UDP socket on loopback, independent of the code under test.
#pragma once

#include <optional>
#include <vector>

#include "source/net/address.h"

namespace sluice::test {

class UdpClient {
 public:
  UdpClient();  // on 127.0.0.1, on a port that the system chooses
  ~UdpClient();
  UdpClient(const UdpClient&) = delete;
  UdpClient& operator=(const UdpClient&) = delete;

  void send(Bytes data, const net::Address& to);

  struct Received {
    std::vector<uint8_t> data;
    net::Address from;
  };
  // Waits up to five seconds.
  std::optional<Received> receive();

  const net::Address& local() const { return local_; }

 private:
  int fd_;
  net::Address local_;
};

}  // namespace sluice::test
