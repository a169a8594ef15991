"""The cost of Sluice's forward compared with a relay without logic: CPU time per delivered packet, alternating in one run.

Usage: bazel run -c opt //test/bench:forward_bench [-- ROUNDS SECONDS PACKETS_PER_SECOND]
"""

import statistics
import subprocess
import sys

from measure import ADMIN_PORT, LOAD_CORE, RELAY_PORT, SINK_PORT
from measure import arguments, cpu_ns, pinned, ratios, start_probe, start_sluice, stop

FLOWS = 1000
BYTES = 160
BLAST = "test/bench/udp_blast"

CONFIG = """
listeners {{
  name: "bench"
  address: "127.0.0.1:{relay}"
  filter_chains {{
    name: "forward"
    filters {{ typed_config {{
      [type.googleapis.com/sluice.filters.Forward] {{ cluster: "sink" sockets: {sockets} }}
    }} }}
  }}
}}
clusters {{ name: "sink" endpoints: "127.0.0.1:{sink}" }}
admin {{ address: "127.0.0.1:{admin}" }}
limits {{ max_sessions_per_source: 100000 }}
"""


def start_forward(sockets):
    return start_sluice(CONFIG.format(relay=RELAY_PORT, sink=SINK_PORT, admin=ADMIN_PORT, sockets=sockets))


def blast(rate, seconds):
    output = subprocess.run(pinned(LOAD_CORE, BLAST, str(RELAY_PORT), str(SINK_PORT), str(FLOWS), str(BYTES),
                                   str(rate), str(seconds)), check=True, capture_output=True, text=True).stdout
    return tuple(int(number) for number in output.split())


def measure(start, rate, seconds):
    process = start()
    try:
        blast(rate, 0.5)  # sessions and sockets
        before = cpu_ns(process.pid)
        sent, delivered = blast(rate, seconds)
        return (cpu_ns(process.pid) - before) / max(1, delivered), 100 * (sent - delivered) / max(1, sent)
    finally:
        stop(process)


# Each subject, and its baseline.
SUBJECTS = {
    "probe, one socket out": (lambda: start_probe("shared"), None),
    "sluice, ONE_WAY": (lambda: start_forward("ONE_WAY"), "probe, one socket out"),
    "probe, a socket per flow": (lambda: start_probe("per_flow"), None),
    "sluice, PER_SESSION": (lambda: start_forward("PER_SESSION"), "probe, a socket per flow"),
}


def main():
    rounds, seconds, rate = arguments()
    costs = {name: [] for name in SUBJECTS}
    losses = {name: [] for name in SUBJECTS}
    for round_ in range(rounds):
        for name, (start, _) in SUBJECTS.items():
            cost, loss = measure(start, rate, seconds)
            costs[name].append(cost)
            losses[name].append(loss)
            print(f"round {round_ + 1}: {name:26} {cost:7.0f} ns/packet, {loss:.2f} % lost", file=sys.stderr)
    print(f"{FLOWS} flows, {BYTES}-byte payloads, {rate} packets/s offered, {rounds} rounds of {seconds} s")
    print(f"{'':26} {'min':>7} {'median':>7}  {'lost':>6}  ratio of medians (of each round)")
    for name, (_, base) in SUBJECTS.items():
        ratio = ratios(costs[name], costs[base]) if base else ""
        print(f"{name:26} {min(costs[name]):7.0f} {statistics.median(costs[name]):7.0f}  "
              f"{max(losses[name]):5.2f}%  {ratio}")


if __name__ == "__main__":
    main()
