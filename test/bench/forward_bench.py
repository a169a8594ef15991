"""What Sluice's forward costs beside a relay without logic: CPU time per delivered packet, alternating in one run.

Usage: bazel run -c opt //test/bench:forward_bench [-- ROUNDS SECONDS PACKETS_PER_SECOND]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

FLOWS = 1000
BYTES = 160
RELAY_PORT, SINK_PORT, ADMIN_PORT = 24001, 24002, 24003
RELAY_CORE, LOAD_CORE = "1", "0"
PROBE, BLAST, SLUICE = "test/bench/relay_probe", "test/bench/udp_blast", "source/server/sluice"

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


def pinned(core, *command):
    return ["taskset", "-c", core, *command]


def start_probe(mode):
    process = subprocess.Popen(pinned(RELAY_CORE, PROBE, str(RELAY_PORT), str(SINK_PORT), mode))
    time.sleep(0.3)
    return process


def start_sluice(sockets):
    path = os.path.join(tempfile.mkdtemp(), "bench.textproto")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(relay=RELAY_PORT, sink=SINK_PORT, admin=ADMIN_PORT, sockets=sockets))
    process = subprocess.Popen(pinned(RELAY_CORE, SLUICE, "--config", path, "--concurrency", "1", "-l", "error"))
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{ADMIN_PORT}/ready", timeout=1)
            return process
        except OSError:
            time.sleep(0.05)
    raise SystemExit("sluice did not start")


def cpu_ns(pid):
    """Run time of all threads, exact to the nanosecond (proc(5), schedstat)."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


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
        process.terminate()
        process.wait()


# Each subject, and what it is measured against.
SUBJECTS = {
    "probe, one socket out": (lambda: start_probe("shared"), None),
    "sluice, ONE_WAY": (lambda: start_sluice("ONE_WAY"), "probe, one socket out"),
    "probe, a socket per flow": (lambda: start_probe("per_flow"), None),
    "sluice, PER_SESSION": (lambda: start_sluice("PER_SESSION"), "probe, a socket per flow"),
}


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 4
    rate = int(sys.argv[3]) if len(sys.argv) > 3 else 60_000
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
        ratio = ""
        if base:
            each = ", ".join(f"{a / b:.2f}" for a, b in zip(costs[name], costs[base]))
            ratio = f"{statistics.median(costs[name]) / statistics.median(costs[base]):.2f} ({each})"
        print(f"{name:26} {min(costs[name]):7.0f} {statistics.median(costs[name]):7.0f}  "
              f"{max(losses[name]):5.2f}%  {ratio}")


if __name__ == "__main__":
    main()
