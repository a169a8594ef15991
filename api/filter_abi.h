/* The interface of a filter in a shared object: plain C, no dependency. docs/writing-a-filter.md has an
 * example; examples/custom_filter has more.
 *
 * The object exports one symbol, sluice_filter, which returns its function table. Sluice loads a copy of the
 * file, named by its content. Replacing the file and reloading loads the new code while sessions continue;
 * the old code stays mapped until its last session has ended.
 *
 * Threads: config_* runs on the main thread, except config_free, which may run on any thread. All other
 * functions of one session run on one thread, its worker's; other sessions may run on other threads at the
 * same time. No function may block, throw, or keep a pointer argument after the call, except pointers to its
 * own objects and to the host's table. */
#ifndef SLUICE_FILTER_ABI_H
#define SLUICE_FILTER_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_FILTER_ABI 1u

typedef struct sluice_session sluice_session; /* owned by the host; valid from session_new to session_free */

typedef enum {
  SLUICE_INGRESS = 0, /* from the client */
  SLUICE_EGRESS = 1   /* to the client */
} sluice_direction;
/* The kinds of RFC 7983. */
typedef enum {
  SLUICE_STUN = 0, /* Binding */
  SLUICE_TURN = 1, /* STUN messages with any other method */
  SLUICE_TURN_CHANNEL = 2,
  SLUICE_DTLS = 3,
  SLUICE_RTP = 4, /* plain RTP inward of dtls_srtp, SRTP outward of it */
  SLUICE_RTCP = 5,
  SLUICE_OTHER = 6
} sluice_kind;
typedef enum { SLUICE_DEBUG = 0, SLUICE_INFO = 1, SLUICE_WARN = 2, SLUICE_ERROR = 3 } sluice_level;

/* A datagram. To grow it, move `data` back by at most `headroom` or raise `size` by at most `tailroom`. */
typedef struct {
  uint8_t* data;
  size_t size;     /* bytes */
  size_t headroom; /* bytes before data that may be written */
  size_t tailroom; /* bytes after it that may be written */
  uint8_t kind;    /* sluice_kind; writing data does not change it */
  uint8_t dscp;    /* 0 to 63 */
  uint8_t ttl;     /* hop limit; to the client, 0 is the system's default */
} sluice_packet;

/* The verdict on a packet: a sluice_verdict, or SLUICE_DROP + the index of a drop reason of the module. */
typedef enum { SLUICE_PASS = 0, SLUICE_CONSUME = 1, SLUICE_DROP = 256 } sluice_verdict;

/* Functions that a module may call, on the thread of the current call and with the session of that call. */
typedef struct {
  uint32_t abi;                              /* SLUICE_FILTER_ABI of the host */
  uint32_t size;                             /* of this struct; later versions append members */
  uint64_t (*now_ns)(const sluice_session*); /* monotonic; the same for all packets of a batch */
  uint64_t (*session_id)(const sluice_session*);
  /* The client's address and port as text, with a final zero. Returns its length, or 0 if it does not fit. */
  size_t (*remote)(const sluice_session*, char* text, size_t capacity);
  void (*count)(sluice_session*, uint32_t counter, uint64_t n);     /* an index into `counters` */
  void (*record)(sluice_session*, uint32_t histogram, uint64_t ns); /* an index into `histograms` */
  void (*arm)(sluice_session*, uint64_t at_ns); /* on_timer at this time or soon after; UINT64_MAX: never */
  /* Sends a packet that the module created to the next filter in this direction, after the call returns. 0:
   * the packet was accepted. Packets are never accepted once the session was written for another process. */
  int (*send)(sluice_session*, sluice_direction, sluice_kind, const uint8_t* data, size_t size);
  void (*log)(sluice_level, const char* text);
} sluice_host_api;

/* A module. Function pointers may be null unless marked as required. */
typedef struct {
  uint32_t abi;  /* SLUICE_FILTER_ABI that the module was built with */
  uint32_t size; /* of this struct */
  /* Names of statistics, [a-z0-9_]. Null ends each list; a null list is empty. Histograms hold durations. */
  const char* const* drops;
  const char* const* counters;
  const char* const* histograms;

  /* Required. Creates a configuration from the field `config`, as JSON. Null refuses it; `error` receives the
   * reason. */
  void* (*config_new)(const char* json, size_t size, char* error, size_t error_capacity);
  void (*config_free)(void* config);
  /* The state that the sessions of one worker share; created with the worker's first session and freed with
   * its last. */
  void* (*worker_new)(void* config);
  void (*worker_free)(void* worker);
  /* Required. Null refuses the session: this filter drops its packets. */
  void* (*session_new)(sluice_session*, void* config, void* worker);
  void (*session_free)(void* session);
  /* Null: packets in this direction pass. */
  int32_t (*on_ingress)(void* session, sluice_packet*);
  int32_t (*on_egress)(void* session, sluice_packet*);
  void (*on_timer)(void* session);
  /* The configuration changed and the code did not. 0: the session continues. Null, or another value: a new
   * session replaces it, with session_export and session_import as when the code is replaced. */
  int (*session_reload)(void* session, void* config);
  /* Writes the session's state, for new code or a new process, and returns its size. If the size is above
   * `capacity`, the state is lost. */
  size_t (*session_export)(const void* session, uint8_t* out, size_t capacity);
  /* Reads the state into a new session. A value other than 0: the state could not be read, and the session
   * starts with fresh state. */
  int (*session_import)(void* session, const uint8_t* data, size_t size);
} sluice_filter_api;

/* The exported symbol. Its table and the host's are valid as long as the code is loaded. Null: the module
 * refuses to be loaded. */
const sluice_filter_api* sluice_filter(const sluice_host_api* host);

#ifdef __cplusplus
}
#endif

#endif
