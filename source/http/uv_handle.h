// The end of a libuv handle that was made with new.
#pragma once

#include <uv.h>

namespace sluice::http {

// Closes and deletes it; the loop must turn once more. Null is fine.
template <typename Handle>
void closeHandle(Handle* handle) {
  if (!handle) return;
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
}

}  // namespace sluice::http
