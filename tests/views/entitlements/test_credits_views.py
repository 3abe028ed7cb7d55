import csv
import io
from datetime import timedelta

import pytest

from database.clock import now
from database.scope import inside
from domain.entitlements import credit_holds, credit_standings, credits
from domain.lists import lists
from models import AuditEvent, CreditEntry, Grant
from tests.conftest import write

DESK = "/admin/organizations/{}/credits"


@pytest.fixture
def spent(cast):
    """Acme has Pro, and Bob has written something."""
    with inside(cast.acme):
        write(
            Grant.create, plan_key="pro_monthly", capability="feature.pro", source="manual:test", source_type="manual"
        )
    credits.renew(cast.acme, 1000, "invoice:1")
    credits.spend(cast.acme, 5, key="a", feature="ai.text", by=cast.bob)
    return cast.acme


@pytest.fixture
def form():
    def made(**values):
        return {"key": "k1", "act": "give", "amount": "50", "reason": "For the lost day"} | values

    return made


# --- the organization's page ----------------------------------------------------------------------------


def test_owners_see_what_is_left_and_where_it_went(spent, browse, said, cast):
    credit_holds.hold(spent, 100, key="h", feature="ai.text", lasts=timedelta(hours=1))
    credits.give(spent, 30, key="g", reason="A welcome present", expires_at=now() + timedelta(days=9))
    text = said(browse("alice").get("/acme/credits"))
    assert "Left to spend 925 100 set aside" in text
    assert "Spent in 30 days 5" in text
    assert "Writing with AI Spent Bob −5 995" in text
    assert "A new month&#39;s credits A new month – +1,000 1,000" in text
    assert "A welcome present Received – +30" in text
    assert "Given A welcome present Until" in text


def test_the_page_is_empty_before_anything_happened(cast, browse, said):
    text = said(browse("alice").get("/acme/credits"))
    assert "No entries yet" in text


def test_the_block_comes_alone(spent, browse, hx, outline):
    response = browse("alice").get("/acme/credits", headers=hx("credits_area"))
    assert outline(response)[0] == ["credits_area"]


def test_a_low_balance_is_said(spent, browse):
    alice = browse("alice")
    assert "running low" not in alice.get("/acme/credits").get_data(True)
    credits.spend(spent, 900, key="b", feature="ai.text")
    assert "running low" in alice.get("/acme/credits").get_data(True)


def test_the_export_has_every_row_and_no_formula(spent, browse, cast, monkeypatch):
    monkeypatch.setattr(lists, "EXPORTED", 2)
    credits.give(spent, 3, key="g", reason='=HYPERLINK("http://evil")')
    response = browse("alice").get("/acme/credits/export.csv")
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="credits-')
    head, *rows = csv.reader(io.StringIO(response.get_data().decode("utf-8-sig")))
    assert head == ["Id", "What", "Kind", "Who", "Change", "Balance", "When"]
    assert [row[1:6] for row in rows] == [
        ['\'=HYPERLINK("http://evil")', "Received", "", "3", "998"],
        ["Writing with AI", "Spent", "Bob", "-5", "995"],
        ["A new month's credits", "A new month", "", "1000", "1000"],
    ]


def test_the_plan_and_the_home_page_lead_there(spent, browse):
    for address in ("/acme/billing", "/acme"):
        assert 'href="/acme/credits"' in browse("alice").get(address).get_data(True)
    assert 'href="/acme/credits"' not in browse("bob").get("/acme").get_data(True)


def test_the_page_asks_a_bounded_number_of_questions(spent, browse, monkeypatch):
    from database.connections import database

    for number in range(40):
        credits.spend(spent, 1, key=f"more {number}", feature="ai.text")
    asked, run = [], database.obj.execute_sql
    monkeypatch.setattr(database.obj, "execute_sql", lambda sql, *rest: asked.append(sql) or run(sql, *rest))
    assert browse("alice").get("/acme/credits").status_code == 200
    assert len([sql for sql in asked if "credit_" in sql]) <= 6


# --- the staff's desk -------------------------------------------------------------------------------------


def test_staff_give_and_take_and_both_stand_in_the_ledger_and_the_log(spent, cast, browse, followed, form):
    stella, desk = browse("stella"), DESK.format(spent.id)
    assert "Acme has 1,045 credits now." in followed(stella, stella.post(desk, data=form()))
    taken = stella.post(desk, data=form(key="k2", act="take", amount="45", reason="Too many"))
    assert "Acme has 1,000 credits now." in followed(stella, taken)
    page = stella.get(desk).get_data(True)
    assert "Given: For the lost day" in page
    assert "Taken back: Too many" in page
    mine = (AuditEvent.actor == cast.stella) & (AuditEvent.category == "billing")
    actions = [event.action for event in AuditEvent.select().where(mine).order_by(AuditEvent.id)]
    assert actions == ["billing.credits_given", "billing.credits_taken"]


def test_a_double_click_gives_once(spent, browse, form):
    stella = browse("stella")
    for _ in range(2):
        assert stella.post(DESK.format(spent.id), data=form()).status_code == 303
    assert credit_standings.balance(spent)[0] == 1045
    first, second = (stella.get(DESK.format(spent.id)).get_data(True) for _ in range(2))
    key = 'name="key" value="'
    assert first.partition(key)[2][:16] != second.partition(key)[2][:16]


def test_a_form_that_cannot_be_taken_says_so_and_keeps_what_was_typed(spent, browse, form, hx):
    for values, sentence in [
        ({"amount": ""}, "Write a whole number from 1"),
        ({"amount": "-5"}, "Write a whole number from 1"),
        ({"amount": "1.5"}, "Write a whole number from 1"),
        ({"reason": " "}, "Say why"),
        ({"ends_on": "2020-01-01"}, "Choose a day that is still to come."),
        ({"ends_on": "tomorrow"}, "Choose a day."),
        ({"ends_on": "9999-12-31"}, "Choose a day."),
        ({"key": ""}, "Load the page again."),
        ({"key": "k" * 200}, "Load the page again."),
    ]:
        sent = form(**values)
        response = browse("stella").post(DESK.format(spent.id), data=sent, headers=hx("adjust_form"))
        text = response.get_data(True)
        assert response.status_code == 422, (values, sentence)
        assert sentence in text, (values, sentence)
        assert text.lstrip().startswith('<form id="adjust_form"'), (values, sentence)
        assert ("For the lost day" in text) is ("reason" not in values), (values, sentence)
        assert credit_standings.balance(spent)[0] == 995, (values, sentence)


def test_more_than_there_is_can_not_be_taken(spent, browse, form):
    response = browse("stella").post(DESK.format(spent.id), data=form(act="take", amount="996"))
    assert response.status_code == 402
    assert "Only 995 can be taken." in response.get_data(True)
    with inside(spent):
        assert CreditEntry.select().count() == 2


def test_given_credits_end_with_their_last_day(spent, browse, form):
    last = (now() + timedelta(days=3)).date()
    browse("stella").post(DESK.format(spent.id), data=form(ends_on=last.isoformat()))
    (gift,) = [bucket for bucket in credit_standings.standing(spent).buckets if bucket.kind == "gift"]
    assert gift.expires_at.date() == last + timedelta(days=1)
    assert (gift.expires_at.hour, gift.expires_at.minute) == (0, 0)


def test_the_desk_is_not_there_for_others(spent, browse, form):
    for name in (None, "alice", "bob", "charlie"):
        client = browse(name)
        assert client.get(DESK.format(spent.id)).status_code == 404
        assert client.post(DESK.format(spent.id), data=form()).status_code == 404
    assert browse("stella").get(DESK.format(10**6)).status_code == 404
    assert credit_standings.balance(spent)[0] == 995


def test_the_admin_page_of_an_organization_leads_to_the_desk(spent, browse, said):
    page = browse("stella").get(f"/admin/organizations/{spent.id}")
    assert f'href="/admin/organizations/{spent.id}/credits"' in page.get_data(True)
    assert "Credits 995" in said(page)
