"""How a day is compared.

Of a server that compares days as they are, the value that names its
comparison holds.  Of one that compares times of day, or days of UTC, those
under which what is sent for a clause (the extension's README, filter_op)
brings all records that satisfy it.
"""

from datetime import date, datetime, timedelta

from ..query import COMPARE
from ..switches import BY_NAME
from .study import Filtered, Names, open_fact

# What is sent for day = d and for day >= d or day <= d, in days from d
SENT = {"ge": (0, -1), "gt": (-2, -2), "le": (1, 1), "eq": (0, None)}
SOME = 8                # records that a question is tried on, beside the first and the last
SOME_DAY = datetime(2024, 6, 15)
MIDNIGHT, UTC_MIDNIGHT = "00:00:00", "08:00:00"


def judge(place, facts):
    day, tod = (place.fields.index[name] for name in ("MadeRecordDate", "_made_time"))
    recs = sorted((rec for rec in place.seen if rec.v[day]), key=lambda rec: (rec.v[day], rec.v[tod] or MIDNIGHT))
    times = _times(rec.v[tod] or MIDNIGHT for rec in recs)
    others = Names(name for name in place.sw["barren_params"] if name != "maderecorddate")

    def label(behaviour):
        sw = place.view(behaviour)
        return set() if "maderecorddate" in sw["barren_params"] else values(sw, times)

    if not recs or not place.comes("MadeRecordDate"):
        return {"date filter": open_fact(label(()), "no record shows it")}
    some = list(dict.fromkeys(recs[:3] + recs[::max(1, len(recs) // SOME)] + recs[-3:]))
    axes = {"made_compare": BY_NAME["made_compare"].values, "made_zone": BY_NAME["made_zone"].values,
            "made_time": (False, True) if times != {MIDNIGHT} else (place.sw["made_time"],),
            "barren_params": (others, Names(sorted(others + ["maderecorddate"])))}
    study = Filtered(place, axes, [{"MadeRecordDate": asked} for asked in _days(rec.v[day] for rec in some)], some)
    return {"date filter": study.verdict(label)}


def _days(known):
    """Days that occur, those beside them, and some far away."""
    known = sorted({date.fromisoformat(day[:10]) for day in known})
    out = ["1900-01-01", "2100-01-01"]
    for at in [known[len(known) // 2], known[-1], known[0]] + known:
        out += [(at + timedelta(days=n)).isoformat() for n in (0, 1, -1, 2, -2)]
    return list(dict.fromkeys(out))


def _times(times):
    """The times of day that matter: the ends, and those about the hour at which a day of UTC begins."""
    times = sorted(set(times))
    early, late = [t for t in times if t < UTC_MIDNIGHT], [t for t in times if t >= UTC_MIDNIGHT]
    return {group[n] for group in (early, late) if group for n in (0, -1)}


def values(sw, times):
    rule = sw["made_compare"]
    if rule == "error":
        return {"refused"}
    if rule == "ignored" or sw["made_zone"] == "local" and not sw["made_time"]:
        return {rule}
    return {value for value in SENT if _brings_all(value, sw, times)} | (
        {"lt"} if rule == "lt" or rule == "le" and sw["made_time"] and MIDNIGHT not in times else set())


def _brings_all(value, sw, times):
    """Does a record of some day come for all clauses that it satisfies?"""
    compare, (same, edge) = COMPARE[sw["made_compare"]], SENT[value]
    asked = [same]
    if edge is not None:
        asked += [edge + n if value == "le" else edge - n for n in range(4)]
    for time in times if sw["made_time"] else {MIDNIGHT}:
        when = datetime.fromisoformat("%s %s" % (SOME_DAY.date(), time))
        if sw["made_zone"] == "utc":
            when -= timedelta(hours=8)
            if not sw["made_time"]:
                when = when.replace(hour=0)
        if not all(compare(when, SOME_DAY + timedelta(days=n)) for n in asked):
            return False
    return True
