from datetime import timedelta

import pytest

from database.clock import now
from database.scope import inside
from domain.money import facts, subscriptions
from domain.money.providers import sandbox, stripe
from domain.money.providers.provider import ProviderFailed, SubscriptionChanged
from models import Admin, AuditEvent, Customer, Grant, Outgoing, Payment, StaffRole, Subscription
from tests.fixtures.threads import write

BASE = "/admin/subscriptions"
MONTHLY = sandbox.PRICES["pro_monthly"]


@pytest.fixture
def stella(browse):
    return browse("stella")


@pytest.fixture
def make(cast):
    def tell(id="sub_1", organization=None, **more):
        values = {
            "provider": "stripe",
            "id": id,
            "customer_id": f"cus_{id}",
            "price_id": MONTHLY,
            "status": "active",
            "organization": (organization or cast.acme).public_id,
            "period_start_at": now(),
            "started_at": now(),
            "period_end_at": now() + timedelta(days=30),
            "happened_at": now(),
            "event_id": f"evt_{id}",
        }
        fact = SubscriptionChanged(**(values | more))
        write(facts.apply, fact)
        with inside(organization or cast.acme):
            return Subscription.one(Subscription.provider_subscription_id == id)

    return tell


def change(row, table=Subscription, **values):
    with inside(row.organization_id):
        write(table.update(**values).execute)


def test_without_any_the_page_says_so(stella, said):
    assert "No subscriptions yet" in said(stella.get(BASE))


def test_all_are_listed_with_what_does_not_fit(stella, make, cast, said):
    make()
    other = make("sub_2", cast.globex)
    change(other, provider_price_id="price_new")
    change(other, Grant, revoked_at=now())
    text = said(stella.get(BASE))
    for words in ("Acme", "Globex", "sub_1", "Pro, monthly", "Price unknown", "Access missing", "Active 2"):
        assert words in text, words
    for query, seen, unseen in (
        ("q=acme", "sub_1", "sub_2"),
        ("doubt=price", "sub_2", "sub_1"),
        ("q=sub_2", "sub_2", "sub_1"),
    ):
        narrowed = said(stella.get(f"{BASE}?{query}"))
        assert seen in narrowed
        assert unseen not in narrowed
    assert "Nothing fits" in said(stella.get(f"{BASE}?status=canceled"))
    assert stella.get(f"{BASE}?status=x&doubt=y&before=z&q=%25").status_code == 200


def test_one_shows_its_payments_and_grants(stella, make, cast, said):
    row = make(status="past_due", unpaid_since_at=now())
    with inside(cast.acme):
        write(
            Payment.create,
            provider="stripe",
            provider_payment_id="in_1",
            subscription=row,
            reason="cycle",
            status="paid",
            amount=1200,
            amount_refunded=300,
            currency="EUR",
            dispute="won",
            paid_at=now(),
        )
    text = said(stella.get(f"{BASE}/{row.id}"))
    for words in (
        "in_1",
        "€12.00",
        "€3.00 back",
        "Dispute won",
        "Unpaid since",
        "Everything that is marked Pro",
        "Given",
        "cus_sub_1",
    ):
        assert words in text, words
    assert stella.get(f"{BASE}/999999").status_code == 404


def test_sync_now_takes_over_what_the_provider_says(stella, make, followed, monkeypatch):
    row = make()
    told = SubscriptionChanged(
        provider="stripe",
        id="sub_1",
        customer_id="cus_sub_1",
        price_id=MONTHLY,
        status="canceled",
        happened_at=now(),
        event_id="asked:1",
        asked_at=now(),
    )
    monkeypatch.setattr(stripe, "refetch", lambda id: [told])
    page = followed(stella, stella.post(f"{BASE}/{row.id}/sync"))
    assert "It stands as the provider says it is now." in page
    assert subscriptions.one(row.id).status == "canceled"
    assert AuditEvent.select().where(AuditEvent.action == "billing.subscription_synced").count() == 1


def test_a_provider_that_is_down_is_a_sentence(stella, make, monkeypatch):
    row = make()

    def down(id):
        raise ProviderFailed("Stripe: the connection broke", asked=False)

    monkeypatch.setattr(stripe, "refetch", down)
    refused = stella.post(f"{BASE}/{row.id}/sync", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json["code"]) == (502, "PROVIDER_FAILED")
    assert refused.json["message"] == "Stripe: the connection broke. Nothing was changed; try again in a minute."


def test_its_price_is_named_and_it_follows(stella, make, followed, said, monkeypatch):
    row = make()
    change(row, provider_price_id="price_new")
    asked = []

    def refetch(id):
        asked.append(id)
        return [
            SubscriptionChanged(
                provider="stripe",
                id=id,
                customer_id="cus_sub_1",
                price_id="price_new",
                status="active",
                happened_at=now(),
                event_id="asked:1",
                asked_at=now(),
                period_end_at=now() + timedelta(days=30),
            )
        ]

    monkeypatch.setattr(stripe, "refetch", refetch)
    assert "Which plan is its price?" in said(stella.get(f"{BASE}/{row.id}"))
    unchosen = stella.post(f"{BASE}/{row.id}/price")
    assert (unchosen.status_code, asked) == (422, [])
    assert "Choose the plan that this price is." in said(unchosen)
    page = followed(stella, stella.post(f"{BASE}/{row.id}/price", data={"plan": "pro_yearly"}))
    assert "The price is known now" in page
    assert (subscriptions.one(row.id).plan_key, asked) == ("pro_yearly", ["sub_1"])


def test_what_the_provider_could_not_be_told_is_sent_again(stella, said, followed):
    row = write(
        Outgoing.create,
        kind="subscription_end",
        key="subscription_end:stripe:sub_9",
        payload={},
        status="buried",
        error="ProviderFailed: Stripe: down",
    )
    assert "The provider couldn't be told" in said(stella.get(BASE))
    assert "The provider is told again." in followed(stella, stella.post(f"{BASE}/unsent/{row.id}"))
    assert Outgoing.get_by_id(row.id).status == "queued"
    assert stella.post(f"{BASE}/unsent/{row.id}").status_code == 404


def test_support_reads_and_changes_nothing(cast, browse, make, said):
    row = make()
    write(Admin.create, email=cast.dora.email, email_norm=cast.dora.email_norm)
    write(StaffRole.create, user=cast.dora, role="support")
    dora = browse("dora")
    page = dora.get(f"{BASE}/{row.id}")
    assert page.status_code == 200
    assert "Sync now" not in said(page)
    for path in (f"{BASE}/{row.id}/sync", f"{BASE}/{row.id}/price", f"{BASE}/unsent/1", "/admin/reconciliation"):
        assert dora.post(path).status_code == 404
    assert dora.get("/admin/reconciliation").status_code == 404


def test_a_list_costs_as_many_queries_with_many_as_with_one(stella, make, monkeypatch):
    from database.connections import database

    asked = []

    def cost():
        stella.get(BASE)
        asked.clear()
        stella.get(BASE)
        return len([sql for sql in asked if 'FROM "setting"' not in sql])

    execute = database.obj.execute_sql
    monkeypatch.setattr(database.obj, "execute_sql", lambda sql, *rest: asked.append(sql) or execute(sql, *rest))
    make("sub_0")
    one = cost()
    for n in range(1, 20):
        make(f"sub_{n}")
    assert cost() <= one


def test_use_r17_the_page_speaks_in_words_and_calls_the_sandbox_so(stella, make, said):
    row = make()
    page = said(stella.get(f"{BASE}/{row.id}"))
    assert "Everything that is marked Pro" in page
    assert "feature.pro" not in page
    assert "Provider Sandbox" in page


def test_a_subscription_is_moved_and_an_address_that_is_none_is_said(stella, make, said, cast):
    row = make()
    refused = stella.post(f"{BASE}/{row.id}/organization", data={"organization": "nobody"})
    assert refused.status_code == 422
    assert "There is no organization with this address." in said(refused)
    assert subscriptions.one(row.id).organization == cast.acme
    assert stella.post(f"{BASE}/{row.id}/organization", data={"organization": "globex"}).status_code == 303
    assert subscriptions.one(row.id).organization == cast.globex


def test_a_customer_is_placed_with_what_the_notice_knows_filled_in(stella, said, cast):
    page = stella.get(f"{BASE}/placement?provider=stripe&customer=cus_9")
    assert 'value="cus_9"' in page.text
    refused = stella.post(f"{BASE}/placement", data={"provider": "stripe", "customer": "cus_9", "organization": ""})
    assert refused.status_code == 422
    assert "There is no organization with this address." in said(refused)
    form = {"provider": "stripe", "customer": "cus_9", "organization": "acme"}
    assert stella.post(f"{BASE}/placement", data=form).status_code == 303
    with inside(cast.acme):
        assert Customer.get().provider_customer_id == "cus_9"
