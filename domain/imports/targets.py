"""The lists of an organization that jobs work on: the rules of each, found by its name."""

from domain import NotFound

_FINDERS: dict = {}


def offer(family, find):
    """Lists called `family`, or `family:…`, are found by find(name, by), which gives their rules or refuses."""
    _FINDERS[family] = find


def found(name, by, part="imports"):
    """The rules of the list with this name, as `by` may use it, if it has this part. Refuses with NotFound."""
    find = _FINDERS.get(name.partition(":")[0])
    rules = find(name, by) if find else None
    if rules is None or not getattr(rules.listing, part):
        raise NotFound("There is no such list any more.")
    return rules
