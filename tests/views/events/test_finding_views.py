"""Who asks for their links again is answered the same, whether they have tickets or not."""

import pytest

from domain.base import allowances
from domain.events import events
from models import Outgoing
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event


@pytest.fixture
def night(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"))
    bought(event, tier, 2)
    bought(event, tier, email="bob@example.org")
    return event


def ask(browse, event, email):
    return browse(None).post(f"/e/{event.slug}/tickets", data={"email": email})


def test_event_case_38_the_answer_is_the_same_and_only_the_letter_tells(night, browse, letters):
    before = len(letters())
    known, unknown = ask(browse, night, "ADA@example.org"), ask(browse, night, "eve@example.org")
    assert known.status_code == unknown.status_code == 200
    strip = lambda page, email: page.text.replace(email, "")  # noqa: E731
    assert strip(known, "ADA@example.org") == strip(unknown, "eve@example.org")
    assert [to for to, *_ in letters()[before:]] == ["ada@example.org"]


def test_it_is_limited_and_what_is_no_address_is_said(night, browse, monkeypatch):
    assert "is no e-mail address" in ask(browse, night, "nonsense").text or ask(browse, night, "x").status_code == 422
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    assert [ask(browse, night, "eve@example.org").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert not Outgoing.select().where(Outgoing.recipient == "eve@example.org").exists()


def test_events_that_nobody_sees_have_no_such_page(night, at, browse):
    draft, _ = make_event(at("alice"), title="Draft", publish=False)
    assert browse(None).get(f"/e/{draft.slug}/tickets").status_code == 404
    assert browse(None).get(f"/e/{events.one(night.id).slug}/tickets").status_code == 200
