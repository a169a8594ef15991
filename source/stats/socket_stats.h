// Statistics of UDP sockets.
#pragma once

#include "source/stats/counter.h"

namespace sluice::stats {

// Counts one socket, or all sockets that share the object. Written by the owning worker.
struct SocketStats {
  Counter received;
  Counter received_bytes;
  Counter sent;
  Counter sent_bytes;
  Counter truncated;        // longer than net::Packet::kMaxPayload: dropped
  Counter pool_exhausted;   // no free packet buffer: left in the kernel
  Counter send_queue_full;  // the socket stayed unwritable: dropped
  Counter send_refused;     // the kernel refused this packet (unreachable, too long, filtered): dropped
  Histogram transit;        // from the datagram's arrival to the system call that sent it
};

}  // namespace sluice::stats
