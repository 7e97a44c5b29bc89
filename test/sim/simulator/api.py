"""The endpoints of T+: which path does what, behind the gateway's checks."""

import email.utils
import json
import re
import time

from . import query, wire
from .message import Response, error, plus_error, reply
from .tenant import FIELDS
from .writes import create, update

ROOT = "/tplus/api/v2/"

# (service, operation) -> (resource, dataKey, switches of which operation)
LISTS = {
    ("inventory", "Query"): ("inventory", "param", "Query"),
    ("inventory", "QueryPage"): ("inventory", "param", "QueryPage"),
    ("warehouse", "Query"): ("warehouse", "param", "Query"),
    ("partner", "Query"): ("partner", "param", "Query"),
    ("partner", "QueryPage"): ("partner", "param", "QueryPage"),
    ("department", "Query"): ("department", "dto", "Query"),
    ("inventoryClass", "Query"): ("inventoryClass", "param", "Query"),
}
WRITES = {("inventory", "Create"): create, ("inventory", "Update"): update}
FOLDED = {tuple(part.lower() for part in key): key for key in list(LISTS) + list(WRITES)}

TOKENS = {"/auth/v2/refreshToken": ("refresh", True), "/auth/refreshToken": ("refresh", False),
          "/auth/v2/getToken": ("exchange", True), "/auth/getToken": ("exchange", False)}


def relaxed(text):
    """JSON with bare keys and single quotes, as T+ reads it, into strict JSON."""
    text = re.sub(r"'([^'\"\\]*)'", r'"\1"', text)
    return re.sub(r'([{,]\s*)([A-Za-z_][\w.]*)(\s*:)', r'\1"\2"\3', text)


class Api:
    def __init__(self, app):
        self.app = app

    def handle(self, tenant, request, conn, fault):
        path = request.path
        if path in TOKENS:
            return self._token(tenant, request, conn)
        if path == "/v1/common/auth/selfBuiltApp/generateToken":
            return self._self_built(tenant, request, conn)
        if path == "/auth/appTicket/resend":
            refusal = tenant.tokens.common_checks(request.header("appkey"), request.header("appsecret"), True)
            return refusal or tenant.tokens.resend()
        return self._business(tenant, request, conn, fault)

    # token endpoints

    def _token(self, tenant, request, conn):
        what, new = TOKENS[request.path]
        if request.method not in ("GET", "POST"):
            return error(405, "50000", "系统错误")
        key = request.header("appkey") or (None if new else request.query.get("appKey"))
        refusal = tenant.tokens.common_checks(key, request.header("appsecret"), new)
        return refusal or getattr(tenant.tokens, what)(request.query, conn)

    def _self_built(self, tenant, request, conn):
        if request.method != "POST":
            return error(405, "50000", "系统错误")
        refusal = tenant.tokens.common_checks(request.header("appkey"), request.header("appsecret"), True)
        return refusal or tenant.tokens.generate(request.json(), conn)

    # business endpoints

    def _business(self, tenant, request, conn, fault):
        with tenant.lock:
            tenant.active += 1
            crowded = self._crowded(tenant)
        try:
            if crowded is not None:
                return crowded
            refusal = self._gateway(tenant, request)
            if refusal is not None:
                return refusal
            key = self._route(request.path, tenant.switches.of())
            if key is None:
                return error(404, "50000", "系统错误")
            if request.method != "POST":
                return error(405, "50000", "系统错误")
            try:
                if key in WRITES:
                    return WRITES[key](tenant, request.json())
                return self._list(tenant, request, conn, key, fault)
            except query.Refused as e:
                return plus_error(e.status, e.code, e.message)
        finally:
            with tenant.lock:
                tenant.active -= 1

    def _crowded(self, tenant):
        sw = tenant.switches.of()
        if (not sw["max_concurrent"] or tenant.active <= sw["max_concurrent"]) and tenant.admit(time.monotonic()):
            return None
        if sw["rate_status"] == "409":
            response = reply(409, {"error": "请求过于频繁"})
        else:
            response = error(429, "429", "too many requests")
        after = sw["rate_retry_after"]
        if after >= 0:
            if sw["rate_retry_form"] == "date":
                text = email.utils.formatdate(time.time() + after, usegmt=True)
            else:
                text = "%g" % after
            response.headers.append(("Retry-After", text))
        return response

    def _gateway(self, tenant, request):
        sw = tenant.switches.of()
        if not sw["auth"]:
            return None
        if not request.header("appkey"):
            return error(401, "4001", "appKey不能为空")
        if not sw["known_app"]:
            return error(401, "4002", "appKey错误")
        secret, rule = request.header("appsecret"), sw["business_secret"]
        if rule == "required" and secret is None or rule != "ignored" and secret is not None and secret != sw["app_secret"]:
            return error(401, "50000", "系统错误")
        token = request.header("opentoken")
        if not token:
            return error(401, "50000", "系统错误")
        with tenant.lock:
            if not tenant.tokens.alive(token):
                if self.app.issued_to_another(tenant, token):
                    return error(403, "50112", "openToken与appKey不匹配")
                status, _, code = sw["token_refused"].partition("/")
                return error(int(status), code, "openToken已失效")
            tenant.business_calls += 1
            if sw["quota"] and tenant.business_calls > sw["quota"]:
                return error(401, "50112", "接口调用次数已用完,请购买流量包")
        return None

    @staticmethod
    def _route(path, sw):
        folded = sw["path_case"] == "insensitive"
        if not (path.lower() if folded else path).startswith(ROOT):
            return None
        key = tuple(path[len(ROOT):].split("/"))
        if folded:
            return FOLDED.get(tuple(part.lower() for part in key))
        return key if key in LISTS or key in WRITES else None

    def _param(self, request, sw, data_key):
        body = request.json()
        if body is None and sw["relaxed_json"]:
            try:
                body = json.loads(relaxed(request.body.decode("utf-8", "replace")))
            except ValueError:
                body = None
        if not isinstance(body, dict):
            raise query.Refused("请求内容不是合法的JSON", 400, "EXSV0002")
        name = data_key
        if sw["param_case"] == "insensitive":
            name = next((key for key in body if key.lower() == data_key), data_key)
        if name not in body:
            raise query.Refused("参数错误:缺少%s" % data_key)
        param = body[name]
        if param is None:
            raise query.Refused("参数不能为空", 999, "EXERROR0001")
        if not isinstance(param, dict):
            raise query.Refused("参数%s不是对象" % data_key)
        return param

    def _list(self, tenant, request, conn, key, fault):
        resource, data_key, operation = LISTS[key]
        sw = tenant.switches.of(operation)
        wanted = query.Wanted(FIELDS[resource], self._param(request, sw, data_key), sw)
        positional = sw["shape"] == "data.Rows"
        select, unknown = self._select(FIELDS[resource], wanted, sw)
        draw = wire.renderer(FIELDS[resource], select, unknown, sw, positional)
        with tenant.lock:
            store = tenant.store(resource)
            tenant.serial += 1
            recs, total, last = query.page(store, wanted, tenant.serial, lambda rec: len(draw.row(rec)))
            rows = [draw.row(rec) for rec in recs]
            tenant.after_page(store, request.path, recs)
        edit = fault.row_edit() if fault is not None else None
        if edit is not None and recs:
            at, field, raw, twice = edit
            at = min(at, len(recs) - 1)
            spots = FIELDS[resource].find(field)
            rows[at] = draw.odd_row(recs[at], {i: raw for i in spots if raw is not None},
                                    {i: twice for i in spots if twice is not None})
        response = Response(200, b"", sw["content_type"])
        response.rebuild = lambda given: self._body(sw, given, total, draw.names, last)
        response.rows, response.row_count, response.data = rows, len(rows), True
        response.switches = sw
        response.body = response.rebuild(rows)
        pause = sw["latency_ms"] + sw["latency_row_ms"] * len(rows)
        if pause > 0:
            conn.wait(pause / 1000)
        return response

    @staticmethod
    def _body(sw, rows, total, names, last):
        body = wire.envelope(sw, rows, total, names, last)
        return b"\xef\xbb\xbf" + body if sw["bom"] else body

    @staticmethod
    def _select(fields, wanted, sw):
        asked = wanted.paging.get("SelectFields")
        if isinstance(asked, list):
            asked = ",".join(map(str, asked))
        names = [name.strip() for name in str(asked or "").split(",") if name.strip()]
        if sw["select_fields"] == "ignored":
            names = []
        if not names:
            names = sw["default_fields"]
        if not names:
            return fields.public, []
        select, unknown = [], []
        for name in names:
            found = fields.find(name, sw["select_case"] == "exact")
            if not found:
                if sw["unknown_select"] == "error":
                    raise query.Refused("字段不存在: %s" % name)
                unknown.append(name)
            select += [i for i in found if i not in select]
        return select, unknown
