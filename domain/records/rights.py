"""Who may what with a table that people made, down to the row and the field: what a Sight goes by.

Owners and admins may all. A person's own rule replaces that of their role, and a role without a rule has what it
has everywhere: members see, change and share, viewers see. A rule gives nobody more than their role may anywhere but
one thing: members can build, which is to change the shape of this table; who builds sees all that is in it. Rules
are made in domain/records/rules.py.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from database.compiled import CompiledRows
from database.parameters import parameter
from domain import NotFound
from domain.fields.formulas import grammar
from domain.fields.kinds import whole
from domain.records import shapes
from domain.records.rows import row_conditions
from models import Collection, RecordField, RecordRule


@dataclass(frozen=True)
class Rights:
    """What somebody may with one table. Two that are equal share everything that is kept of it.

    Of `sees` «some» they are the rows that meet `where`, groups of row_conditions.Told.
    """

    sees: str = "all"
    where: tuple = ()
    changes: str = "none"
    adds: bool = False
    archives: bool = False
    builds: bool = False
    shares: bool = False
    hidden: frozenset = field(default_factory=frozenset)  # names of fields that they don't see
    fixed: frozenset = field(default_factory=frozenset)  # and of those that they see and don't change
    paused: bool = False  # a condition's field is gone: nothing is shown until somebody decides
    files: str = "change"  # or «see», «none»: what they may with files on rows that stand in no field
    linked: tuple = ()  # (name of a link, address, shape and Rights of the table it points to), of those they see

    def shown(self, shape, rows):
        """Those of some rows of a table of this shape that they see."""
        return row_conditions.shown(self.where, shape, rows) if self.sees != "none" else []

    def sees_field(self, name):
        return name not in self.hidden

    def may_change(self, row, name, by):
        """Whether a field of this row is theirs to change."""
        if name in self.hidden or name in self.fixed:
            return False
        return self.changes == "all" or (self.changes == "mine" and row.created_by_id == by.user.id)

    def may_fill(self, name):
        """Whether a field of a new row is theirs to fill."""
        return name not in self.hidden and name not in self.fixed

    def may_archive(self, row, by):
        return self.archives and (self.changes != "mine" or row.created_by_id == by.user.id)


ALL = Rights("all", (), "all", True, True, True, True)


def of(collection, by, shape):
    """The Rights of a member over a table of this shape, and over those it links to."""
    allowed, linked = _inheriting(_of(collection, by, shape), by, shape), []
    for cell in shape.of_kind("link", "links"):
        if allowed.sees != "none" and allowed.sees_field(cell.name):
            other = Collection.one(Collection.id == cell.kind.table, Collection.archived_at.is_null())
            theirs = other and shapes.read(other)
            beyond = other and _inheriting(_of(other, by, theirs), by, theirs)
            if beyond and beyond.sees != "none":
                linked.append((cell.name, other.slug, theirs, beyond))
    return replace(allowed, linked=tuple(linked)) if linked else allowed


def _inheriting(allowed, by, shape):
    """Without what is worked out of anything that they don't see, unless a builder showed it to all."""
    if by.may("records.build") or not shape.computed:  # not by what they may: who has all by a rule of their own
        return allowed  # sees no more of other tables by it
    hidden = {cell.name for cell in shape.computed if not _sees_all_of(cell, allowed, by, shape)}
    return replace(allowed, hidden=allowed.hidden | hidden) if hidden else allowed


def _sees_all_of(cell, allowed, by, shape, depth=50):
    """Whether somebody with these rights sees all that a field goes by, through every link.

    What isn't there any more isn't seen: until the rows are worked out anew, they tell what stood in it.
    """
    if not allowed.sees_field(cell.name) or not depth:
        return False
    if cell.formula is None or cell.formula.get("open"):
        return True
    for word, id, *beyond in grammar.names(cell.formula["tree"]):
        if word == "field":
            one = shape.by_name.get(f"f{id}")
            if one is None or not _sees_all_of(one, allowed, by, shape, depth - 1):
                return False
        elif not _sees_beyond(word, id, beyond[0], allowed, by, shape, depth):
            return False
    return True


def _sees_beyond(word, link, field, allowed, by, shape, depth):
    """The same of a field of linked rows: all of the other table's rows are theirs to see, and the link."""
    of: Any = RecordField.get_or_none(RecordField.id == link)
    table = of and (whole(of.options.get("table")) if word == "link" else of.collection_id)
    other = table and Collection.one(Collection.id == table)
    if not other:
        return False
    theirs = shapes.read(other)
    beyond = allowed if theirs.collection == shape.collection else _of(other, by, theirs)
    owner, seen = (shape, allowed) if word == "link" else (theirs, beyond)
    if beyond.sees != "all" or f"f{link}" not in owner.by_name or not seen.sees_field(f"f{link}"):
        return False
    one = theirs.by_name.get(f"f{field}")
    return not field or (one is not None and _sees_all_of(one, beyond, by, theirs, depth - 1))


def _of(collection, by, shape):
    """Out of their role and their rule; by a key no more than that names."""
    allowed = _of_maker(collection, by, shape)
    bound = by.api_key.tables if by.api_key else {}
    return _bounded(allowed, bound.get(str(collection.id)), by, shape) if bound else allowed


def _bounded(allowed, bound, by, shape):
    """What is left of rights by what a key may with a table: organizations/key_bounds.py. Where a field is gone that
    says which rows are the key's, none is."""
    named = {f"f{id}" for id in bound["fields"]} if bound else set()
    hidden = allowed.hidden | (frozenset(shape.by_name) - named if named else frozenset())
    where = row_conditions.compiled(bound.get("where") or (), by.user.id, shape) if bound else None
    if where is None or allowed.sees == "none" or hidden >= shape.by_name.keys():
        return Rights("none")
    changes, removes = bound["may"] != "see", bound["may"] == "remove"
    return replace(
        allowed,
        sees="some" if where else allowed.sees,
        where=allowed.where + where,
        changes=allowed.changes if changes else "none",
        adds=allowed.adds and changes,
        archives=allowed.archives and removes,
        builds=False,
        shares=False,
        hidden=hidden,
        files="none" if named else "change" if changes else "see",
    )


def sees_away(cell, collection, by):
    """Whether a field that was put away would be theirs to see."""
    rule = None if by.may("records.build") else rule_of(collection, by)
    bound = by.api_key.tables.get(str(collection.id)) if by.api_key and by.api_key.tables else None
    is_named = not bound or not bound["fields"] or cell.id in bound["fields"]
    return is_named and (rule is None or rule.fields.get(str(cell.id), rule.others) != "nothing")


def _of_maker(collection, by, shape):
    if by.may("records.build"):
        return ALL
    if not by.may("records.read"):
        return Rights("none")
    writes = by.may("records.write")
    rule = rule_of(collection, by)
    if rule is None:
        return Rights("all", (), "all" if writes else "none", writes, writes, shares=True)
    return _ruled(rule, by, shape, writes)


# Asked by every look at a table and every write: `records_write_per_second`, `api_get_vs_pocketbase`.
_rules_of = CompiledRows(
    RecordRule,
    lambda: RecordRule.select().where(
        RecordRule.collection == parameter("collection"),
        (RecordRule.who == parameter("person")) | (RecordRule.who == parameter("role")),
    ),
)


def rule_of(collection, by):
    """The row that says what somebody may here: their own, or their role's; None where there is none."""
    theirs = (f"user:{by.user.id}", f"role:{by.role}")
    found = _rules_of(collection=collection.id, person=theirs[0], role=theirs[1])
    return min(found, key=lambda rule: theirs.index(rule.who), default=None)


def _ruled(rule, by, shape, writes):
    where = row_conditions.compiled(rule.where, by.user.id, shape)
    levels = {cell.name: rule.fields.get(str(cell.id), rule.others) for cell in shape.cells}
    hidden = frozenset(name for name, level in levels.items() if level == "nothing")
    is_blank = len(hidden) == len(levels)  # rows without a field are none
    seen = "none" if is_blank or where is None or (rule.sees == "some" and not where) else rule.sees
    return Rights(
        seen,
        where or () if seen == "some" else (),
        rule.changes,
        rule.adds,
        rule.archives,
        rule.builds and writes and seen == "all" and not hidden,
        rule.shares,
        hidden,
        frozenset(name for name, level in levels.items() if level == "see"),
        where is None,
    )


def may_build(collection, by):
    """Whether a member may change the shape of a table."""
    return by.may("records.build") or (
        rule_of(collection, by) is not None and _of(collection, by, shapes.read(collection)).builds
    )


def require_build(collection, by):
    """Refuses with Forbidden, as a lacking capability does, who may not change the shape of a table."""
    if not may_build(collection, by):
        by.require("records.build")


def require_sight(row, by):
    """Refuses with NotFound a field that is hidden from who builds: what it goes by isn't all theirs to see."""
    if not by.may("records.build"):
        collection = Collection.get_by_id(row.collection_id)
        if f"f{row.id}" in of(collection, by, shapes.read(collection)).hidden:
            raise NotFound("This field goes by what you don't see, so what it gives isn't yours to change.")


def not_seen(by):
    """The ids of the tables of which somebody may see nothing, out of their rules alone."""
    if by.may("records.build"):
        return set()
    theirs = (f"user:{by.user.id}", f"role:{by.role}")
    found: dict[int, tuple] = {}
    for rule in RecordRule.select().where(RecordRule.who.in_(theirs)):
        own = rule.who.startswith("user:")
        if own or rule.collection_id not in found:
            found[rule.collection_id] = (own, rule.sees)
    return {id for id, (_, sees) in found.items() if sees == "none"}
