"""The cost of positions at tick rate: 200 players in one room, some of whom talk, first without rules, then with a proximity
rule and K = 4 while a game server moves every player by the position feed. Prints the packets to receivers, their latency, and
the CPU time of the workers and of the main thread, in percent of one core.

Usage: bazel run -c opt //test/bench:positions_bench [-- SECONDS [PLAYERS]]
"""

import math
import os
import socket
import sys
import threading
import time

sys.path[:0] = ["test/integration", "examples/position_feed"]
from harness import Sluice, free_ports, voice_room_config, wait_until  # noqa: E402
from load_test import result_of, start_load  # noqa: E402
from position_feed import Feed  # noqa: E402

TALKERS, SLOTS, TICKS = 8, 4, 20
FIELD, RANGE = 100.0, 40.0  # world units: the side of the square in which the players walk, and how far they are heard
SECRET = "the secret of the benchmark"
RULES = """
rooms { name: "r*" audibility { selection { max_speakers: %d } rules { proximity { audible_distance: %g } } } }
listeners {
  name: "positions"
  address: "127.0.0.1:%d"
  filter_chains {
    name: "feed"
    filters { typed_config { [type.googleapis.com/sluice.filters.PositionFeed] { keys { id: 1 secret: "%s" } } } }
  }
}
"""


def cpu_seconds(pid):
    """Of the main thread, and of all others together."""
    main = others = 0.0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if int(thread) == pid:
            main = used
        else:
            others += used
    return main, others


class GameServer:
    """Moves the players at TICKS a second: each walks on a circle of its own."""

    def __init__(self, room, players, port):
        self.room, self.players = room, players
        self.address = ("127.0.0.1", port)
        self.feed, self.ticks, self.end = Feed(1, SECRET), 0, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def places(self):
        for i, player in enumerate(self.players):
            angle = 2 * math.pi * (i / len(self.players) + self.ticks / TICKS / 20)
            x, z = (i * 37 % FIELD), (i * 61 % FIELD)
            yield player, (x + 10 * math.cos(angle), 0, z + 10 * math.sin(angle)), (angle, 0)

    def run(self):
        begin = time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not self.end.is_set():
                for datagram in self.feed.datagrams(self.room, self.places()):
                    sender.sendto(datagram, self.address)
                self.ticks += 1
                time.sleep(max(0.0, begin + self.ticks / TICKS - time.monotonic()))

    def stop(self):
        self.end.set()
        self.thread.join()


def measure(seconds, players, with_rules):
    port, = free_ports(1)
    config = voice_room_config() + (RULES % (SLOTS, RANGE, port, SECRET) if with_rules else "")
    with Sluice(config, arguments=("--concurrency", "1")) as proxy:
        load = start_load(proxy, room="r", players=players, talkers=TALKERS, slots=SLOTS, seconds=seconds + 3)
        wait_until(lambda: proxy.metric("sluice_players", state="connected") == players, "all are connected", timeout=60)
        room, = (name for name in ("r", "r-0") if proxy.players(name))
        game = GameServer(room, sorted(proxy.players(room)), port) if with_rules else None
        time.sleep(1)
        before = cpu_seconds(proxy.process.pid)
        time.sleep(seconds)
        after = cpu_seconds(proxy.process.pid)
        moved = 0
        if game is not None:
            game.stop()
            moved = proxy.metric("sluice_position_feed_moved_players_total") / game.ticks
        _, report = result_of(load)
    main, workers = (100 * (now - then) / seconds for now, then in zip(after, before))
    latency = report["latency_ms"]
    print(f"{'proximity, fed at %d Hz' % TICKS if with_rules else 'without rules':>24}: "
          f"{report['packets_received'] / (seconds + 3):8.0f} packets/s to receivers, latency p50 {latency['p50']:.2f}, "
          f"p99 {latency['p99']:.2f} ms; worker {workers:.1f} %, main thread {main:.1f} % of a core"
          + (f"; {moved:.0f} players moved a tick" if with_rules else ""))


def main():
    seconds = int((sys.argv[1:] or ["15"])[0])
    players = int((sys.argv[2:] or ["200"])[0])
    for with_rules in (False, True):
        measure(seconds, players, with_rules)


if __name__ == "__main__":
    main()
