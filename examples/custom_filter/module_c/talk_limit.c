/* A filter in a shared object: drops the voice packets of a client above a rate.
 *
 *   filters { typed_config { [type.googleapis.com/sluice.filters.Module] {
 *     file: "talk_limit.so" config { fields { key: "packets_per_second" value { number_value: 60 } } } } } }
 *
 * Built with:  cc -O2 -shared -fPIC -I api -o talk_limit.so talk_limit.c */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter_abi.h"

static const sluice_host_api* host;

typedef struct {
  double per_second;
} config;

typedef struct {
  sluice_session* session;
  const config* config;
  struct { /* handed over to other code */
    double tokens;
    uint64_t filled_ns;
  } bucket;
} session;

enum { DROP_OVER_RATE };
static const char* const kDrops[] = {"over_rate", NULL};
enum { COUNT_VOICE };
static const char* const kCounters[] = {"voice", NULL};

/* Reads a number of a flat JSON object; sufficient for JSON that the host has written. */
static double number(const char* json, const char* key, double otherwise) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\":", key);
  const char* at = strstr(json, quoted);
  return at == NULL ? otherwise : strtod(at + strlen(quoted), NULL);
}

static void* config_new(const char* json, size_t size, char* error, size_t error_capacity) {
  char text[256] = "";
  if (size < sizeof text) memcpy(text, json, size);
  const double per_second = number(text, "packets_per_second", 60);
  if (per_second < 1 || per_second > 10000) {
    snprintf(error, error_capacity, "packets_per_second must be 1 to 10000");
    return NULL;
  }
  config* made = malloc(sizeof *made);
  if (made != NULL) made->per_second = per_second;
  return made;
}

static void* session_new(sluice_session* handle, void* configured, void* worker) {
  (void)worker;
  session* self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  self->session = handle;
  self->config = configured;
  self->bucket.tokens = self->config->per_second;
  self->bucket.filled_ns = host->now_ns(handle);
  return self;
}

static int32_t on_ingress(void* filter, sluice_packet* packet) {
  session* self = filter;
  if (packet->kind != SLUICE_RTP) return SLUICE_PASS;
  host->count(self->session, COUNT_VOICE, 1);
  const uint64_t now = host->now_ns(self->session);
  const double rate = self->config->per_second;
  self->bucket.tokens += rate * (double)(now - self->bucket.filled_ns) / 1e9;
  if (self->bucket.tokens > rate) self->bucket.tokens = rate; /* a burst of one second */
  self->bucket.filled_ns = now;
  if (self->bucket.tokens < 1) return SLUICE_DROP + DROP_OVER_RATE;
  self->bucket.tokens -= 1;
  return SLUICE_PASS;
}

static int session_reload(void* filter, void* configured) {
  ((session*)filter)->config = configured;
  return 0;
}

static size_t session_export(const void* filter, uint8_t* out, size_t capacity) {
  const session* self = filter;
  if (sizeof self->bucket <= capacity) memcpy(out, &self->bucket, sizeof self->bucket);
  return sizeof self->bucket;
}

static int session_import(void* filter, const uint8_t* data, size_t size) {
  session* self = filter;
  if (size != sizeof self->bucket) return -1;
  memcpy(&self->bucket, data, size);
  return 0;
}

static const sluice_filter_api kFilter = {
    .abi = SLUICE_FILTER_ABI,
    .size = sizeof(sluice_filter_api),
    .drops = kDrops,
    .counters = kCounters,
    .config_new = config_new,
    .config_free = free,
    .session_new = session_new,
    .session_free = free,
    .on_ingress = on_ingress,
    .session_reload = session_reload,
    .session_export = session_export,
    .session_import = session_import,
};

const sluice_filter_api* sluice_filter(const sluice_host_api* host_api) {
  if (host_api->abi != SLUICE_FILTER_ABI) return NULL;
  host = host_api;
  return &kFilter;
}
