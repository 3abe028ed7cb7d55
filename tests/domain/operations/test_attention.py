from datetime import timedelta

import pytest

from database import housekeeping
from database.connections import database
from domain.base import settings
from domain.events import payments, refunds
from domain.operations import attention
from domain.operations.releases import deployments
from domain.operations.runs import leases
from domain.people import admins
from models import Attention, JobAlarm, Pass, TicketPayment, WebhookEvent
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event
from tests.fixtures.threads import write


@pytest.fixture
def stella(cast):
    return admins.staff(cast.stella)


def words(staff):
    return [need.words for need in attention.needs(staff, 0)]


def alarm(text="Tokens is late."):
    return write(JobAlarm.create, job="tokens", kind="late", about=text, words=text)


def test_a_look_is_one_row_that_pages_read_and_what_is_new_shows_with_the_next(stella, clock):
    alarm()
    attention.look()
    alarm("Digests is late.")
    assert "Tokens is late." in words(stella)
    assert "Digests is late." not in words(stella)
    clock.forward(seconds=60)
    attention.look()
    assert "Digests is late." in words(stella)
    assert Attention.select().count() == 1


def test_since_when_something_waits_is_kept_from_look_to_look(stella, clock):
    alarm()
    began = clock()
    for _ in range(3):
        attention.look()
        clock.forward(seconds=60)
    attention.look()
    found = next(need for need in attention.needs(stella, 0) if need.words == "Tokens is late.")
    assert found.since == began


def test_when_nobody_looks_any_more_the_page_asks_itself_and_says_so(stella, clock):
    attention.look()
    clock.forward(minutes=6)
    alarm()
    assert words(stella)[0].startswith("No job runs: nothing was looked after since")
    assert "Tokens is late." in words(stella)


def test_a_check_that_fails_is_a_line_itself(stella, monkeypatch):
    def _broken(_staff):
        raise OSError("no")

    monkeypatch.setattr(attention, "_checks", [("jobs.run", _broken), *attention._checks])
    alarm()
    attention.look()
    assert "What needs attention couldn’t be asked (broken): the log says why." in words(stella)
    assert "Tokens is late." in words(stella)


def test_everybody_sees_what_they_may_do_something_about(cast, clock):
    alarm()
    attention.look()
    finance = admins.Staff(cast.stella, frozenset({"admin.read", "subscriptions.read"}))
    assert words(finance) == []


def test_hard_33_a_log_that_grew_beyond_256_mb_is_told_with_its_oldest_reader(stella, sqlite, monkeypatch):
    assert housekeeping.log_size(f"sqlite:///{database.database}") >= 0
    monkeypatch.setattr(housekeeping, "log_size", lambda _: 300 * attention.MB)
    database.connection()
    found = next(text for text in words(stella) if "300 MB" in text)
    assert "Its oldest reader is MainThread" in found
    database.close()


def test_hard_33_the_log_of_a_database_is_bounded(house, sqlite):
    assert 0 < database.execute_sql("PRAGMA journal_size_limit").fetchone()[0] <= 64 * 1024 * 1024


def test_little_room_on_the_disk_is_told(stella, monkeypatch):
    monkeypatch.setattr(housekeeping, "short_of_room", lambda _: 700 * attention.MB)
    assert any("700 MB left" in text for text in words(stella))


def test_a_run_that_died_is_told(stella, clock):
    leases.take("tokens", "me")
    clock.forward(seconds=61)
    assert any("cut off in the middle" in text for text in words(stella))


def test_releases_that_crash_and_alerts_of_the_host_are_told(stella, clock):
    told = {"deployment_id": "d", "status": "CRASHED", "service": "web", "environment": "production"}
    deployments.take_in(deployments.read(told), b"1")
    deployments.take_in(deployments.read({"type": "VolumeAlert.triggered"}), b"2")
    assert {"web crashed in production.", "The host tells: VolumeAlert.triggered."} <= set(words(stella))
    clock.forward(days=2)
    write(WebhookEvent.update(created_at=clock() - timedelta(days=2)).execute)
    assert "web crashed in production." not in words(stella)


def test_a_flag_whose_day_is_over_is_told(stella, cast, clock):
    settings.change("flag_live_streams", "on until 2026-06-01", by=cast.stella)
    settings.forget()
    assert any("“Live pages by a stream” was to be decided by 2026-06-01" in text for text in words(stella))


def test_admins_without_a_second_factor_are_told_to_who_chooses_them(cast):
    may = admins.Staff(cast.stella, frozenset({"admins.write"}))
    assert any("no second factor" in text for text in words(may))


def test_money_of_tickets_that_waits_for_somebody_is_told(stella, inside_acme, at, clock):
    event, (tier,) = make_event(at("alice"))
    order = bought(event, tier)
    payments.take_free(order.id)
    about = {"provider": "stripe", "provider_payment_id": "pi_1", "state": "paid", "currency": "EUR"}
    payment = write(TicketPayment.create, order=order, amount_cents=500, **about)
    refund = write(refunds.send, order, payment, 500, "goodwill", "goodwill:1")
    write(refunds.move, refund.id, "failed")
    assert not [said for said in words(stella) if "ticket" in said]
    clock.forward(days=2, minutes=1)
    assert "1 refund of tickets didn’t go through for two days." in words(stella)
    write(Pass.delete().execute)
    assert "Of 1 order there is money, and neither a ticket nor a refund." in words(stella)
