from dataclasses import replace

import pytest
from limits.errors import StorageError
from limits.storage import MemoryStorage

from domain.base import allowances, configuration
from domain.base.allowances import TooOften, limiter
from domain.events import orders, passes
from domain.organizations import invitations
from domain.people import sign_ins
from models import Invitation, Outgoing
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event


@pytest.fixture
def counting(cast):
    limiter.enabled = True
    yield
    limiter.enabled = False


def mailed(email):
    return Outgoing.select().where(Outgoing.kind == "mail", Outgoing.recipient == email).count()


def test_attack_a2_three_letters_an_hour_hold_for_whoever_causes_them(cast, counting):
    sign_ins.forgot(cast.bob.email)
    sign_ins.ask_code(" BOB@example.org")
    sign_ins.ask_link(cast.bob.email)
    for ask in (sign_ins.forgot, sign_ins.ask_code, sign_ins.ask_link):
        with pytest.raises(TooOften):
            ask(cast.bob.email)
    assert mailed(cast.bob.email) == 3


def test_attack_a2_inviting_and_cancelling_mails_nobody_for_ever(cast, counting, inside_acme, at, monkeypatch):
    monkeypatch.setattr(type(at("alice")), "require", lambda self, *asked: None)  # whatever the plan includes
    refused = 0
    for _ in range(6):
        try:
            made = invitations.invite("victim@example.org", "member", by=at("alice"))
            invitations.cancel(made.id, by=at("alice"))
        except TooOften:
            refused += 1
    assert (mailed("victim@example.org"), refused) == (3, 3)
    assert Invitation.select().count() == 3


def test_attack_a2_what_nobody_gets_is_counted_alike(cast, counting):
    asked = []
    for email in ("nobody@example.org", cast.bob.email):
        for _ in range(5):
            try:
                sign_ins.forgot(email)
                asked.append(email)
            except TooOften:
                pass
    assert asked == ["nobody@example.org"] * 3 + [cast.bob.email] * 3


def test_a_right_answer_is_given_back_and_no_more_than_that(house):
    limiter.enabled = True
    for _ in range(25):
        allowances.spend("second_factors", 7)
        allowances.give_back("second_factors", 7)
    allowances.give_back("second_factors", 7)
    for _ in range(20):
        allowances.spend("second_factors", 7)
    with pytest.raises(TooOften):
        allowances.spend("second_factors", 7)


def test_attack_a2_tickets_that_are_sent_again_mail_nobody_for_ever(clock, cast, counting, inside_acme, at):
    event, (tier,) = make_event(at("alice"))
    order = bought(event, tier, email="victim@example.org")
    one = passes.of(order)[0]
    again = (lambda: orders.send_again(order.id, by=at("alice")), lambda: passes.send_again(one.id, by=at("alice")))
    anew = (lambda: passes.new_code(one.id, by=at("alice")),)
    before = mailed("victim@example.org")
    refused = 0
    for act in (*again * 2, *anew * 2):
        try:
            act()
        except TooOften:
            refused += 1
    assert (mailed("victim@example.org") - before, refused) == (3, 3)
    orders.correct(order.id, "somebody@example.org", by=at("alice"))
    with pytest.raises(TooOften):  # and none by a way there and back
        orders.correct(order.id, "victim@example.org", by=at("alice"))


class Shaky(MemoryStorage):
    """A Redis that is away while `is_away`; it says how often it was asked."""

    is_away, asked = False, 0

    def incr(self, *args, **kwargs):
        self.asked += 1
        if self.is_away:
            raise StorageError(ConnectionError("nobody is there"))
        return super().incr(*args, **kwargs)

    def get(self, *args, **kwargs):
        if self.is_away:
            raise StorageError(ConnectionError("nobody is there"))
        return super().get(*args, **kwargs)


@pytest.fixture
def shaky(house, monkeypatch):
    configuration.use(replace(configuration.active, workers=4))
    limiter.enabled = True
    storage = Shaky()
    monkeypatch.setattr(limiter, "_tries", allowances.Tries(storage))
    yield storage
    allowances._away_until = float("-inf")


def spent():
    """How many wrong tries are taken before one is refused."""
    for count in range(100):
        try:
            allowances.spend("second_factors", 7)
        except TooOften:
            return count
    raise AssertionError("no limit holds")


def test_while_the_counts_are_away_each_process_keeps_its_share_of_a_limit(shaky):
    allowances.spend("second_factors", 7)
    shaky.is_away = True
    assert not allowances.is_away()
    assert spent() == 5, "of 20, among four processes"
    assert allowances.is_away()
    assert shaky.asked == 2, "who is away isn't asked again at once: each time would be waited for"
    for _ in range(2):
        allowances.give_back("second_factors", 7)
    assert spent() == 1, "what was right is given back there too"


def test_counts_that_are_back_are_used_again(shaky, monkeypatch):
    shaky.is_away = True
    monkeypatch.setattr(allowances, "ASKED_AGAIN", 0)
    allowances.spend("second_factors", 7)
    shaky.is_away = False
    assert spent() == 20


def test_pages_are_not_counted_while_the_counts_are_away(shaky):
    pages = allowances.Pages(shaky)
    limit = allowances.parse("2/minute")
    assert [pages.hit(limit, "ada") for _ in range(3)] == [True, True, False]
    shaky.is_away = True
    assert [pages.hit(limit, "ada"), pages.test(limit, "ada")] == [True, True]
    assert pages.get_window_stats(limit, "ada").remaining == 2
