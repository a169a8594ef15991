"""A stream of server-sent events, read in a thread."""

import http.client
import json
import threading

from harness import wait_until


class EventStream:
    def __init__(self, port, path, token=None, last_id=None):
        headers = {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._connection.request("GET", path, headers=headers)
        self._response = self._connection.getresponse()
        assert self._response.status == 200, self._response.status
        assert self._response.getheader("Content-Type") == "text/event-stream"
        self.events = []  # (name, data, id)
        self.ended = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        fields = {}
        for line in self._response:
            line = line.decode().rstrip("\n")
            if line == "" and "event" in fields:
                self.events.append((fields["event"], json.loads(fields["data"]), fields.get("id")))
                fields = {}
            elif not line.startswith(":") and line:
                name, value = line.split(": ", 1)
                fields[name] = value
        self.ended = True

    def close(self):
        self._connection.sock.shutdown(2)
        self._thread.join()

    def join(self):
        self._thread.join()

    def names(self, player=None):
        return [name for name, data, *_ in list(self.events) if player is None or data.get("player") == player]

    def wait_for(self, name, timeout=10, **fields):
        def matching():
            return next((event for event in list(self.events)
                         if event[0] == name and fields.items() <= event[1].items()), None)
        return wait_until(matching, f"the event {name} {fields}", timeout)
