"""Behaviours, questions, and which of the former the latter tell apart.

A behaviour is a tuple of (switch, value) that replace the real ones, () the
real one; "data" stands among them where records could be missing unseen.
"""

import functools
import itertools
import json
import math

from .. import query, wire
from ..store import Store
from ..tenant import FIELDS

MANY = 7                # so many rows rise by chance once in 5,040 times
SURE = 12               # bits of evidence against an order that changes
FORMS = {"bool_json": (True, False), "bool_text": ("True", "False"), "bool_01": ("1", "0")}

# A parameter that is overlooked, said by the switch of its own
OVERLOOKED = {"ts": ("ts_compare",), "pageindex": ("page_index",), "pagesize": ("page_size",),
              "maderecorddate": ("made_compare",), "selectfields": ("select_fields",), "disabled": tuple(FORMS)}


def text(param):
    return json.dumps(param, ensure_ascii=False, sort_keys=True)


class Names(list):
    """A list of names that may be part of a behaviour."""

    def __hash__(self):
        return hash(tuple(self))


class Place:
    """One operation of one tenant: its records and its behaviour."""

    def __init__(self, tenant, operation, names):
        self.fields, self.operation = FIELDS["inventory"], operation
        self.sw = self._effective(tenant.switches.of(operation))
        self.names = [name for name in self.fields.names if names is None or name in names]
        at = self.fields.index["Disabled"]
        recs = tenant.store("inventory").recs
        self.stores = {"all": Store(self.fields, recs),
                       "without stopped": Store(self.fields, [rec for rec in recs if not rec.v[at]])}
        self.draw = wire.renderer(self.fields, self.fields.public, [], self.sw, self.sw["shape"] == "data.Rows")
        self.views = {(): self.sw}
        openings = [{}] + [{"Disabled": value} for pair in FORMS.values() for value in pair]
        # what every question has, so that it brings records
        self.base = next((param for param in openings if self.rows(param)), {})
        self.seen = self.matching((), self.base) or []

    @staticmethod
    def _effective(given):
        """Each behaviour said once: a parameter that is overlooked, by its own switch if it has one."""
        sw = dict(given)
        ignored = {name.lower() for name in sw["ignored_params"]}
        barren = {name.lower() for name in sw["barren_params"]}
        for name in ignored & set(OVERLOOKED):
            sw.update((switch, "ignored") for switch in OVERLOOKED[name])
        if "disabled" in barren - ignored:
            sw.update((form, "none") for form in FORMS)
        sw["ignored_params"] = Names(sorted(ignored - set(OVERLOOKED)))
        sw["barren_params"] = Names(sorted(barren - ignored - {"disabled"}))
        return sw

    def view(self, behaviour):
        """All switches under a behaviour; the same object each time, as the engine keeps results by it."""
        found = self.views.get(behaviour)
        if found is None:
            found = self.views[behaviour] = {**self.sw, **dict(behaviour)}
        return found

    def store(self, behaviour):
        return self.stores[dict(behaviour).get("data", "all")]

    def page(self, behaviour, param):
        """(rows, total, last) or Refused, as the operation serves them."""
        wanted = query.Wanted(self.fields, param, self.view(behaviour))
        return query.page(self.store(behaviour), wanted, 0, lambda rec: len(self.draw.row(rec)))

    def rows(self, param):
        try:
            return self.page((), param)[0]
        except query.Refused:
            return []

    def matching(self, behaviour, param, recs=None):
        """All records that pass the filters, however they are paged; None: refused."""
        try:
            tests = query.Wanted(self.fields, param, self.view(behaviour)).tests()
        except query.Refused:
            return None
        recs = self.store(behaviour).recs if recs is None else recs
        return [rec for rec in recs if all(test(rec) for test in tests)]

    def comes(self, name):
        """Does the field travel at all?"""
        sw, at = self.sw, self.fields.index[name]
        if sw["select_fields"] == "ignored" and sw["default_fields"]:
            if at not in {i for field in sw["default_fields"] for i in self.fields.find(field)}:
                return False
        return sw["drop_when"] == "null" or at not in {i for field in sw["drop_fields"] for i in self.fields.find(field)}

    def failing(self):
        """An error code behind the rows: whoever believes it has no rows."""
        return self.sw["shape"] != "array" and self.sw["tail_error"] != "off"

    def value(self, rec, name):
        return rec.ts if name == "Ts" else rec.v[self.fields.index[name]]


class Study:
    """The behaviours that could be, questions, and answers, which are kept."""

    def __init__(self, place, axes, questions):
        self.place = place
        self.behaviours = list(dict.fromkeys(
            tuple((k, v) for k, v in zip(axes, values) if v != place.sw.get(k, "all"))
            for values in itertools.product(*axes.values())))
        if () in self.behaviours:
            self.behaviours.remove(())
        self.params = {text({**place.base, **q}): {**place.base, **q} for q in questions}
        self.kept = {}

    def name(self, behaviour):
        return ",".join("%s=%s" % (k, "+".join(v) if isinstance(v, list) else v) for k, v in behaviour)

    def answer(self, behaviour, question):
        key = behaviour, question
        if key not in self.kept:
            self.kept[key] = self.make(behaviour, self.params[question])
        return self.kept[key]

    def ask(self, questions):
        return ["%s %s" % (self.place.operation, q) for q in questions]

    @functools.cached_property
    def told(self):
        """{behaviour: a question that tells it from the real one}"""
        left, told = self.behaviours, {}
        for question in self.params:
            if not left:
                break
            real = self.answer((), question)
            told.update((b, question) for b in left if self.answer(b, question) != real)
            left = [b for b in left if b not in told]
        return told

    def fewest(self, needed):
        """Questions that tell all of the needed behaviours apart, greedily out of those that told one."""
        cover = {}
        for question in dict.fromkeys(self.told.values()):
            real = self.answer((), question)
            cover[question] = {n for n, b in enumerate(needed) if self.answer(b, question) != real}
        wanted, chosen = set(range(len(needed))), []
        while wanted:
            chosen.append(max(cover, key=lambda question: len(cover[question] & wanted)))
            wanted -= cover[chosen[-1]]
        return chosen

    def verdict(self, label):
        """The judgement of one fact; label(behaviour) is the set of values that hold under it."""
        label = functools.lru_cache(maxsize=None)(label)
        left = [b for b in self.behaviours if b not in self.told]
        holds = label(())
        proven = holds.intersection(*map(label, left))
        if not proven:
            return {**open_fact(holds, "no question tells" if holds else "no documented value holds"),
                    "left": [self.name(b) for b in left if not label(b) & holds] or [self.name(b) for b in left]}
        value = min(proven)
        needed = [b for b in self.told if value not in label(b)]
        return fact(holds, proven, self.ask(self.fewest(needed)), {self.name(b): self.told[b] for b in needed})


class Filtered(Study):
    """The answer is which of some records come."""

    def __init__(self, place, axes, questions, recs):
        super().__init__(place, axes, questions)
        self.recs = recs

    def make(self, behaviour, param):
        recs = self.recs
        if "data" in dict(behaviour):
            at = self.place.fields.index["Disabled"]
            recs = [rec for rec in recs if not rec.v[at]]
        found = self.place.matching(behaviour, param, recs)
        return "refused" if found is None else frozenset(rec.uid for rec in found)


class Paged(Study):
    """The answer is a page, its rows in their order; the behaviours differ in nothing that filters."""

    def __init__(self, *given):
        super().__init__(*given)
        self.sorted = {}

    def make(self, behaviour, param):
        chance = dict(behaviour).get("order")
        if chance in ("random", "unstable"):
            # Any order may be random: it is another one only where chance would hardly have made it.
            # One that changes shows itself when the same is asked again.
            if len(self.place.seen) >= (MANY if chance == "random" else 2):
                return "another order"
            behaviour = tuple(pair for pair in behaviour if pair[0] != "order")
        try:
            self._share(behaviour, param)
            return tuple(rec.uid for rec in self.place.page(behaviour, param)[0])
        except query.Refused:
            return "refused"

    def _share(self, behaviour, param):
        """Lets the engine find what it sorted for another behaviour."""
        sw, results = self.place.view(behaviour), self.place.store(behaviour).results
        of = sw["order"], query.Wanted(self.place.fields, param, sw).key()
        found = self.sorted.get(of)
        if found is not None:
            results[(id(sw), *of)] = (sw, *found[1:])
        else:
            self.place.page(behaviour, {k: v for k, v in param.items() if k not in ("PageIndex", "Ts")})
            self.sorted[of] = results[(id(sw), *of)]

    def ask(self, questions):
        again, count = 0, len(self.place.seen)
        if 1 < count < MANY and any(("order", "unstable") in b for b in self.behaviours):
            again = math.ceil(SURE / math.log2(math.factorial(count))) - 1
        return super().ask(questions) + ["%s once more, %d" % (self.place.operation, n + 1) for n in range(again)]


class Worded(Study):
    """The answer is the body, its rows drawn as nothing but a number."""

    def make(self, behaviour, param):
        try:
            rows, total, last = self.place.page((), param)
        except query.Refused:
            return "refused"
        return wire.envelope(self.place.view(behaviour), [b"0"] * len(rows), total, [], last)


def fact(holds, proven, questions, told=None):
    return {"decidable": True, "value": min(proven), "holds": sorted(holds), "proven": sorted(proven),
            "told_apart": told or {}, "left": [], "questions": questions, "why": None}


def open_fact(holds, why):
    return {"decidable": False, "value": None, "holds": sorted(holds), "proven": [], "told_apart": {}, "left": [],
            "questions": [], "why": why}


def shown(place, holds, sure, **param):
    """A fact that the records of one reply show."""
    if not sure:
        return open_fact(holds, "no record shows it")
    return fact(holds, holds, ["%s %s" % (place.operation, text({**place.base, **param}))])
