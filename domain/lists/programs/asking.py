"""What programs ask of any listed table: an address, or JSON with groups of conditions, as an Ask.

What isn't known is refused, never left out: a filter that is ignored would answer with everything. A name that is
hidden from somebody is no other than one that isn't there, and what is proposed instead is of those that they see.
"""

import base64
import difflib
import hmac
import json
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, wraps
from typing import Any
from zoneinfo import available_timezones

from database.clock import read_in
from domain import Invalid
from domain.base import keys
from domain.fields.derived import Derived
from domain.fields.kinds import Unfit, clean, whole
from domain.fields.records import operators
from domain.lists import asks, conditions
from domain.lists.asks import Ask
from domain.lists.conditions import Condition
from domain.lists.listing import granted

PAGE, MOST = 50, 200  # rows of one answer
OWN = ("after", "count", "fields", "limit", "q", "sort", "tab", "zone")
UNKNOWN = "There is no field or parameter of this name here."
DEEP = "Send conditions as {“field”, “op”, “value”}, in “all” and “any” of at least one: “any” within “all”, no deeper."

# What stands behind a field's name → which conditions of its kind are meant, the first one that it has.
SUFFIXES = {
    "": ("is", "on", "any_of", "has_any"),
    "ne": ("is_not", "none_of", "has_none"),
    "lt": ("less", "before"),
    "lte": ("at_most",),
    "gt": ("more", "after"),
    "gte": ("at_least",),
    "any": ("any_of", "has_any"),
    "none": ("none_of", "has_none"),
    "has": ("has_all",),
    **{one: (one,) for one in ("contains", "lacks", "begins", "exactly", "on", "before", "after", "between", "within")},
    **{one: (one,) for one in ("empty", "left_over")},
}


@dataclass(frozen=True)
class Asked:
    """The Ask, the names of the fields that are wanted (None is all), and whether the rows are to be counted."""

    ask: Ask
    fields: Any = None
    counts: bool = False


# --- what there is ------------------------------------------------------------------------------------------------


def kept(function):
    """Worked out once for a Listing, and kept with it."""

    @wraps(function)
    def call(listing):
        word = f"programs {function.__name__}"
        if word not in listing.__dict__:
            listing.__dict__[word] = function(listing)
        return listing.__dict__[word]

    return call


def shown(listing):
    """The fields that programs read."""
    return [f for f in listing.fields if not isinstance(f.kind, Derived)]


def called(listing, field):
    """What programs call a field: in a table that people made it has a name for them, which outlives its label."""
    return field.also[0] if listing.source and field.also else field.name


@kept
def names(listing):
    """Name for programs, also one that a field had before → the field's own."""
    known = {called(listing, f): f.name for f in (*shown(listing), *listing.filterable)}
    if listing.source:
        known = {had: f.name for f in shown(listing) for had in f.also} | known
    return known


def orders(listing):
    """The orders that programs can ask for."""
    return [_order_called(listing, sort.key) for sort in listing.sorts]


def _order_called(listing, key):
    name, down, _ = key.partition("-down")
    return called(listing, listing.by_name[name]) + down if name in listing.by_name else key


def parameters(listing):
    """(name, kind or None, sentence) of what a list can be asked."""
    for f in listing.filterable:
        yield called(listing, f), f.kind, f"Only rows with this {f.label.lower()}."
    for own in listing.ranges:
        label, name = listing.by_name[own].label.lower(), called(listing, listing.by_name[own])
        yield f"{name}_from", None, f"Only rows whose {label} is no earlier than this day or moment."
        yield f"{name}_to", None, f"Only rows whose {label} is no later than this day or moment."
    plain = {called(listing, f) for f in listing.filterable}
    for name, (field, operator) in _conditions(listing).items():
        if name not in plain:
            yield name, None, f"{field.label} {operator.label}."


@kept
def _conditions(listing):
    """«amount.gte» and the like → (the field, the operator)."""
    found = {}
    for field in conditions.offered(listing.whole):
        known = {operator.key: operator for operator in field.kind.operators}
        for suffix, keys_of in SUFFIXES.items():
            if operator := next((known[key] for key in keys_of if key in known), None):
                name = ".".join(filter(None, (_called_beyond(listing, field), suffix)))
                found.setdefault(name, (field, operator))
    return found


def _called_beyond(listing, field):
    """The same of a field of linked rows too: «customer.city»."""
    link, dot, _ = field.name.partition(".")
    own = called(listing, listing.by_name[link] if dot else field)
    return f"{own}.{field.also[0] if field.also else field.label}" if dot else own


def unknown(listing, name):
    """The sentence about a name that isn't known here, with the nearest one that is."""
    near = difflib.get_close_matches(name[:80], [*names(listing), *_known(listing)], 1, 0.7)
    return f"{UNKNOWN} Is it {near[0]}?" if near else UNKNOWN


@kept
def _known(listing):
    return {name: kind for name, kind, _ in parameters(listing)}


# --- an address -----------------------------------------------------------------------------------------------------


def understood(listing, given, by, parent=None):
    """The Asked of an address, all of it: `given` is name → text. Refuses with Invalid, for all of it at once."""
    wrong: dict[str, str] = {}
    known, plain, where, rest = names(listing), {}, [], {n: t for n, t in given.items() if n not in OWN}
    conditional = _conditions(listing) if any(not _is_plain(listing, name) for name in rest) else {}
    for name, text in rest.items():
        first, dot, further = name.partition(".")
        present = _now_called(listing, first) + dot + further
        if _is_plain(listing, name):
            plain[name] = text
        elif present in conditional:
            try:
                where.append(_condition(conditional[present][0], conditional[present][1], text))
            except Unfit as unfit:
                wrong[name] = str(unfit)
        elif first in known:
            wrong[name] = _can_be_asked(first, _now_called(listing, first), conditional)
        else:
            wrong[name] = unknown(listing, name)
    _read_zone(given.get("zone"), where, wrong)
    return _asked(listing, given, plain, where, by, parent, wrong)


def _is_plain(listing, name):
    """Whether it narrows the list by one value or an end of a range, as its page does."""
    known = names(listing)
    if known.get(name) in {f.name for f in listing.filterable}:
        return True
    base = name.removesuffix("_from") if name.endswith("_from") else name.removesuffix("_to")
    return base != name and known.get(base) in listing.ranges


def _now_called(listing, name):
    """The present name of a field that had another."""
    own = names(listing).get(name)
    return called(listing, listing.by_name[own]) if own in listing.by_name else name


def _can_be_asked(name, present, conditional):
    can = [name + one.removeprefix(present) for one in conditional if f"{one}.".startswith(f"{present}.")]
    return f"This can be asked of it: {', '.join(can)}." if can else "Nothing can be asked of this field."


def _condition(field, operator, text, is_or=False):
    """A Condition out of what stands in an address. Refuses with Unfit."""
    texts: tuple[str, ...] = ()
    text = clean(text).strip()
    if operator.takes == "nothing":
        if text not in ("true", "false") or (text == "false" and operator.key != "empty"):
            raise Unfit("Send true or false." if operator.key == "empty" else "Send true.")
        key = operator.key if text == "true" else "not_empty"
        return Condition(field.name, key, (), is_or)
    if operator.key == "within":
        operator, texts = _within(text)
    elif operator.takes in ("several", "two"):
        texts = tuple(one.strip() for one in text.split(","))
    else:
        texts = (text,)
    if getattr(field.kind, "pointing", False):
        texts = tuple(f"#{one}" if whole(one) else one for one in texts)
    field.kind.operand(operator, list(texts) or [""])
    return Condition(field.name, operator.key, texts, is_or)


_DATES = {operator.key: operator for operator in operators.DATE}


def _within(text):
    """(operator, texts) of «2026-01-01,2026-01-31», «this-week» or «next-7-days»."""
    which, _, rest = text.partition("-")
    count, _, unit = rest.partition("-")
    if which in ("last", "next") and unit == "days":
        return _DATES[f"{which}_days"], (count,)
    operator = _DATES.get(text.replace("-", "_"))
    if operator and operator.takes == "nothing" and operator not in operators.BARE:
        return operator, ()
    if "," not in text:
        raise Unfit("Send two days, as 2026-01-01,2026-01-31, or today, this-week, last-month, next-7-days.")
    return _DATES["within"], tuple(one.strip() for one in text.split(","))


RELATIVE = {one.key for one in operators.DATE if one.takes in ("nothing", "days")} - {o.key for o in operators.BARE}


def _read_zone(zone, where, wrong):
    """Days are those of the zone that is named; what moves with today needs one."""
    if zone is None:
        if any(one.operator in RELATIVE for one in where):
            wrong["zone"] = "Say whose day it is: zone=Europe/Berlin."
    elif zone in _zones():
        read_in(zone)
    else:
        wrong["zone"] = "There is no time zone of this name. Send one such as Europe/Berlin, or UTC."


@lru_cache(maxsize=1)
def _zones():
    return available_timezones()


# --- JSON -----------------------------------------------------------------------------------------------------------


def of_json(listing, sent, by, parent=None):
    """The Asked of a JSON object: `where`, `sort`, `fields`, `limit`, `after`, `count`, `q`, `zone`.

    Refuses with Invalid.
    """
    wrong = {name: unknown(listing, name) for name in sent if name not in (*OWN, "where")}
    given, where = {}, []
    for name in sent.keys() & {*OWN}:
        value = sent[name]
        several = isinstance(value, list) and name in ("fields", "sort")
        text = ",".join(value) if several and all(isinstance(one, str) for one in value) else text_of(value)
        if text is None:
            wrong[name] = "Send a text." if name != "limit" else f"Write a number from 1 to {MOST}."
        else:
            given[name] = text
    if sent.get("where") is not None:
        try:
            where = _groups(listing, sent["where"])
        except Invalid as refusal:
            wrong |= refusal.fields
    _read_zone(given.get("zone"), where, wrong)
    return _asked(listing, given, {}, where, by, parent, wrong)


def _groups(listing, sent):
    """The conditions of «all» and «any», at least one in each. Refuses with Invalid."""
    if not isinstance(sent, dict):
        raise Invalid({"where": DEEP})
    together = sent.get("all") if sent.keys() == {"all"} else [sent]
    found, wrong = [], {}
    for place, one in enumerate(together if together and isinstance(together, list) else [None]):
        several = isinstance(one, dict) and one.keys() == {"any"}
        members = (several and isinstance(one["any"], list) and one["any"]) or [None if several else one]
        for number, each in enumerate(members):
            try:
                found.append(_sent_condition(listing, each, bool(number)))
            except Unfit as unfit:
                wrong[f"where[{place}]" + (f".any[{number}]" if several else "")] = str(unfit)
    if len(found) > conditions.MOST:
        wrong["where"] = f"Send at most {conditions.MOST} conditions."
    if wrong:
        raise Invalid(wrong)
    return found


def _sent_condition(listing, one, is_or):
    if not isinstance(one, dict) or not one.keys() <= {"field", "op", "value"} or not isinstance(one.get("field"), str):
        raise Unfit(DEEP)
    op, name = one.get("op", ""), one["field"]
    field = next((f for f, _ in _conditions(listing).values() if _called_beyond(listing, f) == name), None)
    field = field or next((f for f, _ in _conditions(listing).values() if f.name == names(listing).get(name)), None)
    if field is None:
        raise Unfit(unknown(listing, name))
    known = {operator.key: operator for operator in field.kind.operators}
    operator = next((known[key] for key in (op, *SUFFIXES.get(op, ())) if key in known), None) if _is_word(op) else None
    if operator is None:
        raise Unfit(f"This can be asked of {name}: {', '.join(known)}.")
    if operator.takes == "nothing" and operator.key not in SUFFIXES:
        return Condition(field.name, operator.key, (), is_or)
    value = one.get("value", True if operator.takes == "nothing" else None)
    texts = [text_of(each) for each in value] if isinstance(value, list) else [text_of(value)]
    if any(text is None or (len(texts) > 1 and "," in text) for text in texts) or len(texts) > 100:
        raise Unfit("Send what to compare with as a text, a number, true or false, or a list of those.")
    return _condition(field, operator, ",".join(texts), is_or)


def _is_word(value):
    return isinstance(value, str)


def text_of(value):
    """JSON as a text of an address; None for what can't be one."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return value
        case int() | Decimal():
            return str(value)
        case {"amount": str(amount), "currency": str(currency)}:
            return f"{amount} {currency}"
        case {"id": int(id)} | {"number": int(id)}:
            return str(id)
    return None


# --- both -----------------------------------------------------------------------------------------------------------


def _asked(listing, given, plain, where, by, parent, wrong):
    theirs = [one for one in listing.readings if granted(by, one.capability)] or listing.readings
    tab = next((one for one in theirs if one.column is None), theirs[0])
    sorts = {_order_called(listing, sort.key): sort.key for sort in listing.sorts}
    sort = _sort(listing, given.get("sort", ""))
    asked = {"tab": tab.key} | {name: given[name] for name in ("tab", "q") if name in given}
    asked |= {"rows": given.get("limit", PAGE), "sort": sorts.get(sort, "")}
    asked |= _filters(listing, plain)
    ask = asks.understand(listing, asked, parent).but(where=tuple(where))
    own = {f.name: called(listing, f) for f in (*listing.fields, *listing.filterable)}
    meant = {own[name] for name, _ in ask.filters} | {f"{own[name]}_{end}" for name, end, _ in ask.ranges}
    for name, text in plain.items():
        if name not in meant and _now_called(listing, name) not in meant and not _ranged(listing, name, meant):
            wrong[name] = _why(_known(listing).get(_now_called(listing, name)), text)
    if "sort" in given and sort not in sorts:
        wrong["sort"] = f"Choose one of: {', '.join(sorts)}."
    if given.get("tab", ask.tab) != ask.tab:
        wrong["tab"] = f"Choose one of: {', '.join(one.key for one in listing.readings)}."
    if "q" in given and not listing.search:
        wrong["q"] = UNKNOWN
    if "limit" in given and not whole(given["limit"], MOST):
        wrong["limit"] = f"Write a number from 1 to {MOST}."
    if given.get("count", "false") not in ("true", "false"):
        wrong["count"] = "Send true or false."
    if len(where) > conditions.MOST:
        wrong["where"] = f"Send at most {conditions.MOST} conditions."
    if given.get("after"):
        ask = ask.but(after=_place(listing, ask.sort, given["after"], wrong))
    fields = _chosen(listing, given["fields"], wrong) if "fields" in given else None
    if wrong:
        raise Invalid(wrong)
    return Asked(ask, fields, given.get("count") == "true")


def _sort(listing, text):
    """An order under its present name; «-due» is «due-down»."""
    down = text.startswith("-") or text.endswith("-down")
    name = text.removeprefix("-").removesuffix("-down")
    return _now_called(listing, name) + ("-down" if down else "")


def _ranged(listing, name, meant):
    base, _, end = name.rpartition("_")
    return f"{_now_called(listing, base)}_{end}" in meant


def _filters(listing, given):
    """What rows are narrowed by, under the fields' own names."""
    known, found = names(listing), {}
    for name, text in given.items():
        base, _, end = name.rpartition("_")
        found[known[name] if name in known else f"{known[base]}_{end}"] = text
    return found


def _why(kind, text):
    try:
        kind.read(text)
    except (Unfit, AttributeError) as unfit:
        return str(unfit) if isinstance(unfit, Unfit) else "Write a day as 2026-12-31, or a moment."
    return "This can't be understood here."


def _chosen(listing, text, wrong):
    """{name as it was asked for: (field, field of the linked rows or None)}."""
    found = {}
    for name in text.split(","):
        link, _, beyond = name.partition(".")
        field = listing.by_name.get(names(listing).get(link, ""))
        if name == "id":
            continue
        if field is None or field not in shown(listing):
            wrong["fields"] = unknown(listing, name)
        elif beyond:
            reader = getattr(field.kind, "reader", None) if getattr(field.kind, "pointing", False) else None
            further = next((f for f in getattr(reader, "fields", ()) if beyond in f.also), None)
            if further is None or getattr(further.kind, "pointing", False):
                wrong["fields"] = UNKNOWN
            found[name] = (field, further)
        else:
            found[name] = (field, None)
    return found


# --- where a page goes on -------------------------------------------------------------------------------------------


def token(listing, ask, more):
    """What a page goes on from, signed: good for this list in this order."""
    said = json.dumps([ask.sort, more], ensure_ascii=False)
    signed = keys.keyed("api place", f"{listing.table}\n{said}")[:20]
    return base64.urlsafe_b64encode(f"{signed}{said}".encode()).decode().rstrip("=")


def _place(listing, sort, text, wrong):
    try:
        said = base64.urlsafe_b64decode(text[:2000] + "=" * (-len(text[:2000]) % 4)).decode()
    except ValueError:
        said = ""
    signed, said = said[:20], said[20:]
    good = keys.keyed_by_each("api place", f"{listing.table}\n{said}")
    if any(hmac.compare_digest(signed.encode(), one[:20].encode()) for one in good):
        held, more = json.loads(said)
        if held == sort:
            return more
    wrong["after"] = "This place in the list can't be found; start from its beginning."
    return ""
