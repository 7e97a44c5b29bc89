"""Shapes of replies and forms of values."""

import json
from decimal import Decimal

from .base import Q, QP, Sim

ALL = {"disabled_default": "all"}
REFS = ("InventoryClass", "Unit", "ProductInfo", "UnitByPurchase", "UnitBySale", "UnitByStock", "UnitByRetail",
        "UnitByManufacture", "ExpiredUnit", "UnitType", "UnitGroup", "ValueType")


class Shapes(Sim):
    def shaped(self, shape, pick, path=Q):
        self.tenant(20, {"shape": shape, "disabled_default": "all", "total_count": "exact"})
        value = self.query(path, SelectFields="ID,Code")
        self.assertEqual({(int(r["ID"]), r["Code"]) for r in pick(value)}, {(r["ID"], r["Code"]) for r in self.truth()})
        return value

    def test_array(self):
        self.shaped("array", lambda v: v)

    def test_named(self):
        for name in ("Data", "data", "value", "result"):
            value = self.shaped(name, lambda v: v[name])
            self.assertEqual(value["TotalCount"], 20)

    def test_result_text(self):
        self.shaped("result_text", lambda v: json.loads(v["result"]))

    def test_datasource(self):
        self.shaped("DataSource.Rows", lambda v: v["DataSource"]["Rows"])

    def test_positional(self):
        value = self.shaped("data.Rows", lambda v: [dict(zip(v["data"]["Columns"], row)) for row in v["data"]["Rows"]])
        self.assertEqual(value["data"]["TotalCount"], 20)

    def test_default_shapes_differ(self):
        self.tenant(5, ALL)
        self.assertIsInstance(self.query(), list)
        self.assertEqual(self.query(QP)["TotalCount"], 5)

    def test_one_operation_only(self):
        self.tenant(5, {"Query.shape": "value", "shape": "data", "disabled_default": "all"})
        self.assertEqual(list(self.query()), ["value"])
        self.assertEqual(list(self.query(QP)), ["TotalCount", "data"])

    def test_total_count(self):
        want = {"exact": 20, "low": 17, "high": 23, "zero": 0, "text": "20", "page": 6, "null": None}
        for form, total in want.items():
            self.tenant(20, {**ALL, "total_count": form, "total_count_by": 3})
            self.assertEqual(self.query(QP, PageSize=6)["TotalCount"], total, form)
        self.tenant(20, {**ALL, "total_count": "absent"})
        self.assertEqual(list(self.query(QP)), ["Data"])

    def test_total_count_at(self):
        for shape in ("Data", "data.Rows"):
            self.tenant(3, {"total_count_at": "last", "shape": shape, "QueryPage.total_count": "exact"})
            value = self.query(QP)
            self.assertEqual(list(value.get("data", value) if shape == "data.Rows" else value)[-1], "TotalCount")

    def test_envelope_code(self):
        self.tenant(3, {"envelope_code": "0"})
        self.assertEqual(self.query(QP)["code"], "0")

    def test_empty_reply(self):
        want = {"array": b"[]", "object": b'{"Data":[]}', "null": b"null", "string": b'""', "nothing": b"", "auto": b"[]"}
        for form, body in want.items():
            self.tenant(3, {"empty_reply": form})
            self.assertEqual(self.call(Q, {"param": {"Code": "nobody"}}).body, body)
        self.assertEqual(self.call(QP, {"param": {"Code": "nobody"}}).body, b'{"TotalCount":0,"Data":[]}')

    def test_tail_error(self):
        self.tenant(10, {**ALL, "tail_error": "last"})
        self.assertNotIn("code", self.query(QP, PageSize=6))
        value = self.query(QP, PageSize=6, PageIndex=2)
        self.assertEqual((len(value["Data"]), value["code"]), (4, "EXERROR0001"))
        self.switch(tail_error="all")
        self.assertIn("code", self.query(QP, PageSize=6))

    def test_bytes_around(self):
        self.tenant(9, {**ALL, "bom": True, "content_type": "text/plain"})
        reply = self.call(Q, {"param": {}})
        self.assertTrue(reply.body.startswith(b"\xef\xbb\xbf["))
        self.assertEqual(reply.headers["Content-Type"], "text/plain")

    def test_spacing_and_escape(self):
        compact = None
        for spacing in ("compact", "spaced", "lines"):
            for escape in ("utf8", "ascii"):
                self.tenant(40, {**ALL, "spacing": spacing, "escape": escape})
                reply = self.call(Q, {"param": {}})
                compact = compact or reply.json
                self.assertEqual(reply.json, compact)
                self.assertEqual(reply.body.isascii(), escape == "ascii")
                self.assertEqual(b"\n" in reply.body, spacing == "lines")


class Values(Sim):
    """Every form of every value, read back and compared with the records."""

    def decode(self, row, truth, sw):
        """The row with the keys and types of the truth."""
        flat = {}
        for key, value in row.items():
            if key == "DynamicPropertyKeys":
                flat.update(zip(value, row["DynamicPropertyValues"]))
            elif key in REFS and isinstance(value, dict):
                flat.update({key + part: inner for part, inner in value.items()})
            elif key in REFS:
                self.assertIsNone(value)
            elif key not in ("DynamicPropertyValues", "TaxRate"):
                flat[key.replace(".", "")] = value
            elif key == "TaxRate":
                flat[key] = value["Code"] if isinstance(value, dict) else value
        flat["Ts"] = flat.pop("TS", flat.get("Ts"))
        return flat

    def typed(self, key, value, truth):
        yes = {"True": True, "true": True, "1": True, 1: True, "是": True, True: True}
        if value is None or value == "" and truth in (None, ""):
            return None
        if isinstance(truth, bool):
            return yes.get(value, False)
        if isinstance(truth, int):
            return int(value)
        if key in ("CreatedTime", "MadeRecordDate"):
            value = value.replace("T", " ")
            return value[:10] if key == "MadeRecordDate" else value
        if key in ("Expired", "AvagCost", "LatestCost", "InvSCost", "RetailPriceNew", "TaxRate", "priuserdefdecm1",
                   "priuserdefdecm2"):
            return Decimal(value)
        return value.lower() if key == "Ts" else value

    def check(self, **switches):
        self.tenant(150, {"disabled_default": "all", **switches})
        truth = {r["Code"]: r for r in self.truth()}
        rows = self.query()
        self.assertEqual(len(rows), 150)
        for row in rows:
            want = truth[row["Code"]]
            got = self.decode(row, want, switches)
            for key, value in want.items():
                if key.startswith("_"):
                    continue
                have = self.typed(key, got.get(key), value)
                if isinstance(have, Decimal):
                    value = Decimal(value)
                if value == "" and have is None:
                    continue
                self.assertEqual(have, value, (key, row))
        return rows

    def test_default_is_flat_text(self):
        row = self.check()[0]
        self.assertIsInstance(row["ID"], str)
        self.assertIn(row["Disabled"], ("True", "False"))
        self.assertRegex(row["Ts"], r"^[0-9a-f]{16}$")
        self.assertIn("InventoryClassCode", row)
        self.assertTrue(all(len(r["AvagCost"].partition(".")[2]) >= 6 for r in self.check() if r["AvagCost"]))

    def test_refs(self):
        self.assertIn("Code", self.check(refs="nested")[0]["InventoryClass"])
        self.assertIn("InventoryClass.Code", self.check(refs="dotted")[0])

    def test_bools(self):
        for form, kind in (("truefalse", str), ("json", bool), ("01", str), ("int", int), ("cn", str)):
            self.assertIs(type(self.check(bools=form)[0]["IsSale"]), kind)

    def test_numbers(self):
        for form in ("text", "json", "json6", "exp"):
            kinds = {type(row["AvagCost"]) for row in self.check(numbers=form) if row["AvagCost"] is not None}
            self.assertEqual(kinds <= {str}, form == "text")

    def test_ids_and_ts(self):
        row = self.check(ids="int", ts_key="TS", ts_form="upper")[0]
        self.assertIs(type(row["ID"]), int)
        self.assertEqual(row["TS"], row["TS"].upper())

    def test_nulls(self):
        for refs in ("flat", "nested"):
            for form in ("null", "empty", "absent"):
                rows = self.check(nulls=form, refs=refs)
                text = json.dumps(rows, default=str)
                self.assertEqual("null" in text.replace('"null"', ""), form == "null")

    def test_dates(self):
        self.assertRegex(self.check(dates="date")[0]["MadeRecordDate"], r"^\d{4}-\d\d-\d\d$")
        self.assertRegex(self.check(dates="datetime")[0]["MadeRecordDate"], r"^\d{4}-\d\d-\d\d 00:00:00$")
        self.assertRegex(self.check(dates="t")[0]["MadeRecordDate"], r"^\d{4}-\d\d-\d\dT00:00:00$")
        for form, kind in (("slash", r"^\d{4}/[1-9]\d?/[1-9]\d? 0:00:00$"), ("ticks", r"^/Date\(-?\d+00000\)/$"), ("utc", r"^\d{4}-\d\d-\d\dT16:00:00Z$"),
                           ("offset", r"^\d{4}-\d\d-\d\dT00:00:00.0000000\+08:00$"), ("cst", r" 00:00:00 CST$")):
            self.tenant(20, {"disabled_default": "all", "dates": form})
            self.assertRegex(self.query()[0]["MadeRecordDate"], kind)
        self.tenant([{"ID": 1, "MadeRecordDate": "2024-02-01"}, {"ID": 2, "MadeRecordDate": None}], {"dates": "ticks", "no_date": "first"})
        self.assertEqual([r["MadeRecordDate"] for r in self.query()], ["/Date(1706716800000)/", "/Date(-62135596800000)/"])
        self.assertRegex(self.check(dates="datetime", made_time=True)[0]["MadeRecordDate"], r" (?!00:00:00)\d\d:\d\d:\d\d$")

    def test_tax_rate_and_custom(self):
        rows = self.check(tax_rate="enum", custom_fields="dynamic")
        self.assertTrue(any(isinstance(row["TaxRate"], dict) for row in rows))
        self.assertIn("priuserdefnvc1", rows[0]["DynamicPropertyKeys"])
        self.assertNotIn("priuserdefnvc1", rows[0])
        row = self.query(SelectFields="Code,priuserdefnvc1", PageSize=1)[0]
        self.assertEqual(row["DynamicPropertyKeys"], ["priuserdefnvc1"])

    def test_awkward_numbers(self):
        self.tenant([{"ID": 9007199254740993, "AvagCost": "0.12345678901234567890", "LatestCost": "1E+2"}],
                    {"ids": "int", "numbers": "json"})
        body = self.call(Q, {"param": {}}).body
        for lexeme in (b'"ID":9007199254740993,', b'"AvagCost":0.12345678901234567890,', b'"LatestCost":1E+2,'):
            self.assertIn(lexeme, body)
        self.switch(numbers="text6")
        self.assertIn(b'"AvagCost":"0.12345678901234567890"', self.call(Q, {"param": {}}).body)


class Selection(Sim):
    CASE = ("ID,Code,Name,Shorthand,Specification,DefaultBarCode,InventoryClass.Code,InventoryClass.Name,Unit.Code,"
            "Unit.Name,BaseUnitCode,BaseUnitName,ProductInfo.ID,ProductInfo.Code,ProductInfo.Name,Disabled,"
            "UnitByPurchase.Code,UnitByPurchase.Name,UnitBySale.Code,UnitBySale.Name,UnitByStock.Code,UnitByRetail.Code,"
            "UnitByRetail.Name,UnitByManufacture.Code,UnitByManufacture.Name,ExpiredUnitName,CreatedTime,MadeRecordDate,"
            "Expired,priuserdefnvc1,priuserdefnvc2,priuserdefnvc3,priuserdefnvc4,IsBatch,IsQualityPeriod,Userfreeitem1,"
            "freeitembriefinfo")

    def keys(self, select=None, **switches):
        self.tenant(30, {"disabled_default": "all", **switches})
        param = {} if select is None else {"SelectFields": select}
        return [list(row) for row in self.query(**param)]

    def test_all_fields_of_the_case(self):
        names = self.CASE.split(",")
        self.assertEqual(len(names), 37)
        self.assertEqual(self.keys(self.CASE)[0], [name.replace(".", "") for name in names])

    def test_spellings(self):
        for spelling in ("InventoryClass.Code", "InventoryClassCode", "inventoryclass.code"):
            self.assertEqual(self.keys("Code, %s" % spelling)[0], ["Code", "InventoryClassCode"])
        self.assertEqual(self.keys("InventoryClass")[0], ["InventoryClassCode", "InventoryClassName"])
        self.assertEqual(self.keys("code,Name", select_case="exact")[0], ["Name"])

    def test_unknown(self):
        self.assertEqual(self.keys("Code,Colour")[0], ["Code"])
        self.assertEqual(self.keys("Code,Colour", unknown_select="null")[0], ["Code", "Colour"])
        self.tenant(3, {"unknown_select": "error"})
        self.refused(999, "EXSV0001", SelectFields="Code,Colour")

    def test_ignored_and_default(self):
        self.assertGreater(len(self.keys("Code", select_fields="ignored")[0]), 60)
        self.assertEqual(self.keys(default_fields=["Code", "Ts"])[0], ["Code", "Ts"])

    def test_drop(self):
        self.assertEqual(self.keys("ID,Code,Name", drop_fields="ID,Name")[0], ["Code"])
        rows = self.keys("Code,Specification", drop_fields=["Specification"], drop_when="null")
        self.assertEqual({len(row) for row in rows}, {1, 2})
