"""Starts the built proxy and observes it from outside, as its users do."""

import json
import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

BINARY = "source/server/sluice"
VOICE_ROOM = "examples/voice_room/sluice.textproto"
VOICE_ROOM_PORTS = {"udp": 3478, "admin": 9901, "join": 8080}


def wait_until(condition, what, timeout=15.0, step=0.1):
    """Returns the condition's first true value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(step)


def free_ports(count):
    """Ports that are currently free for UDP and TCP."""
    sockets, ports = [], []
    while len(ports) < count:
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sockets += [tcp, udp]
        tcp.bind(("127.0.0.1", 0))
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            continue
        ports.append(tcp.getsockname()[1])
    for each in sockets:
        each.close()
    return ports


def request(url, method="GET", body=None, headers=None, timeout=10):
    """(status, headers, text)"""
    if isinstance(body, str):
        body = body.encode()
    call = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(call, timeout=timeout) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


class Sluice:
    """One proxy process. Use as a context manager.

    Without `config` it is the shipped voice room, on other ports unless `shipped_ports` is set.
    """

    def __init__(self, config=None, shipped_ports=False, arguments=()):
        self.ports = dict(VOICE_ROOM_PORTS)
        self.directory = tempfile.mkdtemp(prefix="sluice-", dir=os.environ.get("TEST_TMPDIR"))
        self.log_path = os.path.join(self.directory, "log")
        if config is None and shipped_ports:
            self.config_path = VOICE_ROOM
        else:
            if not shipped_ports:
                self.ports = dict(zip(self.ports, free_ports(len(self.ports))))
            self.config_path = os.path.join(self.directory, "sluice.textproto")
            self.write_config(config if config is not None else voice_room_config())
        self.command = [BINARY, "--config", self.config_path, *arguments]
        self.process = None

    def on_own_ports(self, text):
        """Replaces the shipped ports by this proxy's. Numbers that only contain one stay: 34780 is not 3478."""
        own = {str(shipped): str(self.ports[name]) for name, shipped in VOICE_ROOM_PORTS.items()}
        return re.sub(rf"(?<=127\.0\.0\.1:)({'|'.join(own)})\b", lambda shipped: own[shipped[0]], text)

    def write_config(self, text):
        """Replaces the configuration in one step, with this proxy's own ports."""
        with open(self.config_path + ".new", "w", encoding="utf-8") as file:
            file.write(self.on_own_ports(text))
        os.rename(self.config_path + ".new", self.config_path)

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the proxy ended with {self.process.returncode}:\n{self.log()}")
            try:
                return self.admin("/ready")[0] == 200
            except OSError:
                return False

        wait_until(ready, "the proxy is ready")
        return self

    def take_over(self, arguments=()):
        """Another process takes over; afterwards this object represents it. Needs a takeover_socket."""
        with open(self.log_path, "ab") as log:
            fresh = subprocess.Popen([*self.command, "--takeover", *arguments], stdout=log, stderr=log)
        try:
            if self.process.wait(15) != 0:
                raise AssertionError(f"the old process ended with {self.process.returncode}:\n{self.log()}")
        except subprocess.TimeoutExpired:
            fresh.kill()
            fresh.wait()
            raise AssertionError(f"the old process continues:\n{self.log()}") from None
        self.process = fresh
        wait_until(lambda: self.admin("/ready")[0] == 200, "the new process is ready", step=0.02)

    def __exit__(self, failed, *_):
        if self.process.poll() is None:
            self.process.send_signal(2)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if failed or self.process.returncode != 0:
            print(f"--- the proxy, exit status {self.process.returncode}:\n{self.log()}")
        if not failed and self.process.returncode != 0:
            raise AssertionError(f"the proxy ended with {self.process.returncode}")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    @property
    def join_url(self):
        return f"http://127.0.0.1:{self.ports['join']}"

    def admin(self, path, method="GET"):
        return request(f"http://127.0.0.1:{self.ports['admin']}{path}", method)

    def players(self, room):
        """Players by name; empty if there is no such room."""
        status, _, text = request(f"{self.join_url}/v1/rooms/{room}")
        return {p["id"]: p for p in json.loads(text)["players"]} if status == 200 else {}

    def metric(self, name, **labels):
        return metric(self.admin("/metrics")[2], name, **labels)


def metric(text, name, **labels):
    """The sum of a Prometheus metric over all series that have these labels."""
    total = 0.0
    for line in text.splitlines():
        found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if not found or found[1] != name:
            continue
        have = dict(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))
        if all(have.get(key) == value for key, value in labels.items()):
            total += float(found[3])
    return total


def voice_room_config():
    with open(VOICE_ROOM, encoding="utf-8") as file:
        text = file.read()
    page = os.path.join(os.path.dirname(os.path.abspath(VOICE_ROOM)), "page")
    return text.replace('page_directory: "page"', f'page_directory: "{page}"')
