"""Kept HTML must not take what is trusted for what isn't."""

import pytest
from flask import g
from markupsafe import Markup

from database.scope import inside
from domain.events.providers import accounts
from domain.lists import lists, rows
from domain.tasks import tasks
from views.lists import drawing
from views.lists.place import Place

EVIL = "<img src=x>"


@pytest.fixture
def place(web, at, cast):
    with web.test_request_context("/"), inside(cast.acme):
        g.by = at("alice")
        yield Place(tasks.rules, g.by, lists.Ask(), "/acme/tasks")


def drawn(place, title):
    columns = tasks.listing.Row._fields
    values = dict.fromkeys(columns) | {
        "id": 7,
        "status": "pending",
        "priority": "low",
        "user": place.by.user.id,
    }
    row = tasks.listing.Row(**(values | {"title": title, "category": "general"}))
    return str(drawing.rows(place, lists.Answer([row], "", {})))


def test_a_row_with_trusted_text_is_not_the_row_with_the_same_untrusted_text(place):
    assert EVIL in drawn(place, Markup(EVIL))
    assert EVIL not in drawn(place, EVIL)
    assert EVIL in drawn(place, Markup(EVIL))


def test_what_is_kept_is_bounded():
    assert drawing._row.cache_info().maxsize == 4000
    assert lists._kept.cache_info().maxsize == lists._counting.cache_info().maxsize == lists.SHAPES


def test_what_no_form_holds_is_offered_to_nobody_as_a_cell(browse, at, cast):
    """An account's address of webhooks is made of two columns: it is carried elsewhere, and not typed."""
    with inside(cast.acme):
        rows.create(accounts.rules, {"label": "Ours", "provider": "stripe"}, by=at("alice"))
    page = browse("alice").get("/acme/payment-accounts").text
    assert 'data-cell="state"' in page
    assert 'data-cell="address"' not in page
    assert "data-copy" in page.partition('data-label="Its webhooks come to"')[2].partition("</td>")[0]
