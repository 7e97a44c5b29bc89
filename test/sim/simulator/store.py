"""The records of one resource of one tenant, and what may change them."""

from datetime import datetime, timedelta, timezone

from .data import END_DATE, FIRST_TS, Rec, canonical

CHINA = timezone(timedelta(hours=8))


class MutationError(ValueError):
    pass


class Store:
    def __init__(self, fields, recs):
        self.fields = fields
        self.recs = list(recs)
        self.version = 0
        self.top = max((rec.ts for rec in self.recs), default=FIRST_TS)
        self.results = {}           # what the query module found, for this version
        self.served = {}            # ID -> None, in the order of serving
        self.served_ts = 0
        self.id_at = fields.index["ID"]
        self.code_at = fields.index["Code"]

    def touched(self):
        self.version += 1
        self.results = {}

    def next_ts(self):
        self.top += 3
        return self.top

    def note_served(self, recs):
        for rec in recs:
            self.served[rec.v[self.id_at]] = None
            self.served_ts = max(self.served_ts, rec.ts)

    # choosing a record

    def _match(self, i, value):
        if value is not None and str(self.fields.kinds[i]) in ("id", "int"):
            value = self.fields.typed(i, value)
        for at, rec in enumerate(self.recs):
            if rec.v[i] == value:
                return at
        raise MutationError("no record with %s %r" % (self.fields.names[i], value))

    def locate(self, order):
        if not self.recs:
            raise MutationError("there is no record")
        if "id" in order:
            return self._match(self.id_at, order["id"])
        if "code" in order:
            return self._match(self.code_at, order["code"])
        if "index" in order:
            if not -len(self.recs) <= order["index"] < len(self.recs):
                raise MutationError("no record %s" % order["index"])
            return order["index"] % len(self.recs)
        return self._pick(order)

    def _pick(self, order):
        pick = order.get("pick", "served_last")
        state, _, end = pick.partition("_")
        if state not in ("served", "unserved", "any") or end not in ("first", "last"):
            raise MutationError("pick must be (served|unserved|any)_(first|last)")
        where = order.get("where", {})
        wanted = {i: self.fields.typed(i, value) for name, value in where.items() for i in self.fields.find(name)}
        fits = [at for at, rec in enumerate(self.recs)
                if all(rec.v[i] == value for i, value in wanted.items())]
        if state == "served":
            rank = {key: n for n, key in enumerate(self.served)}
            fits = sorted((at for at in fits if self.recs[at].v[self.id_at] in rank),
                          key=lambda at: rank[self.recs[at].v[self.id_at]])
        else:
            if state == "unserved":
                fits = [at for at in fits if self.recs[at].v[self.id_at] not in self.served]
            fits.sort(key=lambda at: self.recs[at].ts)
        if not fits:
            raise MutationError("no record is %s" % pick)
        return fits[0 if end == "first" else -1]

    # changing it

    def mutate(self, order):
        """Does one change; returns the canonical record after it (before a delete)."""
        action = order.get("action")
        method = getattr(self, "_do_" + str(action), None)
        if method is None:
            raise MutationError("unknown action %r" % (action,))
        try:
            rec = method(order)
        except ValueError as e:
            raise MutationError(str(e)) from None
        self.touched()
        return canonical(self.fields, rec)

    def _replace(self, at, changes, order):
        old = self.recs[at]
        values, ts = self.fields.values(changes, old.v)
        values = list(values)
        values[self.fields.index["_updated"]] = order.get("updated") or datetime.now(CHINA).strftime("%Y-%m-%d %H:%M:%S")
        if ts is None:
            ts = old.ts if order.get("keep_ts") else self.next_ts()
        self.top = max(self.top, ts)
        self.recs[at] = Rec(tuple(values), ts)
        return self.recs[at]

    def _do_edit(self, order):
        return self._replace(self.locate(order), order.get("set") or {}, order)

    def _do_flip(self, order):
        at = self.locate(order)
        now = self.recs[at].v[self.fields.index["Disabled"]]
        return self._replace(at, {"Disabled": not now}, order)

    def _do_disable(self, order):
        return self._replace(self.locate(order), {"Disabled": True}, order)

    def _do_enable(self, order):
        return self._replace(self.locate(order), {"Disabled": False}, order)

    def _do_move(self, order):
        code = order.get("class", "09")
        return self._replace(self.locate(order), {
            "InventoryClass": {"Code": code, "Name": order.get("class_name", "分类" + str(code))}}, order)

    def _do_delete(self, order):
        at = self.locate(order)
        rec = self.recs.pop(at)
        self.served.pop(rec.v[self.id_at], None)
        return rec

    def _do_insert(self, order):
        return self.insert(order.get("record") or order.get("set") or {}, None)

    def _do_late(self, order):
        """A record whose transaction took its version early and commits now."""
        ts = order.get("ts")
        if ts is not None:
            ts = int(ts, 16) if isinstance(ts, str) else ts
        else:
            taken = {rec.ts for rec in self.recs}
            ts = (self.served_ts or self.top) - 1
            while ts in taken:
                ts -= 1
        return self.insert(order.get("record") or order.get("set") or {}, ts)

    def insert(self, given, ts):
        fields = self.fields
        values, own = fields.values(given)
        values = list(values)
        ids = [rec.v[self.id_at] for rec in self.recs if isinstance(rec.v[self.id_at], int)]
        said = {i for name in given for i in (fields.find(name) or [])}
        if self.id_at not in said:
            values[self.id_at] = max(ids, default=0) + 1
        if self.code_at not in said:
            values[self.code_at] = "NEW%s" % values[self.id_at]
        fill = {"Name": "新增存货", "Disabled": False, "MadeRecordDate": END_DATE, "_made_time": "00:00:00",
                "_updated": datetime.now(CHINA).strftime("%Y-%m-%d %H:%M:%S")}
        for name, value in fill.items():
            i = fields.index.get(name)
            if i is not None and i not in said and values[i] is None:
                values[i] = value
        if ts is None:
            ts = own
        if ts is None:
            ts = self.next_ts()
        self.top = max(self.top, ts)
        rec = Rec(tuple(values), ts)
        self.recs.append(rec)
        return rec


def explicit(fields, records):
    """A store with exactly the given records."""
    store = Store(fields, [])
    for given in records:
        store.insert(given, None)
    store.touched()
    return store
