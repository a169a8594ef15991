"""What a speaker that floods costs other rooms: the p99 of the delay there, without and with a speaker who sends 5,000
packets per second to 200 receivers, in turn. The other rooms are 20 pairs who both talk: 40 talkers, whose frames are spread
evenly over 20 ms, meet the fan-out to the 200 receivers at every phase, with the flood as without it. Without the flood a
program sends as many datagrams of that size elsewhere, so that what the sender takes of the machine is in both. Ends with a
verdict: exit status 1 when the median of the rounds' ratios is above 1.5, or the other rooms lost a packet. A busy machine
spoils it.

Usage: bazel run -c opt //test/bench:flood_bench [-- ROUNDS SECONDS RECEIVERS PACKETS_PER_SECOND]
"""

import contextlib
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
    """As sluice-load floods: a little each tick."""
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
    """As many datagrams as the flood has, to a socket that nothing reads."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        sender = multiprocessing.Process(target=send_to, args=(sink.getsockname(), packets_per_second), daemon=True)
        sender.start()
        yield
        sender.terminate()
        sender.join()


@contextlib.contextmanager
def crowd(proxy, seconds, receivers, **options):
    """One talker and its receivers; `options` are sluice-load's."""
    load = start_load(proxy, room="crowd", players=receivers + 1, seconds=seconds + SETTLE, **options)
    wait_until(lambda: proxy.metric("sluice_players", state="connected") == receivers + 1, "the room is full", 60)
    yield
    load.terminate()
    load.communicate(timeout=30)
    wait_until(lambda: proxy.metric("sluice_rooms") == 0, "the room is empty", 30)


def main():
    defaults = (3, 10, 200, 5000)
    given = tuple(int(text) for text in sys.argv[1:])
    rounds, seconds, receivers, flood = given + defaults[len(given):]
    ratios, lost = [], 0
    with Sluice(arguments=("--concurrency", "2")) as proxy:
        for number in range(rounds):
            with crowd(proxy, seconds, receivers), blast(flood):
                calm = pairs(proxy, seconds)
            with crowd(proxy, seconds, receivers, flood=flood):
                flooded = pairs(proxy, seconds)
            before, after = calm["latency_ms"]["p99"], flooded["latency_ms"]["p99"]
            lost += flooded["packets_lost"]
            ratios.append(after / before)
            print(f"round {number + 1}: p99 {before:.2f} ms, with the flood {after:.2f} ms, ratio {after / before:.2f}, "
                  f"lost {flooded['packets_lost']}")
        dropped = proxy.metric("sluice_filter_drops_total", reason="uplink_limit")
    ratio = statistics.median(ratios)
    print(f"median ratio {ratio:.2f}, limit {MAX_RATIO}; {dropped:.0f} packets beyond the uplink limit, {lost} lost")
    return 0 if ratio <= MAX_RATIO and lost == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
