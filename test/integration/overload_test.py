"""A saturated worker: the players of its rooms hear fewer speakers, and as many as before when it has recovered."""

import json
import os
import subprocess
import sys
import unittest

from control_test import TOKEN, Game
from event_stream import EventStream
from harness import Sluice, free_ports, voice_room_config, wait_until
from load_test import start_load

PLAYERS, TALKERS = 40, 6
BURNERS = 24  # processes that take the proxy's processor
CONFIG = """
control { address: "127.0.0.1:%d" tokens: "%s" }
"""


class OverloadTest(unittest.TestCase):
    def setUp(self):
        self.port, = free_ports(1)
        self.proxy = Sluice(voice_room_config() + CONFIG % (self.port, TOKEN), arguments=("--concurrency", "1"))
        self.proxy.__enter__()
        self.addCleanup(self.proxy.__exit__, None, None, None)
        first, *others = sorted(os.sched_getaffinity(0))
        for thread in os.listdir(f"/proc/{self.proxy.process.pid}/task"):
            os.sched_setaffinity(int(thread), {first})
        self.processor, self.others = first, set(others) or {first}

    def burn(self):
        program = f"import os; os.sched_setaffinity(0, {{{self.processor}}})\nwhile True: pass"
        burners = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(BURNERS)]

        def stop():
            for burner in burners:
                burner.kill()
                burner.wait()
        self.addCleanup(stop)
        return stop

    def test_fewer_speakers_while_saturated(self):
        load = start_load(self.proxy, room="big", players=PLAYERS, talkers=TALKERS, slots=TALKERS, seconds=300)
        self.addCleanup(load.communicate)
        self.addCleanup(load.kill)
        os.sched_setaffinity(load.pid, self.others)
        wait_until(lambda: self.proxy.metric("sluice_players", state="connected") == PLAYERS, "all are connected", 30)
        events = EventStream(self.port, "/v1/rooms/big/events", TOKEN)
        self.addCleanup(events.close)
        self.assertEqual(self.proxy.metric("sluice_overload_limited_rooms"), 0)

        stop = self.burn()
        limit = events.wait_for("overload", timeout=30)[1]["max_speakers"]
        self.assertLess(limit, TALKERS)
        game = Game(self.port)
        wait_until(lambda: self.proxy.metric("sluice_filter_drops_total", reason="overload") > 0, "speakers are left out", 30)

        def named():
            pairs = [(speaker, PLAYERS - 1) for speaker in range(TALKERS)]
            answers = [game.call("GET", f"/big/explain?speaker=player-{a}&listener=player-{b}")[1] for a, b in pairs]
            return next((answer for answer in answers if answer["cause"] == "overload"), None)

        print(json.dumps(wait_until(named, "explain names the overload", 30)["steps"][-4]))
        stop()
        def limits():
            """Of the room, in the order of the events; TALKERS: none any more."""
            return [data.get("max_speakers", TALKERS) for name, data, _ in list(events.events) if name.startswith("overload")]

        # A speaker comes back after five seconds.
        wait_until(lambda: limits()[-1] > min(limits()), "the limit is raised", 30)
        print(f"limits {limits()}")
        self.assertGreater(self.proxy.metric("sluice_overload_steps_total", direction="up"), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
