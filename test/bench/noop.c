/* A module that passes everything. */
#include "api/filter_abi.h"

static int there;

static void* config_new(const char* json, size_t size, char* error, size_t error_capacity) {
  (void)json, (void)size, (void)error, (void)error_capacity;
  return &there;
}
static void* session_new(sluice_session* session, void* config, void* worker) {
  (void)session, (void)config, (void)worker;
  return &there;
}
static int32_t on_ingress(void* session, sluice_packet* packet) {
  (void)session, (void)packet;
  return SLUICE_PASS;
}

static const sluice_filter_api kFilter = {
    .abi = SLUICE_FILTER_ABI,
    .size = sizeof(sluice_filter_api),
    .config_new = config_new,
    .session_new = session_new,
    .on_ingress = on_ingress,
};

const sluice_filter_api* sluice_filter(const sluice_host_api* host) {
  (void)host;
  return &kFilter;
}
