#!/usr/bin/env bash
# Runs a test in Python in a network namespace of its own, so that tests which bind the same ports can run at the same
# time. Where no such namespace can be created, a lock makes them run one after another.
#   python_test.sh SCRIPT [ARGUMENT...]
#   python_test.sh --isolation     prints "namespace" or "lock"
set -euo pipefail

# The second interface is for browsers: with loopback alone they consider themselves offline. What is sent to its gateway
# is lost. There are no IPv6 link-local addresses: they would become valid one to two seconds after the interface is up,
# and browsers would see a change of the network while a test runs.
network='
  set -e
  ip link set lo up
  ip link add net0 type veth peer name net1
  ip link set net0 addrgenmode none
  ip link set net1 addrgenmode none
  ip link set net1 up
  ip address add 198.51.100.1/24 dev net0
  ip link set net0 up
  ip route add default via 198.51.100.254 dev net0
  ip neighbour add 198.51.100.254 lladdr 02:00:00:00:00:fe dev net0
  exec "$@"
'

# in_namespace COMMAND...: replaces this process. To create the namespace, an unprivileged user becomes root of a user
# namespace; the command runs as that user again, without any capability.
in_namespace() {
  if unshare --net true 2>/dev/null; then exec unshare --net bash -c "$network" bash "$@"; fi
  exec unshare --user --map-root-user --net bash -c "$network" bash \
    unshare --user --map-user="$(id -u)" --map-group="$(id -g)" "$@"
}

isolation=lock
if (in_namespace true) >/dev/null 2>&1; then isolation=namespace; fi
if [[ ${1-} == --isolation ]]; then
  echo "$isolation"
  exit
fi

# Other modules are imported from the runfiles and not from the folder of the script's real path.
folder=$(dirname "$1")
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=test/integration:$folder
command=(/usr/bin/python3 -P -u "$@")
if [[ $isolation == namespace ]]; then in_namespace "${command[@]}"; fi
lock=/tmp/sluice-tests-$(id -u).lock
echo "This test cannot have a network namespace of its own; it waits for $lock so that no other one runs."
exec flock "$lock" "${command[@]}"
