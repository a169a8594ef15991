// A worker's sessions, serialized for a handover to another process.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "source/chain/filter_chain.h"
#include "source/runtime/session_activity.h"
#include "source/runtime/session_usage.h"

namespace sluice::runtime {

struct SavedTuple {
  net::Address remote;
  net::Address local;
  uint16_t port = 0;  // WorkerPort::id
  bool authenticated = false;
  Instant since{};
  void archive(Archive& a) { a(remote, local, port, authenticated, since); }
};

struct SavedSession {
  uint64_t id = 0;
  std::string listener;
  std::string chain;
  SessionUsage usage = SessionUsage::kMedia;
  uint16_t port = 0;  // on which its first packet arrived
  std::string ufrag;  // of its player; empty: no player
  std::vector<SavedTuple> tuples;
  uint32_t selected = 0;
  bool authenticated = false;
  uint32_t bucket = 0;
  bool answered = false;
  SessionActivity activity{};
  std::vector<chain::SavedFilter> filters;
  std::vector<chain::NamedDrops> drops;

  void archive(Archive& a) {
    a(id, listener, chain, usage, port, ufrag, tuples, selected, authenticated, answered, bucket, activity,
      filters, drops);
  }
};

// A client's address whose session another worker owns.
struct SavedRedirect {
  SavedTuple tuple;
  uint32_t owner = 0;
  std::string ufrag;
  void archive(Archive& a) { a(tuple, owner, ufrag); }
};

// A session that could not be saved or loaded.
struct LostSession {
  // The path of `error` is the filter that cannot continue, or empty.
  static LostSession of(const std::string& listener, const std::string& chain, const Error& error,
                        const std::string& ufrag) {
    std::string where = "listener " + listener + ", chain " + chain;
    if (!error.path.empty()) where += ", filter " + error.path;
    return {std::move(where), error.message, ufrag};
  }

  std::string where;  // "listener voice, chain webrtc, filter dtls_srtp"
  std::string why;
  std::string ufrag;  // of its player; empty: no player
  void archive(Archive& a) { a(where, why, ufrag); }
};

struct SavedWorker {
  std::vector<SavedSession> sessions;
  std::vector<SavedRedirect> redirects;
  std::vector<LostSession> lost;
  void archive(Archive& a) { a(sessions, redirects, lost); }
};

}  // namespace sluice::runtime
