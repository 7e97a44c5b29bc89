"""What can be decided on the records of a tenant."""

from . import base

FIELDS = "?fields=ID,Code,Name,MadeRecordDate,Disabled,Ts"


def item(n, **more):
    return {"ID": n, "Code": "A%03d" % n, "Name": "Item %03d" % n, "MadeRecordDate": "2024-03-%02d" % (n % 28 + 1),
            "Ts": "%016x" % (1000 + 10 * n), "Disabled": False, **more}


class Decide(base.Sim):
    def facts(self, records=300, more="", **switches):
        self.tenant(records, switches)
        return self.mine("GET", "/decidable" + FIELDS + more)["facts"]

    def value(self, fact, operation="Query", records=300, **switches):
        """Its value, or the reason why there is none."""
        found = self.facts(records, **switches)[fact][operation]
        return found["value"] if found["decidable"] else found["why"]

    def test_as_expected(self):
        self.tenant(300)
        found = self.mine("GET", "/decidable" + FIELDS)
        self.assertLessEqual(max(found["requests"].values()), found["max_requests"])
        open_ones = {(fact, op) for fact, of in found["facts"].items() for op, f in of.items() if not f["decidable"]}
        self.assertEqual(open_ones, {("largest page", "Query"), ("largest page", "QueryPage")})
        date = found["facts"]["date filter"]["Query"]
        self.assertEqual((date["value"], date["holds"], date["left"]), ("eq", ["eq"], []))
        self.assertIn("made_compare=ge", date["told_apart"])
        self.assertTrue(date["witness"].startswith("Query {"))

    def test_values(self):
        for fact, operation, value, switches in (
                ("date filter", "Query", "ge", {"made_compare": "ge"}),
                ("date filter", "Query", "gt", {"made_compare": "ge", "made_zone": "utc"}),
                ("date filter", "Query", "no documented value holds", {"made_zone": "utc"}),
                ("date filter", "Query", "ignored", {"ignored_params": ["MadeRecordDate"]}),
                ("row versions page", "Query", ">=", {"ts_compare": "ge"}),
                ("row versions", "Query", ">=", {"ts_compare": "ge", "order": "code"}),
                ("row versions", "Query", "none", {"drop_fields": ["Ts"]}),
                ("row versions page", "Query", "out of order", {"Query.order": "id"}),
                ("page numbers", "QueryPage", "from 0", {"page_base": 0}),
                ("page numbers", "QueryPage", "the order is never the same", {"order": "unstable"}),
                ("paging", "table", "page", {"ts_compare": "ignored"}),
                ("paging", "table", "neither way is proven", {"ts_compare": "ignored", "page_index": "ignored"}),
                ("largest page", "Query", "100", {"max_rows": 100}),
                ("largest page", "QueryPage", "400", {"max_rows": 400, "over_cap": "error"}),
                ("boolean filter", "Query", "01", {"bool_json": "none", "bool_text": "ignored"}),
                ("boolean filter", "Query", "no spelling is understood", {"ignored_params": ["Disabled"]}),
                ("disabled records", "Query", "shown", {"disabled_default": "all"}),
                ("case in text", "Query", "told", {"text_match": "cs"}),
                ("patterns in text", "Query", "literal", {"like_percent": False}),
                ("filters", "Query", "lost", {"barren_params": ["Name"]}),
                ("id filter", "Query", "json", {"id_filter": "number"}),
                ("TotalCount", "QueryPage", "wrong", {"total_count": "low"}),
                ("reply of QueryPage", "QueryPage", "result", {"QueryPage.shape": "result_text"}),
                ("reply without rows", "Query", "nothing", {"empty_reply": "nothing"}),
                ("reply of Query", "Query", "every reply ends in an error", {"shape": "Data", "tail_error": "all"}),
                ("booleans in replies", "Query", "0", {"bools": "int"}),
                ("missing fields", "Query", "Name", {"drop_fields": ["Name"]})):
            self.assertEqual(self.value(fact, operation, **switches), value, (fact, switches))

    def test_data_decide(self):
        # in order of everything: no question tells versions from codes, numbers do page
        rising = [item(n) for n in range(1, 40)]
        facts = self.facts(rising)
        self.assertIn("order=code", facts["row versions page"]["Query"]["left"])
        self.assertEqual(facts["row versions"]["Query"]["value"], ">")
        self.assertEqual(facts["paging"]["table"]["proven"], ["page"])
        # no stopped record: whether they would come cannot be seen, how they are asked for can
        self.assertFalse(facts["disabled records"]["Query"]["decidable"])
        self.assertTrue(facts["boolean filter"]["Query"]["decidable"])
        # without letters, case is not seen
        bare = [item(n, Code="%03d" % n, Name="螺栓%d" % n) for n in range(1, 40)]
        self.assertFalse(self.facts(bare)["case in text"]["Query"]["decidable"])
        # stopped records that no filter shows might not exist
        stopped = [item(n, Disabled=n % 3 == 0) for n in range(1, 40)]
        self.assertEqual(self.value("disabled records", records=stopped), "hidden")
        self.assertEqual(self.value("disabled records", records=stopped, bool_json="none", bool_text="none", bool_01="none"),
                         "no question tells")
        # one record has no order
        self.assertEqual(self.facts([item(1)])["paging"]["table"]["decidable"], False)

    def test_not_steady(self):
        self.tenant(100)
        self.fault("none", times=1)
        facts = self.mine("GET", "/decidable")["facts"]
        self.assertFalse(any(f["decidable"] for of in facts.values() for f in of.values()))

    def test_few_questions(self):
        few = [f for of in self.facts(more="&max_requests=5").values() for f in of.values() if f["decidable"]]
        self.assertLess(len(few), len([f for of in self.facts().values() for f in of.values() if f["decidable"]]))
