#!/usr/bin/env bash
# No binary of Sluice loads OpenSSL, directly or through a library.
set -euo pipefail

for binary in source/server/sluice source/load/sluice-load; do
  libraries=$(ldd "$binary")
  if grep -E 'lib(ssl|crypto)\.so\.[1-9]' <<<"$libraries"; then
    echo "$binary loads OpenSSL"
    exit 1
  fi
  grep -q 'android/libssl.so.0' <<<"$libraries" || { echo "$binary does not load BoringSSL"; exit 1; }
done
