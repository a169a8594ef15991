"""Filters in shared objects, in C and in Rust, built here, loaded by the proxy and replaced under traffic."""

import json
import os
import pwd
import shutil
import socket
import struct
import subprocess
import threading
import time
import unittest

from harness import Sluice, request, wait_until

EXAMPLES = "examples/custom_filter"
LIMIT = f"{EXAMPLES}/module_c/talk_limit.so"
UNRULY = os.path.abspath("test/filters/module/unruly_1.so")
RUST = f"{EXAMPLES}/module_rust/sequence_watch.rs"
HOME = pwd.getpwuid(os.getuid()).pw_dir
RUSTC = shutil.which("rustc", path=f"{os.environ['PATH']}:{HOME}/.cargo/bin")


def config(upstream, *modules):
    with open(f"{EXAMPLES}/sluice.textproto", encoding="utf-8") as file:
        text = file.read()
    for name in ("talk_limit", "sequence_watch"):
        if name in modules:
            continue
        begin = text.index(f'    filters {{\n      name: "{name}"')
        text = text[:begin] + text[text.index("    filters {", begin + 10):]
    return text.replace("127.0.0.1:7001", "127.0.0.1:%d" % upstream.getsockname()[1])


def unruly(upstream, *modes):
    """One filter of each mode, named after it, in front of the upstream."""
    filters = "".join(f"""
    filters {{
      name: "{mode}"
      typed_config {{
        [type.googleapis.com/sluice.filters.Module] {{
          file: "{UNRULY}"
          config {{ fields {{ key: "mode" value {{ string_value: "{mode}" }} }} }}
        }}
      }}
    }}""" for mode in modes)
    text = config(upstream)
    at = text.index("    filters {")
    return text[:at] + filters.lstrip("\n") + "\n" + text[at:]


def maps(proxy):
    with open(f"/proc/{proxy.process.pid}/maps", encoding="utf-8") as file:
        return file.read()


class ModuleTest(unittest.TestCase):
    def setUp(self):
        self.upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.upstream.bind(("127.0.0.1", 0))
        self.upstream.settimeout(5)
        self.addCleanup(self.upstream.close)
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.client.close)

    def start(self, *modules, files=()):
        sluice = Sluice(config=config(self.upstream, *modules))
        for source, name in files:
            shutil.copy(source, os.path.join(sluice.directory, name))
        self.enterContext(sluice)
        self.client.connect(("127.0.0.1", sluice.ports["udp"]))
        return sluice

    def voice(self, sequence):
        self.client.send(struct.pack("!BBHII", 0x80, 111, sequence & 0xFFFF, 960 * sequence, 7) + bytes(20))

    def test_a_dry_run_runs_no_code_from_its_request(self):
        sluice = self.start("talk_limit", files=[(LIMIT, "talk_limit.so")])
        source = os.path.join(sluice.directory, "stranger.c")
        mark = os.path.join(sluice.directory, "it-ran")
        with open(source, "w", encoding="utf-8") as file:
            file.write(f'''#include <fcntl.h>
            __attribute__((constructor)) static void run(void) {{ creat("{mark}", 0600); }}''')
        stranger = os.path.join(sluice.directory, "stranger.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", stranger, source], check=True)
        with open(sluice.config_path, encoding="utf-8") as file:
            text = file.read()

        def plan(body):
            status, _, text = request(f"http://127.0.0.1:{sluice.ports['admin']}/reload?dry_run=1", "POST", body)
            return status, json.loads(text)

        status, outcome = plan(text.replace('"talk_limit.so"', f'"{stranger}"'))
        self.assertEqual(status, 400)
        self.assertIn("is not the code of a loaded module", outcome["errors"][0]["error"])
        self.assertTrue(outcome["errors"][0]["field"].endswith("typed_config.file"))
        self.assertFalse(os.path.exists(mark))
        self.assertNotIn(stranger, maps(sluice))
        shutil.copy(LIMIT, os.path.join(sluice.directory, "same.so"))
        status, outcome = plan(text.replace('"talk_limit.so"', '"same.so"'))
        self.assertEqual(status, 200)
        self.assertEqual(outcome["sessions_ending"], 0)

    def test_the_example_in_c_limits_and_counts(self):
        sluice = self.start("talk_limit", files=[(LIMIT, "talk_limit.so")])
        for sequence in range(150):
            self.voice(sequence)
        wait_until(lambda: sluice.metric("sluice_module_voice_total") == 150, "all are seen")
        dropped = sluice.metric("sluice_filter_drops_total", reason="over_rate")
        self.assertTrue(30 <= dropped <= 50, dropped)
        session, = json.loads(sluice.admin("/sessions")[2])["sessions"]
        self.assertRegex(json.dumps(session), r'"code": "[0-9a-f]{16}"')

    @unittest.skipUnless(RUSTC, "there is no Rust compiler")
    def test_the_example_in_rust_sees_gaps(self):
        built = os.path.join(os.environ["TEST_TMPDIR"], "sequence_watch.so")
        subprocess.run([RUSTC, "--edition", "2021", "-O", "--crate-type", "cdylib", "-o", built, RUST], check=True,
                       env={**os.environ, "HOME": HOME})
        sluice = self.start("sequence_watch", files=[(built, "sequence_watch.so")])
        for sequence in (1, 2, 5, 4, 6, 65535 + 10):
            self.voice(sequence)
            self.upstream.recv(100)
        self.assertEqual(sluice.metric("sluice_module_missing_total"), 2 + 2)
        self.assertEqual(sluice.metric("sluice_module_reordered_total"), 1)

    def test_a_module_that_cannot_be_loaded_is_reported_and_changes_nothing(self):
        sluice = self.start("talk_limit", files=[(LIMIT, "talk_limit.so")])
        path = os.path.join(sluice.directory, "talk_limit.so")
        os.unlink(path)
        with open(path, "w", encoding="ascii") as file:
            file.write("no shared object")
        status, _, text = sluice.admin("/reload", "POST")
        self.assertEqual(status, 400)
        self.assertIn("listeners[0].filter_chains[0].filters[0].typed_config.file", text)
        self.voice(1)
        self.assertEqual(len(self.upstream.recv(100)), 32)

    def test_modules_that_sleep_or_write_out_of_bounds_are_detected_and_harm_no_other_filter(self):
        with Sluice(config=unruly(self.upstream, "sleep", "behind")) as sluice:
            self.client.connect(("127.0.0.1", sluice.ports["udp"]))
            for sequence in range(3):
                self.voice(sequence)
            wait_until(lambda: sluice.metric("sluice_filter_drops_total", reason="out_of_bounds") == 3, "all are dropped")
            self.assertEqual(sluice.metric("sluice_filter_drops_total", filter="behind", reason="out_of_bounds"), 3)
            self.assertEqual(sluice.metric("sluice_module_slow_calls_total", filter="sleep"), 3)
            sluice.write_config(unruly(self.upstream, "fine"))
            status, _, text = sluice.admin("/reload", "POST")
            self.assertEqual(status, 200, text)
            self.voice(3)
            self.assertEqual(len(self.upstream.recv(100)), 32)

    def test_a_module_that_refuses_a_session_drops_its_packets_by_name(self):
        with Sluice(config=unruly(self.upstream, "no_session")) as sluice:
            self.client.connect(("127.0.0.1", sluice.ports["udp"]))
            self.voice(1)
            wait_until(lambda: sluice.metric("sluice_filter_drops_total", filter="no_session", reason="no_session") == 1,
                       "the packet is dropped")

    def test_code_is_replaced_a_hundred_times_under_traffic_and_nothing_is_lost(self):
        """Any change of the file makes it other code; an additional byte at its end is enough."""
        sluice = self.start("talk_limit", files=[(LIMIT, "talk_limit.so")])
        path = os.path.join(sluice.directory, "talk_limit.so")
        with open(path, "rb") as file:
            code = file.read()
        sent, received, stop = [0], [0], threading.Event()

        def talk():
            begin = time.monotonic()
            while not stop.is_set():
                self.voice(sent[0])
                sent[0] += 1
                time.sleep(max(0, begin + sent[0] / 80 - time.monotonic()))  # under the limit of 100

        def listen():
            while not stop.is_set() or received[0] < sent[0]:
                try:
                    self.upstream.recv(100)
                except TimeoutError:
                    return
                received[0] += 1

        threads = [threading.Thread(target=talk), threading.Thread(target=listen)]
        for thread in threads:
            thread.start()
        for i in range(100):
            with open(path + ".new", "wb") as file:
                file.write(code + i.to_bytes(2, "big") + b"x")
            os.rename(path + ".new", path)
            status, _, text = sluice.admin("/reload", "POST")
            self.assertEqual(status, 200, text)
            kept = lambda: sluice.metric("sluice_module_handovers_total", state="kept")
            wait_until(lambda: kept() == i + 1, "the session has the new code", step=0.005)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(received[0], sent[0])
        self.assertEqual(sluice.metric("sluice_module_handovers_total", state="lost"), 0)
        with open(f"/proc/{sluice.process.pid}/maps", encoding="utf-8") as file:
            mapped = {line.split()[-1] for line in file if "talk_limit-" in line}
        self.assertLessEqual(len(mapped), 2, mapped)


if __name__ == "__main__":
    unittest.main()
