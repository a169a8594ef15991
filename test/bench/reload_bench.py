"""The cost of reloads to players that talk: their latency with ten reloads a second of the kinds in
test/integration/edits.py, and without, in pairs of runs. Fails if the 99th percentile is more than a fifth higher with them,
in the median of the pairs, or if a packet is lost.

Usage: bazel run -c opt //test/bench:reload_bench [-- ROUNDS SECONDS]
"""

import json
import statistics
import subprocess
import sys
import time

sys.path.append("test/integration")
from edits import Edits  # noqa: E402
from harness import Sluice  # noqa: E402

PLAYERS, ROOMS, TALKERS = 40, 4, 2
PER_SECOND = 10
MOST = 1.20


def run(reloading, seconds, seed):
    edits = Edits(seed)
    with Sluice(edits.text(), arguments=("--concurrency", "2", "-l", "error")) as proxy:
        load = subprocess.Popen(
            ["source/load/sluice-load", "--join", proxy.join_url, "--room", "r", "--rooms", str(ROOMS), "--players",
             str(PLAYERS), "--talkers", str(TALKERS), "--seconds", str(seconds), "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while load.poll() is None:
            time.sleep(1 / PER_SECOND)
            if reloading:
                edits.step()
                proxy.write_config(edits.text())
                status, _, text = proxy.admin("/reload", "POST")
                if status != 200:
                    sys.exit(f"a reload was refused: {text}")
        return json.load(load.stdout)


def main():
    rounds, seconds = (int(a) for a in (sys.argv[1:] + ["5", "10"][len(sys.argv) - 1:]))
    figures, lost = {False: [], True: []}, 0
    for number in range(rounds):
        for reloading in (False, True) if number % 2 == 0 else (True, False):  # the machine warms up
            report = run(reloading, seconds, number)
            figures[reloading].append(report["latency_ms"])
            lost += report["packets_lost"]
            print(f"round {number + 1}: {'with   ' if reloading else 'without'} reloads: p50 {report['latency_ms']['p50']:.2f} ms, "
                  f"p99 {report['latency_ms']['p99']:.2f} ms, {report['packets_lost']} lost")
    for quantile in ("p50", "p99"):
        without, with_them = ([latency[quantile] for latency in figures[reloading]] for reloading in (False, True))
        ratio = statistics.median(b / a for a, b in zip(without, with_them))
        print(f"{quantile}: {statistics.median(without):.2f} ms without, {statistics.median(with_them):.2f} ms with them; "
              f"median of the pairs' ratios {ratio:.2f}")
    if ratio > MOST or lost:
        sys.exit(f"p99 is {ratio:.2f} times what it is without reloads (at most {MOST:.2f} may be), {lost} packets were lost")


if __name__ == "__main__":
    main()
