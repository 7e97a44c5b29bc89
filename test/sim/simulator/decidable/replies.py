"""The form of replies, what they count, and what their rows hold."""

from .. import wire
from ..switches import BY_NAME
from .study import Worded, open_fact, shown

NEVER = "no such"       # a text that no record has
SHAPES = {"result_text": "result"}
COUNTS = {"exact": {"whole"}, "text": {"whole"}, "absent": {"absent"}, "null": {"absent"}, "zero": {"wrong"},
          "low": {"wrong"}, "high": {"wrong"}, "page": {"wrong", "page"}}
EVERY_RECORD_HAS = {"ID", "Code", "Name", "Disabled", "MadeRecordDate", "Ts"}


def judge(place, facts):
    return {**_envelope(place), "TotalCount": _count(place), "booleans in replies": _booleans(place),
            "missing fields": _missing(place)}


def _envelope(place):
    empty = [{"Code": NEVER}, {"Ts": "f" * 16}, {"PageIndex": 10 ** 6}]
    axes = {name: BY_NAME[name].values for name in ("shape", "empty_reply")}
    of = lambda b, name: dict(b).get(name, place.sw[name])
    study = Worded(place, axes, [{}] + empty)
    word = lambda b: {"nothing" if of(b, "empty_reply") in ("null", "string", "nothing") else "no rows"}
    rowless = any(body not in (b"", "refused") and not place.rows(study.params[q])
                  for q in study.params for body in [study.answer((), q)])
    rowless = rowless or any(study.answer((), q) == b"" for q in study.params)
    return {"reply of " + place.operation: study.verdict(lambda b: {SHAPES.get(of(b, "shape"), of(b, "shape"))}),
            "reply without rows": study.verdict(word) if rowless else open_fact(word(()), "every reply has rows")}


def _count(place):
    if place.sw["shape"] == "array":
        return shown(place, {"absent"}, True)
    questions = [{"PageSize": 1}, {}] + [{"Code": place.value(rec, "Code")} for rec in place.seen[:3]]
    study = Worded(place, {"total_count": BY_NAME["total_count"].values}, questions)
    return study.verdict(lambda b: COUNTS[dict(b).get("total_count", place.sw["total_count"])])


def _booleans(place):
    spelled = wire.BOOLS[place.sw["bools"]]
    if place.sw["bools"] == "cn":
        spelled = ['"%s"' % word for word in spelled]
    flags = {place.value(rec, "Disabled") for rec in place.rows(place.base)} - {None}
    return shown(place, {spelled[flag] for flag in flags or (False, True)}, flags and place.comes("Disabled"))


def _missing(place):
    """A field that is there once is there; one that every record has and none shows is not."""
    rows = place.rows(place.base)
    missing, sure = [], bool(rows)
    for name in place.names:
        hides = place.sw["nulls"] == "absent" or place.sw["drop_when"] == "null"
        if not place.comes(name) or hides and all(place.value(rec, name) is None for rec in rows):
            missing.append(name)
            sure = sure and name in EVERY_RECORD_HAS
    return shown(place, {", ".join(missing) or "none"}, sure)
