#include "source/net/udp_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "source/net/udp_control.h"
#include "source/net/udp_icmp.h"

namespace sluice::net {

namespace {

constexpr unsigned kBatch = 64;
constexpr unsigned kBatchesPerTurn = 4;  // then other sockets get their share; readiness is level-triggered
constexpr size_t kMaxQueued = 4096;      // packets that wait for a writable socket

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

void setSocketBuffers(int fd, int receive, int send) {
  if (receive > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
  if (send > 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof send);
}

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
  void onReady(int status, int events);
  bool reportIcmp();
  void receive();
  unsigned receiveBatch();
  bool prepareReceive(unsigned& count);
  void onIterationEnd() override { flush(); }
  void flush();
  unsigned prepareSend(size_t first);
  int transmit(unsigned count);
  void sent(size_t first, size_t count);
  void watch(int events);

  const int fd_;
  const Address local_;
  const bool connected_;
  const bool reports_icmp_;
  UdpStats& stats_;
  EventLoop& loop_;
  PacketPool& pool_;
  UdpBatch& batch_;
  UdpReceiver& receiver_;
  uv_poll_t* const poll_;         // closed after this object: libuv frees handles late
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
      poll_(new uv_poll_t),
      met_too_long_(options.fragment) {
  if (options.fragment && !local_.isV6()) setDontFragment(fd_, false);
  uv_poll_init(loop_.raw(), poll_, fd_);
  poll_->data = this;
  watch(UV_READABLE);
}

UdpSocket::~UdpSocket() {
  flush();
  for (PacketPtr& packet : queue_) {
    stats_.send_queue_full.add();
    packet->settle();
  }
  loop_.cancelIterationEnd(*this);
  poll_->data = nullptr;
  uv_poll_stop(poll_);
  uv_close(reinterpret_cast<uv_handle_t*>(poll_),
           [](uv_handle_t* h) { delete reinterpret_cast<uv_poll_t*>(h); });
  close(fd_);
}

void UdpSocket::watch(int events) {
  uv_poll_start(poll_, events, [](uv_poll_t* handle, int status, int ready) {
    EventLoop& loop = static_cast<UdpSocket*>(handle->data)->loop_;
    loop.woke();
    loop.runPosted();
    // Posted tasks may have destroyed the socket; its handle lives until the loop's iteration ends.
    if (handle->data != nullptr) static_cast<UdpSocket*>(handle->data)->onReady(status, ready);
  });
}

void UdpSocket::onReady(int status, int events) {
  // libuv stops watching when the kernel reports an error (ICMP); receiving fetches and clears it.
  if (status < 0) {
    watch(blocked_ ? UV_READABLE | UV_WRITABLE : UV_READABLE);
    if (reports_icmp_) reportIcmp();
  }
  if (events & UV_WRITABLE) {
    blocked_ = false;
    watch(UV_READABLE);
    loop_.atIterationEnd(*this);
  }
  if (status < 0 || (events & UV_READABLE)) receive();
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
  for (unsigned i = 0; i < kBatchesPerTurn; ++i) {
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
  loop_.countPackets(static_cast<unsigned>(n));
  const Instant now = loop_.clock().refresh();
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

// Like sendmmsg, but sendto for a single packet without control messages: it is slightly cheaper.
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
      watch(UV_READABLE | UV_WRITABLE);
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

Error systemError(const std::string& what) {
  return {"", what + ": " + std::strerror(errno)};
}

}  // namespace

Address boundAddress(int fd) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length);
  return Address::fromSockaddr(reinterpret_cast<sockaddr*>(&name));
}

Result<int> bindUdpSocket(const Address& local, const UdpOptions& options) {
  const int fd = socket(local.isV6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return systemError("cannot create a socket for " + local.toString());
  const int on = 1;
  if (local.isV6()) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (options.reuse_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  setSocketBuffers(fd, options.receive_buffer, options.send_buffer);
  enableControl(fd, local);
  sockaddr_storage name;
  socklen_t length = local.toSockaddr(name);
  if (bind(fd, reinterpret_cast<sockaddr*>(&name), length) != 0) {
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
  return fd;
}

SocketNetwork::SocketNetwork(EventLoop& loop, PacketPool& pool)
    : loop_(loop), pool_(pool), batch_(std::make_unique<UdpBatch>()) {}

SocketNetwork::~SocketNetwork() = default;

Result<std::unique_ptr<UdpPort>> SocketNetwork::open(const Address& local, const UdpOptions& options,
                                                     UdpReceiver& receiver) {
  auto fd = bindUdpSocket(local, options);
  if (!fd.ok()) return fd.error();
  return attach(*fd, options, receiver);
}

namespace {

class BoundSocket final : public UdpReservation {
 public:
  explicit BoundSocket(int fd) : fd_(fd), local_(boundAddress(fd)) {}
  ~BoundSocket() override {
    if (fd_ >= 0) close(fd_);
  }
  const Address& local() const override { return local_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
  const Address local_;
};

}  // namespace

Result<std::unique_ptr<UdpReservation>> SocketNetwork::reserve(const Address& local) {
  auto fd = bindUdpSocket(local, {});
  if (!fd.ok()) return fd.error();
  return std::unique_ptr<UdpReservation>(std::make_unique<BoundSocket>(*fd));
}

std::unique_ptr<UdpReservation> SocketNetwork::adopt(int fd) {
  if (fd < 0) return nullptr;
  return std::make_unique<BoundSocket>(fd);
}

std::unique_ptr<UdpPort> SocketNetwork::open(std::unique_ptr<UdpReservation> reservation,
                                             const UdpOptions& options, UdpReceiver& receiver) {
  const int fd = static_cast<BoundSocket&>(*reservation).release();
  if (options.report_icmp) enableIcmp(fd, reservation->local());
  return attach(fd, options, receiver);
}

std::unique_ptr<UdpPort> SocketNetwork::attach(int fd, const UdpOptions& options, UdpReceiver& receiver) {
  return std::make_unique<UdpSocket>(fd, options, loop_, pool_, *batch_, receiver);
}

}  // namespace sluice::net
