"""Bytes on the wire: gzip, chunks, faults of the connection, TLS, IPv6, the process."""

import base64
import gzip
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
import zlib

from .base import Q, QP, SIM, Sim, port, start


class Transfer(Sim):
    def test_gzip(self):
        self.tenant(30, {"gzip": "on"})
        plain = self.call(Q, {"param": {}})
        self.assertIsNone(plain.headers["Content-Encoding"])
        packed = self.call(Q, {"param": {}}, self.headers(**{"Accept-Encoding": "gzip, deflate"}))
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.switch(gzip="always")
        self.assertEqual(gzip.decompress(self.call(Q, {"param": {}}).body), plain.body)

    def test_chunked(self):
        self.tenant(30)
        plain = self.call(Q, {"param": {}}).body
        self.switch(transfer="chunked", chunk_bytes=7)
        reply = self.call(Q, {"param": {}})
        self.assertEqual((reply.headers["Transfer-Encoding"], reply.body), ("chunked", plain))
        self.switch(transfer="close")
        reply = self.call(Q, {"param": {}})
        self.assertEqual((reply.headers["Content-Length"], reply.body), (None, plain))

    def test_one_operation_only(self):
        self.tenant(3, {"QueryPage.transfer": "chunked"})
        self.assertIsNone(self.call(Q, {"param": {}}).headers["Transfer-Encoding"])
        self.assertEqual(self.call(QP, {"param": {}}).headers["Transfer-Encoding"], "chunked")

    def test_keepalive(self):
        self.tenant(3, {"keepalive_max": 2})
        for _ in range(5):
            self.call(Q, {"param": {}})
        numbers = [entry["connection"] for entry in self.journal()]
        self.assertEqual(len(set(numbers)), 3)
        self.assertEqual(numbers[0], numbers[1])

    def test_latency(self):
        self.tenant(20, {"latency_ms": 60, "latency_row_ms": 5, "disabled_default": "all"})
        self.call(Q, {"param": {"PageSize": 10}})
        entry = self.journal()[0]
        self.assertGreaterEqual(entry["end"] - entry["start"], 105)

    def test_proxy(self):
        self.tenant(3)
        self.connection.request("POST", "http://erp.example" + Q, b'{"param":{}}', self.headers())
        self.assertEqual(self.connection.getresponse().read()[:1], b"[")
        self.assertEqual(self.journal()[0]["target"], "http://erp.example" + Q)
        self.connection.close()
        self.connection.set_tunnel("127.0.0.1", port())
        self.assertEqual(self.call(Q, {"param": {}}).status, 200)
        refused = http.client.HTTPConnection("127.0.0.1", port(), timeout=10)
        refused.set_tunnel("erp.example", 443)
        with self.assertRaises(OSError):
            refused.connect()

    def test_proxy_auth(self):
        process, number = start("--records", "3", "--proxy-auth", "me:secret")
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 5)
        self.addCleanup(process.terminate)
        for login, wanted in ((None, 407), ("me:wrong", 407), ("me:secret", 200)):
            given = {"Proxy-Authorization": "Basic " + base64.b64encode(login.encode()).decode()} if login else {}
            client = http.client.HTTPConnection("127.0.0.1", number, timeout=10)
            client.request("POST", "http://erp.example" + Q, b'{"param":{}}', self.headers(**given))
            self.assertEqual(client.getresponse().status, wanted)
            client.close()
            client.set_tunnel("127.0.0.1", number, given)
            if wanted == 200:
                client.connect()
            else:
                self.assertRaisesRegex(OSError, "407", client.connect)
            client.close()
        direct = http.client.HTTPConnection("127.0.0.1", number, timeout=10)
        direct.request("POST", Q, b'{"param":{}}', self.headers())
        self.assertEqual(direct.getresponse().status, 200)
        direct.close()

    def test_chunked_request(self):
        self.tenant(3)
        self.connection.request("POST", Q, iter([b'{"par', b'am":{}}']), self.headers(), encode_chunked=True)
        self.assertEqual(self.connection.getresponse().status, 200)

    def test_expect_and_garbage(self):
        self.tenant(3)
        sock = self.raw(headers=self.headers(Expect="100-continue", Connection="close"))
        self.assertTrue(self.drain(sock)[0].startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"))
        sock = self.raw(headers={"bad header": "x"})
        self.assertTrue(self.drain(sock)[0].startswith(b"HTTP/1.1 400"))


class Faults(Sim):
    def bytes(self, action, **spec):
        self.tenant(5, {"disabled_default": "all", **spec.pop("switches", {})})
        self.fault(action, **spec)
        start = time.monotonic()
        data, was_reset = self.drain(self.raw(headers=self.headers(Connection="close")))
        return data, was_reset, time.monotonic() - start

    def test_truncate(self):
        data, _, _ = self.bytes("truncate", bytes=10)
        head, _, body = data.partition(b"\r\n\r\n")
        self.assertEqual(len(body), 10)
        self.assertNotIn(b"Content-Length: 10\r\n", head)
        self.assertTrue(self.bytes("truncate", fraction=0.5, reset=True)[1])

    def test_extra(self):
        data = self.bytes("extra", raw="HTTP/1.1 200 OK\r\n\r\n")[0]
        self.assertTrue(data.endswith(b"]HTTP/1.1 200 OK\r\n\r\n"))

    def test_chunked_cut(self):
        data, _, _ = self.bytes("chunked_cut")
        self.assertIn(b"chunked", data)
        self.assertFalse(data.endswith(b"0\r\n\r\n"))

    def test_drop(self):
        self.assertEqual(self.bytes("drop")[:2], (b"", False))
        self.assertEqual(self.bytes("drop", when="lost")[0], b"")
        self.assertEqual(self.bytes("drop", reset=True)[:2], (b"", True))
        self.assertNotIn(b"\r\n\r\n", self.bytes("drop", when="headers")[0])
        during = self.bytes("drop", when="during", fraction=0.4)[0]
        self.assertGreater(len(during.partition(b"\r\n\r\n")[2]), 5)
        self.assertTrue(self.bytes("drop", when="after")[0].endswith(b"]"))

    def test_lost_is_done_before_is_not(self):
        path = "/auth/v2/refreshToken?grantType=refresh_token&refreshToken=sim-refresh-token"
        for when, done in (("before", 0), ("lost", 1), ("during", 1)):
            self.tenant(3)
            self.fault("drop", when=when)
            with self.assertRaises((http.client.HTTPException, OSError)):
                self.call(path, None, method="GET")
            self.assertEqual(self.mine("GET", "/tokens")["renewals"], done)

    def test_close_after(self):
        self.tenant(3)
        self.fault("close_after", ms=30)
        self.assertEqual(self.call(Q, {"param": {}}).headers["Connection"], "keep-alive")
        time.sleep(0.1)
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.connection.request("POST", Q, b'{"param":{}}', self.headers())
            self.connection.getresponse()

    def test_stall(self):
        for when in ("before", "reply", "headers", "body"):
            data, _, took = self.bytes("stall", when=when, ms=150)
            self.assertTrue(data.endswith(b"]"))
            self.assertGreater(took, 0.14)

    def test_stall_ends_when_the_client_goes(self):
        self.tenant(3)
        self.fault("stall", ms=60000)
        sock = self.raw()
        self.assertEqual(len(self.journal("?wait=1")), 1)
        self.assertIsNone(self.journal()[0]["end"])
        sock.close()
        for _ in range(100):
            if self.mine("GET", "/stats")["in_flight"] == 0:
                break
            time.sleep(0.02)
        self.assertTrue(self.journal()[0]["aborted"])

    def test_drip(self):
        data, _, took = self.bytes("drip", bytes=20, interval_ms=40, after=10)
        self.assertTrue(data.endswith(b"]"))
        self.assertGreater(took, 0.08)

    def test_length(self):
        long = self.bytes("length", delta=20, hold_ms=20)[0]
        short = self.bytes("length", delta=-4)[0]
        for data, delta in ((long, 20), (short, -4)):
            head, _, body = data.partition(b"\r\n\r\n")
            self.assertIn(b"Content-Length: %d\r\n" % (len(body) + delta), head)

    def test_close_delimited_and_raw(self):
        self.assertNotIn(b"Content-Length", self.bytes("close_delimited")[0])
        self.assertEqual(self.bytes("raw", raw="SSH-2.0-x\r\n")[0], b"SSH-2.0-x\r\n")
        self.assertEqual(self.bytes("raw", raw_b64="AAEC", keep=True)[0], b"\0\1\2")

    def test_gzip_corrupt(self):
        for mode in ("middle", "crc", "truncated", "header"):
            body = self.bytes("gzip_corrupt", mode=mode)[0].partition(b"\r\n\r\n")[2]
            with self.assertRaises((zlib.error, OSError, EOFError)):
                gzip.decompress(body)

    def test_bombs(self):
        body = self.bytes("gzip_bomb", mb=20)[0].partition(b"\r\n\r\n")[2]
        self.assertLess(len(body), 1 << 20)
        self.assertGreater(len(gzip.decompress(body)), 20 << 20)
        for chunked in (False, True):
            data = self.bytes("huge", mb=5, chunked=chunked)[0]
            self.assertGreater(len(data), 5 << 20)


class Process(unittest.TestCase):
    def start(self, *arguments):
        process, port = start(*arguments)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 5)
        self.addCleanup(process.kill)
        return process, port

    def ask(self, connection):
        connection.request("POST", Q, b'{"param":{"SelectFields":"ID"}}', {
            "appKey": "k", "appSecret": "sim-secret", "openToken": "sim-open-token"})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body

    def test_command_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
            config.write('{"switches": {"ids": "int"}}')
            config.flush()
            process, port = self.start("--records", "4", "--seed", "9", "--set", "shape=value",
                                       "--set", "disabled_default=all", "--config", config.name)
        self.assertEqual(process.stdout.read(), b"")
        status, body = self.ask(http.client.HTTPConnection("127.0.0.1", port, timeout=10))
        self.assertEqual((status, body.count(b'"ID":'), body[:16]), (200, 4, b'{"value":[{"ID":'))
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(5), 0)

    def test_bad_command_line(self):
        for arguments in (["--set", "shape=round"], ["--set", "nonsense=1"], ["--set", "x"]):
            done = subprocess.run([sys.executable, SIM, *arguments], capture_output=True, timeout=20)
            self.assertEqual((done.returncode, done.stdout), (1, b""))

    def test_ends_in_a_stall(self):
        process, port = self.start()
        self.ask(http.client.HTTPConnection("127.0.0.1", port))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/_sim/tenants/k/faults", b'{"action":"stall","ms":60000}')
        connection.getresponse().read()
        connection.request("POST", Q, b'{"param":{}}', {"appKey": "k"})
        process.terminate()
        self.assertEqual(process.wait(5), 0)
        connection.close()

    def test_parent(self):
        parent = subprocess.Popen(["sleep", "60"])
        process, _ = self.start("--parent", str(parent.pid))
        # a zombie counts as gone: nobody has waited for it yet
        parent.kill()
        self.assertEqual(process.wait(5), 0)
        parent.wait()

    def test_hang(self):
        _, port = self.start("--hang")
        with socket.create_connection(("127.0.0.1", port), timeout=0.2) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with self.assertRaises(TimeoutError):
                sock.recv(1)

    def test_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("no IPv6 on this machine")
        _, port = self.start("--ipv6")
        ctl = subprocess.run([sys.executable, SIM.replace("tplus_sim", "simctl"), str(port), "GET", "/_sim/ping"],
                             capture_output=True, timeout=20)
        self.assertEqual(ctl.returncode, 0)
        self.assertEqual(self.ask(http.client.HTTPConnection("::1", port, timeout=10))[0], 200)

    def test_tls(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl to make a certificate")
        with tempfile.TemporaryDirectory() as folder:
            cert, key = os.path.join(folder, "cert"), os.path.join(folder, "key")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key,
                            "-out", cert, "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                           check=True, capture_output=True)
            _, port = self.start("--tls", cert, key)
            context = ssl.create_default_context(cafile=cert)
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
            self.assertEqual(self.ask(connection)[0], 200)
            plain = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            self.assertEqual(self.ask(plain)[0], 400)
            plain.request("GET", "/_sim/ping")
            self.assertEqual(plain.getresponse().status, 200)
            plain.close()
            with self.assertRaises(ssl.SSLError):
                self.ask(http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=ssl.create_default_context()))
            _, old = self.start("--tls", cert, key, "--tls-max", "1.1")
            with self.assertRaises(ssl.SSLError):
                self.ask(http.client.HTTPSConnection("127.0.0.1", old, timeout=10, context=context))
            warnings.simplefilter("ignore", DeprecationWarning)
            loose = ssl.create_default_context(cafile=cert)
            loose.minimum_version = ssl.TLSVersion.TLSv1
            loose.set_ciphers("ALL:@SECLEVEL=0")
            self.assertEqual(self.ask(http.client.HTTPSConnection("127.0.0.1", old, timeout=10, context=loose))[0], 200)
