// Closes libuv handles that were allocated with new.
#pragma once

#include <uv.h>

namespace sluice::http {

// Closes and deletes the handle, after one more iteration of the loop. Null is allowed.
template <typename Handle>
void closeHandle(Handle* handle) {
  if (!handle) return;
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
}

}  // namespace sluice::http
