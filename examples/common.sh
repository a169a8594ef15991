# shellcheck shell=bash
# Shared functions of the examples' `run` scripts, which source this file from the top of the tree.

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

# build TARGET...: installs missing packages, builds, and sets $bin.
build() {
  say 'Checking for missing packages'
  source/third_party/install
  say 'Building (a few minutes the first time)'
  bazel build -c opt --show_progress "$@"
  bin=$(bazel info -c opt bazel-bin 2>/dev/null)
}

proxy='' helpers=()  # process ids

finish() {
  trap '' INT TERM
  # The helpers first, so that they can leave their rooms. SIGTERM would make the proxy wait for calls to end.
  local helper
  for helper in "${helpers[@]}"; do
    { kill -TERM "$helper" && wait "$helper"; } 2>/dev/null || true
  done
  [[ -z $proxy ]] || { kill -INT "$proxy" && wait "$proxy"; } 2>/dev/null || true
}

ready() {
  local status=''
  { exec 3<>/dev/tcp/127.0.0.1/9901; } 2>/dev/null || return 1
  printf 'GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
  read -r -t 2 _ status _ <&3 || true
  exec 3>&-
  [[ $status == 200 ]]
}

# start_proxy CONFIG ARGUMENT...: returns when the proxy is ready; exits if it cannot start.
start_proxy() {
  trap 'finish; exit 0' INT TERM
  trap finish EXIT
  say 'Starting the proxy'
  "$bin/source/server/sluice" --config "$@" &
  proxy=$!
  until ready; do
    kill -0 "$proxy" 2>/dev/null || break
    sleep 0.1
  done
  sleep 0.2  # another proxy may have responded on the ports that this one could not bind
  kill -0 "$proxy" 2>/dev/null && return
  local status
  wait "$proxy" && status=1 || status=$?
  proxy=''
  echo 'The proxy did not start.' >&2
  exit "$status"
}

# Waits until the proxy ends; the helpers may end earlier.
wait_for_proxy() {
  local status
  wait "$proxy" && status=0 || status=$?
  proxy=''
  echo "The proxy exited with status $status." >&2
  exit "$status"
}
