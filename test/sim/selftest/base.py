"""One simulator for all tests, a client for it, and an oracle for its rows."""

import atexit
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import unittest
from decimal import Decimal
from urllib.parse import quote

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIM = os.path.join(HERE, "tplus_sim.py")
Q, QP = "/tplus/api/v2/inventory/Query", "/tplus/api/v2/inventory/QueryPage"

_numbers = itertools.count(1)
_process = []

# What the tests have used, for the test that nothing was forgotten
used_switches, used_actions, used_mutations = set(), set(), set()


def start(*arguments):
    process = subprocess.Popen([sys.executable, SIM, "--parent", str(os.getpid()), *arguments], stdout=subprocess.PIPE)
    port = int(process.stdout.readline())
    return process, port


def port():
    if not _process:
        _process.extend(start("--records", "60"))
        atexit.register(stop)
    return _process[1]


def stop():
    if _process:
        _process[0].terminate()
        _process[0].wait(5)
        _process[0].stdout.close()
        del _process[:]


class Reply:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body, parse_float=Decimal)


class Sim(unittest.TestCase):
    """Each test has a tenant of its own."""

    def setUp(self):
        self.key = "t%d" % next(_numbers)
        self.connection = http.client.HTTPConnection("127.0.0.1", port(), timeout=20)
        self.addCleanup(self.connection.close)

    # control

    def control(self, method, path, body=None, status=200):
        connection = http.client.HTTPConnection("127.0.0.1", port(), timeout=20)
        try:
            connection.request(method, path, json.dumps(body).encode() if body is not None else None)
            response = connection.getresponse()
            value = json.loads(response.read())
        finally:
            connection.close()
        self.assertEqual(response.status, status, value)
        return value

    def mine(self, method, end="", body=None, status=200):
        return self.control(method, "/_sim/tenants/%s%s" % (quote(self.key, safe=""), end), body, status)

    def tenant(self, records=30, switches=None, **more):
        for name in switches or ():
            used_switches.add(name.rpartition(".")[2])
        for fault in more.get("faults") or ():
            used_actions.add(fault["action"])
        for change in more.get("changes") or ():
            used_mutations.add(change["action"])
        return self.mine("PUT", "", {"records": records, "switches": switches or {}, **more})

    def switch(self, **switches):
        used_switches.update(switches)
        return self.mine("PUT", "/switches", switches)

    def fault(self, action, **spec):
        used_actions.add(action)
        self.connection.close()
        return self.mine("POST", "/faults", {"action": action, **spec})

    def mutate(self, action, **order):
        used_mutations.add(action)
        return self.mine("POST", "/mutate", {"action": action, **order})[0]

    def truth(self, **where):
        return [r for r in self.mine("GET", "/records") if all(r[k] == v for k, v in where.items())]

    def journal(self, end=""):
        return self.mine("GET", "/journal" + end)

    # the API

    def headers(self, **more):
        return {"appKey": self.key, "appSecret": "sim-secret", "openToken": "sim-open-token",
                "Content-Type": "application/json", **more}

    def call(self, path, body=None, headers=None, method="POST"):
        if not isinstance(body, (bytes, type(None))):
            body = json.dumps(body).encode()
        self.connection.request(method, path, body, self.headers() if headers is None else headers)
        response = self.connection.getresponse()
        return Reply(response, response.read())

    def query(self, path=Q, status=200, **param):
        reply = self.call(path, {"param": param})
        self.assertEqual(reply.status, status, reply.body[:300])
        return reply.json

    def ids(self, path=Q, **param):
        value = self.query(path, **{"SelectFields": "ID", **param})
        rows = value if isinstance(value, list) else value["Data"]
        return [int(row["ID"]) for row in rows]

    def same_ids(self, got, records):
        self.assertEqual(sorted(got), sorted(r["ID"] for r in records))

    def refused(self, status, code, path=Q, **param):
        reply = self.call(path, {"param": param})
        self.assertEqual((reply.status, reply.json["code"]), (status, code), reply.body)

    def raw(self, path=Q, body=None, headers=None):
        """Sends a request on a socket of its own; gives the socket back."""
        body = json.dumps(body if body is not None else {"param": {"SelectFields": "ID"}}).encode()
        sock = socket.create_connection(("127.0.0.1", port()), timeout=20)
        self.addCleanup(sock.close)
        head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (path, len(body))
        head += "".join("%s: %s\r\n" % pair for pair in (headers or self.headers()).items())
        sock.sendall(head.encode() + b"\r\n" + body)
        return sock

    @staticmethod
    def drain(sock):
        """All bytes until the end, and whether it was a reset."""
        data = b""
        try:
            while True:
                piece = sock.recv(65536)
                if not piece:
                    return data, False
                data += piece
        except ConnectionResetError:
            return data, True
