"""The benchmarks' common parts: a server on one core, its load on another, and the CPU time between."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

RELAY_PORT, SINK_PORT, ADMIN_PORT = 24001, 24002, 24003
RELAY_CORE, LOAD_CORE = "1", "0"
PROBE, SLUICE = "test/bench/relay_probe", "source/server/sluice"
SCRATCH = tempfile.TemporaryDirectory()  # gone at exit


def scratch(name):
    return os.path.join(SCRATCH.name, name)


def arguments():
    """ROUNDS SECONDS PACKETS_PER_SECOND of the command line, or the defaults."""
    return (int(sys.argv[1]) if len(sys.argv) > 1 else 5,
            float(sys.argv[2]) if len(sys.argv) > 2 else 4,
            int(sys.argv[3]) if len(sys.argv) > 3 else 60_000)


def pinned(core, *command):
    return ["taskset", "-c", core, *command]


def bound(port):
    """True if a process has this UDP port of IPv4 (proc(5), /proc/net/udp)."""
    with open("/proc/net/udp", encoding="ascii") as file:
        return any(line.split()[1].endswith(f":{port:04X}") for line in list(file)[1:])


def start_server(*command):
    """Starts a process on the server's core and returns it once it has bound RELAY_PORT."""
    if bound(RELAY_PORT):
        raise SystemExit(f"somebody else has port {RELAY_PORT}")
    process = subprocess.Popen(pinned(RELAY_CORE, *command), stdout=subprocess.DEVNULL)
    for _ in range(200):
        if bound(RELAY_PORT):
            time.sleep(0.3)  # for its later actions
            return process
        if process.poll() is not None:
            break
        time.sleep(0.05)
    stop(process)
    raise SystemExit(f"{command[0]} did not start")


def start_probe(mode):
    return start_server(PROBE, str(RELAY_PORT), str(SINK_PORT), mode)


def start_sluice(config):
    path = scratch("bench.textproto")
    with open(path, "w", encoding="utf-8") as file:
        file.write(config)
    process = start_server(SLUICE, "--config", path, "--concurrency", "1", "-l", "error")
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{ADMIN_PORT}/ready", timeout=1)
            return process
        except OSError:
            time.sleep(0.05)
    raise SystemExit("sluice did not start")


def stop(process):
    process.kill()
    process.wait()


def cpu_ns(pid):
    """Run time of all threads, in nanoseconds (proc(5), schedstat)."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def ratios(values, base):
    """The ratio of the medians, and those of each round."""
    each = ", ".join(f"{a / b:.2f}" for a, b in zip(values, base))
    return f"{statistics.median(values) / statistics.median(base):.2f} ({each})"
