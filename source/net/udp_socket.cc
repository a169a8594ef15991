#include "source/net/udp_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "source/net/bound_socket.h"
#include "source/net/poll.h"
#include "source/net/udp_control.h"
#include "source/net/udp_icmp.h"

namespace sluice::net {

namespace {

constexpr unsigned kBatch = 64;
constexpr unsigned kMaxBatches = 4;  // per event, so that other sockets are served; it is level-triggered
constexpr size_t kMaxQueued = 4096;  // packets that wait for a writable socket

}  // namespace

// The arguments of one recvmmsg or sendmmsg.
struct CallBuffers {
  std::array<mmsghdr, kBatch> headers{};
  std::array<iovec, kBatch> vectors{};
  std::array<sockaddr_storage, kBatch> names{};
  alignas(cmsghdr) uint8_t control[kBatch][kControlSize];
};

struct UdpBatch {
  CallBuffers rx;
  CallBuffers tx;
  std::array<PacketPtr, kBatch> packets;  // for receiving; kept full
  std::array<bool, kBatch> prepared{};    // rx is set up for this packet

  ~UdpBatch() {
    for (PacketPtr& packet : packets) {
      if (packet != nullptr) packet->settle();
    }
  }
};

namespace {

class UdpSocket final : public UdpPort, private IterationEnd {
 public:
  UdpSocket(int fd, const UdpOptions& options, EventLoop& loop, PacketPool& pool, UdpBatch& batch,
            UdpReceiver& receiver);
  ~UdpSocket() override;

  void send(PacketPtr&& packet) override;
  const Address& local() const override { return local_; }
  int descriptor() const override { return fd_; }
  void setBuffers(int receive, int send) override { setSocketBuffers(fd_, receive, send); }

 private:
  void onReady(int events);
  bool reportIcmp();
  void receive();
  unsigned receiveBatch();
  bool prepareReceive(unsigned& count);
  void onIterationEnd() override { flush(); }
  void flush();
  unsigned prepareSend(size_t first);
  int transmit(unsigned count);
  void sent(size_t first, size_t count);

  const int fd_;
  const Address local_;
  const bool connected_;
  const bool reports_icmp_;
  UdpStats& stats_;
  EventLoop& loop_;
  PacketPool& pool_;
  UdpBatch& batch_;
  UdpReceiver& receiver_;
  Poll poll_;
  std::vector<PacketPtr> queue_;  // to be sent, in order
  bool blocked_ = false;          // waiting for a writable socket
  // Packets with the DF bit are cheaper for the kernel: without it, the kernel has to assign an
  // identification to each. So DF is set until a packet is too long, or never if the options require
  // fragmentation.
  bool whole_ = false;  // the DF bit currently set on the socket
  bool met_too_long_;
};

UdpSocket::UdpSocket(int fd, const UdpOptions& options, EventLoop& loop, PacketPool& pool, UdpBatch& batch,
                     UdpReceiver& receiver)
    : fd_(fd),
      local_(boundAddress(fd)),
      connected_(options.connect_to.isSet()),
      reports_icmp_(options.report_icmp),
      stats_(*options.stats),
      loop_(loop),
      pool_(pool),
      batch_(batch),
      receiver_(receiver),
      poll_(loop, fd, Poll::kReadable, [this](int events) { onReady(events); }),
      met_too_long_(options.fragment) {
  if (options.fragment && !local_.isV6()) setDontFragment(fd_, false);
}

UdpSocket::~UdpSocket() {
  flush();
  for (PacketPtr& packet : queue_) {
    stats_.send_queue_full.add();
    packet->settle();
  }
  loop_.cancelIterationEnd(*this);
  poll_.stop();
  close(fd_);
}

void UdpSocket::onReady(int events) {
  // The kernel reports an ICMP error as an error of the socket; receiving fetches and clears it.
  if (events & Poll::kError) {
    poll_.watch(blocked_ ? Poll::kReadable | Poll::kWritable : Poll::kReadable);
    if (reports_icmp_) reportIcmp();
  }
  if (events & Poll::kWritable) {
    blocked_ = false;
    poll_.watch(Poll::kReadable);
    loop_.atIterationEnd(*this);
  }
  if (events & (Poll::kError | Poll::kReadable)) receive();
}

// True if there was any ICMP error.
bool UdpSocket::reportIcmp() {
  unsigned reported = 0;
  while (reported < kBatch) {
    const auto error = readIcmp(fd_);
    if (!error) break;
    receiver_.onIcmp(*error);
    ++reported;
  }
  return reported > 0;
}

void UdpSocket::receive() {
  for (unsigned i = 0; i < kMaxBatches; ++i) {
    if (receiveBatch() < kBatch) return;
  }
}

bool UdpSocket::prepareReceive(unsigned& count) {
  for (count = 0; count < kBatch; ++count) {
    if (batch_.prepared[count]) continue;
    PacketPtr& packet = batch_.packets[count];
    if (packet == nullptr && (packet = pool_.acquire()) == nullptr) break;
    packet->resize(Packet::kMaxPayload);
    batch_.rx.vectors[count] = {packet->mutableData().data(), Packet::kMaxPayload};
    msghdr& header = batch_.rx.headers[count].msg_hdr;
    header = {};
    header.msg_name = &batch_.rx.names[count];
    header.msg_namelen = sizeof batch_.rx.names[count];
    header.msg_iov = &batch_.rx.vectors[count];
    header.msg_iovlen = 1;
    header.msg_control = batch_.rx.control[count];
    header.msg_controllen = kControlSize;
    batch_.prepared[count] = true;
  }
  return count > 0;
}

unsigned UdpSocket::receiveBatch() {
  unsigned room;
  if (!prepareReceive(room)) {
    stats_.pool_exhausted.add();
    return 0;
  }
  const int n = recvmmsg(fd_, batch_.rx.headers.data(), room, MSG_DONTWAIT, nullptr);
  if (n < 0) {
    if (connected_ && errno == ECONNREFUSED) receiver_.onRefused();
    return 0;
  }
  const Instant now = loop_.packetsRead(static_cast<unsigned>(n));
  for (int i = 0; i < n; ++i) {
    msghdr& header = batch_.rx.headers[static_cast<size_t>(i)].msg_hdr;
    batch_.prepared[static_cast<size_t>(i)] = false;
    if (header.msg_flags & MSG_TRUNC) {
      stats_.truncated.add();
      continue;  // the packet stays in the batch
    }
    PacketPtr packet = std::move(batch_.packets[static_cast<size_t>(i)]);
    packet->resize(batch_.rx.headers[static_cast<size_t>(i)].msg_len);
    packet->remote = Address::fromSockaddr(static_cast<sockaddr*>(header.msg_name));
    packet->local = local_;
    packet->received = now;
    readControl(header, *packet);
    stats_.received.add();
    stats_.received_bytes.add(packet->size());
    receiver_.onPacket(std::move(packet));
  }
  return static_cast<unsigned>(n);
}

void UdpSocket::send(PacketPtr&& packet) {
  if (queue_.size() >= kMaxQueued) {
    stats_.send_queue_full.add();
    receiver_.onSendFailed(ENOBUFS);
    packet->settle();
    packet.reset();
    return;
  }
  queue_.push_back(std::move(packet));
  if (!blocked_) loop_.atIterationEnd(*this);
}

unsigned UdpSocket::prepareSend(size_t first) {
  const auto count = static_cast<unsigned>(std::min<size_t>(kBatch, queue_.size() - first));
  for (unsigned i = 0; i < count; ++i) {
    Packet& packet = *queue_[first + i];
    const bool whole = packet.dont_fragment || !met_too_long_;
    if (whole != whole_ && !local_.isV6()) {
      if (i > 0) return i;
      setDontFragment(fd_, whole_ = whole);
    }
    batch_.tx.vectors[i] = {const_cast<uint8_t*>(packet.data().data()), packet.size()};  // only read
    msghdr& header = batch_.tx.headers[i].msg_hdr;
    header = {};
    if (!connected_) {
      header.msg_namelen = packet.remote.toSockaddr(batch_.tx.names[i]);
      header.msg_name = &batch_.tx.names[i];
    }
    header.msg_iov = &batch_.tx.vectors[i];
    header.msg_iovlen = 1;
    writeControl(packet, local_, batch_.tx.control[i], header);
  }
  return count;
}

void UdpSocket::sent(size_t first, size_t count) {
  // The clock was refreshed at the start of the iteration's end; sending a long queue takes long enough for
  // another refresh.
  const Instant now = count < kBatch / 2 ? loop_.clock().now() : loop_.clock().refresh();
  for (size_t i = first; i < first + count; ++i) {
    Packet& packet = *queue_[i];
    stats_.sent.add();
    stats_.sent_bytes.add(packet.size());
    if (packet.received != Instant{}) stats_.transit.record(now - packet.received);
    packet.settle();
  }
}

// Calls sendmmsg, or sendto for a single packet without control messages, which is slightly cheaper.
int UdpSocket::transmit(unsigned count) {
  const msghdr& first = batch_.tx.headers[0].msg_hdr;
  if (count > 1 || first.msg_control != nullptr) {
    return sendmmsg(fd_, batch_.tx.headers.data(), count, MSG_DONTWAIT);
  }
  const auto* name = static_cast<const sockaddr*>(first.msg_name);
  const ssize_t n =
      sendto(fd_, first.msg_iov->iov_base, first.msg_iov->iov_len, MSG_DONTWAIT, name, first.msg_namelen);
  return n < 0 ? -1 : 1;
}

void UdpSocket::flush() {
  size_t done = 0;
  while (done < queue_.size() && !blocked_) {
    const unsigned count = prepareSend(done);
    const int n = transmit(count);
    const int error = errno;
    if (n > 0) {
      sent(done, static_cast<size_t>(n));
      done += static_cast<size_t>(n);
    } else if (error == EAGAIN || error == ENOBUFS) {
      blocked_ = true;
      poll_.watch(Poll::kReadable | Poll::kWritable);
    } else if (connected_ && error == ECONNREFUSED) {
      receiver_.onRefused();  // an earlier packet was refused; the call cleared the error and sent nothing
    } else if (error == EMSGSIZE && !met_too_long_ && !queue_[done]->dont_fragment) {
      met_too_long_ = true;  // try again with fragmentation
    } else if (reports_icmp_ && error != EMSGSIZE && reportIcmp()) {
      continue;  // an earlier packet was refused, as above
    } else if (error != EINTR) {
      stats_.send_refused.add();
      receiver_.onSendFailed(error);
      queue_[done++]->settle();
    }
  }
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(done));
}

// The port of a reservation that is not a socket.
class ClosedPort final : public UdpPort {
 public:
  ClosedPort(const Address& local, UdpStats& stats, UdpReceiver& receiver)
      : local_(local), stats_(stats), receiver_(receiver) {}

  void send(PacketPtr&& packet) override {
    stats_.send_refused.add();
    packet->settle();
    packet.reset();
    receiver_.onSendFailed(EBADF);
  }
  const Address& local() const override { return local_; }

 private:
  const Address local_;
  UdpStats& stats_;
  UdpReceiver& receiver_;
};

}  // namespace

SocketNetwork::SocketNetwork(EventLoop& loop, PacketPool& pool)
    : loop_(loop), pool_(pool), batch_(std::make_unique<UdpBatch>()) {}

SocketNetwork::~SocketNetwork() = default;

Result<std::unique_ptr<UdpReservation>> SocketNetwork::reserve(const Address& local,
                                                               const UdpOptions& options) {
  auto bound = BoundSocket::bind(local, options);
  if (!bound.ok()) return bound.error();
  return std::unique_ptr<UdpReservation>(*std::move(bound));
}

std::unique_ptr<UdpReservation> SocketNetwork::adopt(int fd) {
  if (fd < 0) return nullptr;
  return std::make_unique<BoundSocket>(fd);
}

std::unique_ptr<UdpPort> SocketNetwork::open(std::unique_ptr<UdpReservation> reservation,
                                             const UdpOptions& options, UdpReceiver& receiver) {
  auto* bound = dynamic_cast<BoundSocket*>(reservation.get());
  if (bound == nullptr) return std::make_unique<ClosedPort>(reservation->local(), *options.stats, receiver);
  const int fd = bound->release();
  if (options.report_icmp) enableIcmp(fd, bound->local());
  return std::make_unique<UdpSocket>(fd, options, loop_, pool_, *batch_, receiver);
}

Result<std::unique_ptr<UdpPort>> SocketNetwork::open(const Address& local, const UdpOptions& options,
                                                     UdpReceiver& receiver) {
  auto reservation = reserve(local, options);
  if (!reservation.ok()) return reservation.error();
  return open(*std::move(reservation), options, receiver);
}

std::unique_ptr<UdpNetwork> makeSocketNetwork(EventLoop& loop, PacketPool& pool) {
  return std::make_unique<SocketNetwork>(loop, pool);
}

}  // namespace sluice::net
