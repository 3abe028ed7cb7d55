"""The newsletter's readers: asked, confirmed, left, forgotten; and what is kept of that."""

from datetime import timedelta

import pytest

from domain import Invalid, NotFound, Refused
from domain.base import audit, settings
from domain.base.letters import subscribers, suppressions
from domain.people import accounts
from models import CampaignRecipient, Consent, Letter, Outgoing, Subscriber, Suppression
from tests.fixtures import news
from tests.fixtures.threads import write

ADA = "ada@example.org"


def token(row):
    return subscribers._link(Subscriber.get_by_id(row.id)).rpartition("/")[2]


def leaving(row, recipient=0):
    return subscribers.leave_link(row.public_id, recipient).rpartition("/")[2]


def asked(email=ADA):
    subscribers.ask(email)
    return Subscriber.get()


def acts():
    return [one.act for one in Consent.select().order_by(Consent.id)]


def letters():
    return Outgoing.select().where(Outgoing.kind == "mail").count()


def test_asking_leaves_one_letter_an_hour_and_nobody_is_subscribed_by_it(house, clock):
    row = asked("Ada@Example.org ")
    subscribers.ask(ADA)
    assert (letters(), row.status, Subscriber.select().count(), acts()) == (1, "unconfirmed", 1, ["asked"])
    clock.forward(minutes=61)
    subscribers.ask(ADA)
    assert letters() == 2
    assert {one.template for one in Letter.select()} == {"newsletter_confirm"}


def test_looking_confirms_nothing_and_the_button_confirms_once(house):
    row = asked()
    assert subscribers.asked_by(token(row)).status == "unconfirmed"
    audit.origin.set({"ip": "192.0.2.7"})
    for _ in range(2):
        subscribers.confirm(token(row))
    audit.origin.set(None)
    assert (Subscriber.get().status, acts()) == ("confirmed", ["asked", "confirmed"])
    said = Consent.get(Consent.act == "confirmed")
    assert said.text_version in subscribers.TEXTS
    assert len(said.place_hash) == 64
    assert "192.0.2.7" not in str(said.__data__)
    subscribers.ask(ADA)
    assert letters() == 1  # who confirmed gets no letter, and isn't told


def test_a_link_of_an_earlier_round_or_of_nobody_is_refused(house, clock):
    row = asked()
    old = token(row)
    subscribers.confirm(old)
    subscribers.leave(leaving(row))
    clock.forward(hours=2)
    subscribers.ask(ADA)
    for wrong in (old, token(row) + "x", "", "a.b.c", f"{row.public_id}.2.0"):
        with pytest.raises(NotFound):
            subscribers.confirm(wrong)
    assert Subscriber.get().status == "unconfirmed"
    subscribers.confirm(token(row))
    assert Subscriber.get().status == "confirmed"
    assert acts() == ["asked", "confirmed", "unsubscribed", "asked", "confirmed"]  # the history stays


def test_mail_case_07_who_leaves_gets_no_news_and_may_take_it_back(house):
    (row,) = news.readers(1)
    issue = news.issue(status="sending")
    mine = write(CampaignRecipient.create, campaign=issue, subscriber=row, email_norm=row.email_norm, state="handed")
    for _ in range(3):
        subscribers.leave(leaving(row, mine.id))
    held = Suppression.get()
    assert (held.scope, held.reason, held.state) == ("news", "unsubscribed", "active")
    assert suppressions.blocking(row.email, "tickets") is None  # other letters go on
    assert CampaignRecipient.get().unsubscribed_at is not None
    assert Consent.get().campaign == issue
    assert subscribers.come_back(leaving(row, mine.id)).status == "confirmed"
    assert (Suppression.get().state, CampaignRecipient.get().unsubscribed_at) == ("lifted", None)
    with pytest.raises(NotFound):
        subscribers.leave("nobody.0.abc")


def test_nobody_comes_back_who_had_never_confirmed(house):
    row = asked()
    subscribers.leave(leaving(row))
    with pytest.raises(Refused):
        subscribers.come_back(leaving(row))
    assert Subscriber.get().status == "unsubscribed"


def test_mail_case_10_one_reminder_after_a_day_and_after_thirty_they_are_forgotten(house, clock):
    asked()
    assert subscribers.look_after(10) == 0
    clock.forward(hours=25)
    assert (subscribers.look_after(10), subscribers.look_after(10)) == (1, 0)
    assert letters() == 2
    assert [one.place_hash for one in Consent.select().where(Consent.act == "reminded")] == [None]
    clock.forward(days=30)
    assert subscribers.look_after(10) == 1
    assert (Subscriber.select().count(), Consent.select().count()) == (0, 0)


def test_who_had_left_before_stays_as_who_left(house, clock):
    row = asked()
    subscribers.confirm(token(row))
    subscribers.leave(leaving(row))
    clock.forward(hours=2)
    subscribers.ask(ADA)
    clock.forward(days=31)
    subscribers.look_after(10)
    subscribers.look_after(10)
    assert Subscriber.get().status == "unsubscribed"


def test_without_a_newsletter_and_without_an_address_nothing_is_kept(house, cast):
    with pytest.raises(Invalid):
        subscribers.ask("nobody")
    settings.change("newsletter_open", "off", by=cast.stella)
    with pytest.raises(NotFound):
        subscribers.ask(ADA)
    assert Subscriber.select().count() == 0


def test_a_closed_account_is_forgotten_here_too_and_still_not_written_to(house, cast):
    write(Subscriber.create, email=cast.vera.email, email_norm=cast.vera.email_norm, status="confirmed")
    issue = news.issue(status="done")
    write(CampaignRecipient.create, campaign=issue, subscriber=Subscriber.get(), email_norm=cast.vera.email_norm)
    subscribers.leave(leaving(Subscriber.get()))
    write(accounts._erase, cast.vera)
    assert Subscriber.select().count() == 0
    assert "@" not in CampaignRecipient.get().email_norm + Suppression.get().email_norm
    assert set(suppressions.without_news([cast.vera.email_norm])) == {cast.vera.email_norm}


def test_a_complaint_of_an_erased_address_still_counts(house):
    suppressions.suppress(ADA, suppressions.ALL, "bounced", at=None)
    write(suppressions.hide, ADA)
    assert suppressions.blocking(ADA, "tickets").reason == "bounced"
    assert ADA not in Suppression.get().email_norm


def test_the_letter_to_confirm_comes_also_to_who_left(house, clock):
    """They ask for it anew themselves: «no news» doesn't hold that letter back."""
    row = asked()
    subscribers.confirm(token(row))
    subscribers.leave(leaving(row))
    clock.moment += timedelta(hours=2)
    subscribers.ask(ADA)
    assert suppressions.blocking(ADA, "newsletter") is None
    assert letters() == 2
