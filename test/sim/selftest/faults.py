"""Scripted faults: matching, whole replies, edits of rows."""

import json

from .base import Q, QP, Sim

ALL = {"disabled_default": "all"}
# action: (status, code or the beginning of the body)
NAMED = {"quota": (401, "50112"), "wrong_app": (403, "50112"), "token_expired": (403, "50107"),
         "token_invalid": (401, "4007"), "system": (401, "50000"), "forbidden": (403, "50000"),
         "not_found": (404, "50000"), "config": (401, "50003"), "burst": (409, b'{"error"'), "throttled": (429, "429"),
         "unavailable": (503, b"Service"), "network": (999, "EXERROR0001"), "forward": (999, "EXERROR0002"),
         "business": (999, "EXBU0001"), "bare_999": (999, b""), "business_500": (500, b'{"message"'),
         "exception": (500, b'{"result": {"Exception"'), "service": (400, "EXSV0011"), "error_200": (200, "EXERROR0001"),
         "code_200": (200, "50000"), "result_false": (200, b'{"result": false'),
         "rest_exception": (200, b'{"RestException"'), "too_fast": (200, "14002"), "html": (502, b"<html>"),
         "html_200": (200, b"<html>"), "null": (200, b"null"), "empty": (200, b""), "empty_string": (200, b'""'),
         "empty_object": (200, b"{}"), "empty_array": (200, b"[]")}


class Matching(Sim):
    def hits(self, match, requests, **more):
        self.tenant(5, faults=[{"action": "unavailable", "match": match, **more}])
        return [self.call(path, {"param": param}).status == 503 for path, param in requests]

    def test_count(self):
        six = [(Q, {})] * 6
        self.assertEqual(self.hits({}, six), [True] + [False] * 5)
        self.assertEqual(self.hits({"nth": 3}, six), [False, False, True, False, False, False])
        self.assertEqual(self.hits({"nth": [2, 5]}, six), [False, True, False, False, True, False])
        self.assertEqual(self.hits({"every": 2}, six), [False, True] * 3)
        self.assertEqual(self.hits({"every": 2}, six, times=1), [False, True] + [False] * 4)
        self.assertEqual(self.hits({"from": 3}, six, times=2), [False, False, True, True, False, False])
        self.assertEqual(self.hits({}, six, times=0), [True] * 6)

    def test_place(self):
        both = [(Q, {}), (QP, {})]
        for match, want in ((Q, [True, False]), ("QueryPage", [False, True]), ("*Page", [False, True]),
                            ("/tplus/*", [True, True]), ("/auth/*", [False, False])):
            self.assertEqual(self.hits({"path": match}, both, times=2), want, match)
        self.assertEqual(self.hits({"method": "GET"}, both), [False, False])

    def test_parameters(self):
        pages = [(QP, {"PageIndex": 1}), (QP, {"pageIndex": "2"}), (QP, {"Ts": "00"})]
        self.assertEqual(self.hits({"param": {"PageIndex": 2}}, pages), [False, True, False])
        self.assertEqual(self.hits({"has_param": ["Ts"]}, pages), [False, False, True])
        self.assertEqual(self.hits({"lacks_param": ["PageIndex"]}, pages), [False, False, True])
        self.assertEqual(self.hits({"query": {"a": 1}}, [(Q, {}), (Q + "?a=1", {})]), [False, True])
        self.assertEqual(self.hits({"header": {"appKey": "x"}}, [(Q, {})]), [False])
        self.assertEqual(self.hits({"header": {"openToken": "sim-open-token"}}, [(Q, {})]), [True])

    def test_two_faults_count_apart(self):
        self.tenant(5, faults=[{"action": "unavailable", "match": {"nth": 1}}, {"action": "html", "match": {"nth": 2}}])
        self.assertEqual([self.call(Q, {"param": {}}).status for _ in range(3)], [503, 502, 200])
        self.assertEqual([(f["seen"], f["used"]) for f in self.mine("GET", "/faults")], [(3, 1), (3, 1)])
        self.mine("DELETE", "/faults")
        self.assertEqual(self.mine("GET", "/faults"), [])

    def test_token_endpoint(self):
        self.tenant(5, faults=[{"action": "unavailable", "match": {"path": "/auth/v2/refreshToken"}}])
        self.assertEqual(self.call(Q, {"param": {}}).status, 200)
        path = "/auth/v2/refreshToken?grantType=refresh_token&refreshToken=sim-refresh-token"
        self.assertEqual([self.call(path, None, method="GET").status for _ in range(2)], [503, 200])
        self.assertEqual(self.mine("GET", "/tokens")["renewals"], 1)

    def test_mistakes(self):
        self.tenant(1)
        for fault in ({"action": "explode"}, {"action": "null", "match": {"moon": "full"}}, [1], {}):
            self.mine("POST", "/faults", fault, status=400)
        self.assertEqual(self.mine("GET", "/faults"), [])


class Replies(Sim):
    def test_named(self):
        for action, (status, body) in NAMED.items():
            self.tenant(3, faults=[{"action": action, "name": "x-" + action}])
            reply = self.call(Q, {"param": {}})
            self.assertEqual(reply.status, status, action)
            if isinstance(body, bytes):
                self.assertTrue(reply.body.startswith(body) and (body or not reply.body), action)
            else:
                self.assertEqual(json.loads(reply.body)["code"], body)
            entry = self.journal()[-1]
            self.assertEqual((entry["fault"], entry["status"], entry["rows"]), ("x-" + action, status, None))
            self.assertEqual(self.call(Q, {"param": {}}).status, 200)

    def test_status(self):
        self.tenant(3, faults=[
            {"action": "status", "status": 418, "code": "9", "message": "no", "headers": {"X-A": "b"}, "retry_after": 3},
            {"action": "status", "status": 503, "body": "plain", "content_type": "text/plain", "match": {"nth": 2}},
            {"action": "status", "match": {"nth": 3}}, {"action": "body", "body": {"x": [1]}, "match": {"nth": 4}},
            {"action": "throttled", "retry_after": 9, "status": 503, "match": {"nth": 5}}])
        one, two, three, four, five = [self.call(Q, {"param": {}}) for _ in range(5)]
        self.assertEqual((one.status, one.json, one.headers["X-A"], one.headers["Retry-After"]),
                         (418, {"code": "9", "message": "no"}, "b", "3"))
        self.assertEqual((two.status, two.body, two.headers["Content-Type"]), (503, b"plain", "text/plain"))
        self.assertEqual((three.status, three.body), (500, b""))
        self.assertEqual((four.status, four.json), (200, {"x": [1]}))
        self.assertEqual((five.status, five.headers["Retry-After"]), (503, "9"))
        self.fault("throttled", retry_after_date=2)
        self.assertIn("GMT", self.call(Q, {"param": {}}).headers["Retry-After"])

    def test_redirect(self):
        self.tenant(3, faults=[{"action": "redirect", "status": 307, "location": "https://evil.example/"}])
        reply = self.call(Q, {"param": {}})
        self.assertEqual((reply.status, reply.headers["Location"]), (307, "https://evil.example/"))

    def test_revoke(self):
        self.tenant(3, faults=[{"action": "revoke", "static": True, "refresh": True}], tokens={"access_token": "A"})
        self.assertEqual(self.call(Q, {"param": {}}, self.headers(openToken="A")).status, 403)
        self.assertEqual(self.call(Q, {"param": {}}).status, 403)
        self.assertFalse(self.mine("GET", "/tokens")["refresh_valid"])

    def test_none_and_delay(self):
        self.tenant(3, faults=[{"action": "none", "name": "here", "delay_ms": 120}])
        self.assertEqual(self.call(Q, {"param": {}}).status, 200)
        entry = self.journal()[0]
        self.assertEqual(entry["fault"], "here")
        self.assertGreaterEqual(entry["end"] - entry["start"], 110)


class Edits(Sim):
    def body(self, action, **spec):
        self.tenant(5, {**ALL, **spec.pop("switches", {})})
        self.fault(action, **spec)
        return self.call(Q, {"param": {"SelectFields": "ID,Code,Name,InventoryClass.Code"}})

    def test_values(self):
        self.assertEqual(self.body("value", field="Name", raw='"a\\u0000b"', row=1).json[1]["Name"], "a\0b")
        self.assertIn(b'"Name":"\xff\xfe"', self.body("value", field="Name", raw_b64="Iv/+Ig==").body)
        self.assertEqual(len(self.body("value", field="Name", string_mb=10).json[0]["Name"]), 10 << 20)
        self.assertIn(b"[" * 5000 + b"]" * 5000, self.body("value", field="Code", depth=5000).body)
        self.assertEqual(self.body("value", field="Name", raw={"a": 1}).json[0]["Name"], {"a": 1})
        self.assertEqual(self.body("value", field="InventoryClass.Code", raw="7").json[0]["InventoryClassCode"], 7)
        nested = self.body("value", field="InventoryClass.Code", raw="7", switches={"refs": "nested"})
        self.assertEqual(nested.json[0]["InventoryClass"], {"Code": 7})
        self.assertNotIn(b'"Name":{"a"', self.call(Q, {"param": {}}).body)

    def test_dup_key(self):
        body = self.body("dup_key", field="Code", raw='"other"').body
        self.assertEqual(body.count(b'"Code"'), 6)
        self.assertIn(b'"Code":"other"', body)

    def test_nest(self):
        self.assertEqual(self.body("nest", depth=3).body, b"[[[]]]")
        self.assertIn(b'"Name":[[[]]]', self.body("nest", depth=3, where="value").body)

    def test_rows(self):
        self.assertEqual(len(self.body("rows", keep=2).json), 2)
        twice = self.body("rows", repeat=2).json
        self.assertEqual((len(twice), twice[3:5]), (7, twice[5:7]))
        rows = self.body("rows", reverse=True).json
        self.assertEqual(rows[::-1], self.call(Q, {"param": {"SelectFields": "ID,Code,Name,InventoryClass.Code"}}).json)

    def test_replay(self):
        self.tenant(20, ALL)
        first = self.call(QP, {"param": {"PageSize": 5}}).body
        self.fault("replay")
        self.assertEqual(self.call(QP, {"param": {"PageSize": 5, "PageIndex": 2}}).body, first)

    def test_around(self):
        self.assertTrue(self.body("append", bytes="]x").body.endswith(b"]]x"))
        self.assertTrue(self.body("prepend", bytes_b64="AAE=").body.startswith(b"\0\1["))
        self.assertEqual(self.body("content_type", value="text/html").headers["Content-Type"], "text/html")
        reply = self.body("headers", headers={"X-A": "1"}, header_bytes=9000)
        self.assertEqual((reply.headers["X-A"], len(reply.headers["X-Long"])), ("1", 9000))
