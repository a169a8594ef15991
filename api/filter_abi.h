/* The interface of a filter in a shared object: plain C, no dependency. docs/writing-a-filter.md has an example;
 * examples/custom_filter has more.
 *
 * The object exports one symbol, sluice_filter, which returns its function table. Sluice loads a copy of the file,
 * named by its content: replacing the file and reloading brings the new code in, under live sessions, and the old
 * code stays mapped until its last session is gone.
 *
 * Threads: config_* runs on the main thread, but for config_free, which any thread may run. Everything else of one
 * session runs on one thread, its worker's; other sessions may run on others at the same time. No function may
 * block, throw, or keep a pointer that it is given beyond the call, but for what it made itself and the host. */
#ifndef SLUICE_FILTER_ABI_H
#define SLUICE_FILTER_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_FILTER_ABI 1u

typedef struct sluice_session sluice_session; /* the host's; valid from session_new to session_free */

typedef enum { SLUICE_INGRESS = 0 /* from the client */, SLUICE_EGRESS = 1 /* to the client */ } sluice_direction;
typedef enum { /* RFC 7983 */
  SLUICE_STUN = 0, /* Binding */
  SLUICE_TURN = 1, /* STUN messages with any other method */
  SLUICE_TURN_CHANNEL = 2,
  SLUICE_DTLS = 3,
  SLUICE_RTP = 4, /* inward of dtls_srtp plain, outward of it SRTP */
  SLUICE_RTCP = 5,
  SLUICE_OTHER = 6
} sluice_kind;
typedef enum { SLUICE_DEBUG = 0, SLUICE_INFO = 1, SLUICE_WARN = 2, SLUICE_ERROR = 3 } sluice_level;

/* A datagram. To grow it, move `data` back by at most `headroom` or raise `size` by at most `tailroom`. */
typedef struct {
  uint8_t* data;
  size_t size;     /* bytes */
  size_t headroom; /* bytes before data that may be written */
  size_t tailroom; /* bytes behind it that may be written */
  uint8_t kind;    /* sluice_kind; not changed by what is written */
  uint8_t dscp;    /* 0 to 63 */
  uint8_t ttl;     /* hop limit; to the client: 0 is the system's default */
} sluice_packet;

/* What becomes of a packet: a sluice_verdict, or SLUICE_DROP + the index of one of the module's drop reasons. */
typedef enum { SLUICE_PASS = 0, SLUICE_CONSUME = 1, SLUICE_DROP = 256 } sluice_verdict;

/* What a module may call, on the thread of the call that it is in, with the session of that call. */
typedef struct {
  uint32_t abi;  /* SLUICE_FILTER_ABI of the host */
  uint32_t size; /* of this struct: later versions append */
  uint64_t (*now_ns)(const sluice_session*); /* monotonic; the same for all packets of a batch */
  uint64_t (*session_id)(const sluice_session*);
  /* The client's address and port as text, with a final zero. Returns its length, or 0 if it does not fit. */
  size_t (*remote)(const sluice_session*, char* text, size_t capacity);
  void (*count)(sluice_session*, uint32_t counter, uint64_t n);         /* an index into `counters` */
  void (*record)(sluice_session*, uint32_t histogram, uint64_t ns);     /* an index into `histograms` */
  void (*arm)(sluice_session*, uint64_t at_ns); /* on_timer at this time or soon after; UINT64_MAX: never */
  /* A packet of the module's own, to the next filter in this direction, after the call. 0: it was taken. Never
   * once the session is written for another process. */
  int (*send)(sluice_session*, sluice_direction, sluice_kind, const uint8_t* data, size_t size);
  void (*log)(sluice_level, const char* text);
} sluice_host_api;

/* A module. Function pointers may be null unless said otherwise. */
typedef struct {
  uint32_t abi;  /* SLUICE_FILTER_ABI that the module was built with */
  uint32_t size; /* of this struct */
  /* Names of statistics, [a-z0-9_], each list ended by null; null is none. Histograms are of durations. */
  const char* const* drops;
  const char* const* counters;
  const char* const* histograms;

  /* Required. From the configuration's `config`, as JSON. Null refuses it; `error` says why. */
  void* (*config_new)(const char* json, size_t size, char* error, size_t error_capacity);
  void (*config_free)(void* config);
  /* What the sessions of one worker share; made with the worker's first session and freed with its last. */
  void* (*worker_new)(void* config);
  void (*worker_free)(void* worker);
  /* Required. Null refuses: the session's packets are dropped here. */
  void* (*session_new)(sluice_session*, void* config, void* worker);
  void (*session_free)(void* session);
  /* Null: packets of this direction pass. */
  int32_t (*on_ingress)(void* session, sluice_packet*);
  int32_t (*on_egress)(void* session, sluice_packet*);
  void (*on_timer)(void* session);
  /* The configuration changed, the code did not. Null, or another value than 0: a new session takes over, by
   * session_export and session_import as between codes. */
  int (*session_reload)(void* session, void* config);
  /* Writes the session's state, for a new code or process, and returns its size; when that is above `capacity`,
   * nothing counts as written and the state is lost. */
  size_t (*session_export)(const void* session, uint8_t* out, size_t capacity);
  /* Into a new session. Another value than 0: it could not be read, and the session begins anew. */
  int (*session_import)(void* session, const uint8_t* data, size_t size);
} sluice_filter_api;

/* The symbol. The table and the host's live as long as the code. Null refuses to be loaded. */
const sluice_filter_api* sluice_filter(const sluice_host_api* host);

#ifdef __cplusplus
}
#endif

#endif
