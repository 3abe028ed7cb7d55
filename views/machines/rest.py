"""A listed thing for programs: its rows a page at a time, one of them, made, changed and removed.

Each takes the rules of the list as whoever asks has them, and answers with an Answer.
"""

from urllib.parse import urlencode

from flask import g, request

from domain import Invalid
from domain.base import configuration
from domain.fields.kinds import whole
from domain.lists.programs import asking, reading, writing
from views.machines.operations import Answer, sent_object, text_of, versions


def index(rules, parent=None):
    """A page of rows; `next` is the whole address of the one after it, or null."""
    _stand(rules, parent)
    sent = given()
    asked = asking.understood((rules.told or rules).listing, sent, g.by, parent)
    body, more = _page(rules, asked)
    body["next"] = _next(sent, more) if more else None
    text = text_of(body)  # once, for both
    return Answer(text, headers={"ETag": f'"{reading.version_of(text)}"'}, rows=len(body["items"]))


def query(rules, parent=None):
    """The same by JSON, with groups of conditions; `next` is what is sent as `after` for the page after it, or null."""
    _stand(rules, parent)
    given(())
    asked = asking.of_json((rules.told or rules).listing, sent_object(), g.by, parent)
    body, more = _page(rules, asked)
    body["next"] = more or None
    return Answer(body, rows=len(body["items"]))


def _page(rules, asked):
    items, more, is_partial = reading.page(rules, asked, g.by)
    body = {"items": items, "next": None, "partial": is_partial}
    if asked.counts:
        body["count"], body["more"] = reading.count(rules, asked, g.by)
    return body, more


def show(rules, id, parent=None):
    _stand(rules, parent)
    given(())
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


def part(items):
    """A page of few things with ids, in their order: behind `after`, an id. Refuses with Invalid."""
    sent = given(("after", "limit"))
    most, ids = whole(sent.get("limit", asking.PAGE), asking.MOST), [str(one["id"]) for one in items]
    wrong = {} if most else {"limit": f"Write a number from 1 to {asking.MOST}."}
    if "after" in sent and sent["after"] not in ids:
        wrong["after"] = "This place in the list can't be found; start from its beginning."
    if wrong:
        raise Invalid(wrong)
    start = ids.index(sent["after"]) + 1 if "after" in sent else 0
    shown, more = items[start : start + most], len(items) > start + most
    return Answer({"items": shown, "next": _next(sent, shown[-1]["id"]) if more else None}, rows=len(shown))


def _next(sent, after):
    return f"{configuration.active.site_url}{request.path}?{urlencode(sent | {'after': after})}"


def _stand(rules, parent):
    if rules.listing.stands_in is not None:
        rules.listing.stands_in(parent, g.by)


def given(known=None):
    """The query of the address, each name once. Refuses with Invalid."""
    twice = {name: "Send it once." for name, texts in request.args.lists() if len(texts) > 1}
    unknown = {name: asking.UNKNOWN for name in request.args if known is not None and name not in known}
    if twice | unknown:
        raise Invalid(twice | unknown)
    return request.args.to_dict()


def _etag(body):
    return {"ETag": f'"{reading.version(body)}"'}
