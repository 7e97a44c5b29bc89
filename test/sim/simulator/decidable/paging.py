"""How the rest of the records is had: by row version, by page number, in pages of which size."""

from ..switches import BY_NAME
from .study import Paged, open_fact, fact, shown, text

LARGEST = 1000          # what the protocol says that a page may have
HALVINGS = 10           # questions that find a size between 1 and LARGEST
COMPARED = {"gt": ">", "ge": ">=", "eq": "no", "ignored": "overlooked", "error": "refused"}


def judge(place, facts):
    numbers, (compared, versions) = _numbers(place), _versions(place)
    known = facts["TotalCount"]["value"] == "whole" or any(v.startswith("from ") for v in numbers["proven"])
    known = known or set(versions["proven"]) & {">", ">="}
    return {"page numbers": numbers, "row versions": compared, "row versions page": versions, "largest page": _largest(place, known)}


def of_table(facts):
    """By versions at Query, by numbers at QueryPage; either will do.  By versions from the last one on, it may do."""
    holds, best = [], None
    for value, of, right in (("page", facts["page numbers"]["QueryPage"], lambda v: v.startswith("from ")),
                             ("ts", facts["row versions page"]["Query"], lambda v: v in (">", ">="))):
        if any(map(right, of["holds"])):
            holds.append(value)
            if of["decidable"] and of["value"] != ">=":
                best = fact([], {value} | set(best["proven"] if best else ()), of["questions"])
    if best is None:
        return open_fact(holds, "neither way is proven")
    return {**best, "holds": sorted(holds)}


def _orderless(place):
    """Why nothing follows from the order of the rows, if so."""
    if not place.seen:
        return "there are no records"
    return "the order is never the same" if place.sw["order"] == "unstable" else None


def _versions(place):
    """How a version is compared, whatever the order; and whether one can go on from the last record."""
    def comparison(behaviour):
        rule = dict(behaviour).get("ts_compare", place.sw["ts_compare"])
        return {COMPARED[rule]} | ({"="} if rule == "eq" else set())

    def label(behaviour):
        of = {name: dict(behaviour).get(name, place.sw[name]) for name in ("order", "ts_compare")}
        if of["order"] == "ts":
            return {COMPARED[of["ts_compare"]]}
        return {"out of order"} | ({COMPARED[of["ts_compare"]]} - {">", ">="})

    def make():
        stamps = sorted(rec.ts for rec in place.seen)
        marks = {0, stamps[0] - 1, stamps[0], stamps[len(stamps) // 2], stamps[max(0, len(stamps) - 2)], stamps[-1],
                 stamps[-1] + 1000}
        sizes = (1, 3, LARGEST)
        questions = [{"PageSize": size} for size in sizes]
        questions += [{"Ts": "%016x" % ts, "PageSize": size} for ts in sorted(marks) for size in sizes]
        return Paged(place, {"ts_compare": COMPARED, "order": BY_NAME["order"].values}, questions)

    if not place.comes("Ts"):
        return shown(place, {"none"}, place.seen), shown(place, {"none"}, place.seen)
    why = _orderless(place)
    if why:
        return open_fact(comparison(()), why), open_fact(label(()), why)
    study = make()
    return study.verdict(comparison), study.verdict(label)


def _numbers(place):
    def label(behaviour):
        of = {name: dict(behaviour).get(name, place.sw[name]) for name in ("page_index", "page_base", "order")}
        if of["page_index"] == "honoured":
            return set() if of["order"] == "unstable" else {"from %d" % of["page_base"]}
        return {"overlooked"} if of["page_index"] == "ignored" else {"none", "refused"}

    def make():
        count = len(place.seen)
        numbers = sorted({0, 1, 2, 3, max(1, count // 10), count, 10 ** 6})
        questions = [{"PageSize": 10}] + [{"PageIndex": n, "PageSize": size} for n in numbers
                                          for size in (1, 2, 3, 10, LARGEST)]
        axes = {"page_index": BY_NAME["page_index"].values, "page_base": sorted({0, 1, place.sw["page_base"]}),
                "past_end": BY_NAME["past_end"].values, "order": (place.sw["order"], "unstable")}
        return Paged(place, axes, questions)

    why = _orderless(place)
    return open_fact(label(()), why) if why else make().verdict(label)


def _largest(place, more_is_seen):
    """The most rows that a page holds; a size above it is capped or refused."""
    sw, count = place.sw, len(place.seen)
    honoured = sw["page_size"] == "honoured"
    if sw["max_bytes"] or not honoured and not sw["default_page_size"]:
        return open_fact({"any"}, "there is none")
    top = min(sw["max_rows"] or LARGEST, LARGEST, LARGEST if honoured else sw["default_page_size"])
    if sw["over_cap"] == "error" and top < LARGEST and honoured:
        holds = {str(top), "at most %d" % top}
        return fact(holds, {str(top)}, ["%s %s" % (place.operation, text({**place.base, "PageSize": "half %d" % n}))
                                      for n in range(HALVINGS)])
    return shown(place, {str(top)}, count > top and more_is_seen or count >= top == LARGEST, PageSize=LARGEST)
