"""A listed thing for programs: its rows a page at a time, one of them, made, changed and removed.

Each takes the rules of the list as whoever asks has them, and answers with an Answer.
"""

from flask import g, request

from domain import Invalid
from domain.base import configuration
from domain.lists.programs import reading, writing
from views.machines.operations import Answer, sent_object, versions


def index(rules, parent=None):
    """A page of rows; `next` is the whole address of the one after it, or null."""
    _stand(rules, parent)
    items, following, is_partial = reading.page(rules, _given(), g.by, parent)
    here = configuration.active.site_url + request.path
    body = {"items": items, "next": f"{here}?{following}" if following else None, "partial": is_partial}
    return Answer(body, headers=_etag(body))


def show(rules, id, parent=None):
    _stand(rules, parent)
    _given(())
    row = reading.one(rules, id, g.by, parent)
    return Answer(row, headers=_etag(row))


def create(rules, parent=None):
    _stand(rules, parent)
    row = writing.create(rules, sent_object(), by=g.by, parent=parent)
    where = {"Location": f"{configuration.active.site_url}{request.path}/{row['id']}"}
    return Answer(row, 201, where | _etag(row))


def change(rules, id, parent=None):
    _stand(rules, parent)
    row = writing.change(rules, id, sent_object(), by=g.by, parent=parent, versions=versions())
    return Answer(row, headers=_etag(row))


def remove(rules, id, parent=None):
    _stand(rules, parent)
    writing.remove(rules, id, by=g.by, parent=parent, versions=versions())
    return Answer(None, 204)


def _stand(rules, parent):
    if rules.listing.stands_in is not None:
        rules.listing.stands_in(parent, g.by)


def _given(known=None):
    """The query of the address, each name once. Refuses with Invalid."""
    twice = {name: "Send it once." for name, texts in request.args.lists() if len(texts) > 1}
    unknown = {name: reading.UNKNOWN for name in request.args if known is not None and name not in known}
    if twice | unknown:
        raise Invalid(twice | unknown)
    return request.args.to_dict()


def _etag(body):
    return {"ETag": f'"{reading.version(body)}"'}
