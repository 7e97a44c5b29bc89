"""Tenants, records, changes, journal, the other archives, the shell command."""

import json
import os
import subprocess
import sys
import time

from .base import HERE, Q, QP, Sim, port

ALL = {"disabled_default": "all"}
ROOT = "/tplus/api/v2/"


class Tenants(Sim):
    def test_unknown_key_gets_defaults(self):
        self.assertEqual(len(self.ids(Disabled=False)) + len(self.ids(Disabled=True)), 60)

    def test_names_are_free(self):
        self.key = "A 键/1"
        self.tenant(2)
        self.assertIn(self.key, self.control("GET", "/_sim/tenants"))
        self.mine("DELETE")
        self.assertNotIn(self.key, self.control("GET", "/_sim/tenants"))

    def test_apart(self):
        self.tenant(5)
        self.mutate("delete", index=0)
        self.key += "x"
        self.tenant(5)
        self.assertEqual(len(self.truth()), 5)
        self.assertEqual(self.journal(), [])

    def test_switches(self):
        self.tenant(5)
        self.mine("PUT", "/switches", {"shape": "value", "Query.ids": "int"})
        self.assertEqual(self.mine("GET", "/switches")["ids"], "int")
        self.assertEqual(self.mine("GET", "/switches?operation=QueryPage")["ids"], "text")
        self.mine("PUT", "/switches", {"shape": None})
        self.assertEqual(self.mine("GET", "/switches")["shape"], "array")
        for wrong in ({"shape": "round"}, {"max_rows": "many"}, {"nonsense": 1}, {"Mutate.shape": "array"}, [1],
                      {"max_rows": True}, {"gzip": None, "bom": "perhaps"}, {"drop_fields": 1}, {"app_secret": {}}):
            self.mine("PUT", "/switches", wrong, status=400)

    def test_mistakes(self):
        self.control("PUT", "/_sim/tenants/bad", {"recrods": 1}, status=400)
        self.control("PUT", "/_sim/tenants/bad", {"records": [{"Colour": "red"}]}, status=400)
        self.control("PUT", "/_sim/tenants/bad", {"records": [{"AvagCost": "cheap"}]}, status=400)
        self.control("PUT", "/_sim/tenants/bad", {"changes": [{"action": "edit"}]}, status=400)
        self.control("GET", "/_sim/nothing", status=404)
        self.mine("GET", "/nothing", status=404)
        self.mine("POST", "/mutate", {"action": "melt"}, status=400)
        self.mine("POST", "/mutate", {"action": "delete", "id": -1}, status=400)

    def test_state(self):
        self.tenant(5, {"shape": "Data"})
        state = self.mine("GET")
        self.assertEqual((state["records"], state["switches"], state["effective"]["shape"]), (5, {"shape": "Data"}, "Data"))
        self.assertTrue(self.control("GET", "/_sim/ping")["ok"])


class Records(Sim):
    def test_deterministic(self):
        self.tenant(300)
        first = self.truth()
        self.tenant(300)
        self.assertEqual(self.truth(), first)
        self.tenant(300, seed=2)
        self.assertNotEqual(self.truth(), first)

    def test_variety(self):
        self.tenant(3000)
        rows = self.truth()
        codes = [r["Code"] for r in rows]
        self.assertEqual(len({c.lower() for c in codes}), 3000)
        self.assertEqual(len({r["ID"] for r in rows}), 3000)
        self.assertLess(abs(sum(r["Disabled"] for r in rows) - 300), 80)
        for mark in "%_[\"'\\":
            self.assertTrue(any(mark in c for c in codes), mark)
        names = {r["Name"] for r in rows}
        self.assertLess(len(names), 3000)
        self.assertTrue({"abc-Bolt", "ABC-BOLT", "ＡＢＣ－ＢＯＬＴ", "abc-Bolt "} <= names)
        self.assertTrue(any(ord(c) > 0xFFFF for name in names for c in name))
        self.assertTrue(any(float(r["AvagCost"] or 0) < 0 for r in rows))
        self.assertTrue({"", None} <= {r["Specification"] for r in rows})
        self.assertTrue(max(len(r["InventoryDescript"] or "") for r in rows) >= 400)
        days = [r["MadeRecordDate"] for r in rows]
        self.assertGreater(len({d[:4] for d in days}), 3)
        self.assertTrue(any(d.endswith("12-31") for d in days))
        stamps = [int(r["Ts"], 16) for r in rows]
        self.assertTrue(all(b - a >= 2 for a, b in zip(stamps, stamps[1:])))
        self.assertNotEqual([r["ID"] for r in rows], sorted(r["ID"] for r in rows))

    def test_explicit(self):
        self.tenant([{"ID": 7, "Code": "a", "InventoryClass": {"Code": "01", "Name": "n"}, "Unit.Name": "u",
                      "AvagCost": 1.50, "Disabled": "True", "Ts": "00000000000000ff"}, {"Name": "b"}], ALL)
        first, second = self.truth()
        self.assertEqual((first["InventoryClassName"], first["UnitName"], first["AvagCost"], first["Disabled"]),
                         ("n", "u", "1.5", True))
        self.assertEqual((first["Ts"], second["ID"], second["Code"]), ("00000000000000ff", 8, "NEW8"))
        self.assertEqual(len(self.ids()), 2)

    def test_end_date(self):
        self.tenant(400, end_date="today")
        today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600))
        self.assertEqual(max(r["MadeRecordDate"] for r in self.truth()), today)

    def test_bad_keys(self):
        self.tenant(10, ALL, duplicate_ids=2, missing_ids=1)
        ids = [r["ID"] for r in self.truth()]
        self.assertEqual((len(set(ids)), ids.count(None)), (8, 1))
        self.assertEqual(len(self.query()), 10)


class Changes(Sim):
    def test_mutate(self):
        self.tenant(10, ALL)
        one = self.truth()[0]
        edited = self.mutate("edit", id=one["ID"], set={"Name": "new", "InventoryClass": {"Name": "c"}})
        self.assertEqual((edited["Name"], edited["InventoryClassName"]), ("new", "c"))
        self.assertEqual(self.truth()[-1]["ID"], one["ID"])
        self.assertEqual(self.mutate("edit", code=one["Code"], set={"Name": "x"}, keep_ts=True)["Ts"], edited["Ts"])
        self.assertNotEqual(self.mutate("flip", index=1)["Disabled"], self.mutate("flip", index=1)["Disabled"])
        self.assertTrue(self.mutate("disable", index=2)["Disabled"])
        self.assertFalse(self.mutate("enable", index=2)["Disabled"])
        self.assertEqual(self.mutate("move", index=3, **{"class": "99"})["InventoryClassCode"], "99")
        self.assertEqual(self.mutate("insert", record={"Code": "N1"})["Ts"], self.truth()[-1]["Ts"])
        self.assertEqual(self.mutate("late", record={"Code": "N2"}, ts="0000000000000001")["Ts"], self.truth()[0]["Ts"])
        self.mutate("delete", code="N1")
        self.assertEqual(len(self.truth()), 11)
        self.assertEqual(len(self.ids()), 11)

    def test_pick(self):
        self.tenant(20, ALL, changes=[{"action": "flip", "after_requests": 99}])
        order = [r["ID"] for r in self.truth()]
        self.ids(PageSize=5)
        for pick, at in (("served_first", 0), ("served_last", 4), ("unserved_first", 5), ("unserved_last", 19),
                         ("any_first", 0), ("any_last", 19)):
            self.assertEqual(self.mutate("edit", pick=pick, set={}, keep_ts=True)["ID"], order[at], pick)
        code = self.truth()[7]["InventoryClassCode"]
        self.assertEqual(self.mutate("edit", pick="unserved_first", where={"InventoryClass.Code": code}, set={},
                                     keep_ts=True)["InventoryClassCode"], code)

    def walk(self):
        got, ts = [], "0"
        while True:
            rows = self.query(PageSize=5, Ts=ts, SelectFields="ID,Ts,Name")
            if not rows:
                return got
            got += [int(row["ID"]) for row in rows]
            ts = rows[-1]["Ts"]

    def test_during_a_scan(self):
        cases = ((("edit", "served_first"), 21), (("edit", "unserved_first"), 20), (("delete", "unserved_first"), 19),
                 (("delete", "served_first"), 20), (("insert", None), 21), (("late", None), 20), (("flip", "served_last"), 21),
                 (("move", "unserved_last"), 20))
        for (action, pick), count in cases:
            self.tenant(20, ALL, changes=[{"action": action, "after_requests": 2, **({"pick": pick} if pick else {})}])
            self.assertEqual(len(self.walk()), count, (action, pick))
            state = self.mine("GET", "/changes")[0]
            self.assertEqual((state["done"], state["error"]), (1, None))
        # the late one has a version below what was served, and is there now
        self.tenant(20, ALL, changes=[{"action": "late", "after_rows": 7, "record": {"Code": "LATE"}}])
        self.walk()
        late = self.truth(Code="LATE")[0]
        self.assertLess(late["Ts"], self.truth()[-1]["Ts"])
        self.assertEqual([r["Code"] for r in self.truth()].index("LATE"), 9)

    def test_every_and_path(self):
        self.tenant(5, ALL, changes=[{"action": "insert", "every": 2, "times": 2}])
        for _ in range(9):
            self.ids()
        self.assertEqual(len(self.truth()), 7)
        self.mine("DELETE", "/changes")
        self.mine("POST", "/changes", {"action": "insert", "after_requests": 1, "path": "QueryPage"})
        self.ids()
        self.assertEqual(len(self.truth()), 7)
        self.ids(QP)
        self.assertEqual(len(self.truth()), 8)
        self.mine("POST", "/changes", {"action": "delete", "after_requests": 1, "id": -5})
        self.ids()
        self.assertIn("no record", self.mine("GET", "/changes")[-1]["error"])

    def test_switches_do_not_touch_data(self):
        self.tenant(5, ALL)
        self.mutate("insert", record={"Code": "N"})
        self.switch(bools="json")
        self.assertEqual(len(self.truth()), 6)


class Journal(Sim):
    def test_entries(self):
        self.tenant(5, ALL)
        self.call(Q + "?a=1&a=2", {"param": {"PageSize": 3}})
        self.call("/auth/v2/refreshToken?grantType=refresh_token&refreshToken=x", None, method="GET")
        self.call(Q, b"{broken")
        one, two, three = self.journal()
        self.assertEqual((one["seq"], one["method"], one["path"], one["status"], one["rows"]), (1, "POST", Q, 200, 3))
        self.assertEqual((one["body"], one["query"]), ({"param": {"PageSize": 3}}, {"a": "2"}))
        self.assertEqual((one["headers"]["openToken"], one["tenant"]), ("sim-open-token", self.key))
        self.assertEqual((two["path"], two["status"], two["query"]["refreshToken"]), ("/auth/v2/refreshToken", 401, "x"))
        self.assertEqual((three["status"], three["body"]), (400, "{broken"))
        self.assertEqual(one["connection"], three["connection"])
        self.assertLessEqual(one["start"], one["end"])
        self.assertLessEqual(one["end"], two["start"])
        self.assertEqual(one["in_flight"], 1)
        self.assertGreater(one["sent"], 300)
        self.assertEqual([e["seq"] for e in self.journal("?since=1")], [2, 3])
        self.assertEqual([e["seq"] for e in self.journal("?path=inventory&limit=1")], [1])
        stats = self.mine("GET", "/stats")
        self.assertEqual((stats["requests"], stats["rows"], stats["by_path"][Q]), (3, 3, 2))
        self.assertEqual(self.mine("DELETE", "/journal")["last_seq"], 3)
        self.assertEqual(self.journal(), [])

    def test_in_flight(self):
        self.tenant(5, {"latency_ms": 200})
        socks = [self.raw() for _ in range(3)]
        entries = self.journal("?wait=3&timeout_ms=5000")
        self.assertEqual(sorted(e["in_flight"] for e in entries), [1, 2, 3])
        self.assertEqual(self.mine("GET", "/stats")["peak_in_flight"], 3)
        for sock in socks:
            sock.recv(10)

    def test_wait_times_out(self):
        self.tenant(1)
        self.assertEqual(self.journal("?wait=1&timeout_ms=50"), [])


class Others(Sim):
    def test_archives(self):
        self.tenant(50, ALL)
        for service, key in (("warehouse", "param"), ("partner", "param"), ("department", "dto"), ("inventoryClass", "param")):
            rows = self.call(ROOT + service + "/Query", {key: {}}).json
            self.assertEqual({int(r["ID"]) for r in rows}, {r["ID"] for r in self.mine("GET", "/records?resource=" + service)})
            other = "dto" if key == "param" else "param"
            self.assertEqual(self.call(ROOT + service + "/Query", {other: {}}).status, 999)
        page = self.call(ROOT + "partner/QueryPage", {"param": {"PageSize": 7, "PageIndex": 2}}).json
        self.assertEqual(len(page["Data"]), 7)
        self.mine("GET", "/records?resource=nothing", status=400)

    def test_explicit_archive(self):
        self.tenant(5, resources={"warehouse": [{"Code": "W1", "Name": "w", "WarehouseType": {"Code": "00"}}]})
        row = self.call(ROOT + "warehouse/Query", {"param": {"Code": "w1"}}).json[0]
        self.assertEqual((row["WarehouseTypeCode"], row["Address"]), ("00", None))

    def test_create_and_update(self):
        self.tenant(5, ALL)
        dto = {"Code": "X-1", "Name": "n", "InventoryClass": {"Code": "01"}, "Disabled": "false", "IsSale": "True"}
        self.assertEqual(self.call(ROOT + "inventory/Create", {"dto": dto}).body, b"null")
        made = self.truth(Code="X-1")[0]
        self.assertEqual((made["IsSale"], made["Disabled"], made["InventoryClassCode"]), (True, False, "01"))
        reply = self.call(ROOT + "inventory/Create", {"dto": {**dto, "Code": "x-1"}})
        self.assertEqual((reply.status, list(reply.json)), (500, ["message"]))
        self.assertEqual(self.call(ROOT + "inventory/Update", {"dto": {"Code": "X-1", "Name": "m"}}).body, b"null")
        self.assertGreater(self.truth(Name="m")[0]["Ts"], made["Ts"])
        self.assertEqual(self.call(ROOT + "inventory/Update", {"dto": {"Code": "nobody"}}).status, 500)
        self.assertEqual(self.call(ROOT + "inventory/Create", {"dto": {"Name": "x"}}).status, 500)
        self.assertEqual(self.call(ROOT + "inventory/Create", {"param": {}}).status, 999)
        self.assertEqual(self.call(ROOT + "inventory/Create", {"dto": {"Code": "y", "Colour": 1}}).status, 999)

    def test_request_of_the_official_sdk(self):
        """The headers and the body that Chanjet's Python SDK puts on the wire."""
        self.tenant(100)
        record = [r for r in self.truth(Disabled=False) if r["IsSale"]][0]
        param = {"Code": record["Code"], "InventoryClass": {"Code": record["InventoryClassCode"]}, "Disabled": False,
                 "IsSale": True, "SelectFields": "Code,Name,Shorthand,InventoryClass.Code,InventoryClass.Name,Disabled,IsSale"}
        head = {"User-Agent": "python-requests/2.26.0", "Accept-Encoding": "gzip, deflate", "Accept": "*/*",
                "Connection": "keep-alive", **self.headers()}
        rows = self.call(Q, {"param": param}, head).json
        self.assertEqual([row["Code"] for row in rows], [record["Code"]])
        self.assertEqual(self.call(Q, {"param": {"Code": "124"}}, head).json, [])

    def test_bulk_is_fast(self):
        self.tenant(5000, ALL)
        self.query(PageSize=1)
        begin, size = time.monotonic(), 0
        for number in range(60):
            size += len(self.call(QP, {"param": {"PageSize": 500, "PageIndex": number % 10 + 1}}).body)
        # 60 pages of 500 whole records, most of them from the cache
        self.assertGreater(size / (time.monotonic() - begin), 5e6)


class Shell(Sim):
    def simctl(self, *words):
        done = subprocess.run([sys.executable, os.path.join(HERE, "simctl.py"), str(port()), *words],
                              capture_output=True, text=True, timeout=20)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else done.stderr

    def test_commands(self):
        self.assertEqual(self.simctl("tenant", self.key, '{"records": 7}')[1]["records"], 7)
        self.assertEqual(self.simctl("switches", self.key, "shape=value", "max_rows=5")[1], {"shape": "value", "max_rows": 5})
        self.assertEqual(self.simctl("switches", self.key)[1]["shape"], "value")
        self.assertEqual(len(self.simctl("records", self.key)[1]), 7)
        self.simctl("fault", self.key, '{"action": "null"}')
        self.assertEqual(self.call(Q, {"param": {}}).body, b"null")
        self.assertEqual(len(self.simctl("journal", self.key)[1]), 1)
        self.assertEqual(self.simctl("stats", self.key)[1]["requests"], 1)
        self.simctl("clear", self.key)
        self.simctl("mutate", self.key, '{"action": "delete", "index": 0}')
        self.assertEqual(self.simctl("show", self.key)[1]["records"], 6)
        self.simctl("change", self.key, '{"action": "flip", "after_requests": 1}')
        self.assertEqual(self.simctl("nochanges", self.key)[1], [])
        self.assertEqual(self.simctl("nofaults", self.key)[1], [])
        self.assertEqual(self.simctl("tokens", self.key, "refresh_token=R2")[1]["refresh_token"], "R2")
        self.assertIn("encryptMsg", self.simctl("push", self.key)[1])
        self.assertEqual(self.simctl("GET", "/_sim/ping"), (0, {"ok": True}))

    def test_mistakes(self):
        self.assertEqual(self.simctl("switches", self.key, "shape=round")[0], 1)
        for words in (("dance", "x"), ("tenant",), ("switches", "x", "y"), ("stats", "x", "y=1"), ("mutate", "x")):
            self.assertEqual(self.simctl(*words)[0], 2)
