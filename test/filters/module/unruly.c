/* A module whose configuration selects a "mode", most of which violate the interface. VERSION: other code. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/filter_abi.h"

#ifndef VERSION
#define VERSION 1
#endif
#ifndef FORGETFUL
#define FORGETFUL 0
#endif
#ifndef ABI
#define ABI SLUICE_FILTER_ABI
#endif

static const sluice_host_api* host;

typedef struct {
  char mode[32];
} config;

typedef struct {
  sluice_session* session;
  const config* config;
  uint32_t seen; /* packets; handed over */
} session;

#if VERSION == 1
static const char* const kDrops[] = {"disliked", NULL};
static const char* const kCounters[] = {"seen", NULL};
#else
static const char* const kDrops[] = {"hated", "disliked", NULL};
static const char* const kCounters[] = {"handed", "seen", NULL};
#endif
static const char* const kHistograms[] = {"wait", NULL};

static int is(const session* self, const char* mode) {
  return strcmp(self->config->mode, mode) == 0;
}

static void* config_new(const char* json, size_t size, char* error, size_t error_capacity) {
  config* made = calloc(1, sizeof *made);
  char text[256] = "";
  memcpy(text, json, size < sizeof text ? size : sizeof text - 1);
  const char* at = strstr(text, "\"mode\":\"");
  if (at != NULL) sscanf(at + 8, "%31[a-z_]", made->mode);
  if (strcmp(made->mode, "bad_config") != 0) return made;
  snprintf(error, error_capacity, "no such mode");
  free(made);
  return NULL;
}

static void* session_new(sluice_session* handle, void* configured, void* worker) {
  (void)worker;
  session* self = calloc(1, sizeof *self);
  self->session = handle;
  self->config = configured;
  if (!is(self, "no_session")) return self;
  free(self);
  return NULL;
}

static int32_t on_ingress(void* filter, sluice_packet* packet) {
  session* self = filter;
  ++self->seen;
  host->count(self->session, VERSION - 1, 1);
  host->record(self->session, 0, 5000000);
  host->count(self->session, 1000, 1); /* no such counter */
  host->record(self->session, 1000, 1);
  if (is(self, "grow")) {
    packet->data -= 2;
    packet->size += 2 + 3;
    memcpy(packet->data, "<<", 2);
    memcpy(packet->data + packet->size - 3, ">>>", 3);
    packet->dscp = 46;
  }
  if (is(self, "shrink")) {
    packet->data += 1;
    packet->size -= 2;
  }
  if (is(self, "before")) memset(packet->data - packet->headroom - 4, 0, 4);
  if (is(self, "behind")) packet->data[packet->size + packet->tailroom] = 0;
  if (is(self, "elsewhere")) packet->data += 5000;
  if (is(self, "too_long")) packet->size += packet->tailroom + 1;
  if (is(self, "nonsense")) return 77;
  if (is(self, "negative")) return -1;
  if (is(self, "drop")) return SLUICE_DROP + VERSION - 1;
  if (is(self, "drop_unknown")) return SLUICE_DROP + 9;
  if (is(self, "consume")) return SLUICE_CONSUME;
  if (is(self, "sleep")) {
    const struct timespec pause = {0, 20000000};
    nanosleep(&pause, NULL);
  }
  if (is(self, "answer")) {
    host->send(self->session, SLUICE_EGRESS, SLUICE_OTHER, (const uint8_t*)"pong", 4);
    return SLUICE_CONSUME;
  }
  if (is(self, "flood")) {
    for (int i = 0; i < 100; ++i) host->send(self->session, SLUICE_INGRESS, SLUICE_OTHER, (const uint8_t*)"x", 1);
  }
  if (is(self, "endless")) host->send(self->session, SLUICE_EGRESS, SLUICE_OTHER, packet->data, 100000);
  if (is(self, "later")) host->arm(self->session, host->now_ns(self->session) + 10000000);
  return SLUICE_PASS;
}

static void on_timer(void* filter) {
  session* self = filter;
  char text[64];
  const int size = snprintf(text, sizeof text, "tick %u", (unsigned)self->seen);
  host->send(self->session, SLUICE_EGRESS, SLUICE_OTHER, (const uint8_t*)text, (size_t)size);
}

static void say_goodbye(const session* self) {
  if (is(self, "chatty")) host->send(self->session, SLUICE_EGRESS, SLUICE_OTHER, (const uint8_t*)"bye", 3);
}

static void session_free(void* filter) {
  say_goodbye(filter);
  free(filter);
}

static size_t session_export(const void* filter, uint8_t* out, size_t capacity) {
  const session* self = filter;
  say_goodbye(self);
  if (is(self, "hoard")) return capacity + 1;
  memcpy(out, &self->seen, sizeof self->seen);
  return sizeof self->seen;
}

static int session_import(void* filter, const uint8_t* data, size_t size) {
  session* self = filter;
  if (size != sizeof self->seen || is(self, "forget")) return -1;
  memcpy(&self->seen, data, size);
  return 0;
}

static const sluice_filter_api kFilter = {
    .abi = ABI,
    .size = sizeof(sluice_filter_api),
    .drops = kDrops,
    .counters = kCounters,
    .histograms = kHistograms,
    .config_new = config_new,
    .config_free = free,
    .session_new = session_new,
    .session_free = session_free,
    .on_ingress = on_ingress,
    .on_timer = on_timer,
    .session_export = FORGETFUL ? NULL : session_export,
    .session_import = FORGETFUL ? NULL : session_import,
};

#ifndef SYMBOL
#define SYMBOL sluice_filter
#endif
const sluice_filter_api* SYMBOL(const sluice_host_api* host_api);
const sluice_filter_api* SYMBOL(const sluice_host_api* host_api) {
  host = host_api;
#ifdef REFUSE
  const int refuse = 1;
#else
  const int refuse = 0;
#endif
  return refuse ? NULL : &kFilter;
}
