#!/usr/bin/env python3
"""The server of a small game: it knows where everyone is, and tells Sluice 20 times a second.

  GET  /                 the game's page
  GET  /game             {"voice", "room", "size"}: the join API, the voice room, and the side of the world
  GET  /world            the players and what they do, as server-sent events, ten times a second
  POST /players/NAME     {"x", "z", "heading", "team", "channel", "voice", "blocks"}: what a player's page says of it

A player whose page has sent nothing for ten seconds is gone.
"""

import argparse
import http.client
import http.server
import json
import math
import mimetypes
import pathlib
import queue
import re
import sys
import threading
import time

HERE = pathlib.Path(__file__).parent
PAGES = (HERE.parent / "voice_room" / "page", HERE / "page")  # the second one comes first
FIELD = 80  # the side of the square world, in world units
TICKS = 20  # a second
FORGET_S = 10
MAX_PLAYERS = 64
MAX_BODY = 4096
MAX_CONNECTIONS = 256
MAX_NUMBER = 1_000_000
NAME = re.compile(r"[A-Za-z0-9._~-]{1,64}")
TEAMS = ("", "red", "blue")
CHANNELS = ("", "1", "2")
VOICES = ("WHISPER", "NORMAL", "SHOUT")


class World:
    """The players. A bot walks along a circle of its own; the others move as their pages say."""

    def __init__(self, bots):
        self.lock = threading.Lock()
        self.players = {}  # by name
        for i, name in enumerate(bots):
            self.players[name] = {"bot": i, "x": 0.0, "z": 0.0, "heading": 0.0, "team": TEAMS[i % 3], "channel": "",
                                  "voice": "NORMAL", "blocks": [], "seen": math.inf}

    def tick(self, now):
        with self.lock:
            for name in [name for name, player in self.players.items() if now - player["seen"] > FORGET_S]:
                del self.players[name]
            for player in self.players.values():
                if "bot" in player:
                    self._walk(player, now)

    @staticmethod
    def _walk(bot, now):
        angle = now / 8 + bot["bot"] * 1.7  # a lap in 50 s
        center_x, center_z = (FIELD * (0.3 + 0.4 * (bot["bot"] >> bit & 1)) for bit in (0, 1))
        bot["x"], bot["z"] = center_x + 12 * math.cos(angle), center_z + 12 * math.sin(angle)
        bot["heading"] = (math.degrees(angle) + 180) % 360

    def place(self, name, player):
        """Returns what is wrong with the player, or None."""
        def number(field):
            value = player.get(field)
            return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER

        for field in ("x", "z", "heading"):
            if not number(field):
                return f"{field}: must be a number from {-MAX_NUMBER} to {MAX_NUMBER}"
        for field, values in (("team", TEAMS), ("channel", CHANNELS), ("voice", VOICES)):
            if player.get(field) not in values:
                return f"{field}: must be one of {', '.join(map(repr, values))}"
        blocks = player.get("blocks")
        if not isinstance(blocks, list) or len(blocks) > MAX_PLAYERS or not all(
                isinstance(block, str) and NAME.fullmatch(block) for block in blocks):
            return "blocks: must be a list of names"
        with self.lock:
            known = self.players.get(name)
            if known is None and len(self.players) >= MAX_PLAYERS or known is not None and "bot" in known:
                return "name: is taken, or the world is full"
            self.players[name] = {
                **{field: min(max(player[field], 0), FIELD) for field in ("x", "z")},
                **{field: player[field] for field in ("team", "channel", "voice", "blocks")},
                "heading": player["heading"] % 360, "seen": time.monotonic()}
        return None

    def state(self):
        shown = ("x", "z", "heading", "team", "channel", "voice")
        with self.lock:
            return {"players": {name: {key: player[key] for key in shown} for name, player in self.players.items()}}

    def updates(self):
        """What Sluice needs to know: a PlayerUpdate of api/control.proto for each player."""
        with self.lock:
            return {name: {
                "player": name,
                "position": {"x": player["x"], "y": 0, "z": player["z"]},
                "forward": {"x": math.sin(math.radians(player["heading"])), "y": 0,
                            "z": -math.cos(math.radians(player["heading"]))},
                "team": player["team"],
                "channels": {"channels": [{"name": player["channel"], "talk": True}] if player["channel"] else []},
                "vocal_range": {"voice": player["voice"]},
                "blocks": {"names": player["blocks"]},
            } for name, player in self.players.items()}


class Control:
    """Sends what has changed to the control API, all players in one version."""

    def __init__(self, address, token, room):
        self.address, self.room = address, room
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.connection = None
        self.sent = {}  # the last update of each player in the room
        self.absent = {}  # players who were not in the room, and when to try again
        self.joined = queue.SimpleQueue()  # players of whom Sluice knows nothing yet; None: all of them
        self.problem = None

    def follow(self):
        """Reads the events of the room: who joins has no state in Sluice, even after being there before."""
        while True:
            try:
                connection = http.client.HTTPConnection(self.address, timeout=60)
                connection.request("GET", f"/v1/rooms/{self.room}/events", headers=self.headers)
                response = connection.getresponse()
                self.joined.put(None)
                name = None
                for line in response:
                    field, _, value = line.decode().strip().partition(": ")
                    if field == "event":
                        name = value
                    elif field == "data" and name == "joined":
                        self.joined.put(json.loads(value)["player"])
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(1)

    def tell(self, updates, now):
        while not self.joined.empty():
            name = self.joined.get()
            for known in (self.sent, self.absent):
                known.clear() if name is None else known.pop(name, None)
        for known in (self.sent, self.absent):
            for name in known.keys() - updates.keys():
                del known[name]
        due = [update for name, update in updates.items()
               if update != self.sent.get(name) and self.absent.get(name, 0) <= now]
        while due:
            status, answer = self.post({"players": due})
            wrong = {int(found[1]) for error in answer.get("errors", [])
                     if (found := re.fullmatch(r"players\[(\d+)\]\.player", error["field"]))}
            if status == 200:
                self.sent.update({update["player"]: update for update in due})
                return self.report(None)
            if status != 400 or not wrong:
                if status == 404:  # no one is in the room
                    self.sent.clear()
                    return self.report(None)
                return self.report(answer.get("error", status))
            for i in wrong:  # is not in the room: it joins, or has left
                self.absent[due[i]["player"]] = now + 0.5
                self.sent.pop(due[i]["player"], None)
            due = [update for i, update in enumerate(due) if i not in wrong]

    def post(self, body):
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.address, timeout=5)
            self.connection.request("POST", f"/v1/rooms/{self.room}/update", json.dumps(body), self.headers)
            response = self.connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.connection = None
            self.sent.clear()
            return 0, {"error": str(error)}

    def report(self, problem):
        if problem and problem != self.problem:
            print(f"game: the players could not be sent to the control API: {problem}", file=sys.stderr)
        self.problem = problem


def run(world, control):
    while True:
        now = time.monotonic()
        world.tick(now)
        control.tell(world.updates(), now)
        time.sleep(max(0, now + 1 / TICKS - time.monotonic()))


class Server(http.server.ThreadingHTTPServer):
    """Closes connections beyond MAX_CONNECTIONS."""

    daemon_threads = True
    free = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def process_request(self, request, client_address):
        if self.free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()


def handler(world, port, game):
    hosts = (f"127.0.0.1:{port}", f"localhost:{port}")  # a page of another name cannot pass for the game's own
    files = {file.name: file for directory in PAGES for file in directory.iterdir()}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self):
            if self.headers.get("Host") not in hosts:
                return self.answer(403, {"error": "the address of the game is " + hosts[0]})
            path = self.path.split("?")[0]
            if path == "/world":
                return self.stream()
            if path == "/game":
                return self.answer(200, game)
            file = files.get(path[1:] or "index.html")
            if file is None:
                return self.answer(404, {"error": "no such page"})
            self.respond(200, file.read_bytes(), mimetypes.guess_type(file.name)[0])

        def stream(self):
            self.close_connection = True
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Connection", "close")
            self.end_headers()
            while True:
                self.wfile.write(b"event: world\ndata: " + json.dumps(world.state()).encode() + b"\n\n")
                time.sleep(0.1)

        def do_POST(self):
            size = self.headers.get("Content-Length", "")
            found = re.fullmatch(rf"/players/({NAME.pattern})", self.path)
            if not found or not re.fullmatch("[0-9]{1,9}", size) or int(size) > MAX_BODY:
                self.close_connection = True
                return self.answer(404 if not found else 413, {"error": "no such player, or a body that is too long"})
            content = self.rfile.read(int(size))
            if self.headers.get("Origin") not in [f"http://{host}" for host in hosts]:
                return self.answer(403, {"error": "only the game's page may move players"})
            try:
                player = json.loads(content)
            except (ValueError, RecursionError):
                player = None
            wrong = world.place(found[1], player) if isinstance(player, dict) else "must be a JSON object"
            self.answer(400 if wrong else 200, {"error": wrong} if wrong else {})

        def answer(self, status, body):
            self.respond(status, json.dumps(body).encode(), "application/json")

        def respond(self, status, content, media_type):
            self.send_response(status)
            self.send_header("Content-Type", media_type or "application/octet-stream")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def handle(self):
            try:
                super().handle()
            except OSError:
                pass  # the page is closed

        def log_message(self, *_):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--control", default="127.0.0.1:9902", help="Sluice's control API (default: %(default)s)")
    parser.add_argument("--token", default="the-token-of-this-example", help="one of its tokens")
    parser.add_argument("--voice", default="http://127.0.0.1:8080",
                        help="the address of Sluice's join API for pages (default: %(default)s)")
    parser.add_argument("--room", default="world", help="the voice room (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8081, help="of this server, on 127.0.0.1 (default: %(default)s)")
    parser.add_argument("--bots", default="", help="names of the players that walk by themselves, separated by commas")
    arguments = parser.parse_args()
    world = World([name for name in arguments.bots.split(",") if name])
    game = {"voice": arguments.voice, "room": arguments.room, "size": FIELD}
    server = Server(("127.0.0.1", arguments.port), handler(world, arguments.port, game))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    control = Control(arguments.control, arguments.token, arguments.room)
    threading.Thread(target=control.follow, daemon=True).start()
    try:
        run(world, control)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
