import dataclasses

import pytest

import jobs
import models
from database.clock import now
from database.scope import inside
from domain.base import configuration, settings
from domain.entitlements import plans
from domain.money import pricing
from domain.money.providers import sandbox, stripe
from domain.organizations import organizations
from models import LongJob, PricingCatalog
from tests.fixtures.threads import write

JSON = {"Accept": "application/json"}


@pytest.fixture
def shut(monkeypatch):
    """From here on a call to the provider fails the test."""
    monkeypatch.setattr(sandbox.stripe, "answer", lambda *_: pytest.fail("the provider was asked"))
    monkeypatch.setattr(stripe.wire, "_client", lambda *_: pytest.fail("the provider was asked"))


# --- the public page ----------------------------------------------------------------------------------------------


def test_strangers_see_what_it_costs_and_how_to_begin(browse, said, shut):
    page = browse(None).get("/pricing")
    text = said(page)
    for words in (
        "Free",
        "No charge",
        "$12.00 a month",
        "$120.00 a year",
        "Saves $24.00 a year",
        "Begin with Pro, monthly",
        "$240.00 once",
        "Paid once",
        "Begin with Pro, for good",
    ):
        assert words in text
    assert "free first" not in text
    assert 'href="/sign-up"' in page.get_data(True)
    assert "Your plan" not in text
    assert 'href="/pricing"' in browse(None).get("/").get_data(True)


def test_where_sign_up_is_closed_nobody_is_led_there(browse, cast):
    settings.change("sign_up_open", "off", by=cast.stella)
    page = browse(None).get("/pricing").get_data(True)
    assert "Begin with Pro" not in page
    assert "Create an account" not in page.partition("<main")[2].partition("</main")[0]


def test_an_owner_sees_their_plan_and_the_way_to_it_and_others_only_the_plan(browse, said, shut, cast):
    page = browse("alice").get("/pricing")
    assert "Your plan" in said(page)
    assert 'href="/acme/billing"' in page.get_data(True)
    assert "Choose Pro, monthly" in said(page)
    assert 'href="/bob/billing"' in browse("bob").get("/pricing").get_data(True)  # his own space is his
    for name in ("bob", "vera"):
        organizations.switch(getattr(cast, name), cast.acme)
        page = browse(name).get("/pricing")
        assert "Your plan" in said(page)
        assert "Only the owner of Acme can choose a plan." in said(page)
        assert 'href="/acme/billing"' not in page.get_data(True)


def test_a_trial_is_told_to_strangers_and_to_who_can_have_one(browse, said, cast, monkeypatch):
    settings.change("billing_trial_days", "14", by=cast.stella)
    for name in (None, "alice"):
        assert said(browse(name).get("/pricing")).count("14 days free first") == 2, name  # not with what is bought once
    organizations.switch(cast.alice, cast.acme)
    hold(cast, status="canceled", trial_ends_at=now())
    assert "free first" not in said(browse("alice").get("/pricing"))
    assert "free first" in said(browse(None).get("/pricing"))
    monkeypatch.setattr(stripe, "CAN", stripe.CAN - {"trial"})
    assert "free first" not in said(browse(None).get("/pricing"))


def hold(cast, plan="pro_monthly", source_type="subscription", **values):
    """Acme has a plan."""
    with inside(cast.acme):
        if source_type == "subscription":
            facts = {"provider": "stripe", "provider_subscription_id": "sub_1", "provider_customer_id": "cus_1"}
            write(models.Subscription.create, plan_key=plan, last_event_at=now(), **facts | values)
        if values.get("status", "active") == "active":
            given = {"plan_key": plan, "source": f"of {plan}", "source_type": source_type}
            for capability in plans.PLANS[plan].capabilities:
                write(models.Grant.create, capability=capability, **given)


def test_who_has_a_plan_sees_which_and_the_way_to_change_it(browse, said, cast):
    organizations.switch(cast.alice, cast.acme)
    hold(cast, status="active")
    text = said(browse("alice").get("/pricing"))
    assert "See your plan" in text
    for words in ("Change to Pro, yearly", "Buy Pro, for good"):
        assert words in text
    for words in ("Choose Pro", "Change to Pro, monthly"):
        assert words not in text


def test_who_bought_for_good_is_sold_nothing_more(browse, said, cast):
    organizations.switch(cast.alice, cast.acme)
    hold(cast, plan="pro_lifetime", source_type="one_time")
    page = browse("alice").get("/pricing")
    text = said(page)
    assert text.count("Your plan") == 1
    assert "Your plan" in page.get_data(True).partition('aria-label="Pro, for good"')[2]
    for words in ("Choose Pro", "Change to Pro", "Buy Pro"):
        assert words not in text


def test_a_plan_that_is_sold_by_the_seat_says_so(browse, said, cast):
    seats = ["feature.pro", "workspace.members.invite", "workspace.members.limit.seats"]
    write(models.PlanOverride.create, key="pro_monthly", capabilities=seats)
    plans.forget()
    text = said(browse(None).get("/pricing"))
    assert "$12.00 a month for each seat" in text
    assert "$120.00 a year for each seat" not in text


def test_while_the_campaign_for_backers_runs_nothing_can_be_bought(browse, said, cast):
    write(models.Setting.create, key="crowdfunding_active", value=True)
    settings.forget()
    for name, address in ((None, "/pricing"), ("alice", "/pricing"), ("alice", "/acme/billing")):
        text = said(browse(name).get(address))
        assert text.count("Available after the campaign") == 3, address
        assert "Choose Pro" not in text
        assert "Buy Pro" not in text
        assert "Begin with Pro" not in text
    response = browse("alice").post("/acme/billing/checkout", data={"plan": "pro_monthly"}, headers=JSON)
    assert (response.status_code, response.json["code"]) == (409, "CONFLICT")


def test_an_empty_catalog_says_so(browse, said, cast):
    write(PricingCatalog.update(products=[], prices=[]).execute)
    assert "Pricing isn't available yet" in said(browse(None).get("/pricing")).replace("&#39;", "'")
    write(PricingCatalog.delete().execute)
    assert browse(None).get("/pricing").status_code == 200
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    assert browse("alice").get("/pricing").status_code == 200


def test_a_plan_whose_price_is_missing_is_not_available_and_has_no_button(browse, said, cast):
    write(PricingCatalog.update(prices=pricing.catalog().prices[:1]).execute)
    for name, address in ((None, "/pricing"), ("alice", "/pricing"), ("alice", "/acme/billing")):
        text = said(browse(name).get(address))
        assert "Pricing not available, billed yearly" in text, address
        assert "yearly" not in text.replace("Pricing not available, billed yearly", ""), address
        assert "$12.00" in text
    response = browse("alice").post("/acme/billing/checkout", data={"plan": "pro_yearly"}, headers=JSON)
    assert (response.status_code, response.json["code"]) == (500, "PRICE_AMBIGUOUS")


@pytest.mark.parametrize(
    ("currency", "month", "year", "shown"),
    [
        ("JPY", 1500, 15000, ("¥1,500", "¥15,000", "Saves ¥3,000")),
        ("KWD", 5250, 60000, ("KWD 5.250", "KWD 60.000", "Saves KWD 3.000")),
        ("EUR", 5, 123456789, ("€0.05", "€1,234,567.89", "€0.05")),
    ],
)
def test_amounts_are_shown_in_their_currencys_units(browse, said, cast, currency, month, year, shown):
    first, second, _ = pricing.catalog().prices
    prices = [first | {"currency": currency, "amount": month}, second | {"currency": currency, "amount": year}]
    write(PricingCatalog.update(prices=prices).execute)
    text = said(browse(None).get("/pricing")).replace("\xa0", " ")
    for words in shown:
        assert words in text


def test_check_10_no_page_asks_the_provider(browse, shut):
    for name, address in (
        (None, "/pricing"),
        ("alice", "/pricing"),
        ("alice", "/acme/billing"),
        ("bob", "/acme"),
        ("stella", "/admin/pricing"),
        ("stella", "/admin/plans"),
        ("stella", "/admin/plans/pro_monthly"),
        ("stella", "/admin"),
        (None, "/"),
    ):
        assert browse(name).get(address).status_code in (200, 302), address


# --- the admin's page ---------------------------------------------------------------------------------------------


def test_check_10_a_failed_sync_leaves_the_page_as_it_was_and_says_why(browse, said, monkeypatch):
    before = said(browse(None).get("/pricing"))
    stella = browse("stella")
    stripe.wire._client.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(sandbox.stripe, "answer", lambda *_: (200, {}, '{"error": "broken"}'))
        stella.post("/admin/pricing/sync")
        jobs.work_off()
    assert said(browse(None).get("/pricing")) == before
    text = said(stella.get("/admin/pricing"))
    assert "The last sync failed" in text
    assert "can't be read" in text.replace("&#39;", "'")
    stella.post("/admin/pricing/sync")
    jobs.work_off()
    assert "The last sync failed" not in said(stella.get("/admin/pricing"))


def test_check_10_whoever_is_no_admin_finds_no_sync(browse, counted):
    before = counted()
    for name in (None, "alice", "bob", "charlie"):
        assert browse(name).post("/admin/pricing/sync", headers=JSON).status_code == 404
        assert browse(name).get("/admin/pricing").status_code == 404
    assert counted() == before


def test_while_a_sync_runs_its_figures_are_shown_the_button_is_off_and_the_block_asks_again(browse, hx, outline, said):
    from domain.base import long_jobs

    stella = browse("stella")
    answer = stella.post("/admin/pricing/sync", headers=hx("pricing_sync"))
    assert outline(answer)[0] == ["pricing_sync"]
    assert "about to begin" in said(answer)
    again = stella.post("/admin/pricing/sync", headers=JSON)
    assert (again.status_code, again.json["code"]) == (409, "CONFLICT")
    write(long_jobs.progress, long_jobs.claim(pricing.SYNC), 212, products=12, prices=200)
    for page in (stella.get("/admin/pricing"), stella.get("/admin/pricing", headers=hx("pricing_sync"))):
        text, html = said(page), page.get_data(True)
        assert "12 products and 200 prices so far" in text
        assert "Syncing" in text
        assert 'hx-trigger="load delay:1s"' in html
        assert 'action="/admin/pricing/sync"' not in html
    jobs.work_off()
    over = stella.get("/admin/pricing", headers=hx("pricing_sync"))
    assert (outline(over)[0], over.headers["HX-Retarget"]) == (["pricing_area"], "#pricing_area")
    assert "load delay" not in over.get_data(True)
    assert "1 product and 3 prices" in said(over)


def test_without_htmx_a_sync_is_a_form_and_a_page(browse, followed):
    stella = browse("stella")
    assert "The sync begins." in followed(stella, stella.post("/admin/pricing/sync"))
    assert LongJob.select().count() == 1


def test_a_doubtful_price_is_shown_to_admins_with_its_reason(browse, said, cast):
    write(PricingCatalog.update(prices=[]).execute)
    text = said(browse("stella").get("/admin/pricing"))
    assert "price_sandbox_pro_monthly isn't among the active prices, or isn't paid every month." in text.replace(
        "&#39;", "'"
    )
    assert "Not available" in text


def test_without_a_provider_the_admin_is_told(browse, said):
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    assert "No payment provider" in said(browse("stella").get("/admin/pricing"))
    response = browse("stella").post("/admin/pricing/sync", headers=JSON)
    assert (response.status_code, response.json["code"]) == (503, "NOT_CONFIGURED")
    assert browse("stella").get("/admin/plans").status_code == 200


def test_what_an_admin_calls_a_plan_is_what_all_pages_call_it(browse, said, cast):
    form = plans.facts(plans.PLANS["pro_monthly"]) | {"gives": "Tea", "name": "Guild <b>"}
    plans.change("pro_monthly", form, by=cast.stella)
    for name, address in ((None, "/pricing"), ("alice", "/acme/billing"), ("stella", "/admin/plans")):
        page = browse(name).get(address).get_data(True)
        assert "Guild &lt;b&gt;" in page
        assert "Guild <b>" not in page
    assert "Tea" in said(browse(None).get("/pricing"))
