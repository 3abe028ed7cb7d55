"""The adapter and the official client against localstripe, a Stripe of its own written by others.

It is GPL and no dependency: it gets an environment of its own below var/, made once, and runs as a separate process.
It speaks the shapes of about 2020 (plans, periods on the subscription, an invoice's charge) and posts no
`customer.subscription.updated` or `charge.refunded`. What it can't answer at all is listed in UNANSWERED.
"""

import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
import stripe as library

from database.clock import now
from domain.money import providers
from domain.money.providers import provider, stripe
from domain.money.providers.provider import (
    Account,
    CustomerChanged,
    Order,
    PaymentReceived,
    ProviderFailed,
    SubscriptionChanged,
)
from models import Organization

VERSION = "1.15.10"
ENVIRONMENT = Path(__file__).parents[4] / "var" / f"localstripe-{VERSION}"
KEY, SECRET = "sk_test_12345", "whsec_localstripe"


@pytest.fixture(scope="module")
def environment():
    """The interpreter that has localstripe; it is installed by the first run."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        making = ENVIRONMENT.with_name(f"{ENVIRONMENT.name}.{os.getpid()}")
        pip = [making / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "1"]
        try:
            for command in ([sys.executable, "-m", "venv", making], [*pip, f"localstripe=={VERSION}"]):
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=240)
            making.rename(ENVIRONMENT)
        except (OSError, subprocess.SubprocessError) as error:
            said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            if not python.exists():  # another run may have been faster
                pytest.skip(f"localstripe {VERSION} can't be installed: {said[-1] if said else error}")
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return python


class Peer:
    """A running localstripe, and what it posted to us."""

    def __init__(self, address):
        self.address, self.posted = address, []

    def call(self, method, path, body=None):
        """What our adapter never asks for, such as a card."""
        answer = requests.request(method, self.address + path, auth=(KEY, ""), json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    def events(self, about, *types):
        """The posted events of these kinds about one id, waited for: (body, headers) of each, in this order."""
        until, found = time.monotonic() + 20, {}
        while time.monotonic() < until:  # it posts a second later
            found = {json.loads(body)["type"]: (body, headers) for body, headers in self.posted if about in str(body)}
            if all(type in found for type in types):
                return [found[type] for type in types]
            time.sleep(0.05)
        raise AssertionError(f"of {types} only {sorted(found)} came")


def _free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="module")
def running(environment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("localstripe")
    port = _free_port()
    command = [environment, "-m", "localstripe", "--from-scratch", "--port", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until and process.poll() is None:
                try:
                    requests.get(f"http://127.0.0.1:{port}/v1/customers", auth=(KEY, ""), timeout=5)
                    break
                except requests.ConnectionError:
                    time.sleep(0.1)
            else:
                pytest.fail("localstripe doesn't answer: " + (folder / "log").read_text()[-500:])
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=10)


@pytest.fixture(scope="module")
def peer(running):
    made = Peer(running)

    class Mailbox(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            made.posted.append((self.rfile.read(int(self.headers["Content-Length"])), dict(self.headers)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mailbox) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        ours = {"url": f"http://127.0.0.1:{server.server_port}/", "secret": SECRET}
        made.call("POST", "/_config/webhooks/ours", ours)
        yield made
        server.shutdown()
        thread.join()


class Transport(library.RequestsClient):
    """The official client's, to another host; what localstripe can't expand isn't asked for."""

    def __init__(self, address):
        super().__init__(timeout=10)
        self.address = address

    def request(self, method, url, headers, post_data=None):
        path = url.removeprefix("https://api.stripe.com")
        bare, _, query = path.partition("?")
        kept = [pair for pair in query.split("&") if "=payments.data" not in pair and pair]
        return super().request(method, f"{self.address}{bare}?{'&'.join(kept)}", headers, post_data)


@pytest.fixture
def ours(peer, unhoused, monkeypatch):
    """Our adapter, speaking to localstripe."""
    transport = Transport(peer.address)
    account = Account(KEY, (SECRET,), {"pro_monthly": "plan_monthly"}, live=False, transport=transport)
    monkeypatch.setattr(providers, "account", lambda: account)
    monkeypatch.setattr(library.HTTPClient, "_sleep_time_seconds", lambda *_, **__: 0)
    stripe.wire._client.cache_clear()
    yield stripe
    stripe.wire._client.cache_clear()
    transport.close()


@pytest.fixture
def acme():
    return Organization(id=7, public_id="org_public", name="Acme & Söhne", slug="acme")


@pytest.fixture(scope="module")
def plans(peer):
    """Two plans; localstripe has no prices."""
    peer.call("POST", "/v1/products", {"id": "prod_pro", "name": "Pro", "type": "service"})
    for id, amount in (("plan_monthly", 1200), ("plan_team", 2400)):
        plan = {"id": id, "product": "prod_pro", "amount": amount, "currency": "usd", "interval": "month"}
        peer.call("POST", "/v1/plans", plan | {"interval_count": 1})


@pytest.fixture
def subscribed(ours, peer, plans, acme):
    """(customer id, subscription id) of a paid subscription, without the checkout that localstripe doesn't have."""
    customer = ours.create_customer(acme, "alice@example.org", "customer-org_public")
    card = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2030", "cvc": "123"}
    method = peer.call("POST", "/v1/payment_methods", {"type": "card", "card": card})["id"]
    peer.call("POST", f"/v1/payment_methods/{method}/attach", {"customer": customer})
    peer.call("POST", f"/v1/customers/{customer}", {"invoice_settings": {"default_payment_method": method}})
    made = ours.wire.client().subscriptions.create(
        {
            "customer": customer,
            "items": [{"plan": "plan_monthly", "quantity": 2}],
            "metadata": {"organization": "org_public", "user": "usr_public"},
        }
    )
    return customer, made.id


def test_a_customer_is_made_there_and_its_event_binds_it(ours, peer, acme):
    customer = ours.create_customer(acme, "alice@example.org", "customer-org_public")
    ((body, headers),) = peer.events(customer, "customer.created")
    event = ours.verify(body, headers)
    assert (event.type, event.subject) == ("customer.created", customer)
    (fact,) = ours.facts(body)
    assert isinstance(fact, CustomerChanged)
    assert (fact.customer_id, fact.organization, fact.email, fact.deleted) == (
        customer,
        "org_public",
        "alice@example.org",
        False,
    )
    assert fact.asked_at is not None


def test_a_deleted_customer_is_gone_for_us_too(ours, peer, acme):
    customer = ours.create_customer(acme, "bob@example.org", "k")
    peer.call("DELETE", f"/v1/customers/{customer}")
    ((body, _),) = peer.events(customer, "customer.deleted")
    (fact,) = ours.facts(body)
    assert (fact.customer_id, fact.deleted) == (customer, True)


def test_a_subscription_is_read_as_it_stands_there(ours, subscribed):
    customer, id = subscribed
    (fact,) = ours.refetch(id)
    assert isinstance(fact, SubscriptionChanged)
    assert (fact.id, fact.customer_id, fact.organization, fact.purchaser) == (id, customer, "org_public", "usr_public")
    assert (fact.status, fact.price_id, fact.quantity) == ("active", "plan_monthly", 2)
    assert (fact.unpaid_since_at, fact.first_unpaid, fact.cancel_at_period_end) == (None, False, False)
    assert 27 <= (fact.period_end_at - fact.period_start_at).days <= 31
    assert ours.refetch("sub_nobody") == []


def test_its_signed_events_are_verified_and_mean_what_happened(ours, peer, subscribed):
    customer, id = subscribed
    for body, headers in peer.events(id, "customer.subscription.created", "invoice.payment_succeeded"):
        event = ours.verify(body, headers)
        assert event.subject == id
        with pytest.raises(provider.BadSignature):
            ours.verify(body + b" ", headers)
        facts = ours.facts(body)
        assert (facts[0].id, facts[0].status, facts[0].asked_at is not None) == (id, "active", True)
    changed, paid = facts
    assert isinstance(paid, PaymentReceived)
    assert (paid.subscription_id, paid.customer_id, paid.amount, paid.currency) == (id, customer, 2400, "USD")
    assert (paid.price_id, paid.period_end_at) == ("plan_monthly", changed.period_end_at)
    assert (paid.organization, paid.purchaser) == ("org_public", "usr_public")


def test_a_cancellation_is_made_taken_back_and_made_final(ours, peer, subscribed):
    _, id = subscribed
    ours.set_cancel_at_period_end(id, True, "cancel")
    (fact,) = ours.refetch(id)
    assert (fact.cancel_at_period_end, fact.cancel_at, fact.status) == (True, fact.period_end_at, "active")
    ours.set_cancel_at_period_end(id, False, "undo")
    (fact,) = ours.refetch(id)
    assert (fact.cancel_at_period_end, fact.cancel_at) == (False, None)
    ours.end(id, "end")
    ((body, headers),) = peer.events(id, "customer.subscription.deleted")
    ours.verify(body, headers)
    (fact,) = ours.facts(body)
    assert (fact.id, fact.status) == (id, "canceled")
    ours.end(id, "end")  # it is over, and that is as good


def test_a_change_of_plan_and_quantity_made_elsewhere_is_seen(ours, subscribed):
    _, id = subscribed
    ours.wire.client().subscriptions.update(id, {"items": [{"plan": "plan_team", "quantity": 3}]})
    (fact,) = ours.refetch(id)
    assert (fact.price_id, fact.quantity) == ("plan_team", 3)


def test_what_is_not_over_is_listed(ours, subscribed):
    _, id = subscribed
    listed = [fact for page in ours.list_active() for fact in page]
    assert id in [fact.id for fact in listed]
    assert "canceled" not in {fact.status for fact in listed}
    ours.end(id, "end")
    assert id not in [fact.id for page in ours.list_active() for fact in page]


def test_a_part_and_then_the_rest_of_an_invoice_is_refunded(ours, peer, subscribed):
    _, id = subscribed
    invoice = peer.call("GET", f"/v1/subscriptions/{id}")["latest_invoice"]
    charge = peer.call("GET", f"/v1/invoices/{invoice}")["charge"]["id"]
    for amount, total in ((500, 500), (1900, 2400)):
        ours.refund(invoice, amount, f"refund-{total}")
        assert peer.call("GET", f"/v1/charges/{charge}")["amount_refunded"] == total


def test_what_is_on_sale_is_listed(ours, plans):
    pro = {"id": "prod_pro", "name": "Pro", "description": None, "images": [], "active": True, "metadata": {}}
    assert list(ours.products()) == [[pro]]


UNANSWERED = {  # it has no such thing, or dies of a parameter that Stripe has had for years
    "all_prices": lambda ours, _, __: list(ours.all_prices()),
    "change": lambda ours, id, _: ours.change(id, "plan_team", 1, "k"),
    "checkout": lambda ours, _, acme: ours.checkout(
        "cus_1", acme, ORDER, "http://localhost/r", "http://localhost/c", "k"
    ),
    "confirm": lambda ours, _, __: ours.confirm("cs_1"),
    "expire_checkout": lambda ours, _, __: ours.expire_checkout("cs_1", "k"),
    "list_since": lambda ours, _, __: list(ours.list_since(now())),
    "missed": lambda ours, _, __: list(ours.missed(now())),
    "pause": lambda ours, id, _: ours.pause(id, None, "k"),
    "portal": lambda ours, _, __: ours.portal("cus_1", "http://localhost/", "k"),
    "preview": lambda ours, id, _: ours.preview(id, "plan_team", 1),
    "unpause": lambda ours, id, _: ours.unpause(id, "k"),
}
ORDER = Order("chk_public", "pro_monthly", "plan_monthly", once=False)


def test_what_it_cannot_answer_fails_calmly(ours, subscribed, acme):
    """A page of HTML, a bare 404 and a crash there are all one thing here: the provider failed."""
    _, id = subscribed
    for name, ask in UNANSWERED.items():
        with pytest.raises(ProviderFailed, match=r"^Stripe: "):
            pytest.fail(f"{name} said {ask(ours, id, acme)}")
    (fact,) = ours.refetch(id)
    assert (fact.status, fact.price_id) == ("active", "plan_monthly")
