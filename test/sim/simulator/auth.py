"""Tokens of one tenant: the OAuth pair, the self-built app and its tickets."""

import hashlib
import time

from .message import error, reply, status_code


class Tokens:
    def __init__(self, tenant):
        self.tenant = tenant
        sw = tenant.switches.of()
        self.offset = 0.0               # tests move the clock
        self.access = {}                # token -> time of death
        self.current = None
        self.refresh_token = sw["refresh_token"]
        self.refresh_ends = self.now() + sw["refresh_expires_in"]
        self.spare = set()              # old refresh tokens that still work
        self.generation = 0
        self.codes = {sw["auth_code"]: self.now() + sw["code_ttl"]}
        self.tickets = {sw["app_ticket"]: self.now() + sw["ticket_ttl"]}
        self.ticket = sw["app_ticket"]
        self.last_resend = None
        self.busy = 0
        self.counts = dict.fromkeys(("renewals", "exchanges", "generated", "refused", "concurrent", "resends"), 0)

    def now(self):
        return time.time() + self.offset

    # what business calls ask

    def alive(self, token):
        if token in self.tenant.switches.of()["open_tokens"]:
            return True
        ends = self.access.get(token)
        return ends is not None and self.now() < ends

    def issued(self, token):
        return token in self.access or token in self.tenant.switches.of()["open_tokens"]

    def revoke_access(self):
        for token in self.access:
            self.access[token] = 0

    def issue(self):
        sw = self.tenant.switches.of()
        if not sw["access_survives"]:
            self.revoke_access()
        if sw["refresh_survives"]:
            self.spare.add(self.refresh_token)
        self.generation += 1
        salt = "%s/%d/%r" % (self.tenant.name, self.generation, time.time())
        digest = hashlib.sha512(salt.encode()).hexdigest()
        # as long as the real ones, which are JWTs
        self.current = "sim-at-%d-%s%s.%s" % (self.generation, digest, digest[::-1], digest[:86])
        self.refresh_token = "sim-rt-%d-%s" % (self.generation, digest[:48])
        self.access[self.current] = self.now() + sw["expires_in"]
        self.refresh_ends = self.now() + sw["refresh_expires_in"]
        while len(self.access) > 1000:
            self.access.pop(next(iter(self.access)))

    # the endpoints

    def answer(self, conn, work):
        """Runs one token call; two at a time are refused."""
        lock, sw = self.tenant.lock, self.tenant.switches.of()
        with lock:
            if self.busy:
                self.counts["concurrent"] += 1
                return error(*status_code(sw["concurrent_refused"]), "请求过快,可能存在相同的并发请求")
            refusal = work(True)
            if refusal is not None:
                self.counts["refused"] += 1
                return refusal
            self.busy += 1
            if sw["refresh_commit"] == "start":
                body = work(False)
        try:
            # the pair changes even if the client has gone: so does T+'s
            if sw["refresh_ms"]:
                time.sleep(sw["refresh_ms"] / 1000)
            with lock:
                if sw["refresh_commit"] != "start":
                    body = work(False)
        finally:
            with lock:
                self.busy -= 1
        return body

    def _body_error(self, code, message):
        return error(self.tenant.switches.of()["token_error_status"], code, message)

    def common_checks(self, app_key, secret, needs_secret):
        sw = self.tenant.switches.of()
        if not app_key:
            return self._body_error("4001", "appKey不能为空")
        if not sw["known_app"]:
            return self._body_error("4002", "appKey错误")
        if (needs_secret or secret is not None) and secret != sw["app_secret"]:
            return error(401, "50000", "系统错误")
        return None

    def refresh(self, query, conn):
        grant = query.get("grantType", "")
        if not grant:
            return self._body_error("4003", "grantType不能为空")
        if grant != "refresh_token":
            return self._body_error("4008", "不支持的grantType")

        def work(check):
            given = query.get("refreshToken", "")
            if check:
                good = given in self.spare or given == self.refresh_token and self.now() < self.refresh_ends
                return None if good else self._refused("refreshToken已失效")
            self.counts["renewals"] += 1
            self.issue()
            return self._result(False)
        return self.answer(conn, work)

    def exchange(self, query, conn):
        grant = query.get("grantType", "")
        if not grant:
            return self._body_error("4003", "grantType不能为空")
        if grant != "authorization_code":
            return self._body_error("4008", "不支持的grantType")

        def work(check):
            code = query.get("code", "")
            if check:
                return None if self.codes.get(code, 0) > self.now() else self._refused("code已失效")
            self.codes.pop(code, None)
            self.counts["exchanges"] += 1
            self.issue()
            return self._result(True)
        return self.answer(conn, work)

    def _refused(self, message):
        return error(*status_code(self.tenant.switches.of()["refresh_refused"]), message)

    def _result(self, first):
        sw = self.tenant.switches.of()
        number = str if sw["token_numbers"] == "text" else int
        result = {"access_token": self.current, "refresh_token": self.refresh_token,
                  "expires_in": number(sw["expires_in"]), "refresh_expires_in": number(sw["refresh_expires_in"]),
                  "scope": "auth_all", "user_id": "60000000001", "org_id": "90000000001", "app_name": "tpluscloud",
                  "sid": "sim-sid-%d" % self.generation}
        if first:
            result["user_auth_permanent_code"] = "sim-permanent-code"
        for name in sw["token_omit"]:
            result.pop(name, None)
        return reply(200, {"code": "200" if sw["token_code"] == "text" else 200, "message": "ok", "result": result})

    # the self-built app

    def generate(self, body, conn):
        sw = self.tenant.switches.of()
        body = body if isinstance(body, dict) else {}
        if sw["self_built_down"]:
            return self._platform("4028", "EXERROR0002:转发rest接口异常,/tplus/api/v2/collaborationapp/"
                                  "GetAnonymousTPlusToken/ Connection refused")

        def work(check):
            ticket = body.get("appTicket")
            if check:
                if ticket not in self.tickets:
                    return self._platform("4019", "appTicket无效")
                if self.tickets[ticket] <= self.now():
                    return self._platform("4031", "appTicket已过期")
                return None if body.get("certificate") == sw["certificate"] else self._platform("4041", "certificate无效")
            self.counts["generated"] += 1
            self.issue()
            number = str if sw["token_numbers"] == "text" else int
            value = {"accessToken": self.current, "refreshToken": self.refresh_token,
                     "expiresIn": number(sw["expires_in"]), "refreshExpiresIn": number(sw["refresh_expires_in"]),
                     "orgId": "90000000001", "userId": "60000000001", "scope": "auth_all", "appName": "tpluscloud"}
            for name in sw["token_omit"]:
                value.pop(name, None)
            return reply(200, {"result": True, "error": None, "value": value})
        return self.answer(conn, work)

    @staticmethod
    def _platform(code, message):
        return reply(200, {"result": False, "value": None, "error": {"code": code, "msg": message, "hint": ""}})

    def new_ticket(self):
        self.ticket = "sim-ticket-%d-%s" % (len(self.tickets), hashlib.md5(repr(time.time()).encode()).hexdigest())
        self.tickets[self.ticket] = self.now() + self.tenant.switches.of()["ticket_ttl"]
        return self.ticket

    def resend(self):
        sw = self.tenant.switches.of()
        with self.tenant.lock:
            if self.last_resend is not None and self.now() - self.last_resend < sw["resend_interval"]:
                return reply(409, {"error": "请求过于频繁"})
            self.last_resend = self.now()
            self.counts["resends"] += 1
            self.new_ticket()
            return reply(200, {"code": "200", "message": "ok"})

    # the control interface

    def state(self):
        now = self.now()
        ends = self.access.get(self.current, 0)
        return {"generation": self.generation, "access_token": self.current,
                "access_valid": bool(self.current) and now < ends, "access_expires_in": max(0, ends - now),
                "refresh_token": self.refresh_token, "refresh_valid": now < self.refresh_ends,
                "refresh_expires_in": max(0, self.refresh_ends - now), "codes": sorted(self.codes),
                "app_ticket": self.ticket, "busy": self.busy, **self.counts}

    def change(self, order):
        known = {"expire_access": lambda v: v and self.revoke_access(), "revoke_access": lambda v: v and self.revoke_access(),
                 "revoke_refresh": self._revoke_refresh, "refresh_token": self._set_refresh,
                 "access_token": self._set_access, "access_expires_in": self._set_access_life,
                 "refresh_expires_in": self._set_refresh_life,
                 "expires_in": lambda v: self.tenant.switches.update({"expires_in": v}),
                 "advance": self._advance, "code": self._new_code, "new_ticket": lambda v: v and self.new_ticket(),
                 "reset_counts": lambda v: v and self.counts.update(dict.fromkeys(self.counts, 0))}
        for name in order:
            if name not in known:
                raise ValueError("unknown token change %r; known: %s" % (name, ", ".join(sorted(known))))
        for name, value in order.items():
            known[name](value)

    def _revoke_refresh(self, value):
        if value:
            self.refresh_ends = 0
            self.spare.clear()

    def _set_refresh(self, value):
        self.refresh_token = value
        self.refresh_ends = self.now() + self.tenant.switches.of()["refresh_expires_in"]

    def _set_access(self, value):
        self.current = value
        self.access[value] = self.now() + self.tenant.switches.of()["expires_in"]

    def _set_access_life(self, value):
        if self.current:
            self.access[self.current] = self.now() + float(value)

    def _set_refresh_life(self, value):
        self.refresh_ends = self.now() + float(value)

    def _advance(self, value):
        self.offset += float(value)

    def _new_code(self, value):
        self.codes[value] = self.now() + self.tenant.switches.of()["code_ttl"]
