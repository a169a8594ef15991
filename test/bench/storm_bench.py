"""The cost of a receiver that loses half of its packets, and requests all of them, to other players: their latency with
and without it, in pairs of runs. Fails if the 99th percentile of their latency is more than a tenth higher with it, in the
median of the pairs.

Usage: bazel run -c opt //test/bench:storm_bench [-- ROUNDS SECONDS]
"""

import json
import statistics
import subprocess
import sys

from measure import ADMIN_PORT, LOAD_CORE, RELAY_PORT, pinned, start_sluice, stop

PLAYERS, TALKERS = 20, 4
MOST = 1.10
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
    rounds, seconds = (int(a) for a in (sys.argv[1:] + ["7", "5"][len(sys.argv) - 1:]))
    figures = {0: [], 1: []}
    for number in range(rounds):
        for lossy in (0, 1) if number % 2 == 0 else (1, 0):  # the machine warms up
            report = run(lossy, seconds)
            latency = report["latency_ms"]
            figures[lossy].append(latency)
            print(f"round {number + 1}: {'with   ' if lossy else 'without'} the lossy receiver: p50 {latency['p50']:.2f} ms, "
                  f"p99 {latency['p99']:.2f} ms, {report['packets_lost']} lost by the others")
    for quantile in ("p50", "p99"):
        without, with_it = ([latency[quantile] for latency in figures[lossy]] for lossy in (0, 1))
        ratio = statistics.median(b / a for a, b in zip(without, with_it))
        print(f"{quantile}: {statistics.median(without):.2f} ms without, {statistics.median(with_it):.2f} ms with it; "
              f"median of the pairs' ratios {ratio:.2f}")
    if ratio > MOST:
        sys.exit(f"the others' p99 is {ratio:.2f} times what it is without; at most {MOST:.2f} may be")


if __name__ == "__main__":
    main()
