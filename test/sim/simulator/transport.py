"""How a reply leaves: length or chunks, gzip, and every way to do it wrong."""

import gzip
import socket
import struct
import zlib

from .faults import TRANSPORT, as_bytes
from .message import REASONS


class Gone(Exception):
    """The client has closed the connection."""


class Hang_up(Exception):
    """The simulator closes the connection, as a fault says."""

    def __init__(self, reset=False):
        super().__init__()
        self.reset = reset


_bombs = {}


def bomb(megabytes):
    if megabytes not in _bombs:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        block = b" " * 1048576
        parts = [packer.compress(b"[")] + [packer.compress(block) for _ in range(megabytes)]
        _bombs.clear()
        _bombs[megabytes] = b"".join(parts) + packer.compress(b"]") + packer.flush()
    return _bombs[megabytes]


class Sender:
    """Writes one reply to one connection."""

    def __init__(self, conn, request, response, sw, fault, keep, entry):
        self.conn, self.request, self.response, self.sw = conn, request, response, sw
        self.fault = fault if fault is not None and fault.action in TRANSPORT else None
        self.spec = self.fault.spec if self.fault else {}
        self.keep, self.entry = keep, entry
        self.headers = [("Content-Type", response.content_type)] + response.headers
        self.body = response.body
        self.transfer = sw["transfer"]

    def run(self):
        """True if the connection may stay open."""
        accepts = "gzip" in (self.request.header("accept-encoding") or "")
        packed = self.sw["gzip"] == "always" or self.sw["gzip"] == "on" and accepts
        action = self.fault.action if self.fault else "plain"
        if action == "gzip_corrupt":
            self._corrupt()
        elif action == "gzip_bomb":
            self.body = bomb(int(self.spec.get("mb", 300)))
            self.headers.append(("Content-Encoding", "gzip"))
        elif packed and self.body:
            self.body = gzip.compress(self.body, 1)
            self.headers.append(("Content-Encoding", "gzip"))
        return getattr(self, "_" + action, self._plain)()

    # pieces

    def _write(self, data):
        self.conn.send(data)
        self.entry.sent += len(data)

    def _head(self, length):
        status = self.response.status
        lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, "Status"))]
        lines += ["%s: %s" % header for header in self.headers]
        if self.transfer == "chunked":
            lines.append("Transfer-Encoding: chunked")
        elif self.transfer == "length":
            lines.append("Content-Length: %d" % length)
        if self.transfer == "close":
            self.keep = False
        lines.append("Connection: %s" % ("keep-alive" if self.keep else "close"))
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")

    def _chunks(self, data):
        size = max(1, self.sw["chunk_bytes"])
        for at in range(0, len(data), size):
            piece = data[at:at + size]
            yield b"%x\r\n%s\r\n" % (len(piece), piece)

    def _payload(self):
        if self.transfer == "chunked":
            return b"".join(self._chunks(self.body)) + b"0\r\n\r\n"
        return self.body

    def _plain(self):
        head, payload = self._head(len(self.body)), self._payload()
        if len(payload) < 65536:
            self._write(head + payload)
        else:
            self._write(head)
            self._write(payload)
        return self.keep

    def _cut(self, whole):
        if "bytes" in self.spec:
            return min(int(self.spec["bytes"]), whole)
        return int(whole * float(self.spec.get("fraction", 0.5)))

    def _wait(self, name="ms", default=1000):
        self.conn.wait(float(self.spec.get(name, default)) / 1000)

    # faults

    def _corrupt(self):
        packed = bytearray(gzip.compress(self.body, 1))
        mode = self.spec.get("mode", "middle")
        if mode == "crc":
            packed[-5] ^= 0xFF
        elif mode == "truncated":
            del packed[len(packed) // 2:]
        elif mode == "header":
            packed[0] ^= 0xFF
        else:
            middle = len(packed) // 2
            packed[middle:middle + 8] = bytes(b ^ 0x5A for b in packed[middle:middle + 8])
        self.body = bytes(packed)
        self.headers.append(("Content-Encoding", "gzip"))

    def _truncate(self):
        self.transfer = "length"
        self._write(self._head(len(self.body)) + self.body[:self._cut(len(self.body))])
        raise Hang_up(self.spec.get("reset", False))

    def _chunked_cut(self):
        self.transfer = "chunked"
        payload = self._payload()
        self._write(self._head(0) + payload[:self._cut(len(payload))])
        raise Hang_up(self.spec.get("reset", False))

    def _drop(self):
        when = self.spec.get("when", "before")
        if when == "headers":
            head = self._head(len(self.body))
            self._write(head[:len(head) // 2])
        elif when == "during":
            payload = self._payload()
            self._write(self._head(len(self.body)) + payload[:self._cut(len(payload))])
        elif when == "after":
            self._plain()
        # "before" did not come so far; "lost" has done its work and says nothing
        raise Hang_up(self.spec.get("reset", False))

    def _close_after(self):
        """Says keep-alive and closes all the same, at once or after a while."""
        self.keep = True
        self._plain()
        if self.spec.get("ms"):
            self._wait()
        raise Hang_up(self.spec.get("reset", False))

    def _extra(self):
        """More bytes than the reply; the connection stays."""
        self._write(self._head(len(self.body)) + self._payload() + as_bytes(self.spec, "raw"))
        return self.keep

    def _stall(self):
        when = self.spec.get("when", "before")
        if when == "reply":
            self._wait()
        elif when in ("headers", "body"):
            data = self._head(len(self.body))
            cut = len(data) // 2 if when == "headers" else len(data) + self._cut(len(self.body))
            data += self._payload()
            self._write(data[:cut])
            self._wait()
            self._write(data[cut:])
            return self.keep
        return self._plain()

    def _drip(self):
        data = self._payload()
        self._write(self._head(len(self.body)))
        step, at = max(1, int(self.spec.get("bytes", 1))), int(self.spec.get("after", 0))
        self._write(data[:at])
        while at < len(data):
            self._wait("interval_ms")
            self._write(data[at:at + step])
            at += step
        return self.keep

    def _length(self):
        """A Content-Length that is too long or too short by `delta`."""
        self.transfer, delta = "length", int(self.spec.get("delta", 10))
        self._write(self._head(max(0, len(self.body) + delta)) + self.body)
        if delta > 0:
            self._wait("hold_ms", 0)
            raise Hang_up()
        return self.keep

    def _close_delimited(self):
        self.transfer = "close"
        return self._plain()

    def _huge(self):
        """White space, which JSON allows, before the reply."""
        megabytes = int(self.spec.get("mb", 300))
        if self.spec.get("chunked"):
            self.transfer = "chunked"
        block = b" " * 1048576
        self._write(self._head(len(self.body) + megabytes * len(block)))
        chunked = self.transfer == "chunked"
        for _ in range(megabytes):
            self._write(b"%x\r\n%s\r\n" % (len(block), block) if chunked else block)
        self._write(self._payload())
        return self.keep

    def _raw(self):
        """Any bytes instead of a reply; then the connection closes, unless told."""
        self._write(as_bytes(self.spec, "raw"))
        if self.spec.get("keep"):
            return self.keep
        self._wait("hold_ms", 0)
        raise Hang_up(self.spec.get("reset", False))


def reset(sock):
    """Makes close() send RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
