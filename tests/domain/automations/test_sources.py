"""Lists that aren't tasks or tables of people: what happens to orders, passes, the subscription and members."""

import pytest

from domain.automations import bodies, samples, sources, trials
from domain.base import changes
from domain.events import orders
from domain.organizations import organizations
from models import Membership, Notification, Subscription
from tests.domain.events.test_stock import bought
from tests.fixtures.automating import draft, notice, on, work
from tests.fixtures.events import make_event
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("inside_acme")


def said(user):
    mine = Notification.select().where(Notification.recipient == user, Notification.type == "automation.notice")
    return [one.title for one in mine.order_by(Notification.id)]


def test_orders_and_passes_set_automations_off_as_they_are_sold_and_cancelled(clock, cast, at):
    by = at("alice")
    event, (tier,) = make_event(by, capacity="10")
    on(by, source="pass", steps=[notice("A pass: {Ticket}, {State}")])
    for state in ("Paid", "Cancelled"):
        on(by, source="ticket_order", kind="changed", fields=["state"], to=state, steps=[notice(state)], name=state)
    order = bought(event, tier, 2)
    work()
    assert said(cast.alice).count("Paid") == 1
    orders.cancel(order.id, by=by)
    work()
    assert said(cast.alice).count("Cancelled") == 1
    assert said(cast.alice).count("Paid") == 1
    assert len(said(cast.alice)) == 4


def test_a_member_who_comes_and_a_subscription_that_changes(cast, at):
    by = at("alice")
    on(by, source="organization_member", steps=[notice("{Name} is {Role}")])
    on(
        by,
        source="subscription",
        kind="changed",
        fields=["status"],
        to="past due",
        steps=[notice("{Status}")],
        name="Due",
    )
    write(organizations.add_member, cast.acme, cast.charlie, "viewer", by=cast.alice)
    joined = Membership.get(Membership.user == cast.charlie, Membership.organization == cast.acme).id
    write(lambda: changes.record(cast.acme, "organization_member", joined, "created", {"role": [None, "viewer"]}))
    about = {"provider": "stripe", "provider_subscription_id": "s", "provider_customer_id": "c"}
    about |= {
        "plan_key": "pro_monthly",
        "provider_price_id": "p",
        "status": "past_due",
        "last_event_at": cast.acme.created_at,
    }
    row = write(Subscription.create, **about)
    write(lambda: changes.record(cast.acme, "subscription", row.id, "updated", {"status": ["active", "past_due"]}))
    work()
    assert said(cast.alice) == [f"{cast.charlie.name} is Viewer", "Past due"]
    where = ["and~status~any_of~past_due"]
    about = draft("subscription", "changed", [notice("{Plan}: {Status}")], where, fields=["status"], to="past due")
    _, source, body = bodies.read(about, by)
    found, (shown,) = trials.trial(body, source, by)
    assert (found, shown.link) == (trials.FOUND, "/acme/billing")
    assert shown.steps[0][1] == [f"A notice to {cast.alice.name}: Pro, monthly: Past due"]


def test_a_list_that_is_not_theirs_is_none_of_theirs(at):
    assert "subscription" not in dict(sources.every(at("bob")))
    assert "subscription" in dict(sources.every(at("alice")))
    assert samples.draft("sold", at("bob"))["source"] == "ticket_order"
