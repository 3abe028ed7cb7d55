import dataclasses
import html
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

import models
from database.clock import now
from database.connections import database
from database.scope import inside
from domain.base import allowances, configuration, settings
from domain.entitlements import credit_standings, grants, plans
from domain.money import billing, pricing
from domain.money.providers import provider, sandbox, stripe
from domain.organizations import organizations
from models import (
    AuditEvent,
    Checkout,
    CreditEntry,
    Grant,
    Licence,
    Membership,
    Organization,
    Payment,
    PlanOverride,
    Subscription,
)
from tests.conftest import PASSWORD
from tests.fixtures.threads import write

JSON = {"Accept": "application/json"}
YEARLY = {"plan": "pro_yearly"}


@pytest.fixture
def buy(browse, wire):
    """`buy("pro_yearly")`: alice buys it for Acme, through the pages and the webhooks; returns her browser."""

    def through(plan="pro_monthly", card="ok", **more):
        alice = browse("alice")
        asked = alice.post("/acme/billing/checkout", data={"plan": plan, **more})
        assert asked.status_code == 303, asked.get_data(True)
        alice.post(urlsplit(asked.headers["Location"]).path + "/payment", data={"card": card})
        wire()
        return alice

    return through


@pytest.fixture
def bought(buy):
    return buy()


@pytest.fixture
def seats(cast):
    """Pro, monthly is sold by the seat from here on."""
    by_seat = ["feature.pro", "workspace.members.invite", "workspace.members.limit.seats", "billing.portal"]
    for key in ("pro_monthly", "pro_yearly"):
        write(PlanOverride.create, key=key, capabilities=by_seat)
    plans.forget()


@pytest.fixture
def admin(cast, browse):
    """bob, who looks after people but not the plan."""
    write(Membership.update(role="admin").where(Membership.user == cast.bob).execute)
    return browse("bob")


def plan_of(cast):
    with inside(cast.acme):
        return grants.plan().key


def stands(cast):
    with inside(cast.acme):
        return Subscription.select().order_by(Subscription.id.desc()).first()


def stand(cast, **values):
    """Have the subscription be so, whatever the provider says."""
    with inside(cast.acme):
        write(Subscription.update(**values).where(Subscription.id == stands(cast).id).execute)
        write(grants.follow, stands(cast))


def subscription():
    return sandbox.find("subscription")[0]["id"]


def hidden(html, name):
    """What a form's hidden field holds."""
    return html.partition(f'name="{name}" value="')[2].partition('"')[0]


def preview(client, **form):
    answer = client.post("/acme/billing/change/preview", data=form)
    assert answer.status_code == 200, answer.get_data(True)
    return answer.get_data(True)


# --- buying ------------------------------------------------------------------------------------------------------


def test_a_plan_is_bought_and_access_waits_for_the_webhook(browse, cast, wire):
    alice = browse("alice")
    assert plan_of(cast) == "free"
    response = alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"})
    checkout = urlsplit(response.headers["Location"])
    assert (response.status_code, checkout.path[:22]) == (303, "/sandbox/checkout/cs_" + checkout.path[21:22])
    assert alice.get(checkout.path).status_code == 200
    assert plan_of(cast) == "free"
    paid = alice.post(checkout.path + "/payment")
    assert urlsplit(paid.headers["Location"]).path == "/acme/billing/return"
    back = alice.get("/acme/billing/return").get_data(True)
    assert "being processed" in back  # the address proves nothing
    assert plan_of(cast) == "free"
    assert set(wire()) == {200}
    assert plan_of(cast) == "pro_monthly"
    assert "is active" in alice.get("/acme/billing/return").get_data(True)
    assert credit_standings.balance(cast.acme) == (1000, 1000)
    assert "Pro" in alice.get("/acme/billing").get_data(True)


def test_a_person_begins_ten_checkouts_an_hour(browse, monkeypatch):
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    alice = browse("alice")
    answers = [alice.post("/acme/billing/checkout", data={"plan": "free"}, headers=JSON) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [404] * 10 + [429]


def test_paying_twice_and_events_twice_and_backwards_are_once(browse, cast, wire):
    alice = browse("alice")
    checkout = urlsplit(alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"}).headers["Location"]).path
    for _ in range(2):
        assert alice.post(checkout + "/payment").status_code == 303
    assert set(wire(times=2, backwards=True)) == {200}
    with inside(cast.acme):
        assert Subscription.select().count() == 1
        assert CreditEntry.select().where(CreditEntry.reason == "reset").count() == 1
        assert {g.capability for g in Grant.active()} == set(billing.PLANS["pro_monthly"].capabilities)
    assert plan_of(cast) == "pro_monthly"
    assert AuditEvent.select().where(AuditEvent.action == "billing.subscription_created").count() == 1


def test_a_second_subscription_is_refused(bought):
    response = bought.post("/acme/billing/checkout", data=YEARLY, headers=JSON)
    assert (response.status_code, response.json["code"]) == (409, "HAS_SUBSCRIPTION")
    assert response.json["message"] == "Acme has a subscription already. Change it instead."


def test_a_plan_that_is_not_on_sale_is_not_there(browse, counted):
    before = counted()
    for plan in ("", "free", "pro_weekly", "price_sandbox_pro_monthly"):
        response = browse("alice").post("/acme/billing/checkout", data={"plan": plan}, headers=JSON)
        assert response.status_code == 404, plan
    assert counted() == before


def test_an_admin_who_only_looks_is_told_who_buys(admin, said):
    page = said(admin.get("/acme/billing"))
    assert "Only the owner of Acme can choose a plan." in page
    assert "Choose Pro" not in page


def test_a_provider_that_fails_is_said_and_nothing_is_granted(browse, hx, cast, monkeypatch):
    for asked, sentence in (
        (False, "Nothing was changed; try again in a minute."),
        (True, "We don&#39;t know yet whether it was done"),
    ):

        def down(*args, asked=asked, **kwargs):
            raise provider.ProviderFailed("Stripe: no answer", asked)

        monkeypatch.setattr(stripe, "create_customer", down)
        for headers in (JSON, hx()):
            response = browse("alice").post("/acme/billing/checkout", data={"plan": "pro_monthly"}, headers=headers)
            assert response.status_code == 502
            assert sentence in response.get_data(True).replace("'", "&#39;")
    with inside(cast.acme):
        assert (Subscription.select().count(), Grant.select().count()) == (0, 0)
        assert [c.url for c in Checkout.select()] == [None]


def test_without_a_provider_the_page_says_so_and_sells_nothing(browse):
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    page = browse("alice").get("/acme/billing")
    assert page.status_code == 200
    assert "/billing/checkout" not in page.get_data(True)
    for verb in ("checkout", "change", "change/preview", "portal", "confirmation"):
        response = browse("alice").post(f"/acme/billing/{verb}", data={"plan": "pro_monthly"}, headers=JSON)
        assert response.status_code in (404, 503), verb
        assert response.json["code"] in ("NOT_CONFIGURED", "NOT_FOUND")


def test_one_organizations_plan_is_no_others(bought, cast, browse):
    with inside(cast.globex):
        assert grants.plan().key == "free"
        assert Subscription.select().count() == 0
    assert Organization.select().where(Organization.id == cast.globex.id).count() == 1


# --- back from the checkout --------------------------------------------------------------------------------------


def test_the_page_asks_the_provider_once_and_nobody_waits_for_a_late_webhook(browse, cast, hx, outline, said):
    alice = browse("alice")
    checkout = urlsplit(alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"}).headers["Location"]).path
    alice.post(checkout + "/payment")
    page = alice.get("/acme/billing/return").get_data(True)
    assert 'hx-trigger="load, submit"' in page
    assert plan_of(cast) == "free"
    answer = alice.post("/acme/billing/confirmation", headers=hx("billing_return"))
    assert outline(answer)[0] == ["billing_return"]
    assert "Pro is active" in said(answer)
    assert plan_of(cast) == "pro_monthly"  # no webhook has come


def test_without_scripts_a_button_asks_and_the_page_comes_back(browse, cast, followed):
    alice = browse("alice")
    checkout = urlsplit(alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"}).headers["Location"]).path
    alice.post(checkout + "/payment")
    assert "Ask again" in alice.get("/acme/billing/return").get_data(True)
    assert "Pro is active" in followed(alice, alice.post("/acme/billing/confirmation"))


def test_what_was_not_paid_is_waited_for_and_nothing_is_granted_by_the_address(browse, cast, hx, said):
    alice = browse("alice")
    alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"})
    for path in ("/acme/billing/return", "/acme/billing/return?asked=1&session_id=cs_paid&since=7"):
        assert "is active" not in said(alice.get(path))
    answer = alice.post("/acme/billing/confirmation", headers=hx("billing_return"))
    assert "being processed" in said(answer)
    assert "load, submit" not in answer.get_data(True)  # asked once
    assert plan_of(cast) == "free"


def test_a_provider_that_does_not_answer_leaves_the_page_waiting(browse, hx, said, monkeypatch):
    def down(*args, **kwargs):
        raise provider.ProviderFailed("Stripe: no answer")

    alice = browse("alice")
    alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"})
    monkeypatch.setattr(stripe, "confirm", down)
    answer = alice.post("/acme/billing/confirmation", headers=hx("billing_return"))
    assert (answer.status_code, "being processed" in said(answer)) == (200, True)


def test_after_a_minute_without_news_it_says_what_to_do(browse, clock, said):
    alice = browse("alice")
    since = int(clock().timestamp())
    alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"})
    clock.forward(seconds=59)
    assert "being processed" in said(alice.get(f"/acme/billing/return?since={since}"))
    clock.forward(seconds=1)
    late = said(alice.get(f"/acme/billing/return?since={since}"))
    assert "Still waiting" in late
    assert "Nothing has to be paid again." in late
    for nonsense in ("", "x", "-1", "99999999999999999999"):
        assert alice.get(f"/acme/billing/return?since={nonsense}").status_code == 200


def test_the_return_page_refreshes_only_its_block(bought, hx, outline):
    response = bought.get("/acme/billing/return", headers=hx("billing_return"))
    assert outline(response)[0] == ["billing_return"]


def test_who_buys_for_good_beside_a_subscription_waits_for_that_purchase(bought, said, wire):
    checkout = urlsplit(bought.post("/acme/billing/checkout", data={"plan": "pro_lifetime"}).headers["Location"]).path
    assert "being processed" in said(bought.get("/acme/billing/return"))  # Pro as it is proves nothing
    bought.post(checkout + "/payment")
    wire()
    assert "Pro is active" in said(bought.get("/acme/billing/return"))


# --- how it stands -----------------------------------------------------------------------------------------------

SOON = {"cancel_at_period_end": True}


@pytest.mark.parametrize(
    ("values", "shown", "offered", "not_offered"),
    [
        ({}, "Active Price $12.00 a month Renews on", "Cancel plan", "Keep the plan"),
        ({"status": "trialing"}, "Trial Price $12.00 a month Trial until", "Cancel plan", "For one month"),
        (SOON, "Cancelled Price $12.00 a month Ends on", "Keep the plan", "Cancel plan"),
        ({"status": "past_due"}, "Past due Price $12.00 a month Open since", "Cancel plan", "Change to"),
        ({"status": "unpaid"}, "Unpaid Price", "Cancel plan", "Keep the plan"),
        ({"status": "past_due"} | SOON, "Past due Price $12.00 a month Ends on", "Cards and invoices", "Keep the plan"),
        ({"collection_paused": True}, "Paused Price $12.00 a month Paid until", "Go on now", "For one month"),
        ({"status": "paused"}, "Paused", "Cancel plan", "Change to"),
        ({"pending_plan_key": "pro_yearly"}, "Change waits", "Cancel plan", "Change to Pro"),
        ({"status": "canceled"}, "Free Earlier plan ended Price Nothing to pay", "Choose Pro, monthly", "Cancel plan"),
        ({"status": "incomplete"}, "Payment under way", "Choose Pro, monthly", "Cancel plan"),
        ({"provider": "polar"}, "isn’t connected any more", "Buy Pro", "Cancel plan"),
    ],
)
def test_the_card_says_how_the_plan_stands_and_offers_what_fits(
    clock, bought, cast, said, admin, values, shown, offered, not_offered
):
    stand(cast, unpaid_since_at=clock(), trial_ends_at=clock() + timedelta(days=3), **values)
    page = said(bought.get("/acme/billing"))
    assert shown in page
    assert offered in page
    assert not_offered not in page
    theirs = said(admin.get("/acme/billing"))
    assert shown in theirs
    for verb in (
        "Cancel plan",
        "Keep the plan",
        "Go on now",
        "For one month",
        "Change to Pro",
        "Choose Pro",
        "Buy Pro",
    ):
        assert verb not in theirs, verb


def test_a_page_of_each_state_is_drawn_again_alone(bought, hx, outline):
    assert outline(bought.get("/acme/billing", headers=hx("billing_area")))[0] == ["billing_area"]


def test_cancelling_keeps_access_to_the_end_and_can_be_taken_back(bought, cast, wire, followed):
    asked = bought.post("/acme/billing/cancellation")
    assert (asked.status_code, "Confirm that it is you" in asked.text) == (403, True)
    proof = {"proof_action": "billing.cancel", "proof_target": cast.acme.id, "proof_level": 3}
    proof |= {"proof_method": "password", "proof_answer": PASSWORD}
    assert "will end with its period" in followed(bought, bought.post("/acme/billing/cancellation", data=proof))
    wire()
    assert plan_of(cast) == "pro_monthly"
    assert stands(cast).cancel_at_period_end
    assert "The plan goes on." in followed(bought, bought.post("/acme/billing/resumption"))
    wire()
    assert not stands(cast).cancel_at_period_end


# --- changing ----------------------------------------------------------------------------------------------------


def test_what_a_change_costs_is_shown_before_it_is_made(bought, cast, said, followed, wire):
    page = preview(bought, **YEARLY)
    assert stands(cast).plan_key == "pro_monthly"
    text = " ".join(said(bought.post("/acme/billing/change/preview", data=YEARLY)).split())
    assert "Acme has Pro, monthly now." in text
    assert "−$12.00" in text  # what is left of the month, as a credit
    assert "Due now $108.00" in text
    assert "Pro, yearly costs $120.00 every year" in text
    assert "Change and pay $108.00" in text
    form = YEARLY | {"quantity": 1, "token": hidden(page, "token")}
    assert "The plan is Pro, yearly now." in followed(bought, bought.post("/acme/billing/change", data=form))
    assert (stands(cast).plan_key, plan_of(cast)) == ("pro_yearly", "pro_yearly")
    wire()
    with inside(cast.acme):
        assert sorted(p.amount for p in Payment.select()) == [1200, 10800]  # what was seen is what was charged


def test_a_credit_is_shown_as_such(buy, said):
    alice = buy("pro_yearly")
    text = said(alice.post("/acme/billing/change/preview", data={"plan": "pro_monthly"}))
    assert "−$120.00" in text
    assert "Kept as credit for what is due next $108.00" in text
    assert "less the credit that is left" in text
    assert "Change and pay" not in text


def test_the_preview_comes_as_a_dialog_over_the_page(bought, hx, said):
    answer = bought.post("/acme/billing/change/preview", data=YEARLY, headers=hx("dialog"))
    assert answer.get_data(True).lstrip().startswith("<header")
    assert "Change and pay $108.00" in said(answer)
    done = bought.post("/acme/billing/change", data=YEARLY, headers=hx())
    assert (done.status_code, done.headers["HX-Redirect"]) == (204, "/acme/billing")


def test_nobody_chooses_the_moment_that_a_change_is_reckoned_from(bought, cast, clock):
    """It decides the price: what wasn't shown here isn't taken."""
    shown = hidden(preview(bought, **YEARLY), "token")
    ends = str(int(stands(cast).current_period_end_at.timestamp()))
    said, _, signature = shown.rpartition(".")
    for token in (ends, "x", f"{said}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}", "é"):
        answer = bought.post("/acme/billing/change", data=YEARLY | {"token": token}, headers=JSON)
        assert (answer.status_code, answer.json["code"]) == (409, "CONFLICT"), token
    assert stands(cast).plan_key == "pro_monthly"


def test_figures_hold_for_what_they_were_shown_for_and_half_an_hour(buy, seats, cast, monkeypatch):
    import time

    alice = buy("pro_monthly", quantity="2")
    shown = hidden(preview(alice, plan="pro_monthly", quantity="3"), "token")
    other = alice.post(
        "/acme/billing/change", data={"plan": "pro_monthly", "quantity": 9, "token": shown}, headers=JSON
    )
    assert "were for another change" in other.json["message"]
    real = time.time
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: real() + 1801)
    late = alice.post("/acme/billing/change", data={"plan": "pro_monthly", "quantity": 3, "token": shown}, headers=JSON)
    assert "don't hold any more" in late.json["message"]
    assert stands(cast).quantity == 2


def test_a_change_whose_payment_fails_waits_and_nothing_is_lost(bought, cast, followed, said, wire):
    sandbox.change_customer(sandbox.find("customer")[0]["id"], card="declined")
    wire()
    page = followed(bought, bought.post("/acme/billing/change", data=YEARLY))
    assert "The change waits for its payment" in page
    assert (stands(cast).plan_key, stands(cast).pending_plan_key) == ("pro_monthly", "pro_yearly")
    assert plan_of(cast) == "pro_monthly"
    text = said(bought.get("/acme/billing"))
    assert "The change to Pro, yearly waits for its payment." in text
    assert "Change waits" in text
    again = bought.post("/acme/billing/change", data=YEARLY, headers=JSON)
    assert (again.status_code, again.json["message"]) == (409, "A change is waiting for its payment already.")
    invoice = sandbox.get(sandbox.get(subscription())["pending"]["invoice"])
    sandbox.pay_invoice(invoice["id"], "ok")
    wire()
    assert (stands(cast).plan_key, stands(cast).pending_plan_key) == ("pro_yearly", None)
    assert "Change waits" not in said(bought.get("/acme/billing"))


def test_where_the_provider_cannot_tell_beforehand_it_is_said_who_computes(bought, said, monkeypatch):
    monkeypatch.setattr(stripe, "CAN", stripe.CAN - {"preview"})
    monkeypatch.setattr(stripe, "preview", lambda *_: pytest.fail("it was asked all the same"))
    text = said(bought.post("/acme/billing/change/preview", data=YEARLY))
    assert "Sandbox works out the difference for the days that are left" in text
    assert "From then on Pro, yearly costs $120.00 every year." in text


@pytest.mark.parametrize("plan", ["", "free", "pro_lifetime", "pro_monthly", "x"])
def test_what_is_no_change_is_refused(bought, plan, cast):
    for verb in ("change", "change/preview"):
        answer = bought.post(f"/acme/billing/{verb}", data={"plan": plan}, headers=JSON)
        assert answer.status_code in (404, 409), verb
    assert stands(cast).plan_key == "pro_monthly"


def test_a_preview_has_no_address_of_its_own(bought):
    assert bought.get("/acme/billing/change/preview").headers["Location"] == "/acme/billing"


def test_seats_are_bought_and_changed_with_their_price(buy, seats, cast, said, followed):
    alice = buy("pro_monthly", quantity="4")
    text = said(alice.get("/acme/billing"))
    assert "$48.00 a month" in text
    assert "Seats 4, 4 taken" in text
    page = alice.post("/acme/billing/change/preview", data={"plan": "pro_monthly", "quantity": "6"})
    assert "Pro, monthly, 6 seats costs $72.00 every month" in said(page)
    form = {"plan": "pro_monthly", "quantity": 6, "token": hidden(page.get_data(True), "token")}
    assert "The plan is Pro, monthly with 6 seats now." in followed(
        alice, alice.post("/acme/billing/change", data=form)
    )
    assert stands(cast).quantity == 6
    fewer = said(alice.post("/acme/billing/change/preview", data={"plan": "pro_monthly", "quantity": "2"}))
    assert "4 seats are taken" in fewer
    assert "Nobody is removed" in fewer
    for quantity in ("0", "-1", "1001", "x", "2.5"):
        for verb in ("change", "change/preview"):
            answer = alice.post(
                f"/acme/billing/{verb}", data={"plan": "pro_monthly", "quantity": quantity}, headers=JSON
            )
            assert (answer.status_code, answer.json["fields"]["quantity"]) == (422, "Choose 1 to 1,000 seats."), (
                quantity
            )
    assert stands(cast).quantity == 6


def test_the_seats_go_along_when_the_interval_changes(buy, seats, cast):
    alice = buy("pro_monthly", quantity="4")
    html = alice.get("/acme/billing").get_data(True)
    form = html.partition('id="to_pro_yearly"')[2]
    assert hidden(form, "quantity") == "4"
    alice.post("/acme/billing/change", data=YEARLY | {"quantity": "4"})
    assert (stands(cast).plan_key, stands(cast).quantity) == ("pro_yearly", 4)


# --- pausing, and the portal -------------------------------------------------------------------------------------


def test_a_plan_rests_for_some_months_and_goes_on(bought, cast, said, followed):
    page = followed(bought, bought.post("/acme/billing/pause", data={"months": "2"}))
    assert "The plan is paused until" in page
    assert stands(cast).collection_paused
    assert plan_of(cast) == "pro_monthly"  # what was paid lasts
    assert "Resumes on" in said(bought.get("/acme/billing"))
    assert "goes on, and is charged again" in followed(bought, bought.post("/acme/billing/continuation"))
    assert not stands(cast).collection_paused
    for months in ("", "0", "4", "x"):
        assert bought.post("/acme/billing/pause", data={"months": months}, headers=JSON).status_code == 422, months


def test_a_year_is_not_paused_and_that_is_not_offered(buy, said):
    alice = buy("pro_yearly")
    assert "For one month" not in said(alice.get("/acme/billing"))
    answer = alice.post("/acme/billing/pause", data={"months": "1"}, headers=JSON)
    assert (answer.status_code, answer.json["code"]) == (409, "NOT_SUPPORTED")


def test_what_rests_for_a_refund_is_said(bought, cast, said, wire):
    rests = "What Pro includes rests at the moment"
    assert rests not in said(bought.get("/acme/billing"))
    sandbox.refund(sandbox.find("payment")[0]["id"])
    wire()
    assert plan_of(cast) == "free"
    assert rests in said(bought.get("/acme/billing"))


def test_a_backer_sees_the_price_they_would_pay(browse, cast, said):
    product, *_ = (price["product"] for price in pricing.catalog().prices)
    own = {
        "id": "price_backers",
        "product": product,
        "active": True,
        "amount": 700,
        "currency": "usd",
        "interval": "month",
        "interval_count": 1,
        "lookup_key": "pro_monthly",
        "nickname": None,
        "metadata": {"audience": "backer", "plan": "pro_monthly"},
    }
    prices = [*pricing.catalog().prices, own]
    write(models.PricingCatalog.update(prices=prices).execute)
    for path in ("/acme/billing", "/pricing"):
        assert "$12.00 a month" in said(browse("alice").get(path)), path
    write(models.User.update(backer_access_granted_at=now()).where(models.User.id == cast.alice.id).execute)
    for path in ("/acme/billing", "/pricing"):
        assert "$7.00 a month" in said(browse("alice").get(path)), path
    assert "$12.00 a month" in said(browse(None).get("/pricing"))


def test_where_the_provider_cannot_pause_it_is_not_offered(bought, said, monkeypatch):
    assert "For one month" in said(bought.get("/acme/billing"))
    monkeypatch.setattr(stripe, "CAN", stripe.CAN - {"pause"})
    assert "For one month" not in said(bought.get("/acme/billing"))
    answer = bought.post("/acme/billing/pause", data={"months": "1"}, headers=JSON)
    assert (answer.status_code, answer.json["code"]) == (409, "NOT_SUPPORTED")


def test_the_portal_wants_a_fresh_session_and_a_plan_with_it(clock, bought, said):
    assert "Cards and invoices" in said(bought.get("/acme/billing"))
    opened = bought.post("/acme/billing/portal")
    assert opened.status_code == 303
    assert "/sandbox/portal/" in opened.headers["Location"]
    clock.forward(minutes=31)
    asked = bought.post("/acme/billing/portal")
    assert (asked.status_code, "Confirm that it is you" in asked.text) == (403, True)


def test_the_portal_is_hidden_without_a_plan_unless_money_is_owed(bought, browse, cast, said):
    stand(cast, status="canceled")
    assert "Cards and invoices" not in said(bought.get("/acme/billing"))
    refused = bought.post("/acme/billing/portal", headers=JSON)
    assert (refused.status_code, refused.json["code"]) == (403, "CAPABILITY_REQUIRED")
    stand(cast, status="unpaid")
    assert plan_of(cast) == "free"
    assert "Cards and invoices" in said(bought.get("/acme/billing"))
    assert bought.post("/acme/billing/portal").status_code == 303


# --- what was paid -----------------------------------------------------------------------------------------------


def test_payments_are_listed_with_what_came_back_and_what_is_disputed(bought, cast, said, wire):
    page = said(bought.get("/acme/billing"))
    assert "· first period ·" in page
    assert "Paid $12.00 Invoice" in page
    payment = sandbox.find("payment")[0]["id"]
    sandbox.refund(payment, 500)
    wire()
    assert "$5.00 refunded" in said(bought.get("/acme/billing"))
    dispute = sandbox.dispute(payment)
    wire()
    assert "Disputed" in said(bought.get("/acme/billing"))
    sandbox.settle_dispute(dispute["id"], True)
    wire()
    assert "Dispute won" in said(bought.get("/acme/billing"))
    with inside(cast.acme):
        url = Payment.get().url
    assert f'href="{url}" target="_blank" rel="noopener"' in bought.get("/acme/billing").get_data(True)


def test_nothing_paid_is_said_too(browse, said):
    assert "Nothing was paid so far." in said(browse("alice").get("/acme/billing"))


def test_what_was_bought_for_good_is_listed_and_what_ended_says_why(buy, cast, said, wire):
    alice = buy("pro_lifetime")
    page = said(alice.get("/acme/billing"))
    assert "Pro For good Paid Once, for good" in page
    assert "Bought once" in page
    assert "Pro, for good" in page.partition("Bought once")[2]
    assert "Pro, for good Personal Yours" in said(alice.get("/acme/billing/licences"))
    assert "Buy Pro, for good" not in page
    assert plan_of(cast) == "pro_lifetime"
    sandbox.refund(sandbox.find("payment")[0]["id"])
    wire()
    with inside(cast.acme):
        assert Licence.get().ended_at is not None
    page = said(alice.get("/acme/billing"))
    assert "refunded" in page.partition("Bought once")[2]
    assert "1 licence" in said(alice.get("/acme/billing/licences?status=ended"))
    assert "Buy Pro, for good" in page


def test_who_bought_for_good_while_a_subscription_runs_is_told_to_end_it(buy, cast, said, admin):
    buy()
    told = "is yours for good, and the subscription still runs"
    assert told not in said(admin.get("/acme/billing"))
    alice = buy("pro_lifetime")
    page = said(alice.get("/acme/billing"))
    assert told in page
    assert "Cancel it below" in page
    assert "The owner can cancel it" in said(admin.get("/acme/billing"))
    stand(cast, cancel_at_period_end=True)
    page = said(alice.get("/acme/billing"))
    assert told not in page
    assert "Acme goes back to Pro, for good." in page


# --- trials ------------------------------------------------------------------------------------------------------


def test_a_trial_is_offered_once(buy, browse, cast, said, wire):
    assert "free first" not in said(browse("alice").get("/acme/billing"))
    settings.change("billing_trial_days", "14", by=cast.stella)
    page = said(browse("alice").get("/acme/billing"))
    assert page.count("14 days free first") == 2  # not with what is bought once
    assert "Try Pro, monthly" in page
    alice = buy()
    assert stands(cast).status == "trialing"
    assert "Trial" in said(alice.get("/acme/billing"))
    stand(cast, status="canceled")
    assert "free first" not in said(alice.get("/acme/billing"))


# --- the banner --------------------------------------------------------------------------------------------------


@pytest.fixture
def owed(clock, bought, cast, wire):
    """The renewal's payment failed just now, as the month that was paid is over."""
    with inside(cast.acme):
        write(Payment.update(period_end_at=clock()).execute)
    sandbox.renew(subscription(), paid=False)
    wire()
    assert stands(cast).status == "past_due"
    return bought


def test_an_open_payment_is_said_on_every_page_to_whom_it_concerns(owed, browse, cast, said, clock):
    day = clock() + timedelta(days=7)
    words = f"The last payment did not go through. Pro goes on until {day.day} {day:%b %Y}"
    for path in ("/acme", "/acme/tasks", "/acme/members", "/acme/billing", "/account"):
        page = owed.get(path)
        assert words in said(page), path
        assert f'href="{stands(cast).unpaid_url}" target="_blank"' in page.get_data(True)
    assert words not in said(browse("vera").get("/acme"))
    organizations.switch(cast.vera, cast.acme)
    assert "did not go through" not in said(browse("vera").get("/account"))
    assert "did not go through" not in said(browse("charlie").get("/globex"))


def test_the_banner_goes_once_it_is_paid_and_is_redrawn_alone(owed, hx, outline, said, wire):
    banner = owed.get("/acme", headers=hx("billing_banner"))
    assert outline(banner)[0] == ["billing_banner"]
    assert "Pay now" in said(banner)
    sandbox.pay_invoice(sandbox.get(subscription())["latest_invoice"], "ok")
    wire()
    banner = owed.get("/acme", headers=hx("billing_banner"))
    assert (outline(banner)[0], said(banner)) == (["billing_banner"], "")


def test_when_the_grace_is_over_the_banner_says_that_it_rests(owed, cast, clock, said):
    clock.forward(days=7)
    assert plan_of(cast) == "free"
    text = said(owed.get("/acme"))
    assert "Pro rests until the open payment has gone through." in text
    stand(cast, status="unpaid", unpaid_url=None)
    text = said(owed.get("/acme"))
    assert "Pro rests until the open payment has gone through." in text
    assert 'action="/acme/billing/portal"' in owed.get("/acme").get_data(True)  # the way to pay that is left


def test_the_banner_costs_a_page_without_trouble_one_query(bought, monkeypatch):
    sent, kind = [], type(database.obj)
    plain = kind.execute_sql

    def noted(self, sql, params=None, *rest):
        sent.append(sql)
        return plain(self, sql, params, *rest)

    bought.get("/acme/tasks")
    monkeypatch.setattr(kind, "execute_sql", noted)
    bought.get("/acme/tasks")
    about = [sql for sql in sent if 'FROM "subscription"' in sql]
    assert len(about) == 1
    assert len([sql for sql in sent if 'FROM "setting"' not in sql]) <= 14


# --- where forms may lead ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "hosts"),
    [
        ("stripe", ["https://checkout.stripe.com", "https://billing.stripe.com"]),
        ("polar", ["https://polar.sh", "https://buy.polar.sh", "https://sandbox.polar.sh"]),
        ("lemon_squeezy", ["https://*.lemonsqueezy.com"]),
        ("sandbox", []),
        ("none", []),
    ],
)
def test_forms_may_lead_to_the_active_providers_pages_and_no_others(browse, provider, hosts):
    configuration.use(dataclasses.replace(configuration.active, billing_provider=provider))
    policy = browse(None).get("/sign-in").headers["Content-Security-Policy"]
    allowed = policy.partition("form-action ")[2].partition(";")[0].split()
    assert allowed == ["'self'", *hosts]


def test_use_r10_ending_the_plan_says_what_goes_with_it_and_who_keeps_access(bought):
    page = html.unescape(bought.get("/acme/billing").text)
    assert 'data-confirm-title="End Pro for Acme?"' in page
    assert 'data-confirm-verb="End Pro"' in page
    assert 'data-confirm-no="Keep Pro"' in page
    assert "Its 1,000 credits a month end with it, with what is left of them." in page
    assert "keep their access; nobody is removed, and nothing is deleted." in page
