"""A small HTTP/1.1 server on sockets: a thread per connection.

http.server would do for good replies, but the faults need the bytes and the
connection in hand, and bulk reads need less work per request.
"""

import base64
import itertools
import select
import socket
import ssl
import sys
import threading
import traceback
from urllib.parse import parse_qsl, unquote

from . import transport
from .message import Request, reply
from .transport import Gone, Hang_up, Sender
from .tunnel import relay

MAX_HEAD = 1 << 20
MAX_BODY = 1 << 28

_numbers = itertools.count(1)


class BadRequest(Exception):
    pass


class Connection(threading.Thread):
    def __init__(self, server, sock):
        super().__init__(daemon=True)
        self.server, self.sock = server, sock
        self.number, self.served = next(_numbers), 0
        self.buffer, self.plain = bytearray(), False

    def run(self):
        try:
            if self.server.tls is not None:
                self.sock.settimeout(30)
                # a handshake begins with this byte; anything else is a plain
                # client, which may use the control interface only
                self.plain = self.sock.recv(1, socket.MSG_PEEK) != b"\x16"
                if not self.plain:
                    self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
                self.sock.settimeout(None)
            self._serve()
        except (Gone, OSError, ssl.SSLError):
            pass
        except Hang_up as e:
            if e.reset:
                transport.reset(self.sock)
                self.sock.close()
        except Exception:
            traceback.print_exc(file=sys.stderr)
        finally:
            self._close()

    def _close(self):
        try:
            if self.server.tls is None or self.plain:
                self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.sock.close()

    def _serve(self):
        while True:
            try:
                request = self._read_request()
            except BadRequest as e:
                bad = b"%s\n" % str(e).encode()
                self.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(bad), bad))
                return
            if request is None:
                return
            self.served += 1
            if self.plain and not request.path.startswith("/_sim/"):
                self.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            if not self.server.answer(request, self):
                return

    # reading

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            return False
        self.buffer += data
        return True

    def _read_request(self):
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end >= 0:
                break
            if len(self.buffer) > MAX_HEAD:
                raise BadRequest("head too long")
            if not self._more():
                return None
        head = bytes(self.buffer[:end]).decode("utf-8", "replace")
        del self.buffer[:end + 4]
        lines = head.split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise BadRequest("not HTTP/1.1: %r" % lines[0][:100])
        method, target, version = words
        original, folded = {}, {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or " " in name:
                raise BadRequest("bad header line %r" % line[:100])
            original[name], folded[name.lower()] = value.strip(), value.strip()
        path, _, query = target.partition("?")
        if path.startswith(("http://", "https://")):
            # a client that takes us for its proxy sends the whole URL
            path = "/" + path.split("/", 3)[3] if path.count("/") > 2 else "/"
        body = self._read_body(folded)
        return Request(method, target, unquote(path), dict(parse_qsl(query, keep_blank_values=True)) if query else {},
                       folded, original, body, version)

    def _read_body(self, headers):
        if headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._read_chunks()
        try:
            length = int(headers.get("content-length", 0))
        except ValueError:
            raise BadRequest("bad Content-Length") from None
        return self._take(length)

    def _take(self, length):
        if not 0 <= length <= MAX_BODY:
            raise BadRequest("body too long")
        while len(self.buffer) < length:
            if not self._more():
                raise Gone
        body = bytes(self.buffer[:length])
        del self.buffer[:length]
        return body

    def _line(self):
        while b"\r\n" not in self.buffer:
            if not self._more():
                raise Gone
        end = self.buffer.find(b"\r\n")
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 2]
        return line

    def _read_chunks(self):
        body = b""
        while True:
            try:
                size = int(self._line().partition(b";")[0], 16)
            except ValueError:
                raise BadRequest("bad chunk") from None
            if size == 0:
                while self._line():
                    pass
                return body
            body += self._take(size)
            self._line()

    # what the application uses

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            raise Gone from None

    def wait(self, seconds):
        """Sleeps, but ends with Gone when the client closes the connection."""
        if seconds <= 0:
            return
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP)
        if poll.poll(seconds * 1000):
            raise Gone


class Server:
    """Listens on loopback; `app` answers."""

    def __init__(self, app, port=0, ipv6=False, tls=None, hang=False, proxy_auth=None):
        self.app, self.tls, self.hang = app, tls, hang
        self.proxy_auth = proxy_auth and "Basic " + base64.b64encode(proxy_auth.encode()).decode()
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("::1" if ipv6 else "127.0.0.1", port))
        self.sock.listen(1024)
        self.port = self.sock.getsockname()[1]
        self.held = []

    def run(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.hang:
                self.held.append(sock)      # accepted, never answered
            else:
                Connection(self, sock).start()

    def answer(self, request, conn):
        """Answers one request; True if the connection may stay open."""
        keep = request.header("connection", "").lower() != "close" and request.version == "HTTP/1.1"
        if request.path.startswith("/_sim/"):
            response = self.app.control.handle(request)
            body = response.body if request.method != "HEAD" else b""
            conn.send(b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n" % (
                response.status, b"OK" if response.status == 200 else b"Error", response.content_type.encode(),
                len(response.body), b"keep-alive" if keep else b"close") + body)
            return keep
        tenant = self.app.tenant_of(request)
        tunnel = request.method == "CONNECT"
        entry = tenant.journal.open(request, conn.number)
        try:
            if self.proxy_auth and (tunnel or request.target.startswith("http")) and \
                    request.header("proxy-authorization") != self.proxy_auth:
                entry.status = 407
                conn.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"sim\"\r\n"
                          b"Content-Length: 0\r\nConnection: close\r\n\r\n")
                return False
            if tunnel:
                entry.status = relay(conn, request.target)
                return False
            return self._exchange(tenant, request, conn, entry, keep)
        except (Gone, OSError):
            entry.aborted = True
            raise
        finally:
            tenant.journal.close(entry)

    def _exchange(self, tenant, request, conn, entry, keep):
        with tenant.lock:
            fault = tenant.faults.match(request)
        response = None
        if fault is not None:
            entry.fault = fault.label()
            self._before(tenant, fault, conn)
            response = fault.replacement()
        if response is None:
            try:
                response = self.app.api.handle(tenant, request, conn, fault)
            except (Gone, Hang_up, OSError):
                raise
            except Exception:
                traceback.print_exc(file=sys.stderr)
                response = reply(500, {"error": "the simulator failed", "trace": traceback.format_exc()})
            if fault is not None:
                fault.edit(response, tenant)
        if response.data:
            tenant.last_body = response.body
        entry.status, entry.rows = response.status, response.row_count
        sw = response.switches or tenant.switches.of()
        if sw["keepalive_max"] and conn.served >= sw["keepalive_max"]:
            keep = False
        return Sender(conn, request, response, sw, fault, keep, entry).run()

    @staticmethod
    def _before(tenant, fault, conn):
        spec = fault.spec
        if spec.get("delay_ms"):
            conn.wait(float(spec["delay_ms"]) / 1000)
        if fault.action == "drop" and spec.get("when", "before") == "before":
            raise Hang_up(spec.get("reset", False))
        if fault.action == "stall" and spec.get("when", "before") == "before":
            conn.wait(float(spec.get("ms", 1000)) / 1000)
        if fault.action == "revoke":
            with tenant.lock:
                tenant.tokens.revoke_access()
                if spec.get("static"):
                    tenant.switches.update({"open_tokens": []})
                if spec.get("refresh"):
                    tenant.tokens.change({"revoke_refresh": True})


class App:
    """The tenants, and what unknown app keys get."""

    def __init__(self, defaults):
        from .api import Api
        from .control import Control
        from .tenant import Tenant
        self._make = Tenant
        self.defaults = defaults
        self.tenants = {}
        self.lock = threading.Lock()
        self.api, self.control = Api(self), Control(self)

    def create(self, name, config):
        if not isinstance(config, dict):
            raise ValueError("a tenant's configuration is an object")
        merged = {**self.defaults, **config}
        merged["switches"] = {**(self.defaults.get("switches") or {}), **(config.get("switches") or {})}
        tenant = self._make(name, merged)
        with self.lock:
            self.tenants[name] = tenant
        return tenant

    def tenant(self, name):
        with self.lock:
            found = self.tenants.get(name)
        return found or self.create(name, {})

    def tenant_of(self, request):
        return self.tenant(request.header("appkey") or request.query.get("appKey") or "")

    def issued_to_another(self, tenant, token):
        with self.lock:
            others = [other for other in self.tenants.values() if other is not tenant]
        return any(token in other.tokens.access or token in other.switches.given.get("open_tokens", ())
                   for other in others)
