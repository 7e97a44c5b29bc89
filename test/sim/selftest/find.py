"""Filters, order and paging."""

from datetime import date, timedelta

from .base import Q, QP, Sim

ALL = {"disabled_default": "all"}
DAY = "2024-01-10"


def day(text, n):
    return (date.fromisoformat(text) + timedelta(days=n)).isoformat()


class Filters(Sim):
    def test_hidden_disabled(self):
        self.tenant(100)
        self.same_ids(self.ids(), self.truth(Disabled=False))
        self.same_ids(self.ids(Disabled=True), self.truth(Disabled=True))
        self.assertTrue(self.truth(Disabled=True))
        self.switch(disabled_default="all")
        self.same_ids(self.ids(), self.truth())

    def test_bool_encodings(self):
        forms = {"bool_json": True, "bool_text": "True", "bool_01": "1", "bool_int": 1}
        for name, value in forms.items():
            self.tenant(60, ALL)
            self.same_ids(self.ids(Disabled=value), self.truth(Disabled=True))
            self.switch(**{name: "ignored"})
            self.same_ids(self.ids(Disabled=value), self.truth())
            self.switch(**{name: "none"})
            self.same_ids(self.ids(Disabled=value), [])
            self.switch(**{name: "error"})
            self.refused(999, "EXSV0001", Disabled=value)
        self.assertEqual(self.ids(Disabled="是"), [])

    def made(self, want, n=0, **switches):
        records = [{"ID": i, "MadeRecordDate": day(DAY, i - 5), "_made_time": "%02d:30:00" % (i * 2)} for i in range(11)]
        self.tenant(records, {**ALL, **switches})
        self.assertEqual(sorted(self.ids(MadeRecordDate=day(DAY, n))), want)

    def test_made_compare(self):
        self.made([5], made_compare="eq")
        self.made([5, 6, 7, 8, 9, 10], made_compare="ge")
        self.made([6, 7, 8, 9, 10], made_compare="gt")
        self.made([0, 1, 2, 3, 4, 5], made_compare="le")
        self.made([0, 1, 2, 3, 4], made_compare="lt")
        self.made(list(range(11)), made_compare="ignored")
        self.switch(made_compare="error")
        self.refused(999, "EXSV0001", MadeRecordDate=DAY)

    def test_made_against_a_time(self):
        self.made([], made_compare="eq", made_time=True)
        self.made([5, 6, 7, 8, 9, 10], made_compare="ge", made_time=True)
        self.made([5, 6, 7, 8, 9, 10], made_compare="gt", made_time=True)
        self.made([0, 1, 2, 3, 4], made_compare="le", made_time=True)

    def test_made_by_utc_day(self):
        # midnight in China is the day before in UTC
        self.made([6], made_compare="eq", made_zone="utc")
        self.made([6, 7, 8, 9, 10], made_compare="ge", made_zone="utc")
        # 10:30 in China is the same day in UTC, 02:30 is not
        self.made([5, 6, 7, 8, 9, 10], made_compare="ge", made_zone="utc", made_time=True)
        self.made([2, 3, 4, 5, 6, 7, 8, 9, 10], -4, made_compare="ge", made_zone="utc", made_time=True)

    def test_made_with_time_in_the_parameter(self):
        self.tenant([{"ID": 1, "MadeRecordDate": DAY}], ALL)
        self.assertEqual(self.ids(MadeRecordDate=DAY + " 00:00:00"), [1])
        self.assertEqual(self.ids(MadeRecordDate=DAY + " 00:00:01"), [])
        self.refused(999, "EXSV0001", MadeRecordDate="soon")

    def text(self, value, **switches):
        names = ["Bolt", "bolt", "BOLT ", "Ｂolt", "Bo%t", "Bo_t", "Bo[l]t", "Bolts", " Bolt"]
        self.tenant([{"ID": i, "Name": name} for i, name in enumerate(names)], {**ALL, **switches})
        return sorted(self.ids(Name=value))

    def test_text(self):
        self.assertEqual(self.text("bolt"), [0, 1, 2, 3])
        self.assertEqual(self.text("bolt  "), [0, 1, 2, 3])
        self.assertEqual(self.text("Bolt", text_match="exact"), [0])
        self.assertEqual(self.text("BOLT", text_match="cs"), [2])
        self.assertEqual(self.text("%bolt%"), [0, 1, 2, 3, 7, 8])
        self.assertEqual(self.text("Bo%", text_match="exact"), [0, 4, 5, 6, 7])
        self.assertEqual(self.text("Bo%t", like_percent=False), [4])

    def test_wildcards(self):
        self.assertEqual(self.text("Bo_t"), [5])
        self.assertEqual(self.text("Bo_t", like_wildcards="always"), [0, 1, 3, 4, 5])
        self.assertEqual(self.text("Bo_t%"), [0, 1, 2, 3, 4, 5, 7])
        self.assertEqual(self.text("Bo_t%", like_wildcards="off"), [5])
        self.assertEqual(self.text("Bo[l]t"), [6])
        self.assertEqual(self.text("Bo[l]t", like_wildcards="always"), [0, 1, 3])
        self.assertEqual(self.text("Bo[^l]t", like_wildcards="always"), [4, 5])
        self.assertEqual(self.text("Bo[k-m]t", like_wildcards="always"), [0, 1, 3])
        self.assertEqual(self.text("%[%", like_wildcards="off"), [6])

    def test_empty_filter(self):
        self.tenant([{"ID": 1, "Specification": ""}, {"ID": 2, "Specification": "M8"}], ALL)
        self.assertEqual(sorted(self.ids(Specification="")), [1, 2])
        self.switch(empty_filter="match")
        self.assertEqual(self.ids(Specification=""), [1])
        self.assertEqual(sorted(self.ids(Specification=None)), [1, 2])

    def test_references_and_numbers(self):
        self.tenant(200, ALL)
        self.same_ids(self.ids(InventoryClass={"Code": "02"}), self.truth(InventoryClassCode="02"))
        record = self.truth()[3]
        self.assertEqual(self.ids(ID=record["ID"]), [record["ID"]])
        self.assertEqual(self.ids(ID=str(record["ID"])), [record["ID"]])
        self.assertEqual(self.ids(ID="x"), [])
        self.assertTrue(self.ids(TaxRate=13))
        self.refused(999, "EXSV0001", Code=["a"])

    def test_update_dates(self):
        self.tenant(40, ALL)
        self.assertEqual(len(self.ids(UpdateDateBegin="2030-01-01 00:00:00")), 40)
        self.switch(update_dates="honoured")
        self.assertEqual(self.ids(UpdateDateBegin="2030-01-01 00:00:00"), [])
        self.mutate("edit", index=2, set={"Name": "new"}, updated="2031-02-03 04:05:06")
        self.assertEqual(len(self.ids(UpdateDateBegin="2031-02-03 04:05:06", UpdateDateEnd="2031-02-03 04:05:06")), 1)

    def test_params(self):
        self.tenant(10, {**ALL, "param_case": "exact"})
        self.assertEqual(len(self.query(pageSize=3)), 10)
        self.assertEqual(self.call(Q, {"Param": {}}).status, 999)
        self.switch(param_case="insensitive")
        self.assertEqual(len(self.query(pagesize=3)), 3)
        self.assertEqual(self.call(Q, {"Param": {}}).status, 200)
        code = self.truth()[0]["Code"]
        self.switch(ignored_params=["Code"])
        self.assertEqual(len(self.query(Code=code)), 10)
        self.assertEqual(len(self.query(Colour="red")), 10)
        self.switch(ignored_params=[], barren_params=["Code", "InventoryClass.Code"])
        self.assertEqual(self.query(Code=code), [])
        self.assertEqual(self.query(InventoryClass={"Code": self.truth()[0]["InventoryClassCode"]}), [])
        self.assertEqual(len(self.query(ID=self.truth()[0]["ID"])), 1)
        for form, found in (("any", (1, 1)), ("string", (1, 0)), ("number", (0, 1))):
            self.switch(id_filter=form)
            number = int(self.truth()[0]["ID"])
            self.assertEqual((len(self.query(ID=str(number))), len(self.query(ID=number))), found)
        self.switch(unknown_param="error", barren_params=[], id_filter="any")
        self.refused(999, "EXSV0001", Colour="red")

    def test_bodies(self):
        self.tenant(5)
        for body, code in (({"param": None}, "EXERROR0001"), ({"dto": {}}, "EXSV0001"), ({}, "EXSV0001"),
                           ({"param": []}, "EXSV0001")):
            reply = self.call(Q, body)
            self.assertEqual((reply.status, reply.json["code"]), (999, code))
        loose = b"{param:{PageSize:2,Code:'%'}}"
        self.assertEqual(self.call(Q, loose).status, 400)
        self.switch(relaxed_json=True)
        self.assertEqual(len(self.call(Q, loose).json), 2)


class Cursor(Sim):
    def walk(self, size):
        got, ts = [], "0000000000000000"
        for _ in range(100):
            rows = self.query(PageSize=size, Ts=ts, SelectFields="ID,Ts")
            if not rows:
                return got
            got += [int(row["ID"]) for row in rows]
            ts = rows[-1]["Ts"]
        self.fail("no end")

    def test_cursor_reads_all(self):
        self.tenant(95, ALL)
        got = self.walk(10)
        self.same_ids(got, self.truth())
        self.assertEqual(got, [r["ID"] for r in self.truth()])
        self.assertNotEqual(got, sorted(got))

    def test_ts_compare(self):
        self.tenant(20, ALL)
        ts = self.truth()[7]["Ts"]
        for rule, count in (("gt", 12), ("ge", 13), ("eq", 1), ("ignored", 20)):
            self.switch(ts_compare=rule)
            self.switch(order="ts")
            self.assertEqual(len(self.ids(Ts=ts)), count, rule)
            self.switch(order="code")
            self.assertEqual(len(self.ids(Ts=ts.upper())), count, rule)
        self.switch(ts_compare="error")
        self.refused(999, "EXSV0001", Ts=ts)
        self.switch(ts_compare="gt")
        self.refused(999, "EXSV0001", Ts="yesterday")

    def test_order(self):
        self.tenant(80, ALL)
        truth = self.truth()
        by_ts = [r["ID"] for r in truth]
        self.assertEqual(self.ids(), by_ts)
        self.switch(order="ts_desc")
        self.assertEqual(self.ids(), by_ts[::-1])
        self.switch(order="id")
        self.assertEqual(self.ids(), sorted(by_ts))
        self.switch(order="code")
        first = self.ids()
        self.assertNotIn(first, (by_ts, sorted(by_ts)))
        self.switch(order="random")
        shuffled = self.ids()
        self.assertEqual(self.ids(), shuffled)
        self.assertNotIn(shuffled, (by_ts, first))
        self.switch(order="unstable")
        self.assertNotEqual(self.ids(), self.ids())
        self.same_ids(self.ids(), truth)


class Pages(Sim):
    def walk(self, size, path=QP, first=1, pages=60):
        got = []
        for number in range(first, first + pages):
            page = self.ids(path, PageSize=size, PageIndex=number)
            if not page:
                break
            got.append(page)
        return got

    def flat(self, pages):
        return [i for page in pages for i in page]

    def test_query_page(self):
        self.tenant(55, ALL)
        pages = self.walk(10)
        self.assertEqual([len(page) for page in pages], [10] * 5 + [5])
        self.same_ids(self.flat(pages), self.truth())

    def test_page_index(self):
        self.tenant(30, ALL)
        self.assertEqual(self.ids(PageSize=5, PageIndex=1), self.ids(PageSize=5, PageIndex=3))
        self.switch(page_index="honoured")
        self.same_ids(self.flat(self.walk(7, Q)), self.truth())
        self.switch(page_index="error")
        self.refused(999, "EXSV0001", PageIndex=2)
        self.switch(page_index="honoured")
        self.refused(999, "EXSV0001", PageIndex="two")

    def test_page_base(self):
        self.tenant(30, {**ALL, "page_base": 0})
        self.same_ids(self.flat(self.walk(7, QP, 0)), self.truth())

    def test_past_end(self):
        self.tenant(25, {**ALL, "past_end": "last"})
        self.assertEqual(self.ids(QP, PageSize=10, PageIndex=9), self.ids(QP, PageSize=10, PageIndex=3))
        self.switch(past_end="first")
        self.assertEqual(self.ids(QP, PageSize=10, PageIndex=9), self.ids(QP, PageSize=10, PageIndex=1))
        self.switch(past_end="error")
        self.assertEqual(len(self.ids(QP, PageSize=10, PageIndex=3)), 5)
        self.refused(999, "EXSV0001", QP, PageSize=10, PageIndex=4)

    def test_sizes(self):
        self.tenant(1500, {**ALL})
        self.assertEqual(len(self.ids()), 1500)
        self.assertEqual(len(self.ids(PageSize=5000)), 1000)
        self.assertEqual(len(self.ids(PageSize="500")), 500)
        self.assertEqual(len(self.ids(QP)), 20)
        self.switch(default_page_size=33)
        self.assertEqual(len(self.ids()), 33)
        self.switch(page_size="ignored")
        self.assertEqual(len(self.ids(PageSize=500)), 33)
        self.refused_size()

    def refused_size(self):
        self.switch(page_size="honoured", over_cap="error")
        self.refused(999, "EXSV0001", PageSize=1001)
        self.refused(999, "EXSV0001", PageSize="many")

    def test_caps(self):
        self.tenant(60, {**ALL, "max_rows": 7, "QueryPage.max_rows": 9})
        self.assertEqual(len(self.ids(PageSize=50)), 7)
        pages = self.walk(50)
        self.assertEqual(len(pages[0]), 9)
        self.same_ids(self.flat(pages), self.truth())
        self.switch(offset_from="asked")
        pages = self.walk(50)
        self.assertEqual([len(page) for page in pages], [9, 9])

    def test_byte_cap(self):
        self.tenant(60, {**ALL, "max_bytes": 200})
        pages = self.walk(50)
        self.assertGreater(len({len(page) for page in pages}), 1)
        self.same_ids(self.flat(pages), self.truth())
        reply = self.call(QP, {"param": {"SelectFields": "ID", "PageSize": 50}})
        self.assertLessEqual(len(reply.body), 200 + len('{"TotalCount":60,"Data":[]}'))
        self.switch(max_bytes=1)
        self.assertEqual(len(self.ids(PageSize=50)), 1)
        self.switch(max_bytes=200, offset_from="asked")
        self.assertLess(len(self.flat(self.walk(50))), 60)
