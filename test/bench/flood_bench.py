"""The cost of a speaker that floods to other players: the p99 of the delay without and with a speaker that sends 5,000
packets per second to 200 receivers, one after another. It is measured for another speaker of the same room and in other
rooms. The other rooms are 20 pairs that both talk: the frames of these 40 speakers are spread evenly over 20 ms, so that they
coincide with every phase of the fan-out to the 200 receivers, with and without the flood. Without the flood a program sends
as many datagrams of that size elsewhere, so that both runs include the sender's load. Ends with a verdict: exit status 1 if
the median of the rounds' ratios is above 1.5 for either, or a packet of another player was lost. The result is invalid on a
busy machine.

Usage: bazel run -c opt //test/bench:flood_bench [-- ROUNDS SECONDS RECEIVERS PACKETS_PER_SECOND]
"""

import contextlib
import json
import multiprocessing
import socket
import statistics
import sys
import time

sys.path.append("test/integration")
from harness import Sluice, wait_until  # noqa: E402
from load_test import result_of, start_load  # noqa: E402

MAX_RATIO = 1.5
FLOOD_BYTES = 160
TICK_S = 0.002
PAIRS = 20
SETTLE = 10  # seconds that the crowd talks longer than the other rooms, whose players have yet to join


def pairs(proxy, seconds):
    """The report of the other rooms."""
    code, report = result_of(start_load(proxy, room="pair", rooms=PAIRS, players=2 * PAIRS, talkers=2, seconds=seconds))
    if code != 0:
        raise RuntimeError(f"sluice-load ended with {code}: {report}")
    return report


def send_to(sink, packets_per_second):
    """As sluice-load floods: a part in each tick."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(sink)
        due = time.monotonic()
        while True:
            for _ in range(round(packets_per_second * TICK_S)):
                sender.send(bytes(FLOOD_BYTES))
            due += TICK_S
            time.sleep(max(0.0, due - time.monotonic()))


@contextlib.contextmanager
def blast(packets_per_second):
    """As many datagrams as the flood has, to a socket that is never read."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        sender = multiprocessing.Process(target=send_to, args=(sink.getsockname(), packets_per_second), daemon=True)
        sender.start()
        try:
            yield
        finally:
            sender.terminate()
            sender.join()


class Crowd:
    """Two speakers, of whom the first may flood, and their receivers; `options` are sluice-load's."""

    def __init__(self, proxy, seconds, receivers, **options):
        self.proxy, self.players = proxy, receivers + 2
        self.load = start_load(
            proxy, room="crowd", players=self.players, talkers=2, seconds=seconds + SETTLE, **options
        )

    def __enter__(self):
        wait_until(lambda: self.proxy.metric("sluice_players", state="connected") == self.players, "the room is full", 60)
        return self

    def __exit__(self, *_):
        self.load.terminate()
        self.report = json.loads(self.load.communicate(timeout=30)[0])
        wait_until(lambda: self.proxy.metric("sluice_rooms") == 0, "the room is empty", 30)


def main():
    defaults = (3, 10, 200, 5000)
    given = tuple(int(text) for text in sys.argv[1:])
    rounds, seconds, receivers, flood = given + defaults[len(given):]
    ratios, lost = {"other rooms": [], "the same room": []}, 0
    with Sluice(arguments=("--concurrency", "2")) as proxy:
        for number in range(rounds):
            with Crowd(proxy, seconds, receivers) as calm_crowd, blast(flood):
                calm = pairs(proxy, seconds)
            with Crowd(proxy, seconds, receivers, flood=flood) as flooded_crowd:
                flooded = pairs(proxy, seconds)
            for where, before, after in (
                ("other rooms", calm, flooded), ("the same room", calm_crowd.report, flooded_crowd.report)
            ):
                p99_before, p99_after = before["latency_ms"]["p99"], after["latency_ms"]["p99"]
                lost += after["packets_lost"]
                ratios[where].append(p99_after / p99_before)
                print(f"round {number + 1}, {where}: p99 {p99_before:.2f} ms, with the flood {p99_after:.2f} ms, "
                      f"ratio {ratios[where][-1]:.2f}, lost {after['packets_lost']}", flush=True)
        dropped = proxy.metric("sluice_filter_drops_total", reason="uplink_limit")
    medians = {where: statistics.median(some) for where, some in ratios.items()}
    print(", ".join(f"{where}: median ratio {ratio:.2f}" for where, ratio in medians.items()), end="")
    print(f", limit {MAX_RATIO}; {dropped:.0f} packets beyond the uplink limit, {lost} lost")
    return 0 if max(medians.values()) <= MAX_RATIO and lost == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
