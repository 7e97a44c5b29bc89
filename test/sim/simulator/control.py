"""The interface for tests, under /_sim/; it needs no authentication."""

import json
from urllib.parse import unquote

from .data import canonical
from .decidable import MAX_REQUESTS, decidable
from .faults import FaultError
from .message import Response, reply
from .store import MutationError
from .switches import TABLE, SwitchError
from .tenant import FIELDS, ConfigError


class NotFound(Exception):
    pass


class Control:
    def __init__(self, app):
        self.app = app

    def handle(self, request):
        try:
            return self._route(request)
        except NotFound:
            return reply(404, {"error": "no such control path: %s %s" % (request.method, request.path)})
        except (SwitchError, FaultError, MutationError, ConfigError, ValueError, TypeError, KeyError) as e:
            return reply(400, {"error": "%s" % e})

    def _route(self, request):
        # split before unquoting: an app key may hold a slash
        parts = [unquote(part) for part in request.target.partition("?")[0].partition("/_sim/")[2].split("/")]
        if parts == ["ping"]:
            return reply(200, {"ok": True})
        if parts == ["switches"]:
            return reply(200, [{"name": s.name, "kind": s.kind, "values": s.values, "default": s.default,
                                "page_default": s.page_default, "section": s.section, "help": s.help} for s in TABLE])
        if parts == ["tenants"]:
            if request.method == "DELETE":
                self.app.tenants.clear()
            return reply(200, sorted(self.app.tenants))
        if len(parts) not in (2, 3) or parts[0] != "tenants":
            raise NotFound
        body = json.loads(request.body, parse_float=str) if request.body else {}
        if len(parts) == 2:
            return self._tenant(request.method, parts[1], body)
        method = getattr(self, "_%s_%s" % (request.method.lower(), parts[2]), None)
        if method is None:
            raise NotFound
        return method(self.app.tenant(parts[1]), request.query, body)

    def _tenant(self, method, name, body):
        if method == "PUT":
            return reply(200, self.app.create(name, body).export())
        if method == "GET":
            return reply(200, self.app.tenant(name).export())
        if method == "DELETE":
            self.app.tenants.pop(name, None)
            return reply(200, {"ok": True})
        raise NotFound

    # switches

    def _get_switches(self, tenant, query, body):
        return reply(200, tenant.switches.of(query.get("operation", "Query")))

    def _put_switches(self, tenant, query, body):
        with tenant.lock:
            tenant.switches.update(body)
        return reply(200, tenant.switches.given)

    # faults and changes

    def _get_faults(self, tenant, query, body):
        return reply(200, [fault.export() for fault in tenant.faults.list])

    def _post_faults(self, tenant, query, body):
        with tenant.lock:
            return reply(200, [fault.export() for fault in tenant.faults.add(body)])

    def _delete_faults(self, tenant, query, body):
        with tenant.lock:
            tenant.faults.clear()
        return reply(200, [])

    def _get_changes(self, tenant, query, body):
        return reply(200, [change.export() for change in tenant.changes])

    def _post_changes(self, tenant, query, body):
        with tenant.lock:
            tenant.add_changes(body)
        return self._get_changes(tenant, query, body)

    def _delete_changes(self, tenant, query, body):
        with tenant.lock:
            tenant.changes = []
        return reply(200, [])

    # journal

    def _get_journal(self, tenant, query, body):
        since, path = int(query.get("since", 0)), query.get("path")
        if "wait" in query:
            tenant.journal.wait(int(query["wait"]), since, path, float(query.get("timeout_ms", 10000)) / 1000)
        limit = int(query["limit"]) if "limit" in query else None
        return reply(200, tenant.journal.export(since, path, limit))

    def _delete_journal(self, tenant, query, body):
        tenant.journal.clear()
        return reply(200, {"last_seq": tenant.journal.seq})

    def _get_stats(self, tenant, query, body):
        return reply(200, tenant.journal.stats())

    # records

    def _get_records(self, tenant, query, body):
        resource = query.get("resource", "inventory")
        if resource not in FIELDS:
            raise ValueError("unknown resource %s" % resource)
        with tenant.lock:
            recs = list(tenant.store(resource).recs)
        recs.sort(key=lambda rec: rec.ts)
        fields = FIELDS[resource]
        rows = [json.dumps(canonical(fields, rec), ensure_ascii=False) for rec in recs]
        if query.get("format") == "lines":
            return Response(200, "".join(row + "\n" for row in rows).encode(), "application/x-ndjson")
        return Response(200, ("[" + ",\n".join(rows) + "]").encode())

    def _get_decidable(self, tenant, query, body):
        names = query.get("fields")
        with tenant.lock:
            return reply(200, decidable(tenant, int(query.get("max_requests", MAX_REQUESTS)),
                                        names.split(",") if names else None))

    def _post_mutate(self, tenant, query, body):
        orders = body if isinstance(body, list) else [body]
        out = []
        with tenant.lock:
            for order in orders:
                order = dict(order)
                resource = order.pop("resource", query.get("resource", "inventory"))
                out.append(tenant.store(resource).mutate(order))
        return reply(200, out)

    # tokens

    def _get_tokens(self, tenant, query, body):
        with tenant.lock:
            return reply(200, tenant.tokens.state())

    def _put_tokens(self, tenant, query, body):
        with tenant.lock:
            tenant.tokens.change(body)
            return reply(200, tenant.tokens.state())

    def _get_push(self, tenant, query, body):
        """What T+ would POST to the message URL: an encrypted appTicket."""
        from .push import message
        with tenant.lock:
            return reply(200, message(tenant))
