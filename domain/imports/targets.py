"""The lists of an organization that jobs work on: the rules of each, found by its name."""

from typing import Any, NamedTuple

from domain import NotFound
from domain.fields.kinds import whole

_FINDERS: dict = {}
_BUILDERS: dict = {}
_PATHS: dict = {}
_WITHIN: dict = {}


class Builder(NamedTuple):
    """What adds to lists of a family, within a write, by whoever may; each refuses.

    `add_field(list, label, kind, words, by)` returns the name of the field; `add_words(list, field, words, by)`;
    `kind_of(label)` guesses the kind of a field by what it is called.
    """

    add_field: Any
    add_words: Any
    kind_of: Any


def offer(family, find, path, builder=None):
    """Lists called `family`, or `family:…`, are found by find(name, by), which gives their rules or refuses; `path`
    (name) is where their page is, below the organization."""
    _FINDERS[family], _PATHS[family], _BUILDERS[family] = find, path, builder


def offer_within(rules, path, called):
    """A list that stands in a row, called by its name and that row's id: `orders:12`. `path` has `{}` for the id, and
    `called` (id) is what people call the row."""
    family = rules.listing.name
    _WITHIN[family] = called
    offer(family, lambda name, by: rules, lambda name: path.format(parent_of(name)))


def name_of(listing, parent):
    """What a list is called here; `parent` is the id of the row that it stands in, where it stands in one."""
    return listing.name if listing.parent is None else f"{listing.name}:{parent}"


def parent_of(name):
    """The id of the row that the list with this name stands in; None where it stands by itself."""
    family, _, id = name.partition(":")
    return whole(id) or 0 if family in _WITHIN else None


def parent_called(name):
    """What people call the row that the list with this name stands in; empty where it stands by itself."""
    parent = parent_of(name)
    return "" if parent is None else _WITHIN[name.partition(":")[0]](parent)


def found(name, by, part="imports"):
    """The rules of the list with this name, as `by` may use it, if it has this part. Refuses with NotFound, also where
    the row that it stands in isn't theirs to see."""
    find = _FINDERS.get(name.partition(":")[0])
    rules = find(name, by) if find else None
    if rules is None or not getattr(rules.listing, part):
        raise NotFound("There is no such list any more.")
    if rules.listing.stands_in is not None:
        rules.listing.stands_in(parent_of(name), by)
    return rules


def builder(name):
    """What adds to the list with this name, or None where nothing can be added."""
    return _BUILDERS.get(name.partition(":")[0])


def address(name, by):
    """The address of a list's page."""
    return f"/{by.organization.slug}{_PATHS[name.partition(':')[0]](name)}"
