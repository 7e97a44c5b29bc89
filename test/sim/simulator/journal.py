"""What was asked of a tenant, and what it got."""

import json
import threading
import time
from collections import deque
from itertools import islice
from urllib.parse import parse_qsl

LIMIT = 100000
START = time.monotonic()


def clock():
    return round((time.monotonic() - START) * 1000, 3)


class Entry:
    __slots__ = ("seq", "start", "end", "request", "status", "rows", "sent", "connection", "in_flight", "fault", "aborted")

    def __init__(self, seq, request, connection, in_flight):
        self.seq, self.start, self.end = seq, clock(), None
        self.request, self.connection, self.in_flight = request, connection, in_flight
        self.status, self.rows, self.sent, self.fault, self.aborted = None, None, 0, None, False


class Journal:
    def __init__(self, tenant):
        self.tenant = tenant
        self.entries = deque(maxlen=LIMIT)
        self.seq, self.in_flight, self.peak = 0, 0, 0
        self.changed = threading.Condition()

    def open(self, request, connection):
        with self.changed:
            self.seq += 1
            self.in_flight += 1
            self.peak = max(self.peak, self.in_flight)
            entry = Entry(self.seq, request, connection, self.in_flight)
            self.entries.append(entry)
            self.changed.notify_all()
        return entry

    def close(self, entry):
        with self.changed:
            entry.end = clock()
            self.in_flight -= 1
            # 100,000 entries are kept: drop what can be made again
            entry.request.headers = entry.request._json = None
            self.changed.notify_all()

    def clear(self):
        with self.changed:
            self.entries.clear()
            self.peak = self.in_flight

    def wait(self, count, since, path, timeout):
        """Waits until `count` entries (finished or not) are there."""
        with self.changed:
            self.changed.wait_for(lambda: len(self._select(since, path)) >= count, timeout)

    def _select(self, since, path):
        return [e for e in self.entries if e.seq > since and (not path or path in e.request.path)]

    def export(self, since=0, path=None, limit=None):
        with self.changed:
            chosen = self._select(since, path)
        if limit is not None:
            chosen = list(islice(chosen, limit))
        return [self._export(entry) for entry in chosen]

    def _export(self, e):
        request = e.request
        body = request.body.decode("utf-8", "replace")
        try:
            parsed = json.loads(body) if body else None
        except ValueError:
            parsed = body
        return {"seq": e.seq, "start": e.start, "end": e.end, "tenant": self.tenant, "method": request.method,
                "path": request.path, "target": request.target,
                "query": dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True)), "headers": request.head, "body": parsed, "raw": body, "status": e.status, "rows": e.rows,
                "sent": e.sent, "connection": e.connection, "in_flight": e.in_flight, "fault": e.fault,
                "aborted": e.aborted}

    def stats(self):
        with self.changed:
            entries = list(self.entries)
        paths, statuses = {}, {}
        for e in entries:
            paths[e.request.path] = paths.get(e.request.path, 0) + 1
            statuses[str(e.status)] = statuses.get(str(e.status), 0) + 1
        return {"requests": len(entries), "by_path": paths, "by_status": statuses, "last_seq": self.seq,
                "rows": sum(e.rows or 0 for e in entries), "bytes": sum(e.sent for e in entries),
                "in_flight": self.in_flight, "peak_in_flight": self.peak,
                "connections": len({e.connection for e in entries})}
