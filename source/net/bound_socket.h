// A bound UDP socket that is not read from yet.
#pragma once

#include <memory>
#include <utility>

#include "source/net/udp.h"

namespace sluice::net {

class BoundSocket final : public UdpReservation {
 public:
  // Binds a non-blocking socket with the options that UdpOptions lists for reserve().
  static Result<std::unique_ptr<BoundSocket>> bind(const Address& local, const UdpOptions& options);

  // Takes ownership of `fd`.
  explicit BoundSocket(int fd) : fd_(fd), local_(boundAddress(fd)) {}
  ~BoundSocket() override;
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;

  const Address& local() const override { return local_; }
  int descriptor() const override { return fd_; }
  // The caller owns the descriptor from now on.
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
  const Address local_;
};

// Sets the sizes of the socket's buffers, in bytes, within the kernel's limits; 0: unchanged.
void setSocketBuffers(int fd, int receive, int send);

}  // namespace sluice::net
