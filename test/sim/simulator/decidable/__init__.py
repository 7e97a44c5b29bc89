"""What the data of a tenant allow a calibration to decide.

A fact is decided by questions whose answers exclude every other behaviour
that would make it another fact.  So for each fact: the behaviours that the
protocol leaves open (switches that the fact rests on, combined), a family of
questions, and the simulator's own engine, which answers each question under
each behaviour.  Behaviours that answer all questions as the real one does are
left; the fact is decidable if one value of it holds under all that are left.

What is assumed stands in README.md, "What can be decided".
"""

from ..switches import OPERATIONS
from . import days, flags, paging, replies, texts
from .study import Place

MAX_REQUESTS = 40


def decidable(tenant, max_requests=MAX_REQUESTS, names=None):
    """{facts: {fact: {operation: judgement}}} for a table of inventory with the named fields."""
    facts = {}
    for operation in OPERATIONS:
        for fact, judgement in _at(Place(tenant, operation, names)).items():
            facts.setdefault(fact, {})[operation] = judgement
    facts["paging"] = {"table": paging.of_table(facts)}
    if tenant.faults.list or tenant.changes:
        # Scripted replies, and records that change while one asks: nothing follows from an answer.
        _close(facts.values(), "faults or changes are waiting")
    return {"max_requests": max_requests, "requests": _within(facts, max_requests), "facts": facts}


def _at(place):
    """The judgements of all facts at one operation."""
    facts = {}
    for judge in (replies.judge, paging.judge, flags.judge, days.judge, texts.judge):
        facts.update(judge(place, facts))
    if place.failing():
        _close([facts], "every reply ends in an error")
    return facts


def _close(groups, why):
    for of in groups:
        for fact in of.values():
            fact.update(decidable=False, why=why)


def _within(facts, limit):
    """Counts the questions of all facts at an operation; what the limit does not allow is not decidable."""
    asked, every = {}, [(place, fact) for of in facts.values() for place, fact in of.items()]
    for place, fact in sorted(every, key=lambda pair: len(pair[1]["questions"])):
        more = asked.get(place, set()).union(fact["questions"])
        if not fact["decidable"]:
            pass
        elif len(more) > limit:
            fact.update(decidable=False, why="more than %d questions" % limit)
        else:
            asked[place] = more
    for _, fact in every:
        fact["witness"] = fact["questions"][-1] if fact["questions"] else None
        fact["questions"] = len(fact["questions"])
    return {place: len(questions) for place, questions in asked.items()}
