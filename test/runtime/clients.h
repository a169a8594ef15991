// Clients and upstreams for tests of real workers.
#pragma once

#include <doctest/doctest.h>

#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "source/codec/stun_writer.h"
#include "source/crypto/hmac.h"
#include "test/support/udp_client.h"

namespace sluice::test {

inline std::string forwardConfig(const net::Address& upstream, int dscp = 0, const std::string& more = "",
                                 const std::string& forward = "", const std::string& cluster = "") {
  return "listeners { name: 'udp' address: '127.0.0.1:0' filter_chains { name: 'c' "
         "filters { typed_config { [type.googleapis.com/sluice.filters.Marker] { egress { all { dscp: " +
         std::to_string(dscp) +
         " } } } } } "
         "filters { typed_config { [type.googleapis.com/sluice.filters.Forward] { cluster: 'up' " +
         forward + " } } } } } clusters { name: 'up' endpoints: '" + upstream.toString() + "' " + cluster +
         " } " + more;
}

inline constexpr const char* kVoiceConfig =
    "listeners { name: 'voice' address: '127.0.0.1:0' filter_chains { name: 'c' "
    "filters { typed_config { [type.googleapis.com/sluice.filters.StunTurn] {} } } "
    "filters { typed_config { [type.googleapis.com/sluice.filters.DtlsSrtp] {} } } "
    "filters { typed_config { [type.googleapis.com/sluice.filters.RtpRouter] {} } } } } ";

// Echoes everything until a datagram says stop.
class Echo {
 public:
  Echo() : thread_([this] { run(); }) {}
  ~Echo() {
    UdpClient stopper;
    stopper.send(std::vector<uint8_t>{'q'}, socket_.local());
    thread_.join();
  }
  const net::Address& address() const { return socket_.local(); }
  // The addresses of the clients that have sent.
  std::set<net::Address> sources() const {
    const std::lock_guard lock(mutex_);
    return sources_;
  }

 private:
  void run() {
    while (const auto packet = socket_.receive()) {
      if (packet->data.size() == 1 && packet->data[0] == 'q') return;
      {
        const std::lock_guard lock(mutex_);
        sources_.insert(packet->from);
      }
      socket_.send(packet->data, packet->from);
    }
  }
  UdpClient socket_;
  mutable std::mutex mutex_;
  std::set<net::Address> sources_;
  std::thread thread_;
};

// Each check has its own transaction id, whose first byte is `id`.
inline std::vector<uint8_t> iceCheck(const std::string& username, const std::string& password,
                                     uint8_t id = 1) {
  static uint8_t checks = 0;
  std::vector<uint8_t> buffer(300);
  stun::Writer writer(buffer, stun::kBinding, stun::Class::kRequest, {id, ++checks});
  writer.add(stun::kUsername, username);
  writer.addU64(stun::kIceControlling, 1);
  writer.addU32(stun::kPriority, 1);
  writer.addIntegrity(asBytes(password), crypto::hmacSha1);
  writer.addFingerprint();
  buffer.resize(*writer.finish());
  return buffer;
}

}  // namespace sluice::test
