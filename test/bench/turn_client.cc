#include "test/bench/turn_client.h"

#include <poll.h>

#include <cstring>

#include "source/base/random.h"
#include "source/codec/stun_writer.h"
#include "source/crypto/hmac.h"
#include "test/bench/load.h"

namespace sluice::bench {
namespace {

constexpr size_t kWindow = 32;        // requests in flight
constexpr int kRepeatAfter_ms = 200;  // of silence
constexpr int kMaxSilences = 20;

[[noreturn]] void fail(uint16_t method, const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", method == stun::kAllocate ? "Allocate" : "ChannelBind", why.c_str());
  std::exit(1);
}

stun::TransportAddress toStun(const sockaddr_in& address) {
  stun::TransportAddress result;
  std::memcpy(result.ip.data(), &address.sin_addr, 4);
  result.port = ntohs(address.sin_port);
  return result;
}

// A request until its success response.
struct Request {
  uint16_t method;
  size_t client;
  const Channel* channel;  // of a ChannelBind
  stun::TransactionId id{};
  std::vector<uint8_t> bytes{};
  bool done = false;
};

class Exchange {
 public:
  Exchange(int fd, const sockaddr_in& server, const TurnUser& user, std::vector<TurnClient>& clients)
      : fd_(fd), server_(server), user_(user), clients_(clients) {}

  void run(std::vector<Request> requests) {
    requests_ = std::move(requests);
    size_t next = 0;
    size_t answered = 0;
    for (int silences = 0; answered < requests_.size();) {
      for (; next < requests_.size() && next - answered < kWindow; ++next) {
        build(next);
        transmit(requests_[next]);
      }
      pollfd waiting{fd_, POLLIN, 0};
      if (poll(&waiting, 1, kRepeatAfter_ms) > 0) {
        silences = 0;
        answered += receive();
        continue;
      }
      for (size_t i = 0; i < next; ++i) {
        if (requests_[i].done) continue;
        if (silences == kMaxSilences) fail(requests_[i].method, "no response");
        transmit(requests_[i]);
      }
      ++silences;
    }
  }

 private:
  std::array<uint8_t, 16> key(const TurnClient& client) const {
    return crypto::md5(asBytes(user_.name + ":" + client.realm + ":" + user_.password));
  }

  // The transaction id begins with the request's index.
  void build(size_t index) {
    Request& request = requests_[index];
    const TurnClient& client = clients_[request.client];
    fillRandom(request.id);
    writeU32(request.id.data(), static_cast<uint32_t>(index));
    request.bytes.resize(stun::kMaxMessage);
    stun::Writer writer(request.bytes, request.method, stun::Class::kRequest, request.id);
    if (request.method == stun::kAllocate)
      writer.addU32(stun::kRequestedTransport, uint32_t{IPPROTO_UDP} << 24);
    if (request.channel) {
      writer.addU32(stun::kChannelNumber, uint32_t{request.channel->number} << 16);
      writer.addXorAddress(stun::kXorPeerAddress, toStun(request.channel->peer));
    }
    if (!client.nonce.empty()) {
      writer.add(stun::kUsername, user_.name);
      writer.add(stun::kRealm, client.realm);
      writer.add(stun::kNonce, client.nonce);
      writer.addIntegrity(key(client), crypto::hmacSha1);
    }
    request.bytes.resize(writer.finish().value());
  }

  void transmit(const Request& request) {
    const Outgoing packet{clients_[request.client].address, server_, request.bytes};
    sendFrom(fd_, &packet, 1);
  }

  // The number of requests that received a success response.
  size_t receive() {
    size_t answered = 0;
    const int n = batch_.receive(fd_);
    for (int i = 0; i < n; ++i) {
      const auto message =
          stun::parse(asBytes({static_cast<char*>(batch_.vectors[i].iov_base), batch_.vectors[i].iov_len}));
      if (message) answered += handle(*message);
    }
    return answered;
  }

  bool handle(const stun::Message& message) {
    const size_t index = readU32(message.id.data());
    if (index >= requests_.size()) return false;
    Request& request = requests_[index];
    if (request.done || request.id != message.id) return false;
    TurnClient& client = clients_[request.client];
    if (message.kind == stun::Class::kError) {
      challenge(request, client, message);
      build(index);
      transmit(request);
      return false;
    }
    if (message.kind != stun::Class::kSuccess || !message.checkIntegrity(key(client), crypto::hmacSha1))
      fail(request.method, "a response without valid integrity");
    if (request.method == stun::kAllocate) {
      const auto relayed = message.xorAddress(stun::kXorRelayedAddress);
      if (!relayed || relayed->ip_length != 4) fail(request.method, "no relayed address");
      client.relayed = ipv4(readU32(relayed->ip.data()), relayed->port);
    }
    return request.done = true;
  }

  // Reads realm and nonce from a 401 or 438.
  static void challenge(const Request& request, TurnClient& client, const stun::Message& message) {
    const unsigned code = message.errorCode().value_or(0);
    const auto realm = message.find(stun::kRealm);
    const auto nonce = message.find(stun::kNonce);
    if ((code != 401 && code != 438) || !realm || !nonce || asText(*nonce) == client.nonce)
      fail(request.method, "error " + std::to_string(code));
    client.realm = asText(*realm);
    client.nonce = asText(*nonce);
  }

  int fd_;
  sockaddr_in server_;
  const TurnUser& user_;
  std::vector<TurnClient>& clients_;
  std::vector<Request> requests_;
  Batch batch_;
};

}  // namespace

void setUp(int fd, const sockaddr_in& server, const TurnUser& user, std::vector<TurnClient>& clients,
           const std::vector<Channel>& channels) {
  std::vector<Request> allocations;
  for (size_t i = 0; i < clients.size(); ++i) allocations.push_back({stun::kAllocate, i, nullptr});
  std::vector<Request> bindings;
  for (const Channel& channel : channels) bindings.push_back({stun::kChannelBind, channel.client, &channel});
  Exchange exchange(fd, server, user, clients);
  exchange.run(std::move(allocations));
  exchange.run(std::move(bindings));
}

uint64_t sendFrom(int fd, const Outgoing* packets, size_t count) {
  struct alignas(cmsghdr) Control {
    char bytes[CMSG_SPACE(sizeof(in_pktinfo))];
  };
  static Control controls[kBatch];
  static iovec vectors[kBatch];
  static mmsghdr headers[kBatch];
  for (size_t i = 0; i < count; ++i) {
    vectors[i] = {const_cast<uint8_t*>(packets[i].bytes.data()), packets[i].bytes.size()};
    msghdr& header = headers[i].msg_hdr;
    header = {const_cast<sockaddr_in*>(&packets[i].to),
              sizeof packets[i].to,
              &vectors[i],
              1,
              controls[i].bytes,
              sizeof controls[i].bytes,
              0};
    cmsghdr* const control = CMSG_FIRSTHDR(&header);
    *control = {CMSG_LEN(sizeof(in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
    in_pktinfo source{};
    source.ipi_spec_dst = packets[i].from;
    std::memcpy(CMSG_DATA(control), &source, sizeof source);
  }
  const int n = sendmmsg(fd, headers, static_cast<unsigned>(count), 0);
  return n > 0 ? static_cast<uint64_t>(n) : 0;
}

}  // namespace sluice::bench
