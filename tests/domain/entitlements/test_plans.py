from datetime import timedelta

import pytest

import jobs
from database.clock import now
from database.scope import everywhere, inside
from domain import Invalid, NotFound, Refused
from domain.base import long_jobs, roles, settings
from domain.entitlements import grants, plans
from domain.entitlements.plans import FREE, PLANS
from domain.money import facts as money
from domain.money import pricing
from domain.money.providers import sandbox
from domain.money.providers.provider import SubscriptionChanged
from domain.organizations import permissions
from models import AuditEvent, Change, Grant, LongJob, PlanOverride, Subscription
from tests.fixtures.threads import together, write

pytestmark = pytest.mark.usefixtures("bare_free")

LESS = ["billing.portal", "feature.pro"]


def form(key="pro_monthly", **more):
    held = plans.facts(plans.get(key))
    return held | {"gives": "\n".join(held["gives"])} | more


def change(cast, key="pro_monthly", confirmed=False, **more):
    return plans.change(key, form(key, **more), by=cast.stella, confirmed=confirmed)


@pytest.fixture
def subscribe(cast):
    """`subscribe("acme")` gives the organization a running subscription, as an event would."""
    numbers = iter(range(1, 1000))

    def fact(name, status="active", plan="pro_monthly", days=30, id=None):
        organization = getattr(cast, name) if isinstance(name, str) else name
        id = id or f"sub_{next(numbers)}"
        told = SubscriptionChanged(
            provider="stripe",
            id=id,
            customer_id=f"cus_{organization.id}",
            organization=organization.public_id,
            price_id=sandbox.PRICES[plan],
            status=status,
            period_end_at=now() + timedelta(days=days),
            happened_at=now(),
            event_id=f"evt_{id}_{status}",
            asked_at=now(),
        )
        write(money.apply, told)
        return id

    return fact


def has(organization):
    with inside(organization):
        return sorted(grants.capabilities())


def test_free_gives_a_team_of_three_and_every_paid_plan_gives_pro():
    assert not FREE.is_paid
    assert FREE.in_words[-1] == "Invite people: 3 seats"
    assert PLANS["pro_monthly"].in_words == ("Everything in Free", "Invite people: 10 seats", "1,000 credits a month")
    for key, plan in PLANS.items():
        assert plan.key == key
        assert key == "free" or "feature.pro" in plan.capabilities


def test_every_plan_has_its_allowance_in_a_setting():
    assert {plan.credits for plan in PLANS.values()} <= settings.REGISTRY.keys()


def test_what_the_house_asks_for_a_plan_can_include():
    asked = {permission.capability for permission in roles.ORGANIZATION.values()} - {""}
    assert asked <= plans.CAPABILITIES.keys()
    assert set(plans.PAID) | set(plans.LIMITS) <= plans.CAPABILITIES.keys()


# --- as they are now ----------------------------------------------------------------------------------------------


def test_a_plan_nobody_changed_is_the_one_in_the_code(house):
    assert plans.get("pro_monthly") is PLANS["pro_monthly"]
    assert [plan.key for plan in plans.everything()] == list(PLANS)
    with pytest.raises(NotFound):
        plans.get("pro_weekly")


def test_a_changed_plan_is_seen_at_once_and_everywhere(cast):
    change(cast, name="Guild", gives="A\n\n  B  b \n", position="9")
    plan = plans.get("pro_monthly")
    assert (plan.name, plan.gives, plan.label, plan.key) == ("Guild", ("A", "B b"), "Guild, monthly", "pro_monthly")
    assert [plan.key for plan in plans.everything()] == ["free", "pro_yearly", "pro_lifetime", "pro_monthly"]
    assert [offer.plan.name for offer in pricing.offers()] == ["Free", "Pro", "Pro", "Guild"]
    assert plans.stored("pro_monthly") == plan


def test_what_is_the_same_as_in_the_code_is_not_kept_so_that_it_follows_the_code(cast):
    change(cast, name="Guild", position="5")
    change(cast, name="Pro")
    row = PlanOverride.get()
    assert (row.name, row.gives, row.capabilities, row.position) == (None, None, None, 5)


def test_a_change_is_audited_with_before_and_after_and_none_is_not(cast):
    change(cast, name="Guild")
    change(cast)
    (event,) = AuditEvent.select().where(AuditEvent.action == "plan.changed")
    assert (event.actor, event.category, event.target_id) == (cast.stella, "admin", "pro_monthly")
    assert (event.metadata["before"]["name"], event.metadata["after"]["name"]) == ("Pro", "Guild")
    assert event.metadata["before"]["capabilities"] == sorted(plans.PAID)
    assert event.summary == "Pro, monthly: name changed"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 41),
        ("name", "\u200b\u200b"),
        ("gives", "x" * 81),
        ("gives", "\n".join("abcdefghijk")),
        ("position", "0"),
        ("position", "100"),
        ("position", "²"),
        ("position", "9" * 5000),
        ("position", ""),
        ("capabilities", ["feature.free_beer"]),
        ("capabilities", []),
        ("capabilities", ["workspace.members.invite"]),
        ("capabilities", ["feature.pro", *plans.LIMITS]),
    ],
)
def test_what_a_plan_cannot_be_is_refused_beside_its_field(cast, field, value):
    with pytest.raises(Invalid) as caught:
        change(cast, **{field: value})
    assert caught.value.fields.keys() == {field}
    assert PlanOverride.select().count() == 0


def test_what_free_includes_everybody_has_at_once(cast):
    change(cast, "free", capabilities=["workspace.members.invite", "workspace.members.limit.10"])
    for organization in (cast.acme, cast.globex):
        assert "workspace.members.invite" in has(organization)
    with inside(cast.acme):
        assert (grants.seats(), grants.plan().key) == (10, "free")
    assert LongJob.select().count() == 0


def test_a_refusal_names_the_plan_that_includes_it_by_its_present_name(cast, at):
    change(cast, name="Guild", position="2")
    change(cast, "pro_yearly", name="Guild")
    with pytest.raises(permissions.CapabilityRequired, match=r"Guild does\."):
        at("alice").require("members.invite")


# --- history --------------------------------------------------------------------------------------------------------


def test_what_was_before_can_be_put_back_once(cast):
    change(cast, name="Guild", gives="A")
    change(cast, name="Lodge")
    newest, oldest = plans.history("pro_monthly")
    with pytest.raises(Refused, match="changed again since"):
        plans.put_back("pro_monthly", oldest.id, by=cast.stella)
    assert plans.put_back("pro_monthly", newest.id, by=cast.stella).name == "Guild"
    with pytest.raises(Refused, match="changed again since"):
        plans.put_back("pro_monthly", newest.id, by=cast.stella)
    assert len(plans.history("pro_monthly")) == 3
    assert plans.history("pro_yearly") == []


def test_two_admins_at_once_leave_a_history_without_a_gap(cast):
    together(*[lambda name=name: change(cast, name=name) for name in ("Guild", "Lodge", "Order", "League")])
    told = [(e.metadata["before"]["name"], e.metadata["after"]["name"]) for e in plans.history("pro_monthly")][::-1]
    assert len(told) == 4
    assert [before for before, _ in told] == ["Pro", *[after for _, after in told[:-1]]]


# --- subscribers ----------------------------------------------------------------------------------------------------


def test_a_change_of_what_is_included_says_whom_it_touches_before_it_is_confirmed(cast, subscribe):
    subscribe("acme")
    subscribe("globex", "past_due")
    subscribe("globex", "canceled")
    with pytest.raises(plans.Unconfirmed) as caught:
        change(cast, capabilities=LESS)
    told = caught.value.details
    assert told["organizations"] == 2
    assert (told["gained"], told["lost"]) == ([], ["workspace.members.invite", "workspace.members.limit.10"])
    assert PlanOverride.select().count() == LongJob.select().count() == 0
    assert plans.get("pro_monthly") is PLANS["pro_monthly"]
    change(cast, name="Guild")  # words touch nobody
    assert change(cast, "pro_yearly", capabilities=LESS).capabilities == tuple(LESS)  # nobody has it


def test_subscribers_follow_a_changed_plan_and_nobody_else_does(cast, subscribe):
    subscribe("acme")
    subscribe("globex", plan="pro_yearly")
    with inside(cast.acme):
        write(Grant.create, plan_key="pro_monthly", capability="gift", source="manual:1", source_type="manual")
    change(cast, confirmed=True, capabilities=[*LESS, "workspace.members.limit.unlimited"])
    assert has(cast.acme) == sorted([*plans.PAID, "gift"])  # not before the job
    jobs.work_off()
    assert has(cast.acme) == sorted([*LESS, "workspace.members.limit.unlimited", "gift"])
    assert has(cast.globex) == sorted(plans.PAID)
    with inside(cast.acme):
        assert grants.seats() is None
        reasons = {g.revoke_reason for g in Grant.select().where(Grant.revoked_at.is_null(False))}
        assert reasons == {"not in the plan any more"}
        until = {g.expires_at for g in Grant.active() if g.source_type == "subscription"}
        assert until == {Subscription.get().current_period_end_at}
        assert Change.select().where(Change.table == "subscription", Change.verb == "updated").count() == 1
    work = long_jobs.newest(plans.RESYNC, "pro_monthly")
    assert (work.status, work.done, work.total) == ("done", 1, 1)


def test_what_was_taken_out_comes_back_when_the_change_is_put_back(cast, subscribe):
    subscribe("acme")
    change(cast, confirmed=True, capabilities=LESS)
    jobs.work_off()
    (event,) = plans.history("pro_monthly")
    with pytest.raises(plans.Unconfirmed):
        plans.put_back("pro_monthly", event.id, by=cast.stella)
    plans.put_back("pro_monthly", event.id, by=cast.stella, confirmed=True)
    jobs.work_off()
    assert has(cast.acme) == sorted(plans.PAID)


def test_an_event_after_the_change_gives_what_the_plan_includes_now(cast, subscribe):
    change(cast, capabilities=LESS)
    subscribe("acme")
    assert has(cast.acme) == sorted(LESS)


def test_a_subscription_that_is_over_gets_nothing_from_a_change(cast, subscribe):
    subscribe("acme", id="sub_a")
    subscribe("globex", id="sub_b")
    change(cast, confirmed=True, capabilities=[*LESS, "workspace.members.limit.unlimited"])
    subscribe("acme", "canceled", id="sub_a")  # while the job has not come yet
    jobs.work_off()
    assert has(cast.acme) == []
    assert "workspace.members.limit.unlimited" in has(cast.globex)


def test_a_newer_change_takes_the_place_of_one_that_is_under_way(cast, subscribe):
    subscribe("acme")
    change(cast, confirmed=True, capabilities=LESS)
    first = long_jobs.claim(plans.RESYNC)
    change(cast, confirmed=True, capabilities=[*plans.PAID])
    with everywhere("the test looks for the subscription"):
        row = plans.sources("pro_monthly").first()
    with pytest.raises(long_jobs.TakenOver):
        grants._follow(first, row)
    jobs.work_off()
    assert has(cast.acme) == sorted(plans.PAID)
    assert [w.status for w in LongJob.select().order_by(LongJob.id)] == ["replaced", "done"]


def test_a_kill_in_the_middle_loses_and_doubles_nobody(cast, subscribe, monkeypatch):
    for name in ("acme", "globex"):
        subscribe(name)
    change(cast, confirmed=True, capabilities=LESS)
    work = long_jobs.claim(plans.RESYNC)
    with everywhere("the test looks for the subscription"):
        grants._follow(work, plans.sources("pro_monthly").first())
    assert long_jobs.newest(plans.RESYNC, "pro_monthly").done == 1  # and here it is killed
    jobs.work_off()
    assert has(cast.acme) == has(cast.globex) == sorted(LESS)
    over = long_jobs.newest(plans.RESYNC, "pro_monthly")
    assert (over.status, over.done) == ("done", 2)


def test_many_subscribers_follow_in_batches(cast, subscribe, monkeypatch):
    monkeypatch.setattr(grants, "BATCH", 2)
    for number in range(5):
        subscribe(("acme", "globex")[number % 2])
    change(cast, confirmed=True, capabilities=LESS)
    assert long_jobs.newest(plans.RESYNC, "pro_monthly").total == 5
    assert jobs.run("plan_grants") == 6  # five, and the end
    assert has(cast.acme) == has(cast.globex) == sorted(LESS)


def test_webhooks_and_the_change_at_once_end_with_what_the_plan_includes(cast, subscribe):
    id = subscribe("acme")
    change(cast, confirmed=True, capabilities=LESS)
    outcomes = together(grants.follow_plans, *[lambda: subscribe("acme", id=id)] * 4)
    assert not [o for o in outcomes if isinstance(o, Exception)], outcomes
    jobs.work_off()
    assert has(cast.acme) == sorted(LESS)
