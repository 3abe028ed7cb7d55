import dataclasses

import pytest

import jobs
from database.scope import inside
from domain import Forbidden, NotFound, Refused
from domain.base import configuration, long_jobs
from domain.entitlements import plans
from domain.money import pricing, providers
from domain.money.providers import sandbox, stripe
from domain.money.providers.provider import ProviderFailed
from domain.money.providers.sandbox import stripe as dialect
from models import AuditEvent, JobRun, LongJob, PricingCatalog
from tests.fixtures.threads import together, write

MONTHLY, YEARLY, ONCE = (sandbox.PRICES[plan] for plan in ("pro_monthly", "pro_yearly", "pro_lifetime"))


@pytest.fixture(autouse=True)
def _fresh():
    stripe.wire._client.cache_clear()


@pytest.fixture
def unread(cast):
    """A house whose prices were never read."""
    write(PricingCatalog.delete().execute)


def put(id, kind, **body):
    write(sandbox.put, {"id": id, "kind": kind, "active": True, "created": 1767225600, "metadata": {}} | body)


def product(id, **more):
    put(id, "product", **{"name": id.title(), "description": None, "images": [], "default_price": None} | more)


def price(id, product="prod_sandbox_pro", amount=500, interval="month", **more):
    body = {"product": product, "amount": amount, "currency": "usd", "interval": interval, "lookup_key": None}
    put(id, "price", **body | more)


def change(**values):
    """Change the snapshot's first price, as if the provider had told it so."""
    held = pricing.catalog()
    first = held.prices[0] | values
    write(PricingCatalog.update(prices=[first, *held.prices[1:]]).execute)


def events(action):
    return list(AuditEvent.select().where(AuditEvent.action == action).order_by(AuditEvent.id))


def use(**values):
    configuration.use(dataclasses.replace(configuration.active, **values))


class Exploding:
    """A provider that must not be asked."""

    def __getattr__(self, name):
        raise AssertionError(f"the provider was asked for its {name}")


# --- the sync -------------------------------------------------------------------------------------------------


def test_a_sync_replaces_the_whole_snapshot_and_is_audited(cast, clock):
    write(PricingCatalog.update(products=[], prices=[]).execute)
    pricing.ask(by=cast.stella)
    assert jobs.run("pricing") == 5
    held = pricing.catalog()
    assert [p["name"] for p in held.products] == ["Pro"]
    assert {p["id"]: (p["amount"], p["currency"], p["interval"]) for p in held.prices} == {
        MONTHLY: (1200, "USD", "month"),
        YEARLY: (12000, "USD", "year"),
        ONCE: (sandbox.AMOUNTS["pro_lifetime"][0], "USD", ""),
    }
    assert held.last_synced_at == clock()
    work = pricing.last_sync()
    assert (work.status, work.done, work.facts) == ("done", 4, {"products": 1, "prices": 3})
    (event,) = events("pricing.synced")
    assert (event.actor, event.category, event.metadata["new"]) == (cast.stella, "billing", 3)
    assert jobs.run("pricing", quiet=True) == 0  # once


def test_all_pages_of_a_hundred_are_read(cast, monkeypatch):
    for number in range(250):
        product(f"prod_{number:03}")
    for number in range(201):
        price(f"price_{number:03}", f"prod_{number:03}")
    asked = []
    list_them = dialect.asking.listed

    def listed(things, params):
        asked.append((things, params))
        return list_them(things, params)

    monkeypatch.setattr(dialect.asking, "listed", listed)
    pricing.ask(by=cast.stella)
    jobs.run("pricing")
    held = pricing.catalog()
    assert (len(held.products), len(held.prices)) == (251, 204)
    assert len({p["id"] for p in held.prices}) == 204
    assert [things for things, _ in asked] == ["products"] * 3 + ["prices"] * 3
    assert {params["limit"] for _, params in asked} == {"100"}
    assert {params["active"] for _, params in asked} == {"true"}


def test_progress_is_told_after_every_page(cast, monkeypatch):
    for number in range(150):
        product(f"prod_{number:03}")
    told = []
    tell = long_jobs.progress

    def noted(work, done, **figures):
        told.append(done)
        tell(work, done, **figures)

    monkeypatch.setattr(long_jobs, "progress", noted)
    pricing.ask(by=cast.stella)
    pricing.sync()
    assert told == [100, 151, 154]


def test_archived_products_and_prices_are_not_read(cast):
    product("prod_old", active=False)
    price("price_old", active=False)
    price("price_of_old", "prod_old")
    pricing.ask(by=cast.stella)
    pricing.sync()
    assert {p["id"] for p in pricing.catalog().prices} == {MONTHLY, YEARLY, ONCE}


def test_with_a_tag_only_what_bears_it_or_whose_product_does_is_kept(cast):
    use(stripe_app_tag="hall")
    product("prod_other", metadata={"app": "shop"})
    product("prod_bare")
    price("price_other", "prod_other")
    price("price_tagged", "prod_bare", metadata={"app": "hall"})
    price("price_of_tagged", "prod_sandbox_pro")
    pricing.ask(by=cast.stella)
    pricing.sync()
    held = pricing.catalog()
    assert {p["id"] for p in held.prices} == {MONTHLY, YEARLY, ONCE, "price_tagged", "price_of_tagged"}
    assert {p["id"] for p in held.products} == {"prod_sandbox_pro", "prod_bare"}


def test_check_10_a_failed_sync_keeps_the_old_snapshot_and_says_what_and_when(cast, clock, monkeypatch):
    before = pricing.catalog()

    def down(method, path, params, headers):
        raise NotFound("The key is broken.")

    with monkeypatch.context() as patched:
        patched.setattr(dialect, "act", down)
        pricing.ask(by=cast.stella)
        jobs.run("pricing")
    held = pricing.catalog()
    assert (held.products, held.prices, held.last_synced_at) == (before.products, before.prices, before.last_synced_at)
    assert held.last_sync_failed_at == clock()
    assert "The key is broken." in held.last_sync_error
    assert pricing.last_sync().status == "failed"
    (event,) = events("pricing.sync_failed")
    assert (event.result, event.actor) == ("failure", cast.stella)
    assert pricing.match("pro_monthly")["amount"] == 1200
    clock.forward(hours=1)
    pricing.ask(by=cast.stella)
    jobs.run("pricing")
    held = pricing.catalog()
    assert (held.last_sync_error, held.last_sync_failed_at, held.last_synced_at) == (None, None, clock())


def test_a_failure_on_a_later_page_replaces_nothing(cast, monkeypatch):
    product("prod_new")

    def broken(*_):
        raise ProviderFailed("Stripe: the line is cut")
        yield

    monkeypatch.setattr(stripe, "all_prices", broken)
    before = pricing.catalog().products
    pricing.ask(by=cast.stella)
    pricing.sync()
    assert pricing.catalog().products == before


def test_a_first_sync_that_fails_leaves_an_empty_catalog_and_is_not_tried_for_ever(cast, unread, monkeypatch):
    monkeypatch.setattr(dialect, "act", lambda *_: {"object": "list"})
    jobs.run("pricing")
    held = pricing.catalog()
    assert (held.products, held.prices, held.last_synced_at) == ([], [], None)
    assert "can't be read" in held.last_sync_error
    assert jobs.run("pricing", quiet=True) == 0
    assert LongJob.select().count() == 1


def test_the_sandbox_is_read_once_at_the_first_start_without_being_asked(cast, unread):
    jobs.work_off()
    assert pricing.match("pro_yearly")["amount"] == 12000
    assert events("pricing.synced")[0].actor is None
    jobs.work_off()
    assert LongJob.select().count() == 1


def test_stripe_is_not_read_before_somebody_asks(cast, unread, monkeypatch):
    use(billing_provider="stripe", payment_key="sk_test_x", payment_prices={"pro_monthly": "price_1"})
    monkeypatch.setattr(stripe.wire, "_client", lambda *_: Exploding())
    assert pricing.sync() == 0
    assert pricing.catalog() is None


def test_a_kill_between_pages_leaves_the_old_snapshot_and_the_next_start_ends_it(cast, monkeypatch):
    class Killed(BaseException):
        pass

    def cut(*_):
        raise Killed
        yield

    product("prod_new")
    before = pricing.catalog().products
    pricing.ask(by=cast.stella)
    with monkeypatch.context() as patched:
        patched.setattr(stripe, "all_prices", cut)
        with pytest.raises(Killed):
            pricing.sync()
    assert pricing.catalog().products == before
    work = pricing.last_sync()
    assert (work.status, work.facts["products"]) == ("running", 2)  # the page still shows how far it was
    with pytest.raises(Refused, match="running already"):
        pricing.ask(by=cast.stella)
    assert pricing.sync()
    assert len(pricing.catalog().products) == 2
    assert LongJob.select().count() == 1


def test_of_two_syncs_at_once_one_runs(cast):
    outcomes = together(*[lambda: pricing.ask(by=cast.stella)] * 6)
    assert sum(isinstance(found, LongJob) for found in outcomes) == 1
    assert {str(o) for o in outcomes if isinstance(o, Exception)} == {
        "A sync is running already. Its figures are on this page."
    }
    ran = together(*[lambda: jobs.run("pricing")] * 4)
    assert not [o for o in ran if isinstance(o, Exception)]
    assert len(events("pricing.synced")) == 1
    assert JobRun.select().where(JobRun.job == "pricing", JobRun.affected > 0).count() == 1


def test_a_reader_that_was_overtaken_writes_nothing(cast):
    """Its lease was lost while it read; another has taken the sync up since."""
    product("prod_new")
    pricing.ask(by=cast.stella)
    slow = long_jobs.claim(pricing.SYNC)
    pricing.sync()
    for late in (lambda: pricing._replace(slow, [], []), lambda: pricing._keep_old(slow, "too late")):
        with pytest.raises(long_jobs.TakenOver):
            late()
    held = pricing.catalog()
    assert (len(held.products), held.last_sync_error) == (2, None)


def test_only_admins_who_may_have_prices_read(cast):
    for name in ("alice", "bob", "charlie"):
        with pytest.raises(Forbidden):
            pricing.ask(by=getattr(cast, name))
    use(billing_provider="none")
    with pytest.raises(providers.NotConfigured):
        pricing.ask(by=cast.stella)
    assert LongJob.select().count() == 0


# --- exactly one ----------------------------------------------------------------------------------------------


def test_exactly_one_active_price_fits_a_plan(cast):
    assert pricing.match("pro_monthly")["id"] == MONTHLY
    assert pricing.match("pro_yearly", interval="year")["amount"] == 12000
    with pytest.raises(NotFound):
        pricing.match("pro_weekly")


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "price_other"},
        {"active": False},
        {"interval": "year"},
        {"interval_count": 3},
        {"product": "prod_gone"},
        {"metadata": {"audience": "backer"}},
    ],
)
def test_check_10_no_price_or_one_that_does_not_fit_is_an_error(cast, wrong):
    change(**wrong)
    with pytest.raises(pricing.PriceAmbiguous) as caught:
        pricing.match("pro_monthly")
    assert (caught.value.code, caught.value.status) == ("PRICE_AMBIGUOUS", 500)
    assert "pro_monthly" in pricing.doubts()
    offer = next(o for o in pricing.offers() if o.plan.key == "pro_monthly")
    assert offer.price is None


def test_check_10_several_prices_for_one_plan_are_an_error(cast):
    for id in ("price_backer_1", "price_backer_2"):
        price(id, metadata={"tier": "pro", "audience": "backer"})
        pricing.ask(by=cast.stella)
        pricing.sync()
        if id.endswith("1"):
            assert pricing.match("pro_monthly", audience="backer")["id"] == "price_backer_1"
    with pytest.raises(pricing.PriceAmbiguous) as caught:
        pricing.match("pro_monthly", audience="backer")
    assert caught.value.details["prices"] == ["price_backer_1", "price_backer_2"]
    assert pricing.match("pro_monthly")["id"] == MONTHLY  # the public's is not touched by it


def test_check_10_an_empty_or_missing_snapshot_is_an_error_and_sells_nothing(cast, at, unread):
    from domain.money import billing

    with pytest.raises(pricing.PriceAmbiguous):
        pricing.match("pro_monthly")
    with inside(cast.acme), pytest.raises(pricing.PriceAmbiguous):
        billing.checkout("pro_monthly", by=at("alice"))
    assert sandbox.find("customer") == []  # not even a customer was made


def test_a_plan_without_an_id_is_found_by_its_lookup_key(cast):
    use(billing_provider="stripe", payment_key="sk_test_x", payment_prices={})
    assert pricing.match("pro_monthly")["lookup_key"] == "pro_monthly"


# --- what pages show --------------------------------------------------------------------------------------------


def test_check_10_reading_offers_never_asks_the_provider(cast, monkeypatch):
    monkeypatch.setattr(stripe.wire, "_client", lambda *_: Exploding())
    monkeypatch.setattr(dialect, "act", lambda *_: pytest.fail("the provider was asked"))
    assert [o.plan.key for o in pricing.offers()] == ["free", "pro_monthly", "pro_yearly", "pro_lifetime"]
    assert [o.saving for o in pricing.offers()] == [0, 0, 2400, 0]
    assert pricing.doubts() == {}


def test_a_saving_is_of_one_name_and_one_currency_and_never_negative(cast):
    change(currency="EUR")
    assert [o.saving for o in pricing.offers()] == [0, 0, 0, 0]
    change(currency="USD", amount=900)
    assert [o.saving for o in pricing.offers()] == [0, 0, 0, 0]
    change(amount=1001)
    assert [o.saving for o in pricing.offers()] == [0, 0, 12, 0]
    form = plans.facts(plans.PLANS["pro_yearly"])
    plans.change("pro_yearly", form | {"name": "Guild", "gives": ""}, by=cast.stella)
    assert [o.saving for o in pricing.offers()] == [0, 0, 0, 0]


def test_a_price_by_quantity_is_not_shown(cast):
    change(amount=None)
    assert [bool(o.price) for o in pricing.offers()] == [False, False, True, True]
    assert "quantity" in pricing.doubts()["pro_monthly"]


def test_backers_buy_at_their_own_price_where_there_is_one(cast, clock):
    price("price_backer", amount=600, metadata={"plan": "pro_monthly", "audience": "backer"})
    pricing.ask(by=cast.stella)
    pricing.sync()
    assert pricing.for_person("pro_monthly", cast.alice)["amount"] == 1200
    cast.alice.backer_access_granted_at = clock()
    assert pricing.for_person("pro_monthly", cast.alice)["amount"] == 600
    assert pricing.for_person("pro_yearly", cast.alice)["amount"] == 12000
    assert [o.price["amount"] for o in pricing.offers(cast.alice)[1:3]] == [600, 12000]
    price("price_backer_2", amount=500, metadata={"plan": "pro_monthly", "audience": "backer"})
    pricing.ask(by=cast.stella)
    pricing.sync()
    with pytest.raises(pricing.PriceAmbiguous):
        pricing.for_person("pro_monthly", cast.alice)


def test_where_nothing_is_sold_nothing_is_offered(cast):
    use(billing_provider="none")
    assert pricing.offers() == []
    assert pricing.doubts() == {}


def test_a_plan_that_is_not_configured_is_not_on_sale(cast):
    use(billing_provider="stripe", payment_key="sk_test_x", payment_prices={"pro_yearly": YEARLY})
    assert [o.plan.key for o in pricing.offers()] == ["free", "pro_yearly"]
