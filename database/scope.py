"""Whose rows may be seen: the organization one stands in. And whether work is still one's own to write."""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from peewee import JOIN, OP, SQL, Expression, Field, Join, NodeList
from peewee import _WriteQuery as Write  # type: ignore[attr-defined]

EVERYWHERE = "everywhere"
_scope = ContextVar("scope", default=None)


class OutOfScope(Exception):
    """A row of an organization was touched without saying which organization one stands in."""


def scope():
    """The id of the organization one stands in, or EVERYWHERE. Refuses with OutOfScope."""
    place = _scope.get()
    if place is None:
        raise OutOfScope("Say `with inside(organization):` first.")
    return place


@contextmanager
def _standing(place):
    token = _scope.set(place)
    try:
        yield
    finally:
        _scope.reset(token)


def inside(organization):
    """Within this, tables that are Owned show and take only this organization's rows."""
    return _standing(organization if isinstance(organization, int) else organization.id)


def everywhere(reason):
    """Leave the scope aloud. `reason` is for the reader; test_house.py lists who may say it."""
    assert reason
    return _standing(EVERYWHERE)


_fence: ContextVar = ContextVar("fence", default=None)


@contextmanager
def fenced(check):
    """Within, each write transaction begins with `check()`, whose exception undoes it: for work that is somebody's only
    as long as they hold something, such as a job's lease."""
    before = _fence.set(check)
    try:
        yield
    finally:
        _fence.reset(before)


def ask_fence():
    """In a transaction that just began: raises what the check around it raises, if there is one."""
    if check := _fence.get():
        check()


def is_fenced(context):
    """Whether work with this context has a check of its own around it."""
    return context.get(_fence) is not None


# --- rows of one parent -----------------------------------------------------------------------------------


def beside_parents(query: Any):
    """A query as SQLite has it: rows of one parent (the tickets of an event) are found by it, whatever else their
    organization has.

    Without figures of its tables SQLite likes the index of the organization as much as that of the parent. So beside
    a parent the condition on the organization stands as it is, but no index is looked for by it.
    """
    sources = [query.table] if isinstance(query, Write) else query._from_list
    if query._where is None or len(sources) != 1 or not (isinstance(sources[0], Join) or _has_parents(sources[0])):
        return query
    joins = list(_joins(sources[0]))
    met = list(_each(query._where))
    first = _first(sources[0])
    models = {first, *(join.rhs for join in joins)}
    named = {one.lhs.model for one in met if _names_parent(one, met, models)}
    hung = {one.lhs.model for join in joins for one in _each(join._on) if _hangs(one) and one.lhs.model is join.rhs}
    beside = named | hung
    # What stands first is found by way of a parent's parent, unless its rows are wanted whatever hangs on them.
    if named and all(join.join_type in (JOIN.INNER, None) for join in joins):
        beside |= {first}
    if not beside:
        return query
    told = _like(query, _where=_beside(query._where, beside))
    if not isinstance(query, Write):
        told._from_list = [_joined(sources[0], beside)]
    return told


@cache
def _has_parents(model: Any):
    return isinstance(model, type) and any(_indexes_by(field) for field in model._meta.sorted_fields)  # type: ignore[attr-defined]


def _like(node, **others):
    """The same node but for these; also to whoever knows it by its hash."""
    made = object.__new__(type(node))
    made.__dict__ = node.__dict__ | others
    return made


def _joins(source):
    while isinstance(source, Join):
        yield source
        source = source.lhs  # type: ignore[attr-defined]


def _first(source):
    return _first(source.lhs) if isinstance(source, Join) else source


def _joined(source, beside):
    if not isinstance(source, Join):
        return source
    join: Any = source
    return _like(join, lhs=_joined(join.lhs, beside), _on=join._on and _beside(join._on, beside))


def _each(node):
    """The conditions of which all must be met."""
    if isinstance(node, Expression) and node.op == OP.AND:
        yield from _each(node.lhs)
        yield from _each(node.rhs)
    elif isinstance(node, Expression) and isinstance(node.lhs, Field):
        yield node


def _names_parent(one, met, models):
    """Whether a condition names parents that have an index to go by, be it by a row of the query around."""
    if one.op not in (OP.EQ, OP.IN) or (isinstance(one.rhs, Field) and one.rhs.model in models):
        return False
    return any(needs is None or needs in map(_spelled, met) for needs in _indexes_by(one.lhs))


def _hangs(one):
    """Whether a condition joins rows by the parent that they name."""
    return one.op == OP.EQ and isinstance(one.rhs, Field) and None in _indexes_by(one.lhs)


def _spelled(one):
    is_null = one.op in (OP.IS, OP.IS_NOT) and one.rhs is None
    return f"{one.lhs.column_name} {'IS NULL' if one.op == OP.IS else 'IS NOT NULL'}" if is_null else ""


@cache
def _indexes_by(field):
    """What each index that begins with a row's parent (of the same organization) asks of rows; None for all."""
    parent = getattr(field, "rel_model", None)
    if parent is None or "organization" not in parent._meta.fields or field.name == "organization":
        return ()
    begun = [one for one in field.model._meta.fields_to_index() if one._expressions[0] is field]
    return tuple(one._where and one._where.sql for one in begun)


def _beside(node, models):
    if type(node) is not Expression:
        return node
    if node.op == OP.AND:
        return _like(node, lhs=_beside(node.lhs, models), rhs=_beside(node.rhs, models))
    field = node.lhs
    if node.op == OP.EQ and isinstance(field, Field) and field.name == "organization" and field.model in models:
        return _like(node, lhs=NodeList((SQL("+"), field), glue=""))
    return node
