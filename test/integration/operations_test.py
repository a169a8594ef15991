"""An operator's tasks: signals, changed files, the admin endpoint."""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import unittest

from harness import Sluice, free_ports, request, voice_room_config, wait_until
from udp import STUN_COOKIE, StunClient

SHIPPED_MARK = "dscp: 46"
WILDCARD = """
listeners {
  name: "stun"
  address: "0.0.0.0:PORT"
  filter_chains {
    name: "stun"
    filters { typed_config { [type.googleapis.com/sluice.filters.StunTurn] {} } }
  }
}
admin { address: "127.0.0.1:9901" }
"""


def with_dscp(dscp):
    return voice_room_config().replace(SHIPPED_MARK, f"dscp: {dscp}")


class Operations(unittest.TestCase):
    def stun(self, proxy):
        client = StunClient(proxy.ports["udp"])
        self.addCleanup(client.close)
        return client

    def test_a_changed_file_and_sighup_reload(self):
        with Sluice() as proxy:
            stun = self.stun(proxy)
            proxy.write_config(with_dscp(11))  # by a rename
            wait_until(lambda: stun.marks()[0] == 11, "a renamed file is noticed")
            with open(proxy.config_path, encoding="utf-8") as file:
                text = file.read()
            with open(proxy.config_path, "w", encoding="utf-8") as file:
                file.write(text.replace("dscp: 11", "dscp: 12 "))
            wait_until(lambda: stun.marks()[0] == 12, "a file written in place is noticed")
            generation = proxy.metric("sluice_generation")
            proxy.process.send_signal(signal.SIGHUP)
            wait_until(lambda: proxy.metric("sluice_generation") > generation, "SIGHUP reloads")

    def test_a_dry_run_names_sessions_that_would_end_and_changes_nothing(self):
        with Sluice() as proxy:
            self.stun(proxy).marks()
            generation = proxy.metric("sluice_generation")
            with open(proxy.config_path, encoding="utf-8") as file:
                text = file.read()

            def plan(body):
                status, _, text = request(f"http://127.0.0.1:{proxy.ports['admin']}/reload?dry_run=1", "POST", body)
                return status, json.loads(text)

            status, same = plan(text)
            self.assertEqual((status, same["listeners"][0]["change"]), (200, "kept"))
            self.assertEqual((same["sessions"], same["sessions_ending"]), (1, 0))
            _, changed = plan(text.replace(SHIPPED_MARK, "dscp: 13"))
            filters = {f["name"]: f["change"] for f in changed["listeners"][0]["chains"][0]["filters"]}
            self.assertEqual({name for name, change in filters.items() if change != "kept"}, {"marker"})
            self.assertEqual(filters["marker"], "reconfigured")
            _, ending = plan(text.replace('name: "webrtc"', 'name: "other"'))
            self.assertEqual(ending["sessions_ending"], 1)
            status, refused = plan(text.replace(SHIPPED_MARK, "dscp: 99"))
            self.assertEqual(status, 400)
            self.assertIn("typed_config.", refused["errors"][0]["field"])

            other = os.path.join(proxy.directory, "other.textproto")
            with open(other, "w", encoding="utf-8") as file:
                file.write(text.replace('name: "webrtc"', 'name: "other"'))
            shown = subprocess.run(
                [*proxy.command[:1], "--config", other, "--mode", "diff", "--against",
                 f"http://127.0.0.1:{proxy.ports['admin']}"], capture_output=True, text=True)
            self.assertEqual(shown.returncode, 0, shown.stderr)
            self.assertIn("chain webrtc: removed, 1 session, 1 would END", shown.stdout)
            self.check_diff_from_another_folder(proxy, text)
            self.assertEqual(proxy.metric("sluice_generation"), generation)
            self.assertEqual(len(json.loads(proxy.admin("/sessions")[2])["sessions"]), 1)

    def check_diff_from_another_folder(self, proxy, text):
        """Relative paths start from the file's own folder; settings are named, secrets are not shown."""
        folder = os.path.join(proxy.directory, "a draft")
        os.makedirs(os.path.join(folder, "pages"))
        draft = os.path.join(folder, "draft.textproto")
        secret = "a new secret that is not shown"
        with open(draft, "w", encoding="utf-8") as file:
            changed = re.sub('page_directory: "[^"]*"', 'page_directory: "pages"', text)
            changed = re.sub('shared_secrets: "[^"]*"', f'shared_secrets: "{secret}"', changed)
            file.write(changed + "\nlimits { max_rooms: 7 }\n")
        shown = subprocess.run(
            [*proxy.command[:1], "--config", draft, "--mode", "diff", "--against",
             f"http://127.0.0.1:{proxy.ports['admin']}"], capture_output=True, text=True)
        self.assertEqual(shown.returncode, 0, shown.stdout + shown.stderr)
        self.assertIn("credentials.shared_secrets[0]: changed; takes effect at once", shown.stdout)
        self.assertIn("limits: added; takes effect at once", shown.stdout)
        self.assertIn('to "pages"; takes effect at once', shown.stdout)
        self.assertNotIn(secret, shown.stdout + shown.stderr)

    def test_the_admin_token_protects_the_endpoint_and_is_never_shown(self):
        secret = "a-token-of-the-operator"
        guarded = voice_room_config().replace("admin {", f'admin {{ token: "{secret}" allowed_hosts: "sluice.internal"')
        with Sluice(guarded) as proxy:
            url = f"http://127.0.0.1:{proxy.ports['admin']}"
            bearer = {"Authorization": f"Bearer {secret}"}
            for path in ("/config_dump", "/sessions", "/metrics"):
                self.assertEqual(request(url + path)[0], 401)
                self.assertEqual(request(url + path, headers={"Authorization": f"Bearer {secret}x"})[0], 401)
                self.assertEqual(request(url + path, headers={**bearer, "Host": "evil.example"})[0], 403)
                self.assertEqual(request(url + path, headers={**bearer, "Origin": "http://evil.example"})[0], 403)
                status, _, text = request(url + path, headers={**bearer, "Host": "sluice.internal"})
                self.assertEqual(status, 200)
                self.assertNotIn(secret, text)
            self.assertEqual(request(url + "/reload?dry_run=1", "POST", "x" * 1000)[0], 401)
            self.assertEqual(request(url + "/ready")[0], 200)
            shown = subprocess.run([*proxy.command, "--mode", "diff", "--against", url], capture_output=True, text=True)
            self.assertEqual(shown.returncode, 0, shown.stderr)
            self.assertNotIn(secret, shown.stdout)
            proxy.write_config(voice_room_config().replace("admin {", 'admin { token: "another-token-of-theirs"'))
            wait_until(lambda: request(url + "/metrics", headers=bearer)[0] == 401, "a reload changes the token")
            self.assertNotIn(secret, proxy.log())

    def test_an_admin_address_that_others_can_reach_causes_a_warning(self):
        for config, warned in ((voice_room_config().replace("127.0.0.1:9901", "0.0.0.0:9901"), True),
                               (voice_room_config().replace("127.0.0.1:9901", '0.0.0.0:9901" token: "sixteen-bytes-or-more'),
                                False),
                               (voice_room_config(), False)):
            command = [*Sluice(config).command, "--mode", "validate"]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual((ended.returncode, ended.stdout), (0, "OK\n"), ended.stderr)
            self.assertEqual("anyone who reaches it can operate the proxy" in ended.stderr, warned)

    def test_a_symbolic_link_that_is_swapped_reloads(self):
        """As Kubernetes replaces a mounted ConfigMap."""
        with Sluice() as proxy:
            folder = proxy.directory
            with open(proxy.config_path, encoding="utf-8") as file:
                text = file.read()
            for version, dscp in (("v1", 46), ("v2", 13)):
                os.mkdir(os.path.join(folder, version))
                with open(os.path.join(folder, version, "sluice.textproto"), "w", encoding="utf-8") as file:
                    file.write(text.replace(SHIPPED_MARK, f"dscp: {dscp}"))
            os.symlink("v1", os.path.join(folder, "current"))
            os.symlink("current/sluice.textproto", proxy.config_path + ".link")
            os.rename(proxy.config_path + ".link", proxy.config_path)
            stun = self.stun(proxy)
            wait_until(lambda: proxy.metric("sluice_reloads_total", result="ok") >= 1, "the link is noticed")
            os.symlink("v2", os.path.join(folder, "next"))
            os.rename(os.path.join(folder, "next"), os.path.join(folder, "current"))
            wait_until(lambda: stun.marks()[0] == 13, "the swap is noticed")

    def test_a_wildcard_listener_responds_from_the_address_that_received_the_request(self):
        port = free_ports(1)[0]
        config = WILDCARD.replace("PORT", str(port))
        with Sluice(config=config) as proxy, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            for asked in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
                client.sendto(struct.pack("!HHI", 1, 0, STUN_COOKIE) + os.urandom(12), (asked, port))
                self.assertEqual(client.recvfrom(2048)[1], (asked, port))
            self.assertEqual(len(json.loads(proxy.admin("/sessions")[2])["sessions"]), 2)

    def test_half_a_file_or_no_file_changes_nothing(self):
        with Sluice() as proxy:
            stun = self.stun(proxy)
            whole = with_dscp(14)
            proxy.write_config(whole[: len(whole) // 2])
            wait_until(lambda: proxy.metric("sluice_reloads_total", result="refused") >= 1, "half a file is refused")
            os.rename(proxy.config_path, proxy.config_path + ".away")
            status, _, body = proxy.admin("/reload", "POST")
            self.assertEqual(status, 400)
            self.assertIn("cannot be read", body)
            self.assertEqual(stun.marks()[0], 46)
            proxy.write_config(whole)
            wait_until(lambda: stun.marks()[0] == 14, "the whole file is taken")

    def test_a_file_that_cannot_be_read_changes_nothing_until_it_can(self):
        """A directory, broken and circular links, an empty file, bytes that are not text, and a file without permission."""
        whole = with_dscp(14)

        def closed(path):
            with open(path, "w", encoding="utf-8") as file:
                file.write(whole)
            os.chmod(path, 0)

        def written(content):
            def write(path):
                with open(path, "wb") as file:
                    file.write(content)
            return write

        in_the_way = {
            "a directory": os.mkdir,
            "a link to nothing": lambda path: os.symlink("nowhere", path),
            "a link to itself": lambda path: os.symlink(os.path.basename(path), path),
            "an empty file": written(b""),
            "bytes that are no text": written(bytes(range(256))),
            "a file of which nothing may be read": closed,
        }
        if os.geteuid() == 0:  # root may read everything
            del in_the_way["a file of which nothing may be read"]
        with Sluice() as proxy:
            stun = self.stun(proxy)
            with open(proxy.config_path, encoding="utf-8") as file:
                before = file.read()
            for name, put in in_the_way.items():
                with self.subTest(name):
                    refused = proxy.metric("sluice_reloads_total", result="refused")
                    os.unlink(proxy.config_path)
                    put(proxy.config_path)
                    status, _, body = proxy.admin("/reload", "POST")
                    self.assertEqual(status, 400, body)
                    self.assertNotEqual(json.loads(body)["errors"], [])
                    wait_until(lambda: proxy.metric("sluice_reloads_total", result="refused") >= refused + 2,
                               "the file's change is noticed too, and refused")
                    self.assertEqual(stun.marks()[0], 46)
                    if os.path.isdir(proxy.config_path):
                        os.rmdir(proxy.config_path)
                    proxy.write_config(before)
                    wait_until(lambda: proxy.admin("/reload", "POST")[0] == 200, "what was before is taken")
            proxy.write_config(whole)
            wait_until(lambda: stun.marks()[0] == 14, "the whole file takes effect, without a request")

    def test_changes_that_need_a_restart_are_refused_by_name(self):
        with Sluice() as proxy:
            proxy.write_config(voice_room_config() + "workers { count: 7 }")
            status, _, body = proxy.admin("/reload", "POST")
            self.assertEqual(status, 400)
            self.assertEqual(json.loads(body)["errors"][0]["field"], "workers")

    def test_sigterm_drains_and_exits_with_zero(self):
        with Sluice() as proxy:
            self.assertEqual(proxy.admin("/drain", "POST")[0], 200)
            self.assertEqual(proxy.admin("/ready")[0], 503)
            self.assertEqual(proxy.admin("/live")[0], 200)
            offer = "v=0\r\n"
            status, _, _ = request(f"{proxy.join_url}/v1/rooms/r/players/p", "POST", offer,
                                   {"Content-Type": "application/sdp"})
            self.assertEqual(status, 503)
            proxy.process.send_signal(signal.SIGTERM)
            self.assertEqual(proxy.process.wait(10), 0)

    def test_the_admin_endpoint(self):
        with Sluice() as proxy:
            self.stun(proxy).marks()
            for path in ("/", "/ready", "/live", "/server_info", "/config_dump", "/listeners", "/sessions", "/stats",
                         "/stats?all=1", "/metrics"):
                self.assertEqual(proxy.admin(path)[0], 200, path)
            for path in ("/config_dump", "/listeners", "/sessions", "/server_info"):
                json.loads(proxy.admin(path)[2])
            self.assertEqual(proxy.admin("/logging?level=debug", "POST")[0], 200)
            self.assertEqual(proxy.admin("/logging?level=loud", "POST")[0], 400)
            self.assertEqual(proxy.admin("/sessions?limit=x")[0], 400)
            self.assertEqual(proxy.admin("/nowhere")[0], 404)
            self.assertEqual(proxy.admin("/reload")[0], 405)
            url = f"http://127.0.0.1:{proxy.ports['admin']}/drain"
            self.assertEqual(request(url, "POST", headers={"Origin": "http://evil.example"})[0], 403)
            self.assertEqual(proxy.admin("/ready")[0], 200)

    def test_secrets_are_not_shown(self):
        secret = "a secret of many letters"
        with Sluice(config=voice_room_config().replace("join {", f'join {{ token_secrets: "{secret}"')) as proxy:
            self.assertNotIn(secret, proxy.admin("/config_dump")[2])
            self.assertNotIn(secret, proxy.log())

    def test_a_second_proxy_on_the_same_address_reports_the_conflict(self):
        with Sluice() as proxy:
            second = subprocess.run(proxy.command, capture_output=True, text=True, timeout=10)
            self.assertEqual(second.returncode, 1)
            self.assertIn("listeners[0].address: cannot bind 127.0.0.1", second.stderr)

    def test_noise_is_counted_and_responses_are_less_than_three_times_its_size(self):
        with Sluice() as proxy:
            noise = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.addCleanup(noise.close)
            noise.connect(("127.0.0.1", proxy.ports["udp"]))
            noise.settimeout(0.3)
            sent = response_bytes = 0
            for size in (1, 4, 12, 20, 100, 1200):
                for first in (0, 22, 64, 128, 200):
                    datagram = bytes([first]) + os.urandom(size - 1)
                    noise.send(datagram)
                    sent += len(datagram)
            binding = struct.pack("!HHI", 1, 0, 0x2112A442) + os.urandom(12)
            noise.send(binding)
            sent += len(binding)
            responses = 0
            try:
                while True:
                    response_bytes += len(noise.recv(2048))
                    responses += 1
            except TimeoutError:
                pass
            self.assertEqual(responses, 1)  # the Binding's
            self.assertLess(response_bytes, 3 * len(binding))
            self.assertGreater(proxy.metric("sluice_listener_drops_total", reason="no_session"), 0)
            self.assertEqual(proxy.metric("sluice_worker_packets_unaccounted_total"), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
