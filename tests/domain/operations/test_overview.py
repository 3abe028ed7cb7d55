"""The overview: what needs a decision, figures over time, and the set-up checklist."""

import dataclasses
from datetime import timedelta

import pytest

from database.clock import now
from database.scope import inside
from domain import Refused
from domain.base import configuration, settings
from domain.money.providers import sandbox
from domain.operations import attention, overview
from domain.people import admins
from models import Backup, Subscription, User, WebhookEvent
from tests.fixtures.threads import write


@pytest.fixture
def staff(cast):
    return admins.staff(cast.stella)


def subscribe(organization, id="sub_1", plan="pro_monthly", **more):
    values = {"provider_customer_id": "c", "status": "active", "last_event_at": now(), "started_at": now()} | more
    with inside(organization):
        price = sandbox.PRICES[plan]
        write(
            Subscription.create,
            provider="stripe",
            provider_subscription_id=id,
            plan_key=plan,
            provider_price_id=price,
            **values,
        )


def figure(label):
    return next(one for one in overview.figures() if one.label == label)


def test_revenue_counts_a_year_as_twelve_months_and_what_ran_then(cast):
    subscribe(cast.acme, quantity=2, started_at=now() - timedelta(days=100))
    subscribe(cast.globex, "sub_2", "pro_yearly")
    subscribe(cast.globex, "sub_3", status="trialing")
    subscribe(
        cast.globex,
        "sub_4",
        status="canceled",
        started_at=now() - timedelta(days=90),
        ended_at=now() - timedelta(days=40),
    )
    revenue, paying = figure("Monthly revenue"), figure("Paying organizations")
    assert revenue.value == "$34.00"  # 2 × 12 and 120 / 12
    assert revenue.points[0][1] == 0
    assert paying.value == "2"
    assert [count for _, count, _ in paying.points][-3:] == [2, 1, 2]


def test_new_people_are_counted_by_day(cast, clock):
    assert figure("New people").value == str(User.select().count())
    assert len(figure("New people").points) == overview.DAYS


def test_open_payments_want_a_look(cast):
    assert figure("Open payments").tone is None
    subscribe(cast.acme, status="past_due")
    assert (figure("Open payments").value, figure("Open payments").tone) == ("1", "warn")


def test_what_failed_comes_first_and_only_to_whom_it_concerns(staff, cast):
    write(
        WebhookEvent.create,
        channel="billing_stripe",
        event_id="e",
        type="t",
        payload=b"",
        happened_at=now(),
        status="buried",
    )
    words = [need.words for need in attention.needs(staff, 2)]
    assert words[:2] == ["2 jobs failed at the last run.", "1 webhook was given up."]
    assert any("no second factor" in one for one in words)
    nobody = dataclasses.replace(staff, capabilities=frozenset({"admin.read"}))
    assert attention.needs(nobody, 2) == []


def test_a_production_without_mail_or_copies_is_told(staff, tmp_path):
    configuration.use(
        dataclasses.replace(
            configuration.active,
            env="production",
            smtp_url="",
            data=tmp_path,
            database_url=f"sqlite:///{tmp_path}/g.db",
        )
    )
    words = " ".join(need.words for need in attention.needs(staff, 0))
    assert "No mail server" in words
    assert "No copy of the database" in words
    write(Backup.create, name="n", made_at=now(), state="proven")
    assert "No copy" not in " ".join(need.words for need in attention.needs(staff, 0))


def test_steps_are_done_one_by_one(cast):
    def done():
        return [step.title for step in overview.steps(cast.stella) if step.is_done]

    assert "Name the site" not in done()
    settings.change("site_name", "The Hall", by=cast.stella)
    settings.forget()
    assert "Name the site" in done()


def test_a_test_payment_never_takes_real_money(cast):
    configuration.use(dataclasses.replace(configuration.active, billing_provider="polar"))
    with pytest.raises(Refused):
        overview.try_payment(by=cast.stella)
