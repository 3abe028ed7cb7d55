"""Accounts that tickets are paid to: keys are written and never read, and an organization's own goes before the site's."""

import dataclasses

import pytest

from domain import Invalid, NotConfigured, Refused
from domain.base import configuration, keys
from domain.base.stepup import VerificationRequired
from domain.events.providers import accounts, attempts
from domain.lists import rows
from domain.money.providers import sandbox
from domain.money.providers.provider import BadSignature, NotOurs
from models import AuditEvent, Change, Outgoing, PaymentAccount, PaymentAttempt
from tests.domain.events.providers.test_attempts import held
from tests.domain.events.test_payments import paid_night
from tests.fixtures.threads import write

__all__ = ["paid_night"]
KEY, SECRET = "sk_test_51Habcdefgh", "whsec_abcdefgh"


@pytest.fixture
def own(inside_acme, at, proven):
    made = rows.create(accounts.rules, {"label": "Our Stripe", "provider": "stripe"}, by=at("alice"))
    proven("alice", "payments.set_key", made.id, 3)
    return PaymentAccount.get_by_id(made.id)


def test_a_key_is_kept_sealed_and_stands_nowhere_else(own, at):
    accounts.set_key(own.id, KEY, by=at("alice"))
    accounts.set_secret(own.id, SECRET, by=at("alice"))
    row = PaymentAccount.get_by_id(own.id)
    assert KEY not in row.key
    assert (keys.unseal(row.key), keys.unseal(row.secret)) == (KEY, SECRET)
    assert KEY not in repr(accounts.find("stripe", own.public_id))
    kept = [str(one.fields) for one in Change.select()] + [str(one.__data__) for one in AuditEvent.select()]
    assert not [text for text in kept if KEY in text or SECRET in text]


def test_without_its_secret_the_fault_is_ours_so_that_webhooks_come_again(own, at):
    accounts.set_key(own.id, KEY, by=at("alice"))
    with pytest.raises(NotConfigured):
        attempts.take("stripe", own.public_id, b"{}", {"Stripe-Signature": "t=1,v1=00"})
    accounts.set_secret(own.id, SECRET, by=at("alice"))
    with pytest.raises(BadSignature):
        attempts.take("stripe", own.public_id, b"{}", {"Stripe-Signature": "t=1,v1=00"})


def test_only_an_owner_connects_one_and_only_with_a_key_of_its_provider(own, at):
    with pytest.raises(Refused):
        accounts.set_key(own.id, KEY, by=at("bob"))
    with pytest.raises(Invalid, match="sk_"):
        accounts.set_key(own.id, "pk_test_51Habcdefgh", by=at("alice"))
    assert PaymentAccount.get_by_id(own.id).key == ""


def test_where_money_goes_is_changed_by_nobody_who_only_has_the_screen(own, at):
    other = rows.create(accounts.rules, {"label": "Theirs", "provider": "stripe"}, by=at("alice"))
    for change in (
        lambda: accounts.set_key(other.id, KEY, by=at("alice")),
        lambda: accounts.set_secret(other.id, "x" * 20, by=at("alice")),
    ):
        with pytest.raises(VerificationRequired):
            change()
    assert PaymentAccount.get_by_id(other.id).key == ""


def test_an_own_account_goes_before_the_sites_and_a_paused_one_sells_no_more(own, at):
    site = {"stripe": ("sk_test_of_the_site", ("whsec_site",))}
    configuration.use(dataclasses.replace(configuration.active, ticket_accounts=site))
    used = lambda: accounts.usable("EUR", 2000)["stripe"].key  # noqa: E731
    assert used() == "sk_test_of_the_site"  # the own one has no key yet
    accounts.set_key(own.id, KEY, by=at("alice"))
    assert used() == "sk_test_of_the_site"  # nor can its webhooks be checked
    accounts.set_secret(own.id, SECRET, by=at("alice"))
    assert used() == KEY
    write(PaymentAccount.update(state="off").where(PaymentAccount.id == own.id).execute)
    assert "stripe" not in accounts.usable("EUR", 2000)  # never silently to the site's
    assert accounts.find("stripe", own.public_id).key == KEY  # late money of it is looked at


@pytest.fixture
def refused(own, at, paid_night, monkeypatch):
    """An account whose key the provider doesn't take, and two tries at paying to it."""
    monkeypatch.setitem(accounts.TRANSPORTS, "stripe", sandbox.stripe.transport())
    accounts.set_key(own.id, KEY, by=at("alice"))
    accounts.set_secret(own.id, SECRET, by=at("alice"))
    for _ in range(2):
        with pytest.raises(attempts.Unreachable, match="takes no payments here at the moment"):
            attempts.begin(held(*paid_night).id, "stripe")
    return PaymentAccount.get_by_id(own.id)


def news():
    kept = Outgoing.select().where(Outgoing.kind == "notification", Outgoing.key.startswith("ticket_key:"))
    return [row.payload["title"] for row in kept]


def said_of(row, at):
    (notes,) = accounts.listing.notes[1]([row], at("alice")).values()
    return [words for tone, words in notes if tone == "bad"]


def test_a_key_that_the_provider_refuses_is_told_once_to_who_may_set_another(refused, cast, at, paid_night, proven):
    assert [row.payload["recipient"] for row in Outgoing.select().where(Outgoing.kind == "notification")] == [
        cast.alice.id
    ]
    assert "Nobody can pay with Our Stripe" in news()
    (said,) = said_of(refused, at)
    assert said.startswith("Key refused since ")
    proven("alice", "payments.set_key", refused.id, 3)
    accounts.set_key(refused.id, sandbox.stripe.KEY, by=at("alice"))
    assert said_of(PaymentAccount.get_by_id(refused.id), at) == []
    assert attempts.begin(held(*paid_night).id, "stripe")


def test_a_key_that_is_taken_again_is_told_of_no_more(refused, at, paid_night):
    write(PaymentAccount.update(key=keys.seal(sandbox.stripe.KEY)).where(PaymentAccount.id == refused.id).execute)
    assert attempts.begin(held(*paid_night).id, "stripe")
    assert said_of(PaymentAccount.get_by_id(refused.id), at) == []


def test_admins_are_told_of_the_sites_own_key_once_a_day(paid_night, cast, monkeypatch):
    monkeypatch.setitem(accounts.TRANSPORTS, "stripe", sandbox.stripe.transport())
    site = {"stripe": ("sk_test_of_the_site", ("whsec_site",))}
    configuration.use(dataclasses.replace(configuration.active, ticket_accounts=site))
    for _ in range(2):
        with pytest.raises(attempts.Unreachable):
            attempts.begin(held(*paid_night).id, "stripe")
    assert set(news()) == {"Stripe doesn’t take this site’s key for tickets"}
    told = [row.key for row in Outgoing.select().where(Outgoing.key.startswith("ticket_key:"))]
    assert len(told) == len(set(told))


def test_keys_are_sealed_anew_under_a_new_key_of_the_site(own, at):
    accounts.set_key(own.id, KEY, by=at("alice"))
    before = configuration.active
    configuration.use(dataclasses.replace(before, secret_key="n" * 40, secret_key_fallbacks=(before.secret_key,)))
    assert accounts.seal_anew() == (1, [])
    configuration.use(dataclasses.replace(before, secret_key="n" * 40))
    assert accounts.find("stripe", own.public_id).key == KEY
    assert accounts.seal_anew() == (0, [])


def test_one_that_was_paid_to_is_paused_and_not_removed(paid_night, own, at):
    order = held(*paid_night)
    attempts.begin(order.id, "sandbox")
    write(PaymentAttempt.update(account=own.public_id).execute)
    with pytest.raises(Refused, match="pause"):
        rows.remove(accounts.rules, own.id, by=at("alice"))


def test_an_event_of_one_account_never_speaks_for_another(own, at):
    accounts.set_key(own.id, KEY, by=at("alice"))
    with pytest.raises(NotOurs):
        attempts.take("paystack", own.public_id, b"{}", {})
