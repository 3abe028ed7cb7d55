import itertools
from datetime import timedelta

import pytest

import jobs
from database import transactions
from database.clock import now
from database.connections import database
from database.scope import inside
from database.transactions import writes
from domain.base import outgoing, stepup, tokens
from domain.charts import charts, tallies
from domain.lists import rows
from domain.money import billing, inbox
from domain.money.providers import sandbox, stripe
from domain.people import sessions
from domain.records import collections, listings
from models import Proof, Session
from tests.fixtures.billing import posted


@pytest.fixture
def codes(monkeypatch):
    """The codes that will be mailed, in order: 000001, 000002, …"""
    numbers = itertools.count(1)
    monkeypatch.setattr(tokens.secrets, "randbelow", lambda _: next(numbers))


@pytest.fixture
def password():
    return "Correct horse 1!"


@pytest.fixture
def signed_in_as(request):
    """`signed_in_as("bob", minutes_old=31)` is the present session from here on, for step-up; returns it."""

    def start(who, minutes_old=0):
        user = getattr(request.getfixturevalue("cast"), who) if isinstance(who, str) else who
        found = sessions.find(sessions.start(user, browser="b" * 43))
        if minutes_old:
            began = now() - timedelta(minutes=minutes_old)
            writes(Session.update(created_at=began).where(Session.id == found.session.id).execute)()
            found = sessions.find(found.token)
        stepup.present.set(found)
        return found

    yield start
    stepup.present.set(None)


@pytest.fixture
def proven(signed_in_as):
    """`proven("bob", "account.delete", 7)`: bob is signed in and has just proven it is he, for this act."""

    def prove(who, action, target="", level=0):
        present, name = stepup.present.get(), who if isinstance(who, str) else who.email.partition("@")[0]
        is_here = present is not None and present.user.email.partition("@")[0] == name
        found = present if is_here else signed_in_as(who)
        level = max(stepup.ACTIONS[action].level, level)
        row = {
            "user": found.user,
            "session": found.session,
            "action": action,
            "target": str(target),
            "level": level,
            "single_use": level >= stepup.SINGLE_USE,
            "expires_at": now() + timedelta(minutes=10),
        }
        writes(Proof.create)(**row)
        return found

    return prove


class Sandbox:
    """The built-in provider without a network: what it would post is taken up by hand, in any order."""

    def __init__(self, by):
        self.by = by

    def subscribe(self, plan="pro_monthly"):
        """Check out and pay; returns the subscription's id. Nothing is delivered yet."""
        with inside(self.by.organization):
            url = billing.checkout(plan, by=self.by)
        return sandbox.pay(url.rsplit("/", 1)[1])["subscription"]

    events = staticmethod(posted)

    def accept(self, event):
        """Through the signature and into the inbox, as the view does."""
        body, headers = sandbox.signed(event)
        return inbox.accept(stripe.CHANNEL, stripe.verify(body, headers), body)

    def deliver(self, *events):
        """Take the events (or all that wait) in and work them off."""
        for event in events or self.events():
            self.accept(event)
        while inbox.work_off():
            pass

    def settle(self):
        """Send all that waits, the sandbox's events to our inbox too, and work until nothing is left."""
        posts = outgoing._senders["sandbox_webhook"]
        outgoing._senders["sandbox_webhook"] = (lambda row: self.accept(row.payload), False)
        try:
            jobs.work_off()
        finally:
            outgoing._senders["sandbox_webhook"] = posts


@pytest.fixture
def pay(at):
    """alice buys for Acme at the sandbox."""
    stripe.wire._client.cache_clear()
    return Sandbox(at("alice"))


@pytest.fixture
def alone(monkeypatch):
    """Nobody else is there: what is written is written by the thread that asks for it."""

    def do(piece):
        database.connection().execute("PRAGMA query_only = 0")  # jobs leave one and are given another
        transactions.writer._write([piece])
        if piece.error is not None:
            raise piece.error
        return piece.outcome()

    monkeypatch.setattr(transactions.writer, "do", do)


@pytest.fixture
def offers(at, inside_acme):
    """A table with something of each kind that a chart asks for; `offers(Name="A", …)` adds a row."""
    fields = (
        ("Name", "text"),
        ("State", "choice", ("New", "Won")),
        ("Tags", "choices", ("Red", "Large")),
        ("Owner", "person"),
        ("Sure", "yes_no"),
        ("Until", "day"),
        ("Met", "moment"),
        ("Hours", "duration"),
        ("Worth", "money"),
        ("Pieces", "number"),
        ("Stars", "rating"),
    )
    table = collections.make("Offers", by=at("alice"), fields=fields)

    class Offers:
        def listing(self, name="alice"):
            return self.rules(name).listing

        def rules(self, name="alice"):
            return listings.of(collections.found(table.slug), at(name))

        def field(self, label):
            return next(f.name for f in self.listing().fields if f.label == label)

        def add(self, **cells):
            return rows.create(self.rules(), {self.field(label): text for label, text in cells.items()}, by=at("alice"))

        def query(self, **asked):
            """chart_by="State" and the like, by labels."""
            named = {f.label: f.name for f in self.listing().fields}
            return "&".join(f"{name}={named.get(text, text)}" for name, text in asked.items())

        def tally(self, query="", name="alice", most=None):
            return tallies.count(charts.read(self.listing(name), query), at(name), most)

        def totals(self, query="", name="alice"):
            found = self.tally(query, name).totals
            return {place if place[1] else place[0]: str(total) for place, total in found.items()}

    Offers.table = table
    return Offers()
