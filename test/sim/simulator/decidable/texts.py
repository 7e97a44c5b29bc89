"""Text filters, the filter by ID, and filters that lose records."""

import itertools
import re

from ..switches import BY_NAME
from .study import Filtered, Names, open_fact

# Texts that no server takes for a pattern, and without blanks at their ends
PLAIN = re.compile(r"^[^\s%_\[\]^](?:[^%_\[\]^\x00-\x1f]*[^\s%_\[\]^])?$")
AXES = {"text_match": BY_NAME["text_match"].values, "like_percent": (True, False),
        "like_wildcards": BY_NAME["like_wildcards"].values}
IDS = {"any": {"text", "json"}, "string": {"text"}, "number": {"json"}}
NEVER, NO_ID = "no such", 987654321


class Parameter(Filtered):
    """One parameter that works, is overlooked, or matches nothing, under each combination of other switches."""

    STATES = {"works": None, "overlooked": "ignored_params", "barren": "barren_params"}

    def __init__(self, place, name, axes, questions, recs):
        super().__init__(place, {}, questions, recs)
        self.parameter, self.state = name, {(): state_of(place, name)}
        for state, values in itertools.product(self.STATES, itertools.product(*axes.values())):
            behaviour = self._lists(state) + tuple((k, v) for k, v in zip(axes, values) if v != place.sw[k])
            self.state[behaviour] = state
        self.behaviours = [behaviour for behaviour in self.state if behaviour]

    def _lists(self, state):
        changes = []
        for switch in ("ignored_params", "barren_params"):
            names = {n for n in self.place.sw[switch] if n != self.parameter.lower()}
            names |= {self.parameter.lower()} if self.STATES[state] == switch else set()
            if sorted(names) != self.place.sw[switch]:
                changes.append((switch, Names(sorted(names))))
        return tuple(changes)

    def name(self, behaviour):
        return ",".join(["%s %s" % (self.parameter, self.state[behaviour])]
                        + ["%s=%s" % pair for pair in behaviour if not isinstance(pair[1], list)])

    def works(self, behaviour):
        return self.state[behaviour] == "works"

    def loses(self):
        return self.verdict(lambda b: {"lost" if self.state[b] == "barren" else "found"})


def state_of(place, name):
    if name.lower() in place.sw["ignored_params"]:
        return "overlooked"
    return "barren" if name.lower() in place.sw["barren_params"] else "works"


def judge(place, facts):
    found = {fact: open_fact(set(), "no record shows it") for fact in ("text filter", "case in text", "patterns in text")}
    filters = {}
    for name in ("Code", "Name"):
        if name not in place.names or not place.comes(name):
            continue
        study = _text(place, name)
        filters[name] = study and study.loses()
        for fact, judged in _of_text(place, study).items() if study else ():
            # The same collation for all: any text shows it.  Whether a filter works, each for itself.
            if not found[fact]["holds"] or fact != "text filter" and judged["decidable"] > found[fact]["decidable"]:
                found[fact] = judged
    ids = [rec for rec in place.seen if isinstance(place.value(rec, "ID"), int)][:3] if place.comes("ID") else []
    found["id filter"] = open_fact(_id_values(place, state_of(place, "ID"), ()), "no record shows it")
    if "ID" in place.names and place.comes("ID"):
        filters["ID"] = None
    if ids and "ID" in place.names:
        questions = [{"ID": form(value)} for value in [place.value(rec, "ID") for rec in ids] + [NO_ID] for form in (str, int)]
        study = Parameter(place, "ID", {"id_filter": IDS}, questions, ids)
        found["id filter"] = study.verdict(lambda b: _id_values(place, study.state[b], b))
        filters["ID"] = study.loses()
    return {**found, "filters": _filters(place, filters)}


def _text(place, name):
    values = [v for v in (place.value(rec, name) for rec in place.seen) if isinstance(v, str) and PLAIN.match(v)]
    values.sort(key=lambda v: v.swapcase() == v or len(v) < 3)
    values = values[:6]
    if not values:
        return None
    recs = [rec for rec in place.seen if place.value(rec, name) in values] + place.seen[:12]
    return Parameter(place, name, AXES, [{name: asked} for asked in _asked(values)], list(dict.fromkeys(recs)))


def _asked(values):
    out = []
    for v in values:
        out += [v, v.swapcase(), "%" + (v[1:-1] or v) + "%"]
    out.append(NEVER)
    for v in values[:2]:
        out += [v.lower(), v.upper(), v + " ", "%" + v[:-1] + "%", v[1:-1] or v, v[:1] + "_" + v[2:]]
    return out


def _of_text(place, study):
    of = lambda b, switch: dict(b).get(switch, place.sw[switch])
    labels = {"text filter": lambda b: "equal",
              "case in text": lambda b: "ignored" if of(b, "text_match") == "ci" else "told",
              "patterns in text": lambda b: "like" if of(b, "like_percent") else "literal"}
    return {fact: study.verdict(lambda b: {label(b)} if study.works(b) else set()) for fact, label in labels.items()}


def _id_values(place, state, behaviour):
    return {"barren": set(), "overlooked": {"text", "json"}}.get(
        state, IDS[dict(behaviour).get("id_filter", place.sw["id_filter"])])


def _filters(place, filters):
    """found: no column loses records; lost: one does, which one of them shows."""
    lost = {name for name in filters if state_of(place, name) == "barren"}
    out = open_fact({"lost" if lost else "found"}, "not every column can be tried")
    proven = {name: judged for name, judged in filters.items() if judged and judged["decidable"] and name in (lost or filters)}
    if filters and (proven if lost else len(proven) == len(filters)):
        out.update(decidable=True, value=out["holds"][0], proven=out["holds"], why=None,
                   questions=sorted({q for judged in proven.values() for q in judged["questions"]}))
        for judged in proven.values():
            out["told_apart"].update(judged["told_apart"])
    return out
