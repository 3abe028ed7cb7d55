"""Which lists files can be brought into: the rules of each, found by its name when a job needs them."""

from domain import NotFound

_FINDERS: dict = {}


def offer(family, find):
    """Lists called `family`, or `family:…`, are found by find(name, by), which gives their rules or refuses."""
    _FINDERS[family] = find


def found(name, by):
    """The rules of the list with this name, as `by` may use it. Refuses with NotFound."""
    find = _FINDERS.get(name.partition(":")[0])
    rules = find(name, by) if find else None
    if rules is None or not rules.listing.imports:
        raise NotFound("There is no such list any more.")
    return rules
