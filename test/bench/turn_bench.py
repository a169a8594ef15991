"""The cost of relaying in Sluice's TURN server compared with coturn, pion/turn and a relay without logic: CPU time per
delivered packet, alternating in one run. Ends with a verdict: exit status 1 if the median of the rounds' ratios to that
relay is above 1.15, or a round is not cheaper than coturn's. A round compares servers within the same seconds, so a
machine that is busy for a while invalidates a round and not the median; a machine that is always busy invalidates all.

Sluice runs with its defaults: packets that arrive this fast accumulate for 100 us (workers.coalesce_us); "eager" turns this off.

Usage: bazel run -c opt //test/bench:turn_bench [-- ROUNDS SECONDS PACKETS_PER_SECOND]

Needs Debian's coturn, golang-go and golang-github-pion-turn.v2-dev; a server that is missing or refuses a set-up is left
out. SECONDS must be below the 300 of a permission, which is not refreshed here.
"""

import functools
import os
import shutil
import statistics
import subprocess
import sys

from measure import ADMIN_PORT, LOAD_CORE, RELAY_PORT, SINK_PORT
from measure import arguments, cpu_ns, pinned, ratios, scratch, start_probe, start_server, start_sluice, stop

FLOWS = 1000
BYTES = 160
CLIENT_PORT = 24004
BLAST, PION_SOURCE = "test/bench/turn_blast", "test/bench/pion_turn/main.go"
REALM, USER, PASSWORD = "bench", "bench", "bench-password"  # turn_blast uses them

MAX_RATIO = 1.15  # to the probe

SLUICE_CONFIG = f"""
listeners {{
  name: "bench"
  address: "127.0.0.1:{RELAY_PORT}"
  filter_chains {{
    name: "turn"
    filters {{ typed_config {{
      [type.googleapis.com/sluice.filters.StunTurn] {{
        turn {{
          realm: "{REALM}"
          allowed_peers: "127.0.0.0/8"
          max_allocations_per_user: 100000
          max_peers_per_allocation: 4096
          relays: RELAYS
        }}
      }}
    }} }}
  }}
}}
admin {{ address: "127.0.0.1:{ADMIN_PORT}" }}
credentials {{ users {{ name: "{USER}" password: "{PASSWORD}" }} }}
workers {{ COALESCE }}
limits {{ max_sessions_per_source: 100000 max_unauthenticated_sessions: 20000 }}
"""

# Shapes and directions, and the probe's equivalent mode.
TABLES = {
    ("one", "out"): (f"1 allocation with {FLOWS} channels, client to peers", "shared"),
    ("one", "back"): (f"1 allocation with {FLOWS} channels, peers to client", "shared"),
    ("each", "out"): (f"{FLOWS} allocations with a channel each, clients to peers", "per_flow"),
    ("each", "back"): (f"{FLOWS} allocations with a channel each, peers to clients", "two_way"),
}


class Unable(Exception):
    """A server that cannot be measured."""


def start_coturn():
    if not shutil.which("turnserver"):
        raise Unable("turnserver is not installed")
    return start_server(
        "turnserver", "-c", os.devnull, "--listening-ip", "127.0.0.1", "--listening-port", str(RELAY_PORT),
        "--relay-ip", "127.0.0.1", "--relay-threads", "1", "--lt-cred-mech", "--realm", REALM,
        "--user", f"{USER}:{PASSWORD}", "--allow-loopback-peers", "--no-tcp", "--no-tls", "--no-dtls", "--no-cli",
        "--no-rfc5780", "--no-stdout-log", "--log-file", os.devnull, "--simple-log", "--db", scratch("turndb"),
        "--pidfile", scratch("turn.pid"))


@functools.cache
def pion_program():
    if not shutil.which("go"):
        raise Unable("go is not installed")
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}
    build = subprocess.run(["go", "build", "-o", scratch("pion_turn"), os.path.realpath(PION_SOURCE)],
                           env=environment, capture_output=True, text=True)
    if build.returncode:
        raise Unable(build.stderr.strip())
    return scratch("pion_turn")


def start_pion():
    return start_server(pion_program(), f"127.0.0.1:{RELAY_PORT}", REALM, USER, PASSWORD)


def start_turn(relays="PER_ALLOCATION", coalesce=""):
    return start_sluice(SLUICE_CONFIG.replace("RELAYS", relays).replace("COALESCE", coalesce))


# Without the probe, whose mode depends on the table. eager is Sluice that reads each packet at once, as the probe does.
SERVERS = {
    "sluice": start_turn,
    "shared": lambda: start_turn("SHARED"),
    "eager": lambda: start_turn(coalesce="coalesce_us: 0"),
    "coturn": start_coturn,
    "pion": start_pion,
}


class Load:
    """A turn_blast that has set up its allocations and channels."""

    def __init__(self, protocol, shape, direction):
        self.process = subprocess.Popen(
            pinned(LOAD_CORE, BLAST, str(RELAY_PORT), str(CLIENT_PORT), str(SINK_PORT), str(FLOWS), str(BYTES),
                   protocol, shape, direction),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline()
        if not ready:
            raise Unable(self.process.stderr.read().strip())
        self.setup_ms = float(ready)

    def blast(self, rate, seconds):
        print(rate, seconds, file=self.process.stdin, flush=True)
        return tuple(int(number) for number in self.process.stdout.readline().split())


class Costs:
    """The results of one subject's rounds."""

    def __init__(self):
        self.ns, self.losses, self.setups_ms = [], [], []

    def measure(self, start, protocol, table, rate, seconds):
        server = start()
        try:
            load = Load(protocol, *table)
            try:
                load.blast(rate, 0.5)  # caches and routes
                before = cpu_ns(server.pid)
                sent, delivered = load.blast(rate, seconds)
                self.ns.append((cpu_ns(server.pid) - before) / max(1, delivered))
                self.losses.append(100 * (sent - delivered) / max(1, sent))
                self.setups_ms.append(load.setup_ms)
            finally:
                stop(load.process)
        finally:
            stop(server)
        if sent < 0.99 * rate * seconds:
            print(f"the load generator sent only {sent / seconds:.0f} packets/s", file=sys.stderr)


def run(rounds, seconds, rate):
    """Each table's costs by subject, and the reason why a subject is missing."""
    costs, unable = {table: {} for table in TABLES}, {}
    for round_ in range(rounds):
        for table, (_, mode) in TABLES.items():
            subjects = {"probe": lambda mode=mode: start_probe(mode), **SERVERS}
            if mode == "per_flow":  # the possible configuration of a relay with many peers
                subjects["open"] = lambda: start_probe("unconnected")
            for name, start in subjects.items():
                if (table, name) in unable:
                    continue
                subject = costs[table].setdefault(name, Costs())
                try:
                    subject.measure(start, "plain" if name in ("probe", "open") else "turn", table, rate, seconds)
                except Unable as reason:
                    unable[table, name] = reason
                    del costs[table][name]
                    continue
                print(f"round {round_ + 1}: {' '.join(table):9} {name:7} {subject.ns[-1]:7.0f} ns/packet, "
                      f"{subject.losses[-1]:5.2f} % lost, set up in {subject.setups_ms[-1]:.0f} ms", file=sys.stderr)
    return costs, unable


def show(title, mode, costs):
    print(f"\n{title}; the probe is {mode}" + (", open is unconnected" if "open" in costs else ""))
    print(f"{'':8} {'min':>7} {'median':>7} {'lost':>7} {'set-up':>9}  ratio of medians (of each round) to the probe;"
          " to coturn")
    for name, subject in costs.items():
        compared = "; ".join(ratios(subject.ns, costs[base].ns) for base in ("probe", "coturn")
                             if name not in ("probe", base) and base in costs)
        print(f"{name:8} {min(subject.ns):7.0f} {statistics.median(subject.ns):7.0f} {max(subject.losses):6.2f}% "
              f"{statistics.median(subject.setups_ms):6.0f} ms  {compared}")


def verdict(costs):
    """The missed targets, a line for each table."""
    complaints = []
    for table, (title, _) in TABLES.items():
        ns = {name: subject.ns for name, subject in costs[table].items()}
        ratio = statistics.median(ours / probes for ours, probes in zip(ns["sluice"], ns["probe"]))
        if ratio > MAX_RATIO:
            complaints.append(f"{title}: {ratio:.2f} of the probe, more than {MAX_RATIO}")
        if "coturn" in ns and any(ours >= theirs for ours, theirs in zip(ns["sluice"], ns["coturn"])):
            complaints.append(f"{title}: not cheaper than coturn in every round")
    return complaints


def main():
    rounds, seconds, rate = arguments()
    costs, unable = run(rounds, seconds, rate)
    print(f"ns of CPU per packet; {BYTES}-byte payloads, {rate} packets/s offered, {rounds} rounds of {seconds} s")
    for table, (title, mode) in TABLES.items():
        show(title, mode, costs[table])
    for (table, name), reason in unable.items():
        print(f"\n{name} is not in \"{TABLES[table][0]}\": {reason}")
    complaints = verdict(costs)
    print("\nverdict:", "; ".join(complaints) or "passed")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
