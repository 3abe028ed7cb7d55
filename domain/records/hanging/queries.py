"""What an address that somebody saved asks of one field, and the same once that field is of another kind."""

from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode

from domain.charts import groupings, sums
from domain.fields.kinds import Unfit
from domain.fields.records import conversions
from domain.fields.records.leftover import LeftOver
from domain.lists.conditions import SIGN, Condition

FILTERS, CONDITION, ORDER, GROUPS, ADDS, CALENDAR = (
    *("is narrowed by it", "has a condition on it", "is ordered by it", "is grouped by it", "adds it up"),
    "shows its days",
)
# What asks the same of another kind: an operator's key → those of others, the likeliest first.
ALIKE = {
    "is": ("any_of", "on", "has_any"),
    "is_not": ("none_of", "has_none"),
    "any_of": ("has_any", "is"),
    "none_of": ("has_none", "is_not"),
    "has_any": ("any_of", "is"),
    "has_none": ("none_of", "is_not"),
    "on": ("is",),
    "less": ("before",),
    "more": ("after",),
    "between": ("within",),
    "before": ("less",),
    "after": ("more",),
    "within": ("between",),
}


class Becoming(NamedTuple):
    """A field that becomes another kind, and how its texts are read for it."""

    name: str
    old: Any
    new: Any
    form: Any


def asks(query, name):
    """The ways in which a saved address goes by a field, in words."""
    return list(dict.fromkeys(way for pair in parse_qsl(query) if (way := _way(pair, name))))


def _way(pair, name):
    key, text = pair
    if key == "where":
        one = _condition(text)
        return CONDITION if one and _is_about(one, name) else ""
    if key in (name, f"{name}_from", f"{name}_to"):
        return FILTERS
    known = {
        "chart_by": GROUPS,
        "group": GROUPS,
        "board": GROUPS,
        "chart_of": ADDS,
        "cal_on": CALENDAR,
        "cal_until": CALENDAR,
        "sort": ORDER,
    }
    return known.get(key, "") if text.removesuffix("-down") == name else ""


def _condition(text):
    parts = [unquote(part) for part in text.split(SIGN)]
    return Condition(parts[1], parts[2], tuple(parts[3:]), parts[0] == "or") if len(parts) > 2 else None


def _is_about(condition, name):
    """Whether it asks for a field: of the list's own rows, or of those that a link points to."""
    return condition.name == name or condition.name.endswith(f".{name}")


def translated(query, becoming):
    """(the address as it asks the new kind, the ways that rest because that kind doesn't have them)."""
    made: list = []
    behind: list = []  # conditions that filters became
    rests: list = []
    for pair in parse_qsl(query):
        way = _way(pair, becoming.name)
        found = _TRANSLATIONS[way](pair, becoming) if way else pair
        if found is None:
            rests.append(way)
        target = behind if found and found[0] == "where" != pair[0] else made
        target.append(found or pair)
    return urlencode(made + behind), list(dict.fromkeys(rests))


def _filter(pair, becoming):
    """A filter stays one where the new kind has such; else it is a condition."""
    (key, text), (name, old, new, _) = pair, becoming
    if key != name:
        return _bound(pair, becoming)
    if (said := _text(text, becoming)) is None:
        return None
    if new.filters:
        return key, said
    return _asked(Condition(name, "any_of" if old.several else "is", (text,)), becoming)


def _bound(pair, becoming):
    key, text = pair
    try:
        becoming.new.bound(text, key.rpartition("_")[2])
    except Unfit:
        return None
    return pair if groupings.sort_of(becoming.new) == groupings.TIME else None


def _where(pair, becoming):
    return _asked(_condition(pair[1]), becoming)


def _asked(condition, becoming):
    new, texts = becoming.new, condition.texts
    taken = next((one.takes for one in becoming.old.operators if one.key == condition.operator), "one")
    if taken != "days":
        texts = tuple(_text(text, becoming) for text in texts if text)
    offered = {one.key: one for one in new.operators}
    if None in texts:
        return None
    for key in (condition.operator, *ALIKE.get(condition.operator, ())):
        try:
            if key in offered and (offered[key].takes != "one" or len(texts) == 1):
                new.operand(offered[key], list(texts) or [""])
                return "where", replace(condition, operator=key, texts=texts).written()
        except Unfit:
            continue
    return None


def _text(text, becoming):
    """What is compared with, as the new kind reads it; None where it isn't of that kind."""
    _, old, new, form = becoming
    try:
        value = conversions.convert(old, new, old.asked(text) if old.name == "options" else old.read(text), form).value
    except Unfit:
        return None
    if value is None or isinstance(value, LeftOver):
        return None
    if isinstance(value, tuple):
        return str(value[0]) if len(value) == 1 else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else new.text(value)


def _stays(way):
    """Whether a field of the new kind can be asked so at all; where it can, nothing changes."""
    return lambda pair, becoming: pair if way(becoming.new) else None


_TRANSLATIONS = {
    FILTERS: _filter,
    CONDITION: _where,
    ORDER: _stays(lambda kind: kind.keyed and not kind.long),
    GROUPS: _stays(groupings.sort_of),
    ADDS: _stays(sums.can_be),
    CALENDAR: _stays(lambda kind: groupings.sort_of(kind) == groupings.TIME),
}
