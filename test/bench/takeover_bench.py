"""The cost of a takeover to players: ten takeovers, two seconds apart, while 40 players talk. Prints for how long each one
paused the packets, and the players' latencies. Ends with a verdict: exit status 1 if a pause or the 99.9th percentile of the
latency is 40 ms or more, or if a packet is lost. The result is invalid on a busy machine.

Usage: bazel run -c opt //test/bench:takeover_bench [-- TAKEOVERS]
"""

import re
import sys
import time

sys.path.append("test/integration")
from edits import Edits  # noqa: E402
from harness import Sluice, wait_until  # noqa: E402
from load_test import result_of, start_load  # noqa: E402

PLAYERS = 40
LIMIT_MS = 40
INTERVAL_S = 2
SETTLE_S = 5


def main():
    takeovers = int((sys.argv[1:] or ["10"])[0])
    config = Edits(0).text() + '\ntakeover_socket: "sluice.sock"\n'
    with Sluice(config, arguments=("--concurrency", "2")) as proxy:
        load = start_load(proxy, room="r", rooms=4, players=PLAYERS, talkers=2, seconds=INTERVAL_S * takeovers + SETTLE_S)
        wait_until(lambda: proxy.metric("sluice_players", state="connected") == PLAYERS, "all players are connected")
        for _ in range(takeovers):
            begin = time.monotonic()
            proxy.take_over()
            time.sleep(max(0.0, begin + INTERVAL_S - time.monotonic()))
        code, report = result_of(load)
        pauses = [int(ms) for ms in re.findall(r"took over \d+ sessions in (\d+) ms; 0 ended", proxy.log())]
    latency = report["latency_ms"]
    print(f"pauses: {pauses} ms; latency p50 {latency['p50']:.2f}, p99 {latency['p99']:.2f}, p99.9 {latency['p99_9']:.2f} ms; "
          f"{report['packets_lost']} of {report['packets_expected']} packets lost")
    kept = code == 0 and len(pauses) == takeovers and report["packets_lost"] == 0
    return 0 if kept and max(pauses) < LIMIT_MS and latency["p99_9"] < LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
