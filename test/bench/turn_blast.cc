// Sends datagrams over the channels of a TURN server at a steady rate and counts what arrives.
//   turn_blast SERVER_PORT CLIENT_PORT PEER_PORT FLOWS BYTES turn|plain one|each out|back
// one: a client with FLOWS channels; each: FLOWS clients with a channel each. out: from the clients to their
// peers; back: from the peers to the clients. plain is for relay_probe: the same packets without TURN. For it
// one client's packets take the same path in both directions. Prints the set-up time in milliseconds; then
// for every line "PACKETS_PER_SECOND SECONDS" a line "SENT DELIVERED".
#include <poll.h>

#include <cstring>
#include <string_view>

#include "test/bench/load.h"
#include "test/bench/turn_client.h"

namespace {

using namespace sluice::bench;

constexpr int kReceiveBuffer = 8 << 20;
constexpr uint16_t kFirstChannel = 0x4000;

const TurnUser kUser{"bench", "bench-password"};

// 127.`net`.x.y, the number `index`.
sockaddr_in local(uint32_t net, size_t index, int port) {
  const auto host = static_cast<uint32_t>(index / 250 << 8 | (1 + index % 250));
  return ipv4(127u << 24 | net << 16 | host, port);
}
constexpr uint32_t kClients = 1;
constexpr uint32_t kPeers = 2;

struct Arguments {
  sockaddr_in server;
  int client_port;
  int peer_port;
  size_t flows;
  size_t bytes;
  bool turn;
  bool one;
  bool back;
};

// The parts of a blast: a datagram for each flow, where it is sent and where it arrives.
struct Load {
  int source;
  int sink;
  size_t arriving_bytes;
  std::vector<std::vector<uint8_t>> payloads;
  std::vector<Outgoing> flows;

  void add(in_addr from, const sockaddr_in& to, std::vector<uint8_t> payload) {
    payloads.push_back(std::move(payload));
    flows.push_back({from, to, payloads.back()});
  }
};

std::vector<uint8_t> channelData(uint16_t channel, const std::vector<uint8_t>& payload) {
  std::vector<uint8_t> data(4);
  sluice::writeU16(&data[0], channel);
  sluice::writeU16(&data[2], static_cast<uint16_t>(payload.size()));
  data.insert(data.end(), payload.begin(), payload.end());
  return data;
}

Load turnLoad(const Arguments& arguments, int clients_fd, int peers_fd) {
  std::vector<TurnClient> clients;
  for (size_t i = 0; i < (arguments.one ? 1 : arguments.flows); ++i)
    clients.push_back({.address = local(kClients, i, 0).sin_addr});
  std::vector<Channel> channels;
  for (size_t i = 0; i < arguments.flows; ++i) {
    const auto number = static_cast<uint16_t>(kFirstChannel + (arguments.one ? i : 0));
    channels.push_back({arguments.one ? 0 : i, number, local(kPeers, i, arguments.peer_port)});
  }
  setUp(clients_fd, arguments.server, kUser, clients, channels);

  const std::vector<uint8_t> payload(arguments.bytes, 'v');
  Load load = arguments.back ? Load{peers_fd, clients_fd, arguments.bytes + 4, {}, {}}
                             : Load{clients_fd, peers_fd, arguments.bytes, {}, {}};
  for (const Channel& channel : channels) {
    const TurnClient& client = clients[channel.client];
    if (arguments.back) {
      load.add(channel.peer.sin_addr, client.relayed, payload);
    } else {
      load.add(client.address, arguments.server, channelData(channel.number, payload));
    }
  }
  return load;
}

// The address from which the probe sends this client's packets.
sockaddr_in probeAddress(const Arguments& arguments, in_addr client, int clients_fd, int peers_fd) {
  static Batch batch;
  const Outgoing packet{client, arguments.server, sluice::asBytes("hello")};
  sendFrom(clients_fd, &packet, 1);
  pollfd waiting{peers_fd, POLLIN, 0};
  if (poll(&waiting, 1, 1000) < 1 || batch.receive(peers_fd) < 1) {
    std::fprintf(stderr, "the probe does not respond\n");
    std::exit(1);
  }
  return batch.senders[0];
}

Load plainLoad(const Arguments& arguments, int clients_fd, int peers_fd) {
  const std::vector<uint8_t> payload(arguments.bytes, 'v');
  const bool replies = arguments.back && !arguments.one;
  Load load{replies ? peers_fd : clients_fd, replies ? clients_fd : peers_fd, arguments.bytes, {}, {}};
  for (size_t i = 0; i < arguments.flows; ++i) {
    const in_addr client = local(kClients, arguments.one ? 0 : i, 0).sin_addr;
    if (replies) {
      const sockaddr_in to = probeAddress(arguments, client, clients_fd, peers_fd);
      load.add(loopback(0).sin_addr, to, payload);
    } else {
      load.add(client, arguments.server, payload);
    }
  }
  return load;
}

Count run(const Load& load, double rate, double seconds) {
  const auto send = [&](uint64_t first, uint64_t count) {
    const size_t at = first % load.flows.size();
    return sendFrom(load.source, &load.flows[at], std::min<size_t>(count, load.flows.size() - at));
  };
  return blast(rate, seconds, send, [&] { return drain(load.sink, load.arriving_bytes); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9) {
    std::fprintf(
        stderr,
        "usage: turn_blast SERVER_PORT CLIENT_PORT PEER_PORT FLOWS BYTES turn|plain one|each out|back\n");
    return 2;
  }
  const Arguments arguments{.server = loopback(std::atoi(argv[1])),
                            .client_port = std::atoi(argv[2]),
                            .peer_port = std::atoi(argv[3]),
                            .flows = static_cast<size_t>(std::atoi(argv[4])),
                            .bytes = static_cast<size_t>(std::atoi(argv[5])),
                            .turn = std::strcmp(argv[6], "turn") == 0,
                            .one = std::strcmp(argv[7], "one") == 0,
                            .back = std::strcmp(argv[8], "back") == 0};
  const int clients = udpSocket(ipv4(INADDR_ANY, arguments.client_port), kReceiveBuffer);
  const int peers = udpSocket(ipv4(INADDR_ANY, arguments.peer_port), kReceiveBuffer);
  const auto start = Clock::now();
  const Load load =
      arguments.turn ? turnLoad(arguments, clients, peers) : plainLoad(arguments, clients, peers);
  std::printf("%.1f\n", std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  std::fflush(stdout);
  for (double rate, seconds; std::scanf("%lf %lf", &rate, &seconds) == 2;) {
    const Count count = run(load, rate, seconds);
    std::printf("%lu %lu\n", count.sent, count.delivered);
    std::fflush(stdout);
  }
}
