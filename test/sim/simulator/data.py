"""Records, deterministic from (seed, count), and shared between tenants.

A record is never changed: an edit makes a new one with another uid, so that
rendered rows can be cached by uid for all tenants together.
"""

import itertools
import random
from datetime import date, timedelta

from . import words
from .fields import DEPARTMENT, INVENTORY_CLASS, PARTNER, WAREHOUSE

END_DATE = "2026-06-30"
FIRST_TS = 0x913d20

_uids = itertools.count(1)


class Rec:
    __slots__ = ("uid", "v", "ts", "folded")

    def __init__(self, values, ts):
        self.uid = next(_uids)
        self.v, self.ts = values, ts
        self.folded = None


def canonical(fields, rec):
    """A record as the typed object that tests compare with."""
    out = {}
    for i, name in enumerate(fields.flat):
        out[name] = "%016x" % rec.ts if fields.kinds[i] == "ts" else rec.v[i]
    return out


def _days(rng, count, end):
    """Some years of days, several records each, crowded where months end."""
    last = date.fromisoformat(end)
    span = 4 * 365
    days = [last - timedelta(days=rng.randrange(span)) for _ in range(max(8, count // 5))]
    for year in range(last.year - 3, last.year + 1):
        for month in range(1, 13):
            first = date(year, month, 1)
            if first <= last:
                days += [first, first - timedelta(days=1)]
        days += [date(year - 1, 12, 31), date(year, 1, 1)] * 3
    days += [last] * 3 + [last - timedelta(days=1)] * 2
    return [day.isoformat() for day in days if day <= last]


def _item(rng, i, seed_codes, days):
    pick = rng.random
    cls = words.CLASSES[int(pick() * len(words.CLASSES))]
    code, cname, nouns, units, materials, spec = cls
    noun = nouns[int(pick() * len(nouns))]
    name = materials[int(pick() * len(materials))] + noun if pick() < 0.7 else noun
    a, b = 2 + int(pick() * 18), 10 + int(pick() * 80)
    spec = spec.format(a=a, b=b) if spec else None
    if i % 9 == 4:
        name = words.ODD_NAMES[(i // 9) % len(words.ODD_NAMES)]
    if i % 11 == 7:
        spec = words.ODD_SPECS[(i // 11) % len(words.ODD_SPECS)]
    elif i % 13 == 2:
        spec = None
    unit = units[int(pick() * len(units))]
    other = units[int(pick() * len(units))]
    single = unit == other
    ucode, ocode = words.UNIT_CODES[unit], words.UNIT_CODES[other]
    brand = words.BRANDS[int(pick() * len(words.BRANDS))] if pick() < 0.6 else (None, None, None)
    shelf = code == "06"
    day = days[int(pick() * len(days))]
    tod = "%02d:%02d:%02d" % (int(pick() * 24), int(pick() * 60), int(pick() * 60))
    cost = "%.6f" % (pick() * 10 ** int(pick() * 6)) if pick() < 0.9 else None
    if i % 17 == 3:
        cost = words.ODD_NUMBERS[(i // 17) % len(words.ODD_NUMBERS)]
    short = "".join(words.SHORTHAND[(ord(c) * 7) % len(words.SHORTHAND)] for c in noun)
    if i % 5 == 1:
        short = short.lower()
    item = "%s%05d" % (code, seed_codes[i])
    if i % 7 == 5:
        item = "%s-%s-%d" % (short[:2], code, seed_codes[i])
    if i % 97 == 11:
        item = ("P%%%d", "U_%d", "B[%d]", "Q\"%d", "S\\%d", "中文编码%d", "sp %d", "lo'w%d")[(i // 97) % 8] % seed_codes[i]
    value_type = words.VALUE_TYPES[int(pick() * 4)]
    text = lambda chance, value: value if pick() < chance else ("" if pick() < 0.5 else None)
    flag = lambda chance: pick() < chance
    descript = None
    if i % 29 == 8:
        descript = words.LONG_TEXT[:500]
    elif i % 4 == 1:
        descript = "供应商:%s;%s" % (brand[2] or "无", spec or "")
    images = None
    if i % 31 == 6:
        images = [{"ImageUrl": "https://img.example/%d.png" % i, "IsDefault": True}]
    return (
        None, item, name, text(0.9, short), spec, text(0.7, "69%011d" % int(pick() * 10 ** 11)),
        code, cname, ucode, unit, ucode, unit,
        brand[0], brand[1], brand[2],
        flag(0.1),
        ocode, other, ucode, unit, ucode, unit,
        None if i % 6 == 0 else ucode, None if i % 6 == 0 else unit, ocode, other,
        "02" if shelf else None, "月" if shelf else None,
        None if i % 41 == 9 else "%s %s" % (day, tod),
        day,
        str(6 + i % 30) if shelf else None,
        text(0.5, "自定义%d" % (i % 50)), text(0.3, "Ａ%d" % (i % 9)), text(0.2, "备注\"%d\"" % i), text(0.1, "x" * (i % 40)), None,
        "%.2f" % (pick() * 100) if i % 3 == 0 else None, "0" if i % 8 == 0 else None, None, None, None,
        shelf or flag(0.1), shelf, flag(0.1),
        "颜色:红,尺寸:%d" % a if i % 10 == 3 else None,
        "00" if single else "01", "单计量" if single else "多计量", None if single else "G%s" % code,
        None if single else cname + "单位组", value_type[0], value_type[1],
        single, flag(0.8), flag(0.8), flag(0.3), flag(0.4), flag(0.05), flag(0.02), flag(0.02), code == "09", flag(0.1), flag(0.05),
        flag(0.1),
        90 if i % 10 == 0 else None,
        descript,
        cost, "%.6f" % (pick() * 1000) if i % 3 else None, "%.4f" % (pick() * 100) if i % 5 else None,
        "%.2f" % (pick() * 2000), ("13", "9", "6", "0", None)[int(pick() * 5)],
        images,
        None,
        "%s %s" % (day, tod), tod,
    )


def inventory(seed, count, end):
    rng = random.Random("%s/%d/%s" % (seed, count, end))
    codes = list(range(1, count + 1))
    rng.shuffle(codes)
    days = _days(rng, count, end)
    rows = [list(_item(rng, i, codes, days)) for i in range(count)]
    number = 0
    for row in rows:
        number += 1 + (int(rng.random() * 6) if rng.random() < 0.2 else 0)
        row[0] = number
    return _versions(rng, rows, FIRST_TS)


def _versions(rng, rows, first):
    """Row versions with gaps of two at least, in an order of their own."""
    order = list(range(len(rows)))
    rng.shuffle(order)
    stamps = [0] * len(rows)
    ts = first
    for i in order:
        ts += 2 + int(rng.random() * 40)
        stamps[i] = ts
    return [Rec(tuple(row), ts) for row, ts in zip(rows, stamps)]


def _small(fields, seed, make, count):
    rng = random.Random("%s/%s" % (fields.resource, seed))
    rows = []
    for i in range(count):
        given = make(i)
        given.setdefault("ID", i + 1)
        given.setdefault("Disabled", i % 9 == 8)
        rows.append(fields.values(given)[0])
    return _versions(rng, rows, FIRST_TS // 2)


def warehouse(seed, count, end):
    kinds = [("00", "普通仓"), ("01", "委外仓"), ("02", "废品仓")]
    return _small(WAREHOUSE, seed, lambda i: {
        "Code": "CK%02d" % (i + 1), "Name": "%s%d号库" % ("原料 成品 半成品".split()[i % 3], i + 1),
        "WarehouseType": {"Code": kinds[i % 3][0], "Name": kinds[i % 3][1]},
        "Memo": None if i % 2 else "", "Address": "工业路%d号" % i,
        "Admin": {"Code": "E%03d" % i, "Name": "王%d" % i} if i % 3 else None}, 12)


def partner(seed, count, end):
    kinds = [("01", "客户"), ("02", "供应商"), ("03", "客户/供应商")]
    last = date.fromisoformat(end)
    return _small(PARTNER, seed, lambda i: {
        "Code": "P%05d" % (i * 7 % 10007), "Name": "%s%s有限公司" % ("上海 苏州 深圳 杭州".split()[i % 4], "某某%d" % i),
        "ShortHand": "KH%d" % i, "PartnerAbbName": "某某%d" % i,
        "PartnerType": {"Code": kinds[i % 3][0], "Name": kinds[i % 3][1]},
        "PartnerClass": {"Code": "0%d" % (i % 4), "Name": "分类%d" % (i % 4)},
        "MadeRecordDate": (last - timedelta(days=i * 3 % 900)).isoformat()}, max(60, min(count // 5, 2000)))


def department(seed, count, end):
    return _small(DEPARTMENT, seed, lambda i: {
        "Code": "D%02d" % i, "Name": "生产部 采购部 销售部 仓储部 财务部".split()[i % 5] + ("" if i < 5 else "%d组" % (i // 5))}, 15)


def inventory_class(seed, count, end):
    return _small(INVENTORY_CLASS, seed, lambda i: {
        "Code": words.CLASSES[i][0], "Name": words.CLASSES[i][1], "Disabled": False}, len(words.CLASSES))


GENERATORS = {"inventory": inventory, "warehouse": warehouse, "partner": partner, "department": department,
              "inventoryClass": inventory_class}

_made = {}


def generate(resource, seed, count, end):
    """The records of a resource; the same list for the same arguments."""
    key = (resource, str(seed), count, end)
    if key not in _made:
        while len(_made) > 40:
            _made.pop(next(iter(_made)))
        _made[key] = GENERATORS[resource](seed, count, end)
    return _made[key]
