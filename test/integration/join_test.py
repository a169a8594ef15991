"""The join API as the proxy serves it: over TLS, behind tokens, within limits."""

import base64
import hashlib
import hmac
import json
import os
import ssl
import subprocess
import time
import unittest
import urllib.request

from harness import Sluice, request, voice_room_config

SECRET = "a secret of some length"
CERTIFICATE = os.path.abspath("test/http/certificate.pem")
PRIVATE_KEY = os.path.abspath("test/http/private_key.pem")
SDP = {"Content-Type": "application/sdp"}


def with_join(fields):
    return voice_room_config().replace("join {", "join {\n  " + fields)


def token(room, player, seconds=60, algorithm="HS256"):
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"room": room, "player": player, "exp": int(time.time()) + seconds}
    parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "typ": "JWT"}, claims)]
    signed = b".".join(map(encode, parts))
    signature = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest() if algorithm == "HS256" else b""
    return {"Authorization": "Bearer " + (signed + b"." + encode(signature)).decode()}


class JoinTest(unittest.TestCase):
    def test_serves_the_page_over_tls(self):
        files = f'tls_certificate_file: "{CERTIFICATE}" tls_private_key_file: "{PRIVATE_KEY}"'
        with Sluice(with_join(files)) as sluice:
            url = sluice.join_url.replace("http:", "https:")
            context = ssl.create_default_context(cafile=CERTIFICATE)
            with urllib.request.urlopen(url, context=context, timeout=5) as response:
                self.assertIn("<title>Sluice", response.read().decode())

    def test_names_a_certificate_that_cannot_be_used(self):
        files = 'tls_certificate_file: "/dev/null" tls_private_key_file: "/dev/null"'
        command = Sluice(with_join(files)).command
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("join.tls_certificate_file", ended.stdout + ended.stderr)

    def test_a_token_allows_one_player_to_join_one_room(self):
        with Sluice(with_join(f'token_secrets: "{SECRET}"')) as sluice:
            url = sluice.join_url + "/v1/rooms/lobby/players/alice"

            def status(headers):
                return request(url, "POST", "v=0\r\n", {**SDP, **headers})[0]

            self.assertEqual(status({}), 401)
            self.assertEqual(status(token("lobby", "alice", seconds=-11)), 401)
            self.assertEqual(status(token("lobby", "alice", algorithm="none")), 401)
            self.assertEqual(status(token("lobby", "bob")), 403)
            self.assertEqual(status(token("attic", "alice")), 403)
            self.assertEqual(status(token("lobby", "alice")), 400)  # the token is valid, the offer is not

    def test_limits_of_requests(self):
        with Sluice(with_join("max_offer_bytes: 1024 max_requests_per_second: 5")) as sluice:
            url = sluice.join_url + "/v1/rooms/lobby/players/alice"
            self.assertEqual(request(url, "POST", "v=0\r\n" * 1000, SDP)[0], 413)
            status, _, text = request(url, "POST", "v=0\r\n", SDP)
            self.assertEqual((status, json.loads(text)["field"]), (400, "media"))
            self.assertEqual(request(url, "POST", "v=0\r\n", {"Content-Type": "text/plain"})[0], 415)
            self.assertEqual(request(url, "PUT")[0], 405)
            statuses = {request(url + "s")[0] for _ in range(15)}
            self.assertIn(429, statuses)


if __name__ == "__main__":
    unittest.main(verbosity=2)
