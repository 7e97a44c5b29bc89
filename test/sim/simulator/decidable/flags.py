"""How a boolean is asked for, and whether stopped records come unasked."""

from .study import FORMS, Filtered, open_fact

VALUES = {"bool_json": {"json"}, "bool_text": {"TrueFalse", "text"}, "bool_01": {"01"}}
RULES = ("match", "ignored", "none", "error")


def judge(place, facts):
    kinds = {}
    for rec in place.stores["all"].recs:
        kinds.setdefault(place.value(rec, "Disabled"), []).append(rec)
    recs = [rec for kind in kinds.values() for rec in kind[:2]]
    # Who sees no stopped record cannot tell whether there are any.
    axes = {"disabled_default": ("enabled", "all"), "data": ("all", "without stopped") if kinds.get(True) else ("all",)}
    found = {"boolean filter": _spelling(place, axes, recs), "disabled records": _default(place, axes, recs)}
    if place.comes("Disabled") and place.seen:
        return found
    return {name: open_fact(fact["holds"], "no record shows it") for name, fact in found.items()}


def _spelling(place, axes, recs):
    """One that is understood is enough."""
    good = [form for form in FORMS if place.sw[form] == "match"]
    best = open_fact([], "no spelling is understood")
    for form in good:
        study = Filtered(place, {form: RULES, **axes}, [{"Disabled": value} for value in FORMS[form]], recs)
        judged = study.verdict(lambda b: VALUES[form] if dict(b).get(form, "match") == "match" else set())
        if not best["decidable"]:
            best = judged
    return {**best, "holds": sorted(value for form in good for value in VALUES[form])}


def _default(place, axes, recs):
    study = Filtered(place, axes, [{"Disabled": value} for values in FORMS.values() for value in values], recs)
    study.params = {"{}": {}, **study.params}
    default = lambda b: dict(b).get("disabled_default", place.sw["disabled_default"])
    return study.verdict(lambda b: {"hidden" if default(b) == "enabled" else "shown"})
