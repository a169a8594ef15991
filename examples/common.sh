# shellcheck shell=bash
# What the examples' `run` scripts share; they source it from the top of the tree.

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

# build TARGET...: installs what is missing, builds, and sets $bin.
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
  # The helpers first, so that they can say goodbye. To the proxy SIGTERM would mean to wait for calls to end.
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

# start_proxy CONFIG ARGUMENT...: returns when it serves; exits when it cannot start.
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
  sleep 0.2  # another proxy may have answered on the ports that ours could not get
  kill -0 "$proxy" 2>/dev/null && return
  local status
  wait "$proxy" && status=1 || status=$?
  proxy=''
  echo 'The proxy did not start.' >&2
  exit "$status"
}

# Until the proxy ends; the helpers may end before.
wait_for_proxy() {
  local status
  wait "$proxy" && status=0 || status=$?
  proxy=''
  echo "The proxy exited with status $status." >&2
  exit "$status"
}
