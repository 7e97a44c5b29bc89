"""Scripted faults: which request they hit, and what they do to its reply.

Faults that replace or edit the reply are done here; those that concern the
bytes on the wire are done in transport.py.
"""

import base64
import email.utils
import json
import time

from .message import NAMED, Response

TRANSPORT = {"truncate", "chunked_cut", "drop", "stall", "drip", "length", "gzip_corrupt", "gzip_bomb", "huge", "raw",
             "close_delimited", "close_after", "extra"}
EDITS = {"value", "dup_key", "rows", "append", "prepend", "content_type", "headers", "replay", "nest"}
REPLACE = {"status", "body", "redirect"}
OTHER = {"revoke", "none"}
MATCH_KEYS = {"path", "method", "nth", "every", "from", "param", "has_param", "lacks_param", "query", "header"}


class FaultError(ValueError):
    pass


def as_bytes(spec, name, default=b""):
    """Bytes given as text, as base64 (name_b64), or as JSON."""
    if name + "_b64" in spec:
        return base64.b64decode(spec[name + "_b64"])
    value = spec.get(name)
    if value is None:
        return default
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return json.dumps(value, ensure_ascii=False).encode()


class Fault:
    def __init__(self, spec, number):
        if not isinstance(spec, dict):
            raise FaultError("a fault is an object")
        self.spec, self.number = spec, number
        self.action = spec.get("action")
        if self.action not in TRANSPORT | EDITS | REPLACE | OTHER and self.action not in NAMED:
            raise FaultError("unknown action %r" % (self.action,))
        self.match = spec.get("match") or {}
        unknown = set(self.match) - MATCH_KEYS
        if unknown:
            raise FaultError("unknown match key %s" % ", ".join(sorted(unknown)))
        nth = self.match.get("nth")
        many = "every" in self.match or isinstance(nth, list)
        self.times = int(spec.get("times", 0 if many else 1))   # 0: for ever
        self.seen = self.used = 0

    def label(self):
        return self.spec.get("name") or self.action

    def _fits(self, request):
        match, path = self.match, request.path
        want = match.get("path")
        if want and not (path == want or (want.startswith("*") and path.endswith(want[1:])) or
                         (want.endswith("*") and path.startswith(want[:-1])) or
                         ("/" not in want.strip("*") and want.strip("*") in path.split("/"))):
            return False
        if "method" in match and request.method != match["method"]:
            return False
        for name, value in (match.get("header") or {}).items():
            if request.header(name) != value:
                return False
        for name, value in (match.get("query") or {}).items():
            if request.query.get(name) != str(value):
                return False
        return self._fits_param(match, request)

    @staticmethod
    def _fits_param(match, request):
        if not any(key in match for key in ("param", "has_param", "lacks_param")):
            return True
        body = request.json()
        param = {}
        if isinstance(body, dict):
            inner = next((v for v in body.values() if isinstance(v, dict)), body)
            param = {name.lower(): value for name, value in inner.items()}
        if any(name.lower() not in param for name in match.get("has_param") or ()):
            return False
        if any(name.lower() in param for name in match.get("lacks_param") or ()):
            return False
        return all(name.lower() in param and str(param[name.lower()]) == str(value)
                   for name, value in (match.get("param") or {}).items())

    def hits(self, request):
        """Counts the request if it fits, and tells if this fault wants it."""
        if not self._fits(request):
            return False
        self.seen += 1
        if self.times and self.used >= self.times:
            return False
        match = self.match
        nth = match.get("nth")
        if nth is not None and self.seen not in (nth if isinstance(nth, list) else [int(nth)]):
            return False
        if "every" in match and self.seen % int(match["every"]):
            return False
        return self.seen >= int(match.get("from", 1))

    def export(self):
        return {"number": self.number, "seen": self.seen, "used": self.used, **self.spec}

    # replacing the reply

    def replacement(self):
        spec = self.spec
        if self.action in NAMED:
            response = NAMED[self.action]()
            response.status = int(spec.get("status", response.status))
        elif self.action == "status":
            response = self._status()
        elif self.action == "body":
            response = Response(200, as_bytes(spec, "body"))
        elif self.action == "redirect":
            response = Response(int(spec.get("status", 302)), b"", "text/html")
            response.headers.append(("Location", spec.get("location", "/elsewhere")))
        elif self.action == "nest" and spec.get("where", "root") == "root":
            depth = int(spec.get("depth", 100000))
            response = Response(200, b"[" * depth + b"]" * depth)
        else:
            return None
        if "retry_after" in spec:
            response.headers.append(("Retry-After", str(spec["retry_after"])))
        elif "retry_after_date" in spec:
            when = time.time() + float(spec["retry_after_date"])
            response.headers.append(("Retry-After", email.utils.formatdate(when, usegmt=True)))
        response.content_type = spec.get("content_type", response.content_type)
        response.headers += list((spec.get("headers") or {}).items())
        return response

    def _status(self):
        spec = self.spec
        if "body" in spec or "body_b64" in spec:
            body = as_bytes(spec, "body")
        elif "code" in spec or "message" in spec:
            body = json.dumps({"code": spec.get("code"), "message": spec.get("message", "")},
                              ensure_ascii=False).encode()
        else:
            body = b""
        return Response(int(spec.get("status", 500)), body)

    # editing it

    def edit(self, response, tenant):
        spec, action = self.spec, self.action
        if action == "append":
            response.body += as_bytes(spec, "bytes")
        elif action == "prepend":
            response.body = as_bytes(spec, "bytes") + response.body
        elif action == "content_type":
            response.content_type = spec.get("value", "text/plain")
        elif action == "headers":
            response.headers += list((spec.get("headers") or {}).items())
            if "header_bytes" in spec:
                response.headers.append(("X-Long", "x" * int(spec["header_bytes"])))
        elif action == "replay":
            if tenant.last_body is not None:
                response.body = tenant.last_body
        elif action == "rows" and response.rebuild:
            rows = response.rows
            if "keep" in spec:
                rows = rows[:int(spec["keep"])]
            if spec.get("repeat"):
                rows = rows + rows[-int(spec["repeat"]):]
            if spec.get("reverse"):
                rows = rows[::-1]
            response.body = response.rebuild(rows)

    def row_edit(self):
        """(row number, field, replacing JSON, repeating JSON) or None."""
        if self.action not in ("value", "dup_key", "nest") or self.action == "nest" and self.spec.get("where") != "value":
            return None
        spec = self.spec
        raw = as_bytes(spec, "raw", None)
        if "string_mb" in spec:
            raw = b'"' + b"x" * int(float(spec["string_mb"]) * 1048576) + b'"'
        elif raw is None and ("depth" in spec or self.action == "nest"):
            depth = int(spec.get("depth", 100000))
            raw = b"[" * depth + b"]" * depth
        field, row = spec.get("field", "Name"), int(spec.get("row", 0))
        if self.action == "dup_key":
            return row, field, None, raw or b""
        return row, field, raw or b"null", None


class Faults:
    def __init__(self):
        self.list, self.number = [], 0

    def add(self, specs):
        specs = specs if isinstance(specs, list) else [specs]
        made = [Fault(spec, self.number + n + 1) for n, spec in enumerate(specs)]
        self.number += len(made)
        self.list += made
        return made

    def clear(self):
        self.list = []

    def match(self, request):
        chosen = None
        for fault in self.list:
            # all of them count, so that nth of one does not depend on another
            if fault.hits(request) and chosen is None:
                chosen = fault
                fault.used += 1
        return chosen
