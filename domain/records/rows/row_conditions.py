"""What a rule asks of a row: of its cells, of who made it, of a row that it links to.

It is told by keys alone, alike in the database and in Python, so that a row which somebody must not see is never read
for them, counted or walked over. A condition names a field by its number and goes by the kind which that had.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.fields.kinds import Unfit, whole
from domain.fields.person import Person, members
from domain.fields.records import operators
from domain.fields.text import folded
from domain.lists import conditions
from domain.records import documents, questions, shapes
from domain.records.shapes import EMPTY
from domain.records.stored_rows import Row
from models import Collection

MADE = "made"
ME = "me"
ANYBODY = 1  # stands for «me» where nobody looks
MOST = 10  # conditions of a rule
MOST_TOLD = 100  # ranges of keys by which all of them are told
FILLED, END = "1", "3"  # keys of values begin so; behind all keys
TURNED = {"is_not": "is", "none_of": "any_of"}  # what says the contrary
TOLD = {"is", *TURNED, *TURNED.values(), "less", "at_most", "more", "at_least", "between"}
LONGEST = 60  # characters of a beginning, of those that stand in a key
TOLD |= {"empty", "not_empty", *(one.key for one in operators.DATE if one not in operators.BARE)}


class Told(NamedTuple):
    """One way to meet a condition. Of `way` «maker» `start` is their number; of «key» the key; of «range» and «beyond»
    the keys from `start` to before `end`, «beyond» those of the field `beyond`, at the slot `of`, of a linked row."""

    way: str
    start: Any
    end: str = ""
    name: str = ""
    slot: int = 0
    table: int = 0
    beyond: str = ""
    of: int = 0


@dataclass(frozen=True)
class About:
    """What a condition can be about: «made», «5» or, of the row that field 5 links to, «5.9»."""

    key: str
    label: str
    kind: Any
    kind_name: str
    places: tuple = ()  # what of Told says where its keys stand

    @property
    def operators(self):
        if self.key == MADE:
            return operators.CHOICE[:1]
        told = TOLD | ({"begins"} if self.kind_name == "text" else set())
        return tuple(one for one in self.kind.operators if one.key in told)

    @property
    def untold(self):
        """What can be asked of such a field elsewhere and not by a rule, in words."""
        offered = {*self.operators, *operators.BARE}
        return [one.label.partition(" (")[0] for one in self.kind.operators if one not in offered]


def offered(shape):
    """All that a condition of a table of this shape can be about."""
    found = [_about_made()]
    for cell in shape.cells:
        found += [_own(cell)] if _is_told(cell) else []
        found += [_beyond(cell, one, there) for there in _linked(cell) for one in there.cells if _is_told(one)]
    return tuple(one for one in found if one.operators)


def choices(of):
    """(text, words) of what an About is compared with, where that is chosen; else None."""
    if of and of.kind.names_people:
        return [(ME, "themselves"), *members().items()]
    return of and getattr(of.kind, "choices", None)


def unordered(shape):
    """The labels of fields that no rule can ask for: they have no order of their own."""
    return [cell.field.label for cell in shape.cells if not cell.is_keyed and not cell.kind.pointing]


def about(shape, key):
    """The About of this key, or None where there is none any more."""
    if key == MADE:
        return _about_made()
    id, _, behind = key.partition(".")
    cell = shape.by_name.get(f"f{id}")
    if cell is None or not behind:
        return _own(cell) if cell and _is_told(cell) else None
    found = ((there.by_name.get(f"f{behind}"), there) for there in _linked(cell))
    return next((_beyond(cell, one, there) for one, there in found if one and _is_told(one)), None)


def _is_told(cell):
    return cell.is_keyed and not cell.kind.pointing


def _about_made():
    return About(MADE, "Made by", Person(), "person")


def _own(cell):
    return About(str(cell.id), cell.field.label, cell.kind, cell.kind_name, (cell.name, cell.slot))


def _beyond(cell, one, there):
    label = f"{cell.field.label} → {one.field.label}"
    return About(
        *(f"{cell.id}.{one.id}", label, one.kind, one.kind_name),
        (cell.name, cell.slot, there.collection, one.name, one.slot),
    )


def _linked(cell):
    """The shape of the table that a link points to, if it is there."""
    table = getattr(cell.kind, "table", None) if cell.kind.pointing else None
    other = table and Collection.one(Collection.id == table, Collection.archived_at.is_null())
    return [shapes.read(other)] if other else []


# --- how they are kept, and read ------------------------------------------------------------------------------------


def read(shape, texts):
    """What a rule keeps of conditions as an address or a form has them (conditions.py). Refuses with Unfit."""
    if len(texts) > MOST:
        raise Unfit(f"A rule has {MOST} conditions at most.")
    kept = [_kept(shape, conditions.parsed(text)) for text in texts]
    if sum(len(group) for group in compiled(kept, ANYBODY, shape) or ()) > MOST_TOLD:
        raise Unfit("These conditions name too much at once. Ask less of them.")
    return kept


def _kept(shape, said):
    of = about(shape, said.name) if said else None
    cell = shape.by_name.get(f"f{said.name}") if said else None
    if of is None and cell is not None:
        raise Unfit(f"{cell.field.label} has no order of its own, by which rules are told.")
    if of is None:
        raise Unfit("A condition is about a field that isn't here any more.")
    if said.operator not in [one.key for one in of.operators] and said.operator in [o.key for o in of.kind.operators]:
        raise Unfit(f"A rule can't ask {of.label} for that: it is told by the order of cells, which has beginnings.")
    texts = [text for text in said.texts if text]
    beginning = "".join(texts) + folded("".join(texts))  # “½” is said in figures, and “ß” is longer than it looks
    if said.operator == "begins" and (any(map(str.isdigit, beginning)) or len(folded("".join(texts))) > LONGEST):
        raise Unfit(f"A beginning is {LONGEST} characters at most here, without figures: those are ordered as numbers.")
    kept = {"is_or": said.is_or, "about": of.key, "kind": of.kind_name, "operator": said.operator, "texts": texts}
    if _ways_to_meet(kept, ANYBODY, shape) is None:
        raise Unfit(f"Say what {of.label} is to be compared with.")
    return kept


def still_meant(before, kept):
    """Conditions of which some of those before may be gone: an “or” that lost all it stood beside is an “and”, and
    doesn't widen what stands before it. A new “or” stands beside the last of those before."""
    groups, seen = [], set()
    for one in before:
        groups.append(groups[-1] if one["is_or"] and groups else len(groups))
    for place, one in enumerate(kept):
        group = groups[before.index(one)] if one in before else groups[-1] if groups and one["is_or"] else len(groups)
        if one["is_or"] and group in groups and group not in seen:
            kept[place] = one | {"is_or": False}
        seen.add(group)
    return kept


def written(kept):
    """A kept condition as `read` takes it."""
    return conditions.Condition(kept["about"], kept["operator"], tuple(kept["texts"]), kept["is_or"]).written()


def compiled(where, me, shape):
    """Groups of Told of what a rule keeps: of each group one must hold. None where a field is gone or another kind."""
    groups: list[tuple] = []
    for kept in where:
        found = _ways_to_meet(kept, me, shape)
        if found is None:
            return None
        if kept["is_or"] and groups:
            groups[-1] += found
        else:
            groups.append(found)
    return tuple(groups)


def _ways_to_meet(kept, me, shape):
    of = about(shape, kept["about"])
    operator = next((one for one in of.operators if one.key == kept["operator"]), None) if of else None
    if of is None or operator is None or of.kind_name != kept["kind"]:
        return None
    texts = [str(me) if text == ME and of.kind.names_people else text for text in kept["texts"]]
    try:
        operand = _operand(of.kind, operator, texts)
    except Unfit:
        return None
    if of.key == MADE:
        return tuple(Told("maker", id) for id in operand)
    way = ("range", "beyond")[len(of.places) > 2]
    spans = _spans(of.kind, operator, operand)
    return tuple(_key_or_range(way, start, end, of.places) for start, end in spans)


def _operand(kind, operator, texts):
    if kind.names_people:  # also «me» while nobody is, and who left
        ids = tuple(whole(text) for text in texts)
        if None in ids:
            raise Unfit("Choose people.")
        return ids or kind.operand(operator, [""])
    return kind.operand(operator, texts or [""])


def _key_or_range(way, start, end, places):
    is_point = way == "range" and end == start + operators.AFTER
    return Told("key", start, "", *places) if is_point else Told(way, start, end, *places)


def _spans(kind, operator, operand):
    """[(from, to)] of the keys that meet it, with what stands before all of them: empty cells have one too."""
    if operator.key in ("empty", "not_empty"):
        return [(EMPTY, END)] if operator.key == "empty" else [(FILLED, EMPTY)]
    if operator.takes == "several":
        points = sorted(FILLED + kind.key(one) for one in _all_alike(kind, operand))
        spans = [(point, point + operators.AFTER) for point in points]
    else:
        plain = next(one for one in kind.operators if one.key == TURNED.get(operator.key, operator.key))
        start, end = kind.span(plain, operand)
        spans = [(FILLED + start, FILLED + end)]
    return _around(spans) if operator.key in TURNED else spans


def _all_alike(kind, operand):
    """What was merged into one of these is the same."""
    alike = {one.id for one in getattr(kind, "made", ()) if kind.compared(one.id) in operand}
    return alike | {*operand}


def _around(spans):
    starts = [FILLED, *(end for _, end in spans)]
    return list(zip(starts, [*(start for start, _ in spans), END], strict=True))


# --- asked of rows --------------------------------------------------------------------------------------------------


def shown(where, shape, rows):
    """Those of some rows that meet all groups of Told."""
    if not where:
        return list(rows)
    reached = {one: _reached(one, rows) for group in where for one in group if one.way == "beyond"}
    return [row for row in rows if all(any(_meets(one, shape, row, reached) for one in group) for group in where)]


def _meets(told, shape, row, reached):
    if told.way == "maker":
        return row.created_by_id == told.start
    if told.way == "beyond":
        return not reached[told].isdisjoint(documents.numbers(row.value(told.name)))
    key = shape.by_name[told.name].key(row.value(told.name))
    return key == told.start if told.way == "key" else told.start <= key < told.end


def _reached(told, rows):
    """The ids of the rows that these link to and that meet a condition."""
    ids = {id for row in rows for id in documents.numbers(row.value(told.name))}
    there = shapes.read(Collection.get_by_id(told.table))
    found = (Row(there, *values) for values in questions.these(ids, told.table))
    cell = there.by_name[told.beyond]
    return {row.id for row in found if told.start <= cell.key(row.value(told.beyond)) < told.end}


# --- in words -------------------------------------------------------------------------------------------------------


def said(kept, shape, names):
    """A kept condition in words; `names` are people's by their number."""
    of = about(shape, kept["about"])
    if of is None or of.kind_name != kept["kind"]:
        return "a field that is gone is something"
    texts = [_plain(of.kind, text, names) for text in kept["texts"]]
    if of.key == MADE:
        return f"{' or '.join('they' if text == 'themselves' else text for text in texts)} made it" + (
            " themselves" if texts == ["themselves"] else ""
        )
    operator = next((one for one in of.operators if one.key == kept["operator"]), None)
    if operator is None:
        return "a field that is gone is something"
    label = {"any_of": "is", "none_of": "is not"}.get(operator.key, operator.label.partition(" (")[0])
    joined = (" and " if operator.takes == "two" else " or ").join(texts)
    return " ".join(filter(None, (of.label, label, joined)))


def _plain(kind, text, names):
    if kind.names_people:
        return "themselves" if text == ME else names.get(whole(text), "somebody who left")
    try:
        return kind.plain(kind.asked(text)) or text if hasattr(kind, "made") else text
    except Unfit:
        return text


def joined(where, shape, names):
    """All conditions of a rule as people read them."""
    groups: list[str] = []
    for kept in where:
        one = said(kept, shape, names)
        if kept["is_or"] and groups:
            groups[-1] += f" or {one}"
        else:
            groups.append(one)
    return ", and ".join(groups)
