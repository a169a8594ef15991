"""What one listener that loses half of its packets, and asks for all of them, costs the others: their latency with and
without it, alternating in one run.

Usage: bazel run -c opt //test/bench:storm_bench [-- ROUNDS SECONDS]
"""

import json
import statistics
import subprocess
import sys

from measure import ADMIN_PORT, LOAD_CORE, RELAY_PORT, pinned, start_sluice, stop

PLAYERS, TALKERS = 20, 4
JOIN = "http://127.0.0.1:8080"


def run(lossy, seconds):
    with open("examples/voice_room/sluice.textproto", encoding="utf-8") as file:
        config = file.read()
    config = config.replace('page_directory: "page"', "").replace("127.0.0.1:3478", f"127.0.0.1:{RELAY_PORT}")
    config = config.replace("127.0.0.1:9901", f"127.0.0.1:{ADMIN_PORT}")
    sluice = start_sluice(config)
    try:
        output = subprocess.run(
            pinned(LOAD_CORE, "source/load/sluice-load", "--join", JOIN, "--players", str(PLAYERS), "--talkers",
                   str(TALKERS), "--seconds", str(seconds), "--lossy", str(lossy), "--lossy-percent", "50", "--json"),
            check=True, stdout=subprocess.PIPE, text=True).stdout
    finally:
        stop(sluice)
    return json.loads(output)


def main():
    rounds, seconds = (int(a) for a in (sys.argv[1:] + ["5", "10"][len(sys.argv) - 1:]))
    figures = {0: [], 1: []}
    for number in range(rounds):
        for lossy in (0, 1):
            report = run(lossy, seconds)
            latency = report["latency_ms"]
            figures[lossy].append(latency)
            print(f"round {number + 1}: {'with   ' if lossy else 'without'} the lossy listener: p50 {latency['p50']:.2f} ms, "
                  f"p99 {latency['p99']:.2f} ms, {report['packets_lost']} lost by the others")
    for quantile in ("p50", "p99"):
        without, with_it = (statistics.median(l[quantile] for l in figures[lossy]) for lossy in (0, 1))
        print(f"{quantile}: {without:.2f} ms without, {with_it:.2f} ms with it: ratio {with_it / without:.2f}")


if __name__ == "__main__":
    main()
