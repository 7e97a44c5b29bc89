"""Tokens, secrets, the self-built app, and what the gateway refuses."""

import base64
import http.client
import json
import threading
import time
from urllib.parse import urlencode

from .base import Q, Sim, port

REFRESH, GET = "/auth/v2/refreshToken", "/auth/v2/getToken"
GENERATE = "/v1/common/auth/selfBuiltApp/generateToken"


class Tokens(Sim):
    def token_call(self, path, method="GET", headers=None, **query):
        connection = http.client.HTTPConnection("127.0.0.1", port(), timeout=20)
        try:
            base = {"appKey": self.key, "appSecret": "sim-secret"} if headers is None else headers
            connection.request(method, path + "?" + urlencode(query), None, base)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def refresh(self, token="sim-refresh-token", path=REFRESH, **more):
        return self.token_call(path, grantType="refresh_token", refreshToken=token, **more)

    def works(self, token):
        return self.call(Q, {"param": {}}, self.headers(openToken=token))

    def test_rotation(self):
        self.tenant(3)
        status, first = self.refresh()
        self.assertEqual((status, first["code"], first["result"]["expires_in"]), (200, "200", 518400))
        old = first["result"]
        self.assertEqual(self.works(old["access_token"]).status, 200)
        new = self.refresh(old["refresh_token"])[1]["result"]
        self.assertNotEqual(new["refresh_token"], old["refresh_token"])
        dead = self.works(old["access_token"])
        self.assertEqual((dead.status, dead.json["code"]), (403, "50107"))
        self.assertEqual(self.works(new["access_token"]).status, 200)
        status, again = self.refresh(old["refresh_token"])
        self.assertEqual((status, again["code"]), (401, "4007"))
        state = self.mine("GET", "/tokens")
        self.assertEqual((state["renewals"], state["refused"], state["generation"]), (2, 1, 2))

    def test_static_tokens(self):
        self.tenant(3, {"open_tokens": ["mine"]})
        self.assertEqual(self.works("mine").status, 200)
        self.assertEqual(self.works("sim-open-token").status, 403)

    def test_other_forms(self):
        self.tenant(3, {"token_code": "number", "token_numbers": "text", "token_omit": ["sid"], "expires_in": 7,
                        "refresh_expires_in": 8, "refresh_token": "first"})
        reply = self.refresh("first", "/auth/refreshToken", appKey=self.key)[1]
        self.assertEqual(reply["code"], 200)
        self.assertEqual((reply["result"]["expires_in"], reply["result"]["refresh_expires_in"]), ("7", "8"))
        self.assertNotIn("sid", reply["result"])

    def test_v1_and_post(self):
        self.tenant(3)
        status, reply = self.token_call("/auth/refreshToken", headers={}, grantType="refresh_token", appKey=self.key,
                                        refreshToken="sim-refresh-token")
        self.assertEqual((status, reply["code"]), (200, "200"))
        reply = self.token_call(REFRESH, "POST", grantType="refresh_token",
                                refreshToken=reply["result"]["refresh_token"])[1]
        self.assertEqual(reply["code"], "200")
        self.assertEqual(self.token_call(REFRESH, "PUT")[0], 405)

    def test_code(self):
        self.tenant(3, {"auth_code": "once"})
        ask = {"grantType": "authorization_code", "redirectUri": "https://x.example/cb", "code": "once"}
        reply = self.token_call(GET, **ask)[1]
        self.assertIn("user_auth_permanent_code", reply["result"])
        self.assertEqual(self.works(reply["result"]["access_token"]).status, 200)
        self.assertEqual(self.token_call(GET, **ask)[0], 401)
        self.mine("PUT", "/tokens", {"code": "twice"})
        self.assertEqual(self.token_call("/auth/getToken", **{**ask, "code": "twice"}, appKey=self.key)[0], 200)
        self.switch(code_ttl=100)
        self.mine("PUT", "/tokens", {"code": "late"})
        self.mine("PUT", "/tokens", {"advance": 101})
        self.assertEqual(self.token_call(GET, **{**ask, "code": "late"})[0], 401)

    def test_body_errors(self):
        self.tenant(3)
        cases = (({}, "4003", None), ({"grantType": "x"}, "4008", None), ({"grantType": "refresh_token"}, "4001", {}))
        for query, code, headers in cases:
            for path in (REFRESH, GET):
                status, reply = self.token_call(path, headers=headers, **query)
                self.assertEqual((status, reply["code"]), (200, code))
        self.switch(token_error_status=400, known_app=False)
        self.assertEqual(self.token_call(REFRESH)[0], 400)
        self.assertEqual(self.token_call(REFRESH)[1]["code"], "4002")
        self.assertEqual(self.call(Q, {"param": {}}).json["code"], "4002")
        self.switch(known_app=True)
        status, reply = self.token_call(REFRESH, headers={"appKey": self.key, "appSecret": "wrong"})
        self.assertEqual((status, reply["code"]), (401, "50000"))

    def test_expiry(self):
        self.tenant(3, {"expires_in": 100, "refresh_expires_in": 1000, "token_refused": "401/50000",
                        "refresh_refused": "403/50107"})
        token = self.refresh()[1]["result"]
        self.mine("PUT", "/tokens", {"advance": 101})
        dead = self.works(token["access_token"])
        self.assertEqual((dead.status, dead.json["code"]), (401, "50000"))
        self.mine("PUT", "/tokens", {"advance": 1000})
        status, reply = self.refresh(token["refresh_token"])
        self.assertEqual((status, reply["code"]), (403, "50107"))

    def test_set_tokens(self):
        self.tenant(3, tokens={"access_token": "A", "refresh_token": "R"})
        self.assertEqual(self.works("A").status, 200)
        self.mine("PUT", "/tokens", {"access_expires_in": 0})
        self.assertEqual(self.works("A").status, 403)
        self.mine("PUT", "/tokens", {"access_expires_in": 50})
        self.assertTrue(self.mine("GET", "/tokens")["access_valid"])
        for word in ("expire_access", "revoke_access"):
            self.mine("PUT", "/tokens", {"access_token": word})
            self.mine("PUT", "/tokens", {word: True})
            self.assertEqual(self.works(word).status, 403)
        self.mine("PUT", "/tokens", {"revoke_refresh": True})
        self.assertEqual(self.refresh("R")[0], 401)
        self.mine("PUT", "/tokens", {"refresh_expires_in": 50, "expires_in": 9})
        self.assertEqual(self.refresh("R")[1]["result"]["expires_in"], 9)
        self.assertEqual(self.mine("PUT", "/tokens", {"reset_counts": True})["renewals"], 0)
        self.mine("PUT", "/tokens", {"nonsense": 1}, status=400)

    def test_grace(self):
        self.tenant(3, {"access_survives": True, "refresh_survives": True})
        first = self.refresh()[1]["result"]
        self.assertEqual(self.refresh()[0], 200)
        self.assertEqual(self.works(first["access_token"]).status, 200)

    def test_concurrent(self):
        for commit in ("end", "start"):
            self.tenant(3, {"refresh_ms": 300, "refresh_commit": commit, "concurrent_refused": "409/14002"})
            got = []
            threads = [threading.Thread(target=lambda: got.append(self.refresh())) for _ in range(4)]
            for thread in threads:
                thread.start()
                time.sleep(0.02)
            self.assertEqual(self.mine("GET", "/tokens")["generation"], int(commit == "start"))
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(status for status, _ in got), [200, 409, 409, 409])
            self.assertEqual({reply["code"] for status, reply in got if status == 409}, {"14002"})
            self.assertEqual(self.mine("GET", "/tokens")["concurrent"], 3)

    def test_renewal_survives_the_client(self):
        self.tenant(3, {"refresh_ms": 150})
        sock = self.raw(REFRESH + "?grantType=refresh_token&refreshToken=sim-refresh-token")
        time.sleep(0.05)
        sock.close()
        for _ in range(100):
            if self.mine("GET", "/tokens")["renewals"]:
                break
            time.sleep(0.02)
        self.assertEqual(self.mine("GET", "/tokens")["renewals"], 1)

    def generate(self, ticket="sim-app-ticket", certificate="sim-certificate"):
        return self.call(GENERATE, {"appTicket": ticket, "certificate": certificate},
                         {"appKey": self.key, "appSecret": "sim-secret"}).json

    def test_self_built(self):
        self.tenant(3, {"certificate": "C", "app_ticket": "T", "ticket_ttl": 60})
        reply = self.generate("T", "C")
        self.assertTrue(reply["result"])
        self.assertEqual(reply["value"]["expiresIn"], 518400)
        self.assertEqual(self.works(reply["value"]["accessToken"]).status, 200)
        self.generate("T", "C")
        self.assertEqual(self.works(reply["value"]["accessToken"]).status, 403)
        self.assertEqual(self.generate("X", "C")["error"]["code"], "4019")
        self.assertEqual(self.generate("T", "X")["error"]["code"], "4041")
        self.mine("PUT", "/tokens", {"advance": 61})
        self.assertEqual(self.generate("T", "C")["error"]["code"], "4031")
        ticket = self.mine("PUT", "/tokens", {"new_ticket": True})["app_ticket"]
        self.assertTrue(self.generate(ticket, "C")["result"])
        self.switch(self_built_down=True)
        self.assertEqual(self.generate(ticket, "C")["error"]["code"], "4028")

    def test_resend_and_push(self):
        self.tenant(3, {"resend_interval": 60, "message_secret": "0123456789abcdef"})
        head = {"appKey": self.key, "appSecret": "sim-secret"}
        self.assertEqual(self.call("/auth/appTicket/resend", {}, head).json["code"], "200")
        self.assertEqual(self.call("/auth/appTicket/resend", {"force": True}, head).status, 409)
        self.mine("PUT", "/tokens", {"advance": 61})
        self.assertEqual(self.call("/auth/appTicket/resend", {}, head).status, 200)
        secret = base64.b64decode(self.mine("GET", "/push")["encryptMsg"])
        self.assertEqual(len(secret) % 16, 0)

    def test_aes(self):
        from simulator.push import encrypt
        # FIPS 197, appendix C.1
        key, plain = bytes(range(16)), bytes.fromhex("00112233445566778899aabbccddeeff")
        self.assertEqual(encrypt(key, plain)[:16].hex(), "69c4e0d86a7b0430d8cdb78070b4c55a")


class Gateway(Sim):
    def status(self, **headers):
        reply = self.call(Q, {"param": {}}, {k: v for k, v in self.headers(**headers).items() if v is not None})
        return reply.status, reply.json["code"] if reply.status != 200 else None

    def test_headers(self):
        self.tenant(3)
        self.assertEqual(self.status(appSecret="wrong"), (401, "50000"))
        self.assertEqual(self.status(appSecret=None), (200, None))
        self.assertEqual(self.status(openToken=None), (401, "50000"))
        self.assertEqual(self.status(appKey=None), (401, "4001"))
        self.assertEqual(self.status(appKey="somebody-new"), (200, None))
        self.switch(business_secret="required")
        self.assertEqual(self.status(appSecret=None), (401, "50000"))
        self.switch(business_secret="ignored")
        self.assertEqual(self.status(appSecret="wrong"), (200, None))
        self.switch(business_secret="if_sent", app_secret="other")
        self.assertEqual(self.status(appSecret="other"), (200, None))
        self.switch(auth=False)
        self.assertEqual(self.status(appSecret="wrong", openToken=None), (200, None))

    def test_token_of_another_app(self):
        self.control("PUT", "/_sim/tenants/other", {"tokens": {"access_token": "theirs"}})
        self.tenant(3)
        self.assertEqual(self.status(openToken="theirs"), (403, "50112"))

    def test_quota(self):
        self.tenant(3, {"quota": 2})
        self.assertEqual([self.status() for _ in range(3)], [(200, None), (200, None), (401, "50112")])

    def test_rate_limit(self):
        self.tenant(3, {"rate_limit": 0.5, "rate_burst": 3})
        self.assertEqual([self.status()[0] for _ in range(5)], [200, 200, 200, 429, 429])
        self.switch(rate_status="409", rate_retry_after=2)
        reply = self.call(Q, {"param": {}})
        self.assertEqual((reply.status, reply.headers["Retry-After"]), (409, "2"))
        self.assertEqual(list(reply.json), ["error"])
        self.switch(rate_retry_form="date", rate_retry_after=2)
        self.assertIn("GMT", self.call(Q, {"param": {}}).headers["Retry-After"])

    def test_max_concurrent(self):
        self.tenant(3, {"max_concurrent": 1, "latency_ms": 300})
        self.raw()
        time.sleep(0.1)
        self.assertEqual(self.status()[0], 429)

    def test_paths(self):
        self.tenant(3)
        for path in ("/tplus/api/v2/inventory/query", "/TPlus/api/v2/inventory/Query", "/tplus/api/v2/x/Query", "/"):
            reply = self.call(path, {"param": {}})
            self.assertEqual((reply.status, reply.json["code"]), (404, "50000"))
        self.assertEqual(self.call(Q, None, method="GET").status, 405)
        self.assertEqual(self.call(Q + "?idMarketingOrgan=7", {"param": {}}).status, 200)
        self.switch(path_case="insensitive")
        self.assertEqual(self.call("/TPlus/api/v2/Inventory/query", {"param": {}}).status, 200)
