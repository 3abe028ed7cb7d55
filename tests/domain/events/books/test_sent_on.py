"""Money that the site took for organizations at its own account, and what it notes of it as sent on."""

import pytest

from database.connections import database
from database.scope import inside
from domain import Invalid
from domain.events import refunds
from domain.events.books import payouts, sent_on
from models import AuditEvent, Payout, TicketPayment, TicketRefund
from tests.domain.events.providers.test_attempts import paid
from tests.domain.events.test_payments import paid_night
from tests.fixtures.threads import write

__all__ = ["paid", "paid_night"]


def form(one, **values):
    return {"whose": one.key, "amount": "20", "reference": "March, Acme"} | values


def test_what_buyers_paid_to_the_site_is_owed_until_it_was_sent_on_or_went_back(paid, cast):
    (one,) = sent_on.owed()
    assert (one.organization, one.currency) == (cast.acme, "EUR")
    assert (one.came_cents, one.back_cents, one.sent_cents, one.left_cents) == (2000, 0, 0, 2000)
    sent_on.note(form(one, amount="12.50"), by=cast.stella)
    (one,) = sent_on.owed()
    assert (one.sent_cents, one.left_cents) == (1250, 750)
    with inside(cast.acme):
        write(TicketPayment.update(refunded_cents=750).execute)
    assert sent_on.owed() == []


@pytest.mark.parametrize(
    "other",
    [
        {"account": "an-own-one"},
        {"account": TicketPayment.ELSEWHERE},
        {"provider": "transfer"},
        {"state": "pending"},
        {"dispute": "lost"},
        {"dispute": "open"},
    ],
)
def test_what_never_came_to_the_site_or_was_taken_from_it_is_not_owed(paid, cast, other):
    assert sent_on.owed()
    with inside(cast.acme):
        write(TicketPayment.update(**other).execute)
    assert sent_on.owed() == []


@pytest.mark.parametrize("state", ["approved", "sent", "failed"])
def test_what_goes_back_to_buyers_is_not_there_to_be_sent_on(paid, cast, state):
    with inside(cast.acme):
        write(refunds.send, paid, TicketPayment.get(), 1500, "goodwill", "goodwill:1")
        write(TicketRefund.update(state=state).execute)
    (one,) = sent_on.owed()
    assert (one.going_cents, one.left_cents) == (1500, 500)
    with inside(cast.acme):
        write(TicketRefund.update(state="succeeded").execute)
        write(TicketPayment.update(refunded_cents=1500).execute)
    (one,) = sent_on.owed()
    assert (one.back_cents, one.going_cents, one.left_cents) == (1500, 0, 500)


def test_the_sums_are_one_question_that_reads_an_index_alone(paid, cast, monkeypatch):
    asked, run = [], database.obj.execute_sql
    monkeypatch.setattr(
        database.obj, "execute_sql", lambda sql, params=None: (asked.append((sql, params)), run(sql, params))[1]
    )
    assert len(sent_on.owed()) == 1
    assert len(asked) == 3, asked  # the sums, whose they are, and what goes back of them
    if database.dialect == "sqlite":  # PostgreSQL plans by what is in a table
        plan = str(run(f"EXPLAIN QUERY PLAN {asked[0][0]}", asked[0][1]).fetchall())
        assert "USING COVERING INDEX ticket_payment_here" in plan
        assert "FOR GROUP BY" not in plan


def test_a_note_is_in_the_audit_log_and_among_the_payouts_of_who_sold(paid, cast):
    (one,) = sent_on.owed()
    assert sent_on.note(form(one), by=cast.stella) == "Noted: €20.00 went to Acme."
    with inside(cast.acme):
        (made,) = Payout.select()
    assert (made.amount_cents, made.currency, made.state, made.reference) == (2000, "EUR", "paid", "March, Acme")
    assert made.by == cast.stella
    assert payouts.NAMES[made.provider] == "This site"
    noted = AuditEvent.get(AuditEvent.action == "payouts.sent_on")
    assert (noted.organization_id, noted.summary) == (cast.acme.id, "€20.00 were sent on")


def test_no_more_is_noted_than_is_left_and_nothing_without_its_words(paid, cast):
    for wrong, field in [
        ({"amount": "20.01"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"amount": ""}, "amount"),
        ({"reference": ""}, "reference"),
        ({"whose": ""}, "whose"),
        ({"whose": "nobody:EUR"}, "whose"),
    ]:
        (one,) = sent_on.owed()
        with pytest.raises(Invalid) as refused:
            sent_on.note(form(one, **wrong), by=cast.stella)
        assert list(refused.value.fields) == [field], (wrong, field)
        with inside(cast.acme):
            assert not Payout.select().exists(), (wrong, field)


def test_the_same_money_is_noted_once(paid, cast):
    (one,) = sent_on.owed()
    sent_on.note(form(one), by=cast.stella)
    with pytest.raises(Invalid):
        sent_on.note(form(one), by=cast.stella)
