"""The lists of an organization that jobs work on: the rules of each, found by its name."""

from typing import Any, NamedTuple

from domain import NotFound

_FINDERS: dict = {}
_BUILDERS: dict = {}
_PATHS: dict = {}


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


def found(name, by, part="imports"):
    """The rules of the list with this name, as `by` may use it, if it has this part. Refuses with NotFound."""
    find = _FINDERS.get(name.partition(":")[0])
    rules = find(name, by) if find else None
    if rules is None or not getattr(rules.listing, part):
        raise NotFound("There is no such list any more.")
    return rules


def builder(name):
    """What adds to the list with this name, or None where nothing can be added."""
    return _BUILDERS.get(name.partition(":")[0])


def address(name, by):
    """The address of a list's page."""
    return f"/{by.organization.slug}{_PATHS[name.partition(':')[0]](name)}"
