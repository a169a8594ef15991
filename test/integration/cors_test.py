"""A page of another origin that joins a room from real Chromium."""

import contextlib
import http.server
import json
import threading
import unittest

from browser import Browser
from harness import Sluice, wait_until, voice_room_config
from join_test import SECRET, token

PAGE = b"""<!doctype html><meta charset=utf-8><title>Another site</title><script>
async function join(url, authorization) {
  const pc = new RTCPeerConnection();
  const [microphone] = (await navigator.mediaDevices.getUserMedia({audio: true})).getAudioTracks();
  pc.addTransceiver(microphone, {direction: 'sendonly'});
  pc.addTransceiver('audio', {direction: 'recvonly'});
  await pc.setLocalDescription();
  const headers = {'Content-Type': 'application/sdp', Authorization: authorization};
  const response = await fetch(url, {method: 'POST', headers, body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: 'answer', sdp: await response.text()});
  window.pc = pc;
  return {status: response.status, location: response.headers.get('Location')};
}
async function ask(url, options = {}) {
  try {
    const response = await fetch(url, options);
    const events = response.headers.get('Content-Type') === 'text/event-stream';
    const body = events ? (await response.body.getReader().read()).value.length : await response.text();
    return {status: response.status, body};
  } catch (error) {
    return {error: String(error)};
  }
}
</script>"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def site():
    """Another origin: the same address, another port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def call(function, *arguments):
    return f"{function}({', '.join(map(json.dumps, arguments))})"


class CorsTest(unittest.TestCase):
    def test_a_page_of_an_allowed_origin_joins_receives_and_leaves(self):
        with site() as origin, Browser() as browser:
            config = voice_room_config().replace(
                "join {", f'join {{ token_secrets: "{SECRET}" allowed_origins: "{origin}"')
            with Sluice(config) as proxy:
                page = browser.open(origin)
                wait_until(lambda: page.run("document.readyState") == "complete", "the page is there")
                headers = token("lobby", "alice")
                url = proxy.join_url + "/v1/rooms/lobby/players/alice"
                joined = page.run(call("join", url, headers["Authorization"]))
                self.assertEqual(joined["status"], 201)
                wait_until(lambda: page.run("pc.connectionState") == "connected", "the call is connected")
                events = page.run(call("ask", url + "/events", {"headers": headers}))
                self.assertEqual(events["status"], 200)
                self.assertGreater(events["body"], 0)
                refused = page.run(call("ask", url, {"method": "DELETE"}))
                self.assertEqual(refused["status"], 401)
                self.assertEqual(json.loads(refused["body"])["field"], "authorization")
                large = {"method": "POST", "headers": {**headers, "Content-Type": "application/sdp"},
                         "body": "v=0\r\n" * 60000}
                self.assertEqual(page.run(call("ask", url, large)).get("status"), 413)
                left = page.run(call("ask", proxy.join_url + joined["location"], {"method": "DELETE", "headers": headers}))
                self.assertEqual(left["status"], 204)
                wait_until(lambda: proxy.metric("sluice_players", state="joined") == 0, "alice has left")

    def test_a_page_of_any_other_origin_cannot_join(self):
        with site() as origin, Browser() as browser:
            for allowed in ("", 'allowed_origins: "https://game.example"'):
                with Sluice(voice_room_config().replace("join {", "join { " + allowed)) as proxy:
                    page = browser.open(origin)
                    wait_until(lambda: page.run("document.readyState") == "complete", "the page is there")
                    url = proxy.join_url + "/v1/rooms/lobby/players/alice"
                    post = {"method": "POST", "headers": {"Content-Type": "application/sdp"}, "body": "v=0"}
                    self.assertIn("Failed to fetch", page.run(call("ask", url, post))["error"])
                    self.assertIn("Failed to fetch", page.run(call("ask", proxy.join_url + "/v1/rooms"))["error"])
                    page.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
