"""What a list operation finds: filters, order and the cut of a page."""

import functools
import json
import random
import re
import unicodedata
from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

PAGING = {"pagesize": "PageSize", "pageindex": "PageIndex", "selectfields": "SelectFields", "ts": "Ts",
          "updatedatebegin": "UpdateDateBegin", "updatedateend": "UpdateDateEnd"}


CLOCK = "%Y-%m-%d %H:%M:%S"


class Refused(Exception):
    """T+ refuses the parameters: status, code and message of the reply."""

    def __init__(self, message, status=999, code="EXSV0001"):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


# Text

@functools.lru_cache(maxsize=200000)
def fold(text):
    """What a Chinese case- and width-insensitive collation compares."""
    narrow = []
    for c in text:
        point = ord(c)
        if 0xFF01 <= point <= 0xFF5E:
            c = chr(point - 0xFEE0)
        elif point == 0x3000:
            c = " "
        narrow.append(c)
    return unicodedata.normalize("NFC", "".join(narrow)).upper().rstrip(" ")


def like_pattern(pattern, wild):
    """SQL Server's LIKE as a regular expression; wild: _ and [ mean more than themselves."""
    out, at = [], 0
    while at < len(pattern):
        c = pattern[at]
        at += 1
        if c == "%":
            out.append(".*")
        elif c == "_" and wild:
            out.append(".")
        elif c == "[" and wild:
            end = pattern.find("]", at)
            if end < 0:
                return None
            inner, at = pattern[at:end], end + 1
            negated = inner.startswith("^")
            inner = inner[1:] if negated else inner
            if not inner:
                return None
            body = re.sub(r"([\\\[\]^])", r"\\\1", inner)
            out.append("[%s%s]" % ("^" if negated else "", body))
        else:
            out.append(re.escape(c))
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error:
        return None


def text_test(value, sw):
    if not isinstance(value, str):
        value = str(value)
    percent = "%" in value and sw["like_percent"]
    odd = "_" in value or "[" in value
    wild = sw["like_wildcards"] == "always" or sw["like_wildcards"] == "with_percent" and percent
    ci = sw["text_match"] == "ci"
    if percent or odd and sw["like_wildcards"] == "always":
        pattern = like_pattern(fold(value) + " " * (len(value) - len(value.rstrip(" "))) if ci else value, wild)
        if pattern is None:
            return lambda v: False
        if ci:
            return lambda v: v is not None and pattern.fullmatch(_fold_keep(v)) is not None
        return lambda v: v is not None and pattern.fullmatch(v) is not None
    if ci:
        wanted = fold(value)
        return lambda v: v is not None and fold(v) == wanted
    if sw["text_match"] == "cs":
        wanted = value.rstrip(" ")
        return lambda v: v is not None and v.rstrip(" ") == wanted
    return lambda v: v == value


def _fold_keep(text):
    # LIKE keeps trailing blanks, equality does not
    return fold(text) + " " * (len(text) - len(text.rstrip(" ")))


# Other types

def bool_test(value, sw):
    if isinstance(value, bool):
        form, wanted = "bool_json", value
    elif isinstance(value, int):
        form, wanted = "bool_int", {0: False, 1: True}.get(value)
    elif isinstance(value, str) and value.lower() in ("true", "false"):
        form, wanted = "bool_text", value.lower() == "true"
    elif value in ("0", "1"):
        form, wanted = "bool_01", value == "1"
    else:
        return lambda v: False
    rule = sw[form]
    if rule == "error":
        raise Refused("布尔参数格式错误")
    if rule == "ignored":
        return None
    if rule == "none" or wanted is None:
        return lambda v: False
    return lambda v: v is wanted


def number_test(value):
    try:
        wanted = Decimal(str(value))
    except InvalidOperation:
        return lambda v: False
    return lambda v: v is not None and not (isinstance(v, str) and not _numeric(v)) and Decimal(v) == wanted


def _numeric(text):
    try:
        Decimal(text)
        return True
    except InvalidOperation:
        return False


def moment(text):
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d"):
        try:
            return datetime.strptime(str(text), form)
        except ValueError:
            pass
    raise Refused("日期格式不正确: %s" % text)


COMPARE = {"eq": lambda a, b: a == b, "ge": lambda a, b: a >= b, "gt": lambda a, b: a > b,
           "le": lambda a, b: a <= b, "lt": lambda a, b: a < b}


def made_test(value, sw, fields):
    """A test of a whole record: the time of day may take part."""
    rule = sw["made_compare"]
    if rule == "error":
        raise Refused("不支持按建档日期查询")
    if rule == "ignored":
        return None
    wanted, compare = moment(value).strftime(CLOCK), COMPARE[rule]
    at, tod = fields.index["MadeRecordDate"], fields.index["_made_time"]
    utc, timed = sw["made_zone"] == "utc", sw["made_time"]

    def test(rec):
        if rec.v[at] is None:
            return False
        when = rec.v[at][:10] + " " + ((rec.v[tod] or "00:00:00") if timed else "00:00:00")
        if utc:
            # what a server in UTC sees of a time in China
            when = (datetime.fromisoformat(when) - timedelta(hours=8)).strftime(CLOCK)
            if not timed:
                when = when[:10] + " 00:00:00"
        return compare(when, wanted)
    return test


def takes_id(value, sw):
    return sw["id_filter"] == "any" or (sw["id_filter"] == "string") == isinstance(value, str)


def field_test(fields, i, value, sw):
    kind = fields.kinds[i]
    if fields.names[i].lower() in (name.lower() for name in sw["barren_params"]):
        return lambda rec: False
    if isinstance(value, (list, dict)):
        raise Refused("参数 %s 的值类型不正确" % fields.names[i])
    if value == "" and sw["empty_filter"] == "ignored":
        return None
    if fields.names[i] == "MadeRecordDate":
        return made_test(value, sw, fields)
    if kind == "bool":
        test = bool_test(value, sw)
    elif kind in ("id", "int", "dec"):
        test = number_test(value) if kind != "id" or takes_id(value, sw) else lambda v: False
    elif kind in ("date", "datetime"):
        wanted = moment(value).strftime(CLOCK)
        test = lambda v: v is not None and (v + " 00:00:00")[:19] == wanted
    else:
        test = text_test(value, sw)
    return test and (lambda rec: test(rec.v[i]))


# Parameters

class Wanted:
    """The parameters of a request, sorted into filters and paging."""

    def __init__(self, fields, param, sw):
        self.fields, self.sw = fields, sw
        self.filters, self.paging = [], {}
        exact = sw["param_case"] == "exact"
        ignored = {name.lower() for name in sw["ignored_params"]}
        for name, value in param.items():
            if name.lower() in ignored or value is None:
                continue
            known = PAGING.get(name.lower())
            if known and (name == known or not exact):
                self.paging[known] = value
            elif known:
                self._unknown(name)
            else:
                self._filter(name, value, exact)

    def _unknown(self, name):
        if self.sw["unknown_param"] == "error":
            raise Refused("未知的参数: %s" % name)

    def _filter(self, name, value, exact):
        fields = self.fields
        group = fields.group(name, exact)
        if group and isinstance(value, dict):
            parts = dict(group) if exact else {part.lower(): i for part, i in group}
            for part, inner in value.items():
                i = parts.get(part if exact else part.lower())
                if i is None:
                    self._unknown(name + "." + part)
                elif inner is not None:
                    self.filters.append((i, inner))
            return
        if "." not in name and fields.find(name, exact) and not group:
            i = fields.find(name, exact)[0]
            if "." not in fields.names[i]:
                self.filters.append((i, value))
                return
        self._unknown(name)

    def key(self):
        dates = [self.paging.get("UpdateDateBegin"), self.paging.get("UpdateDateEnd")]
        return json.dumps([self.filters, dates], default=str)

    def tests(self):
        fields, sw = self.fields, self.sw
        tests, says_disabled = [], False
        for i, value in self.filters:
            test = field_test(fields, i, value, sw)
            if test is not None:
                tests.append(test)
                says_disabled = says_disabled or fields.names[i] == "Disabled"
        disabled = fields.index.get("Disabled")
        if not says_disabled and sw["disabled_default"] == "enabled" and disabled is not None:
            tests.append(lambda rec: not rec.v[disabled])
        if sw["update_dates"] == "honoured":
            at = fields.index["_updated"]
            for name, compare in (("UpdateDateBegin", "ge"), ("UpdateDateEnd", "le")):
                if self.paging.get(name) not in (None, ""):
                    tests.append(self._updated(at, COMPARE[compare], moment(self.paging[name])))
        return tests

    @staticmethod
    def _updated(at, compare, bound):
        return lambda rec: rec.v[at] is not None and compare(moment(rec.v[at]), bound)

    def number(self, name, default):
        value = self.paging.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise Refused("%s 不是整数" % name) from None


# Results

def ordered(recs, fields, order, salt):
    code, key = fields.index["Code"], fields.index["ID"]
    if order == "ts":
        return sorted(recs, key=lambda rec: rec.ts)
    if order == "ts_desc":
        return sorted(recs, key=lambda rec: -rec.ts)
    if order == "code":
        return sorted(recs, key=lambda rec: (fold(rec.v[code] or ""), str(rec.v[key])))
    if order == "id":
        return sorted(recs, key=lambda rec: (isinstance(rec.v[key], str), rec.v[key] or 0))
    recs = sorted(recs, key=lambda rec: rec.ts)
    random.Random("order/%s" % salt).shuffle(recs)
    return recs


def _all(store, wanted, serial):
    """The records that pass the filters, in order; kept until something changes."""
    sw = wanted.sw
    key = (id(sw), sw["order"], wanted.key())
    found = store.results.get(key)
    if found is None or found[0] is not sw:
        tests = wanted.tests()
        recs = [rec for rec in store.recs if all(test(rec) for test in tests)] if tests else store.recs
        recs = ordered(recs, store.fields, sw["order"], len(store.recs))
        if len(store.results) > 200:
            store.results.clear()
        found = store.results[key] = (sw, recs, [rec.ts for rec in recs] if sw["order"] == "ts" else None)
    if sw["order"] == "unstable":
        return ordered(found[1], store.fields, "unstable", serial), None
    return found[1], found[2]


def _after(recs, stamps, wanted):
    """Start and list after the Ts parameter."""
    ts, rule = wanted.paging.get("Ts"), wanted.sw["ts_compare"]
    if ts is None or ts == "" or rule == "ignored":
        return recs
    if rule == "error":
        raise Refused("不支持按Ts查询")
    try:
        bound = int(str(ts), 16)
    except ValueError:
        raise Refused("Ts格式不正确") from None
    if stamps is None:
        compare = COMPARE[rule]
        return [rec for rec in recs if compare(rec.ts, bound)]
    if rule == "gt":
        return recs[bisect_right(stamps, bound):]
    first = bisect_left(stamps, bound)
    return recs[first:] if rule == "ge" else recs[first:bisect_right(stamps, bound)]


def page(store, wanted, serial, size_of):
    """(rows, count of all matching rows, is it the last page)."""
    sw = wanted.sw
    recs, stamps = _all(store, wanted, serial)
    recs = _after(recs, stamps, wanted)
    total = len(recs)
    asked = wanted.number("PageSize", 0) if sw["page_size"] == "honoured" else 0
    given = asked > 0
    if not given:
        asked = sw["default_page_size"] or max(total, 1)
    size = asked
    # without a size, and with a default of "all", even the cap does not count
    if sw["max_rows"] and asked > sw["max_rows"] and (given or sw["default_page_size"]):
        if sw["over_cap"] == "error":
            raise Refused("PageSize 超过最大值 %d" % sw["max_rows"])
        size = sw["max_rows"]
    number = 0
    if "PageIndex" in wanted.paging and sw["page_index"] != "ignored":
        if sw["page_index"] == "error":
            raise Refused("未知的参数: PageIndex")
        number = max(0, wanted.number("PageIndex", sw["page_base"]) - sw["page_base"])
    if sw["max_bytes"] and sw["offset_from"] == "capped":
        start, end = _byte_page(recs, number, size, sw["max_bytes"], size_of)
    else:
        start = number * (asked if sw["offset_from"] == "asked" else size)
        start, end = _edge(sw, start, size, total)
        if sw["max_bytes"]:
            end = start + _fit(recs[start:end], sw["max_bytes"], size_of)
    rows = recs[start:end]
    return rows, total, start + len(rows) >= total


def _edge(sw, start, size, total):
    if start >= total and total and sw["past_end"] != "empty":
        if sw["past_end"] == "error":
            raise Refused("页码超出范围")
        start = 0 if sw["past_end"] == "first" else (total - 1) // size * size
    return start, start + size


def _fit(recs, limit, size_of):
    used = 0
    for n, rec in enumerate(recs):
        used += size_of(rec) + 1
        if used > limit and n:
            return n
    return len(recs)


def _byte_page(recs, number, size, limit, size_of):
    start = 0
    while True:
        end = start + _fit(recs[start:start + size], limit, size_of)
        if number == 0 or start >= len(recs):
            return start, end
        start, number = end, number - 1
