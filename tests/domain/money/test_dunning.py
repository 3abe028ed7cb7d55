"""Who hears of an open payment and an ending trial, when, and that nobody hears of it twice."""

import dataclasses
from datetime import timedelta

import pytest

import jobs
from database.scope import inside
from domain.base import configuration, settings
from domain.entitlements import grants
from domain.money import dunning
from domain.operations import retention
from domain.organizations import organizations
from models import Change, Grant, Notification, Outgoing, Subscription, User
from tests.fixtures.threads import together, write


@pytest.fixture
def owing(cast, clock):
    """Acme's plan, paid for until now; its renewal fell due this minute and isn't paid."""

    def make(status="past_due", organization=None, id="sub_1", **more):
        with inside(organization or cast.acme):
            values = {
                "provider": "stripe",
                "provider_subscription_id": id,
                "provider_customer_id": "cus_1",
                "plan_key": "pro_monthly",
                "status": status,
                "last_event_at": clock(),
                "unpaid_since_at": clock(),
                "unpaid_url": "https://pay.example.org/in_1",
                "current_period_end_at": clock() + timedelta(days=30),
            }
            row = write(Subscription.create, **(values | more))
            write(grants.follow, row)
        return row

    return make


def change(row, **values):
    with inside(row.organization_id):
        write(Subscription.update(**values).where(Subscription.id == row.id).execute)


def subjects(letters):
    """What alice was written since the last look, and what everybody else was."""
    found = [(to, subject) for to, subject, _ in letters()]
    return [subject for to, subject in found if to == "alice@example.org"], {to for to, _ in found}


def plan(cast):
    with inside(cast.acme):
        return grants.plan().key


def test_an_open_payment_is_remembered_on_its_days_and_once_each(owing, clock, letters, cast):
    owing()
    heard = []
    for hour in range(24 * 9):
        before = Outgoing.select().where(Outgoing.kind == "mail").count()
        jobs.run("dunning")
        dunning.remind()
        if Outgoing.select().where(Outgoing.kind == "mail").count() > before:
            heard.append(hour / 24)
        clock.forward(hours=1)
    assert heard == [3, 6, 7]
    mine, others = subjects(letters)
    assert mine == [
        "A payment for Acme is still open",
        "A payment for Acme is still open",
        "Pro rests for Acme",
    ]
    assert others == {"alice@example.org"}  # bob, vera and dora don't look after money
    titles = [n.title for n in Notification.select().order_by(Notification.id)]
    assert titles == [
        "A payment for Pro is still open",
        "Pro rests from tomorrow on if its payment stays open",
        "Pro rests until the open payment has gone through",
    ]
    assert {n.recipient_id for n in Notification.select()} == {cast.alice.id}


def test_admins_hear_too_and_the_letter_leads_to_where_one_pays(owing, clock, letters, cast):
    organizations.add_member(cast.acme, cast.stella, "admin", by=cast.alice)
    owing()
    clock.forward(days=3)
    dunning.remind()
    found = letters()
    assert sorted(to for to, *_ in found) == ["alice@example.org", "stella@example.org"]
    for _, _, text in found:
        assert "Pay now: https://pay.example.org/in_1" in text
        assert "Pro goes on until 22 June 2026" in text
        assert "Nothing is deleted." in text


def test_access_rests_when_the_grace_is_over_and_nothing_is_deleted(owing, clock, letters, cast):
    row = owing()
    clock.forward(days=7, seconds=-1)
    assert plan(cast) == "pro_monthly"
    clock.forward(seconds=1)
    assert plan(cast) == "free"
    with inside(cast.acme):
        before = Change.select().where(Change.table == "subscription").count()
    dunning.remind()
    assert subjects(letters)[0] == ["Pro rests for Acme"]
    with inside(cast.acme):
        assert Subscription.get_by_id(row.id).status == "past_due"
        assert Change.select().where(Change.table == "subscription").count() == before + 1  # open pages hear of it
    dunning.remind()
    with inside(cast.acme):
        assert Change.select().where(Change.table == "subscription").count() == before + 1


def test_who_paid_in_between_hears_nothing(owing, clock, letters, monkeypatch):
    row = owing()
    clock.forward(days=3)
    watched = dunning._watched

    def paid_meanwhile(after):
        found = watched(after)
        change(row, status="active", unpaid_since_at=None, unpaid_url=None)
        return found

    monkeypatch.setattr(dunning, "_watched", paid_meanwhile)
    assert dunning._watched(0)[0].id == row.id  # it was due when it was looked for
    change(row, status="past_due", unpaid_since_at=clock() - timedelta(days=3))
    assert dunning.remind() == 0
    assert letters() == []


def test_a_second_open_payment_is_remembered_anew(owing, clock, letters):
    row = owing()
    clock.forward(days=3)
    dunning.remind()
    change(row, status="active", unpaid_since_at=None)
    clock.forward(days=27)
    dunning.remind()
    change(row, status="past_due", unpaid_since_at=clock())
    clock.forward(days=3)
    dunning.remind()
    assert len(subjects(letters)[0]) == 2


def test_after_a_stop_only_the_newest_reminder_goes_out_and_a_stale_one_none(owing, clock, letters):
    owing()
    clock.forward(days=6, hours=20)
    dunning.remind()
    assert len(letters()) == 1
    clock.forward(days=10)
    dunning.remind()
    assert len(letters()) == 1


def test_the_days_are_those_of_the_settings(owing, clock, letters, cast):
    settings.change("billing_grace_days", "20", by=cast.stella)
    settings.change("billing_dunning_days", "10 1", by=cast.stella)
    row = owing()
    heard = []
    for day in range(30):
        before = Outgoing.select().where(Outgoing.kind == "mail").count()
        dunning.remind()
        if Outgoing.select().where(Outgoing.kind == "mail").count() > before:
            heard.append(day)
        clock.forward(days=1)
    assert heard == [1, 10, 19, 20]
    with inside(cast.acme):
        assert dunning.next_due(row) is None


def test_new_days_of_grace_reach_plans_that_are_past_due_at_the_next_sweep(owing, clock, cast):
    row = owing()
    with inside(cast.acme):
        assert grants.until(row) == clock() + timedelta(days=7)
    settings.change("billing_grace_days", "14", by=cast.stella)
    dunning.remind()
    with inside(cast.acme):
        assert grants.until(row) == clock() + timedelta(days=14)
    clock.forward(days=10)
    assert plan(cast) == "pro_monthly"
    settings.change("billing_grace_days", "2", by=cast.stella)
    dunning.remind()
    assert plan(cast) == "free"


def test_without_days_of_grace_access_rests_at_once_and_that_is_said(owing, letters, cast):
    settings.change("billing_grace_days", "0", by=cast.stella)
    owing()
    assert plan(cast) == "free"
    dunning.remind()
    assert subjects(letters)[0] == ["Pro rests for Acme"]


def test_when_the_provider_gives_up_that_is_said_once(owing, clock, letters):
    row = owing(unpaid_since_at=clock())
    clock.forward(days=7)
    dunning.remind()
    change(row, status="unpaid")
    for _ in range(30):
        dunning.remind()
        clock.forward(days=1)
        retention.prune(100)
    assert subjects(letters)[0] == ["Pro rests for Acme"]


def test_when_the_provider_gives_up_early_nobody_waits_for_the_grace(owing, clock, letters):
    owing("unpaid")
    clock.forward(days=2)
    dunning.remind()
    clock.forward(days=6)
    dunning.remind()
    assert subjects(letters)[0] == ["Pro rests for Acme"]


def test_a_trial_that_ends_is_told_three_days_before_and_once(owing, clock, letters):
    owing("trialing", unpaid_since_at=None, trial_ends_at=clock() + timedelta(days=14))
    clock.forward(days=11, seconds=-1)
    assert dunning.remind() == 0
    clock.forward(seconds=1)
    assert [dunning.remind(), dunning.remind()] == [1, 0]
    clock.forward(days=2)
    assert dunning.remind() == 0
    found = letters()
    assert [subject for _, subject, _ in found] == ["The Pro trial of Acme ends soon"]
    assert "ends on 29 June 2026" in found[0][2]


def test_who_has_a_plan_otherwise_is_not_told_that_it_rests(owing, clock, cast):
    row = owing()
    with inside(cast.acme):
        grant = {"plan_key": "pro_lifetime", "capability": "feature.pro", "source": "bought", "source_type": "one_time"}
        held = write(Grant.create, **grant)
        assert dunning.open_matter().until is None
    clock.forward(days=7)
    assert dunning.remind() == 0
    with inside(cast.acme):
        assert dunning.open_matter().kind == "open"
        write(Grant.update(revoked_at=clock()).where(Grant.id == held.id).execute)
        assert dunning.open_matter().kind == "rests"
    assert (dunning.remind(), row.plan_key) == (1, "pro_monthly")


@pytest.mark.parametrize(
    ("values", "matter"),
    [
        ({"status": "past_due"}, ("open", "pro_monthly", 7, "https://pay.example.org/in_1")),
        ({"status": "unpaid"}, ("rests", "pro_monthly", None, "https://pay.example.org/in_1")),
        ({"status": "active", "unpaid_since_at": None}, None),
        (
            {"status": "active", "pending_plan_key": "pro_yearly", "unpaid_url": None},
            ("change", "pro_yearly", None, None),
        ),
        ({"status": "canceled", "pending_plan_key": "pro_yearly"}, None),
        ({"status": "incomplete"}, None),
    ],
)
def test_what_wants_attention_is_told_of_the_own_organization_only(owing, clock, cast, values, matter):
    owing(**values)
    with inside(cast.acme):
        found = dunning.open_matter()
    days = found and found.until and (found.until - clock()).days
    assert (found and (found.kind, found.plan.key, days, found.url)) == matter
    with inside(cast.globex):
        assert dunning.open_matter() is None


@pytest.mark.parametrize(
    "ended", [{"cancel_at_period_end": True}, {"status": "active"}, {"status": "canceled"}, {"trial_ends_at": None}]
)
def test_a_trial_that_will_not_be_charged_is_not_told(owing, clock, ended):
    row = owing("trialing", unpaid_since_at=None, trial_ends_at=clock() + timedelta(days=2))
    change(row, **ended)
    assert dunning.remind() == 0
    change(row, status="trialing", cancel_at_period_end=False, trial_ends_at=clock() + timedelta(days=2))
    assert dunning.remind() == 1


def test_each_organization_hears_of_its_own(owing, clock, letters, cast):
    owing()
    owing(organization=cast.globex, id="sub_2")
    clock.forward(days=3)
    assert dunning.remind() == 2
    assert sorted((to, subject) for to, subject, _ in letters()) == [
        ("alice@example.org", "A payment for Acme is still open"),
        ("charlie@example.org", "A payment for Globex is still open"),
    ]


def test_more_than_one_batch_is_walked(owing, clock, cast, monkeypatch):
    monkeypatch.setattr(dunning, "BATCH", 2)
    for number in range(5):
        owing(organization=cast.globex if number % 2 else cast.acme, id=f"sub_{number}")
    clock.forward(days=3)
    assert dunning.remind() == 5
    assert Outgoing.select().where(Outgoing.kind == "mail").count() == 5


def test_a_deleted_organization_and_another_providers_plan_hear_nothing(owing, clock, letters, cast):
    owing(provider="polar")
    globex = cast.globex
    owing(organization=globex, id="sub_2")
    write(organizations.Organization.update(status="deleted").where(organizations.Organization.id == globex.id).execute)
    clock.forward(days=3)
    assert dunning.remind() == 0
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    assert dunning.remind() == 0
    assert letters() == []


def test_two_clocks_at_once_remind_once(owing, clock, letters):
    owing()
    clock.forward(days=3)
    together(*[dunning.remind] * 4)
    assert len(letters()) == 1


def test_report_11_letters_and_notices_about_money_say_the_readers_day(owing, clock, letters, cast):
    write(User.update(timezone="Asia/Tokyo").where(User.id == cast.alice.id).execute)
    clock.moment = clock.moment.replace(hour=20)  # in Tokyo it is the next day already
    owing()
    clock.forward(days=3)
    jobs.run("dunning")
    (said,) = [text for to, _, text in letters() if to == "alice@example.org"]
    assert "goes on until 23 June 2026" in said


def test_report_11_the_end_of_a_trial_is_the_readers_day(owing, clock, cast):
    write(User.update(timezone="Asia/Tokyo").where(User.id == cast.alice.id).execute)
    ends = clock.moment.replace(hour=20) + timedelta(days=2)
    owing(status="trialing", trial_ends_at=ends, unpaid_since_at=None)
    jobs.run("dunning")
    jobs.work_off()
    assert Notification.get().title == "The trial of Pro ends on 18 June 2026"
