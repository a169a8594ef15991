"""sluice-load against a join API in a typical deployment: https with a certificate of a private CA, and tokens."""

import datetime
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness import Sluice, voice_room_config

LOAD = "source/load/sluice-load"
SECRET = "Secret-of-the-game-s-backend"
HINT = "--ca-file FILE names the CA to trust, --insecure accepts any certificate"


class Authority:
    """A private CA, with the files of its certificates in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        certificate = self.certificate(self.name, self.key, (-1, 30), [
            (x509.BasicConstraints(ca=True, path_length=None), True)])
        self.file = self.write("ca.pem", certificate.public_bytes(serialization.Encoding.PEM))

    def certificate(self, subject, key, days, extensions):
        now = datetime.datetime.utcnow()
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(
            key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(
            now + datetime.timedelta(days=days[0])).not_valid_after(now + datetime.timedelta(days=days[1]))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def server(self, names=("127.0.0.1", "localhost"), days=(-1, 2), purpose=ExtendedKeyUsageOID.SERVER_AUTH):
        """The files of a server's certificate and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
        certificate = self.certificate(x509.Name([]), key, days, [
            (x509.SubjectAlternativeName(alternatives), True), (x509.ExtendedKeyUsage([purpose]), False)])
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
        return (self.write("server.pem", certificate.public_bytes(serialization.Encoding.PEM)),
                self.write("server_key.pem", pem))


class TlsServer:
    """Performs handshakes only. `names` are the names that clients requested, None if they requested none."""

    def __init__(self, files):
        self.names = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*files)
        self.context.sni_callback = lambda connection, name, context: self.names.append(name)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                plain, _ = self.listening.accept()
            except OSError:
                return
            try:
                self.context.wrap_socket(plain, server_side=True).close()
            except OSError:
                plain.close()

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(5)


def load(join, *flags):
    """(exit status, standard output, standard error)"""
    ended = subprocess.run([LOAD, "--join", join, *flags], capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout, ended.stderr


class LoadTls(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(folder.cleanup)
        self.authority = Authority(folder.name)
        self.secret_file = self.authority.write("secret", SECRET.encode() + b"\n")

    def protected_room(self):
        certificate, key = self.authority.server()
        return Sluice(voice_room_config().replace(
            "join {", f'join {{ tls_certificate_file: "{certificate}" tls_private_key_file: "{key}" '
                      f'token_secrets: "{SECRET}"'))

    def refusal(self, host="127.0.0.1", flags=(), **certificate):
        """The error of sluice-load for a server with such a certificate, and the name that it requested."""
        server = TlsServer(self.authority.server(**certificate))
        self.addCleanup(server.close)
        code, out, error = load(f"https://{host}:{server.port}", "--ca-file", self.authority.file, *flags)
        self.assertEqual((code, out), (2, ""))
        prefix = f"--join: the certificate of {host}:{server.port} is not trusted: "
        self.assertTrue(error.startswith(prefix), error)
        return error.removeprefix(prefix).removesuffix("; " + HINT + "\n"), server.names

    def test_twenty_players_with_tokens_over_https_receive_every_packet(self):
        with self.protected_room() as proxy:
            url = proxy.join_url.replace("http:", "https:")
            code, out, error = load(url, "--ca-file", self.authority.file, "--token-secret-file", self.secret_file,
                                    "--players", "20", "--talkers", "2", "--seconds", "5", "--json")
            report = json.loads(out)
            print(out)
            self.assertEqual(code, 0, error)
            self.assertEqual((report["players"], report["connect_failures"]), (20, 0))
            self.assertGreater(report["packets_expected"], 2 * 19 * 200)
            self.assertEqual((report["packets_lost"], report["integrity_errors"]), (0, 0))
            self.assertEqual(proxy.metric("sluice_players", state="joined"), 0)  # leaving requires tokens too
            self.assertNotIn(SECRET, out + error + proxy.log())

    def test_a_server_is_not_trusted_without_its_ca_and_players_need_the_right_secret(self):
        with self.protected_room() as proxy:
            url = proxy.join_url.replace("http:", "https:")
            server = url.removeprefix("https://")
            tokens = ("--token-secret-file", self.secret_file)
            run = ("--players", "3", "--seconds", "1", "--json")
            self.assertEqual(load(url, *tokens), (2, "", f"--join: the certificate of {server} is not trusted: "
                                                         f"its issuer is unknown; {HINT}\n"))
            code, out, error = load(url, "--insecure", "--token-secret", SECRET, *run)
            self.assertEqual((code, json.loads(out)["connect_failures"]), (0, 0), error)

            for flags, words in ((("--token-secret", "not-the-game-s-secret"), "signed with HS256 by a known secret"),
                                 ((), "a bearer token is required"), (("--token", "x.y.z"), "known secret")):
                code, out, error = load(url, "--ca-file", self.authority.file, *flags, *run)
                self.assertEqual((code, json.loads(out)["connect_failures"]), (1, 3), error)
                self.assertEqual(error.count("401"), 1, error)  # not again for each player
                self.assertIn(words, error)
                self.assertEqual("the secret must be one of the server's join.token_secrets" in error,
                                 "--token-secret" in flags, error)
                self.assertNotIn("not-the-game-s-secret", error)

            code, _, error = load(proxy.join_url)
            self.assertIn("is it an https address?", error)
            self.assertEqual(code, 1)

    def test_flags_that_cannot_work_are_named(self):
        short = self.authority.write("short", b"fifteen bytes..\n")
        for join, flags, says in (
            ("https://h", ("--token-secret-file", short), f"--token-secret-file: {short} must have at least 16 bytes"),
            ("https://h", ("--token-secret", ""), "--token-secret: must have at least 16 bytes"),
            ("https://h", ("--token-secret-file", "/nowhere"),
             "--token-secret-file: /nowhere cannot be read: No such file or directory"),
            ("https://h", ("--ca-file", "/nowhere"), "--ca-file: /nowhere cannot be read"),
            ("http://h", ("--ca-file", self.authority.file), "--ca-file: needs an https address in --join"),
            ("http://h", ("--insecure",), "--insecure: needs an https address in --join"),
        ):
            self.assertEqual(load(join, *flags), (2, "", says + "\n"))

    def test_a_certificate_must_be_valid_now_for_servers_and_for_this_name(self):
        self.assertEqual(self.refusal(days=(-9, -1))[0], "it has expired")
        self.assertEqual(self.refusal(days=(1, 9))[0], "it is not valid yet")
        self.assertEqual(self.refusal(purpose=ExtendedKeyUsageOID.CLIENT_AUTH)[0], "it is not a server certificate")
        self.assertEqual(self.refusal(names=("127.0.0.2", "localhost"))[0], "it is not for 127.0.0.1")
        self.assertEqual(self.refusal(names=("127.0.0.1", "voice.example"), host="localhost"),
                         ("it is not for localhost", ["localhost"]))
        self.assertEqual(self.refusal(names=("voice.example",))[1], [None])  # an address is not sent as a server name

    def test_a_server_without_tls_is_recognized(self):
        with Sluice() as proxy:
            url = proxy.join_url.replace("http:", "https:")
            code, out, error = load(url, "--insecure")
            self.assertEqual((code, out), (2, ""))
            self.assertTrue(error.startswith(f"--join: the TLS handshake with {url.removeprefix('https://')} failed: "),
                            error)
            self.assertIn("Is it an http address?", error)


if __name__ == "__main__":
    unittest.main(verbosity=2)
