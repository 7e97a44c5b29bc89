"""From records to bytes, as the switches say; rendered rows are cached by uid."""

import json
from collections import OrderedDict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")


def _utc(text):
    """The moment at which the clocks of China show this; .NET has no earlier one than the first of its calendar."""
    at = datetime.fromisoformat(text)
    return at if at == datetime.min else at.replace(tzinfo=CHINA).astimezone(timezone.utc).replace(tzinfo=None)


def _slash(text):
    at = datetime.fromisoformat(text)
    return "%d/%d/%d %d:%02d:%02d" % (at.year, at.month, at.day, at.hour, at.minute, at.second)


# A time of the clocks of China, as servers write it.
MOMENTS = {
    "date": lambda v: v[:10],
    "datetime": lambda v: v,
    "t": lambda v: v.replace(" ", "T"),
    "slash": _slash,
    "ticks": lambda v: "/Date(%d)/" % ((_utc(v) - datetime(1970, 1, 1)) // timedelta(milliseconds=1)),
    "offset": lambda v: v.replace(" ", "T") + ".0000000+08:00",
    "utc": lambda v: _utc(v).isoformat() + "Z",
    "cst": lambda v: v + " CST",
}

WIRE_SWITCHES = ("refs", "bools", "numbers", "ids", "ts_key", "ts_form", "nulls", "dates", "no_date", "tax_rate", "made_time",
                 "custom_fields", "escape", "spacing", "drop_when", "unknown_select")

BOOLS = {"TrueFalse": ('"False"', '"True"'), "truefalse": ('"false"', '"true"'), "json": ("false", "true"),
         "01": ('"0"', '"1"'), "int": ("0", "1"), "cn": ("否", "是")}

# Rows of all tenants together; old renderings go when this many bytes are held
CACHE_BYTES = 400 << 20


def fixed6(text):
    """At least six digits after the point, none of those there lost."""
    number = Decimal(text)
    text = format(number, "f")
    whole, _, fraction = text.partition(".")
    return "%s.%s" % (whole, fraction.ljust(6, "0"))


class Renderer:
    """One selection of fields in one wire form."""

    def __init__(self, fields, select, unknown, drop, sw, positional):
        self.fields, self.sw = fields, sw
        self.quote = encode_basestring_ascii if sw["escape"] == "ascii" else encode_basestring
        spaced = sw["spacing"] != "compact"
        self.colon, self.comma = (": ", ", ") if spaced else (":", ",")
        self.null = {"null": "null", "empty": '""', "absent": None}[sw["nulls"]]
        self.cache, self.bytes = {}, 0
        self.names = []
        if positional:
            self.plan = [("", i, self._encoder(i)) for i in select if i not in drop]
            self.names = [self._key(i) for i in select if i not in drop]
        else:
            self.plan = self._object_plan(select, drop)
            if unknown and sw["unknown_select"] == "null":
                self.plan += [(self.quote(name) + self.colon, None, lambda v: "null") for name in unknown]
        self.positional = positional

    def _key(self, i):
        fields = self.fields
        if fields.kinds[i] == "ts":
            return self.sw["ts_key"]
        return fields.flat[i] if self.sw["refs"] == "flat" else fields.names[i]

    def _object_plan(self, select, drop):
        fields, sw, plan = self.fields, self.sw, []
        always = drop if sw["drop_when"] == "always" else ()
        dynamic, groups = [], {}
        for i in select:
            if i in always:
                continue
            if i in fields.custom and sw["custom_fields"] == "dynamic":
                dynamic.append((i, self._encoder(i)))
                continue
            encode = self._encoder(i)
            if i in drop:
                encode = lambda v, inner=encode: None if v is None else inner(v)
            group, dot, part = fields.names[i].partition(".")
            if not (dot and sw["refs"] == "nested"):
                plan.append((self.quote(self._key(i)) + self.colon, i, encode))
            elif group in groups:
                groups[group].append((part, i, encode))
            else:
                groups[group] = [(part, i, encode)]
                plan.append((self.quote(group) + self.colon, groups[group], None))
        if dynamic:
            plan.append(("", dynamic, self._dynamic))
        return plan

    def _encoder(self, i):
        kind, sw, quote, null = self.fields.kinds[i], self.sw, self.quote, self.null
        if kind == "ts":
            digits = '"%016X"' if sw["ts_form"] == "upper" else '"%016x"'
            return lambda v: digits % v
        if kind == "bool":
            no, yes = BOOLS[sw["bools"]]
            if sw["bools"] == "cn":
                no, yes = quote(no), quote(yes)
            return lambda v: null if v is None else yes if v else no
        if kind in ("id", "int"):
            as_text = sw["ids"] == "text" if kind == "id" else sw["numbers"] in ("text", "text6")
            return lambda v: null if v is None else quote(str(v)) if as_text or isinstance(v, str) else str(v)
        if kind == "dec":
            return self._decimal(self.fields.names[i])
        if kind in ("date", "datetime"):
            return self._date(kind, self.fields.names[i])
        if kind == "json":
            ascii_only = sw["escape"] == "ascii"
            return lambda v: null if v is None else json.dumps(v, ensure_ascii=ascii_only)
        return lambda v: null if v is None else quote(v)

    def _decimal(self, name):
        form, null, quote = self.sw["numbers"], self.null, self.quote
        write = {"text6": lambda v: '"%s"' % fixed6(v), "text": lambda v: '"%s"' % v,
                 "json": lambda v: v, "json6": fixed6, "exp": lambda v: "%E" % Decimal(v)}[form]
        if form == "exp":
            write = lambda v: format(Decimal(v), "E")
        if name == "TaxRate" and self.sw["tax_rate"] == "enum":
            return lambda v: null if v is None else '{"Code":%s,"Name":%s}' % (quote(v), quote(v + "%"))
        return lambda v: null if v is None else write(v)

    def _date(self, kind, name):
        form = self.sw["dates"]
        none = self.null if self.sw["no_date"] == "null" else '"%s"' % MOMENTS[form]("0001-01-01 00:00:00")
        if kind == "datetime":
            write = MOMENTS["datetime" if form == "date" else form]
            return lambda v: none if v is None else '"%s"' % write(v)
        if form == "date":
            return lambda v: none if v is None else '"%s"' % v
        write = MOMENTS[form]
        if name == "MadeRecordDate" and self.sw["made_time"]:
            return lambda v: none if v is None else '"%s"' % write("%s %s" % (v[0], v[1] or "00:00:00"))
        return lambda v: none if v is None else '"%s 00:00:00"' % v if form == "datetime" else '"%s"' % write(v + " 00:00:00")

    def _dynamic(self, pairs, values, raw):
        keys, texts = [], []
        for i, encode in pairs:
            text = raw.get(i) or encode(values[i])
            if text is not None:
                keys.append(self.quote(self.fields.names[i]))
                texts.append(text)
        return '"DynamicPropertyKeys"%s[%s]%s"DynamicPropertyValues"%s[%s]' % (
            self.colon, self.comma.join(keys), self.comma, self.colon, self.comma.join(texts))

    def text(self, rec, raw=None, twice=None):
        """One row; raw replaces the JSON of a field, twice repeats its key."""
        raw, twice = raw or {}, twice or {}
        values, parts = self._values(rec), []
        for key, i, encode in self.plan:
            if i is None:
                text = encode(None)
            elif encode is None:
                text = self._nested(i, values, raw)
            elif isinstance(i, list):
                text = encode(i, values, raw)
            else:
                text = raw.get(i) or encode(values[i])
            if text is None:
                if self.positional:
                    text = "null"
                else:
                    continue
            parts.append(key + text)
            if not isinstance(i, list) and i in twice:
                parts.append(key + (twice[i] or text))
        return ("[%s]" if self.positional else "{%s}") % self.comma.join(parts)

    def _values(self, rec):
        fields = self.fields
        values = rec.v
        at = fields.index.get("Ts")
        made = fields.index.get("MadeRecordDate") if self.sw["made_time"] and self.sw["dates"] != "date" else None
        values = list(values)
        values[at] = rec.ts
        if made is not None and values[made] is not None:
            values[made] = (values[made], values[fields.index["_made_time"]])
        return values

    def _nested(self, group, values, raw):
        if all(values[i] is None and i not in raw for _, i, _ in group) and self.null in ("null", None):
            return self.null
        parts = []
        for part, i, encode in group:
            text = raw.get(i) or encode(values[i])
            if text is not None:
                parts.append(self.quote(part) + self.colon + text)
        return "{%s}" % self.comma.join(parts)

    def row(self, rec):
        done = self.cache.get(rec.uid)
        if done is None:
            done = self.text(rec).encode()
            self.cache[rec.uid] = done
            self.bytes += len(done) + 150
        return done

    def odd_row(self, rec, raw, twice):
        """A row with foreign bytes in it; never cached."""
        loosen = lambda given: {i: b.decode("utf-8", "surrogateescape") for i, b in given.items()}
        return self.text(rec, loosen(raw), loosen(twice)).encode("utf-8", "surrogateescape")


_renderers = OrderedDict()


def renderer(fields, select, unknown, sw, positional):
    """select: indexes; unknown: names that nobody knows, shown with null."""
    drop = frozenset(i for name in sw["drop_fields"] for i in fields.find(name))
    if sw["unknown_select"] != "null":
        unknown = ()
    key = (fields.resource, tuple(select), tuple(unknown), drop, positional, tuple(sw[name] for name in WIRE_SWITCHES))
    found = _renderers.get(key)
    if found is None:
        _trim()
        found = _renderers[key] = Renderer(fields, select, unknown, drop, dict(sw), positional)
    else:
        _renderers.move_to_end(key)
    return found


def _trim():
    while len(_renderers) > 1 and (len(_renderers) > 200 or sum(r.bytes for r in list(_renderers.values())) > CACHE_BYTES):
        _renderers.popitem(last=False)


# Envelopes

def envelope(sw, rows, total, names, last_page):
    """The body of a list reply: `rows` are rendered, `total` is the true count."""
    shape = sw["shape"]
    if not rows and sw["empty_reply"] != "auto":
        return {"array": b"[]", "object": b'{"Data":[]}', "null": b"null", "string": b'""',
                "nothing": b""}[sw["empty_reply"]]
    newline = b"\n" if sw["spacing"] == "lines" else b""
    glue = {"compact": b",", "spaced": b", ", "lines": b",\n"}[sw["spacing"]]
    array = b"[" + newline + glue.join(rows) + newline + b"]"
    if shape == "array":
        return array
    if shape == "result_text":
        array = encode_basestring(array.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    tail = sw["tail_error"] == "all" or sw["tail_error"] == "last" and last_page
    return _object(sw, shape, array, _total(sw, total, len(rows)), names, tail)


def _total(sw, total, rows):
    form, by = sw["total_count"], sw["total_count_by"]
    return {"exact": b"%d" % total, "absent": None, "low": b"%d" % max(0, total - by), "high": b"%d" % (total + by),
            "zero": b"0", "text": b'"%d"' % total, "page": b"%d" % rows, "null": b"null"}[form]


def _object(sw, shape, array, total, names, tail):
    members = []
    if sw["envelope_code"]:
        members.append(b'"code":' + encode_basestring(sw["envelope_code"]).encode())
        members.append(b'"message":"ok"')
    count = [] if total is None else [b'"TotalCount":' + total]
    if shape in ("Data", "data", "value"):
        rows = [b'"%s":%s' % (shape.encode(), array)]
    elif shape in ("result", "result_text"):
        rows = [b'"result":' + array]
    elif shape == "DataSource.Rows":
        rows = [b'"DataSource":{"Rows":' + array + b"}"]
    else:
        inner = count + [b'"Columns":' + json.dumps(names, ensure_ascii=False).encode(), b'"Rows":' + array]
        if sw["total_count_at"] == "last":
            inner = inner[len(count):] + count
        rows, count = [b'"data":{' + b",".join(inner) + b"}"], []
    members += rows + count if sw["total_count_at"] == "last" else count + rows
    if tail:
        members += [b'"code":"EXERROR0001"', '"message":"网络异常"'.encode()]
    return b"{" + b",".join(members) + b"}"
