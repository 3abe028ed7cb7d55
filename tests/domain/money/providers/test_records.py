import pytest

from database.clock import now
from database.transactions import writes
from domain import NotFound
from domain.money.providers import sandbox
from domain.money.providers.sandbox import engine, records, selling, subscribing
from models import Outgoing, SandboxObject
from tests.fixtures.threads import together

MONTHLY = sandbox.PRICES["pro_monthly"]


def posted():
    """What will be posted, in order: (type, seconds from now)."""
    rows = Outgoing.select().where(Outgoing.kind == "sandbox_webhook").order_by(Outgoing.next_attempt_at, Outgoing.id)
    return [(row.payload["type"], round((row.next_attempt_at - now()).total_seconds())) for row in rows]


@pytest.mark.parametrize("chances", [{"duplicate": 0.5}, {"delay": 0.5}, {"reorder": 0.5}, {"drop": 0.5}])
def test_mischief_is_the_same_for_the_same_seed(house, clock, chances):
    told = []
    for seed in (7, 7, 8):
        sandbox.mischief(seed, **chances)
        subscribing.subscribe(selling.create_customer(card="ok")["id"], MONTHLY)
        told.append(posted())
        writes(Outgoing.delete().execute)()
    assert told[0] == told[1] != told[2]
    sandbox.mischief(None)
    subscribing.subscribe(selling.create_customer(card="ok")["id"], MONTHLY)
    usual = posted()
    assert {wait for _, wait in usual} == {0}
    if "duplicate" in chances:
        assert len(told[0]) > len(usual)
    if "drop" in chances:
        assert len(told[0]) < len(usual)
    if "delay" in chances:
        assert max(wait for _, wait in told[0]) >= 5
    if "reorder" in chances:
        assert [type for type, _ in told[0]] != [type for type, _ in usual]


def test_a_dropped_event_is_kept_and_sent_again(house, clock):
    sandbox.mischief(1, drop=1)
    made = selling.create_customer()
    assert posted() == []
    (missed,) = sandbox.find("event", delivered=False)
    assert (missed["of"], missed["fate"]) == (made["id"], "drop")
    for times in (1, 2):
        sandbox.send_again(missed["id"])
        assert posted() == [("customer.created", 0)] * times
    with pytest.raises(NotFound):
        sandbox.send_again("evt_nonsense")
    with pytest.raises(sandbox.Impossible):
        sandbox.mischief(1, drop=2)


def test_an_event_is_delivered_when_the_house_took_it(house):
    selling.create_customer()
    (event,) = sandbox.find("event")
    sandbox.delivered(event["id"])
    sandbox.delivered("evt_nonsense")
    assert sandbox.find("event", delivered=True)[0]["id"] == event["id"]
    assert sandbox.find("event", event["of"])  # it still belongs to what it speaks of


def test_what_is_not_there_or_something_else_is_not_found(house):
    id = selling.create_customer()["id"]
    assert sandbox.get(id, "customer")["id"] == id
    for wrong, kind in ((id, "invoice"), ("cus_nonsense", None), ("a\0b", None), ("x" * 500, None)):
        with pytest.raises(NotFound):
            sandbox.get(wrong, kind)


def test_what_follows_on_the_last_try_is_one_of_three(house):
    assert sandbox.settings()["finally"] == "canceled"
    for outcome in sandbox.FINALLY:
        sandbox.decide(outcome)
        assert sandbox.settings()["finally"] == outcome
    with pytest.raises(sandbox.Impossible):
        sandbox.decide("war")


def test_in_one_act_time_stands_still_and_the_clock_is_kept(house, clock):
    @records.acts
    def act():
        before = sandbox.clock()
        clock.forward(seconds=5)
        inner = sandbox.clock()
        records.set_clock(before + 100)
        return inner - before, sandbox.clock() - before

    began = sandbox.clock()
    assert act() == (0, 100)
    assert sandbox.clock() == began + 100


def test_two_at_once_pay_a_checkout_once(house):
    customer = selling.create_customer()["id"]
    id = engine.open_checkout(customer, MONTHLY, once=False, success_url="/", cancel_url="/")["id"]
    together(*[lambda: sandbox.pay(id)] * 8)
    assert len(sandbox.subscriptions()) == 1
    assert SandboxObject.select().where(SandboxObject.kind == "payment").count() == 1
