"""kill -9 between any two steps of taking in, working off and sending loses nothing and doubles nothing.

The suite dies five deaths; `make crashes` dies at every point, and in every write.
"""

import os
import signal
from collections import Counter

import pytest

import jobs
from database.scope import inside
from database.transactions import writes
from domain.base import mail
from domain.entitlements import grants
from domain.money import billing, inbox, trials
from domain.money.providers import sandbox, stripe
from models import CreditEntry, Notification, Outgoing, Payment, WebhookEvent
from tests.fixtures import deaths

# The child takes events in, works them off and sends what is left, as the server does, and kills itself at the
# n-th time it comes by a point. The points are set here, in the test's own process: the product knows none.
CHILD = """
from database import transactions
from domain.base import outgoing
from domain.money import facts, inbox
from domain.money.providers import stripe
from tests.fixtures.deaths import awake, dies_at
from views import factory  # every kind of sending is known

about = awake()
if about["point"] == "a write":  # inside its transaction, all of it done
    dies_at(transactions.Piece, "run", before=False)
else:
    when, module, name = about["point"].split()
    dies_at({"inbox": inbox, "facts": facts, "outgoing": outgoing}[module], name, when == "before", when == "after")

for body, headers in about["events"]:
    inbox.accept(stripe.CHANNEL, stripe.verify(body.encode(), headers), body.encode())
while inbox.work_off():
    pass
while outgoing.send_due():
    pass
print("lived")
"""
FEW = [
    ("after inbox accept", 1),  # kept, and the provider not answered: it will repeat
    ("before facts apply", 2),  # in the transaction, the event marked, nothing applied
    ("after facts apply", 4),  # in the transaction, before its commit
    ("before outgoing _mark_sent", 1),  # sent, and not marked as sent
    ("a write", 9),
]
MORE = [
    ("after inbox accept", 5),
    ("after inbox read", 2),  # the provider was asked, nothing is written
    ("after facts apply", 1),
    ("after inbox _settle", 2),  # just committed
    ("after outgoing _mark_sent", 1),
    ("before outgoing _send_and_mark", 1),
    *(("a write", n) for n in range(1, 18) if n != 9),
]
POINTS = FEW + (MORE if os.environ.get("CRASHES") else [])


@pytest.fixture
def bought(cast, at):
    """alice bought for Acme and got a part back; no event of it has come yet."""
    stripe.wire._client.cache_clear()
    with inside(cast.acme):
        url = billing.checkout("pro_monthly", by=at("alice"))
    sandbox.pay(url.rsplit("/", 1)[1])
    sandbox.refund(sandbox.find("payment")[0]["id"], 200)
    rows = list(Outgoing.select().where(Outgoing.kind == "sandbox_webhook").order_by(Outgoing.id))
    writes(Outgoing.delete().execute)()
    wanted = [row.payload for row in rows if row.payload["type"] in stripe.wire.KINDS]
    assert len(wanted) > 7
    return [(body.decode(), headers) for body, headers in map(sandbox.signed, wanted)]


def child(events, point, nth):
    return deaths.run(CHILD, events=events, point=point, nth=nth)


def figures(acme):
    """All that may be there once, and only once."""
    with inside(acme):
        return {
            "plan": grants.plan().key,
            "payments": [(p.status, p.amount, p.amount_refunded) for p in Payment.select()],
            "credits": [(e.reason, e.delta) for e in CreditEntry.select()],
            "events": Counter(event.status in ("processed", "ignored") for event in WebhookEvent.select()),
            "outgoing": sorted(row.key.split(":")[0] + " " + row.kind + " " + row.status for row in Outgoing.select()),
            "bells": sorted(row.type for row in Notification.select()),
            "letters": len(list(mail.outbox().glob("*.eml"))),
        }


def come_back(events):
    """As the next start does it: the provider repeats what wasn't answered, and what is left is worked."""
    for body, headers in events:
        inbox.accept(stripe.CHANNEL, stripe.verify(body.encode(), headers), body.encode())
    jobs.work_off()


def test_a_child_that_lives_does_all_of_it(cast, bought):
    done = child(bought, "after inbox accept", 10_000)
    assert (done.returncode, done.stdout) == (0, "lived\n"), done.stderr
    alive = figures(cast.acme)
    assert alive == {
        "plan": "pro_monthly",
        "payments": [("paid", 1200, 200)],
        "credits": [("reset", 1000)],
        "events": {True: len(bought)},
        "letters": 1,
        "outgoing": alive["outgoing"],
        "bells": alive["bells"],
    }
    assert alive["bells"] == ["billing.payment_refunded", "billing.subscription_created"]
    assert all(row.endswith("sent") for row in alive["outgoing"])
    before = trials.state(cast.acme)
    come_back(bought)
    assert (figures(cast.acme), trials.state(cast.acme)) == (alive, before)


@pytest.mark.parametrize(("point", "nth"), POINTS)
def test_killed_anywhere_it_loses_nothing_and_doubles_nothing(cast, bought, point, nth):
    done = child(bought, point, nth)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, ""), done.stderr
    come_back(bought)
    expected = {
        "plan": "pro_monthly",
        "payments": [("paid", 1200, 200)],
        "credits": [("reset", 1000)],
        "events": {True: len(bought)},
        "bells": ["billing.payment_refunded", "billing.subscription_created"],
    }
    found = figures(cast.acme)
    assert {name: found[name] for name in expected} == expected
    assert {row.rsplit(" ", 1)[1] for row in found["outgoing"]} == {"sent"}
    assert sum(" mail " in row for row in found["outgoing"]) == found["letters"] == 1
    state = trials.state(cast.acme)
    come_back(bought)
    assert (figures(cast.acme), trials.state(cast.acme)) == (found, state)
