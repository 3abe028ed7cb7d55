"""Captions by a real peer: a credit each, given back where none comes."""

import pytest

from database.scope import inside
from domain import NotFound, Refused
from domain.base.ai import asking
from domain.entitlements import credit_accounts
from domain.flyers.organizing import captions
from tests.fixtures.credits import give, ledger, whole
from tests.fixtures.events import make_event
from tests.fixtures.flyer_pages import a_campaign, a_version
from tests.fixtures.threads import refused, together
from tests.peers import ai

PATH = "/v1/chat/completions"


@pytest.fixture
def campaign(clock, inside_acme, at):
    return a_campaign(a_version(event=make_event(at("alice"))[0]))


@pytest.fixture
def peer():
    with ai.running() as running:
        yield running


def spent(cast):
    return [delta for delta, _, reason, _ in ledger(cast.acme) if reason == "spend"]


def test_one_is_written_of_what_the_event_says_and_costs_a_credit_once(campaign, peer, at, cast):
    give(cast.acme, 2)
    bob = at("bob")
    peer.answers[PATH] = (200, ai.completion("“Come to the sea!”\n"))
    assert captions.suggest(campaign, "one", by=bob) == ("Come to the sea!", "")
    ((path, body),) = peer.asked
    assert (path, body["model"], body["messages"][0]["role"]) == (PATH, "gpt-4o-mini", "system")
    assert "Jazz Night" in body["messages"][1]["content"]
    with pytest.raises(Refused, match="already"):
        captions.suggest(campaign, "one", by=bob)
    assert (spent(cast), whole(cast.acme).held, len(peer.asked)) == ([-1], 0, 1)


def test_what_is_being_asked_for_isnt_asked_for_again(campaign, peer, at, cast, monkeypatch):
    give(cast.acme, 2)
    bob, post, second = at("bob"), asking.post, []

    def meanwhile(*args, **kwargs):
        with pytest.raises(Refused, match="asked for already"):
            captions.suggest(campaign, "one", by=bob)
        second.append(1)
        return post(*args, **kwargs)

    monkeypatch.setattr(asking, "post", meanwhile)
    assert captions.suggest(campaign, "one", by=bob)[0]
    assert (len(second), len(peer.asked), spent(cast), whole(cast.acme).held) == (1, 1, [-1], 0)


def test_of_many_who_send_one_form_at_once_one_asks(campaign, peer, at, cast):
    give(cast.acme, 5)
    bob = at("bob")

    def suggest():
        with inside(cast.acme):
            return captions.suggest(campaign, "one", by=bob)

    outcomes = together(*[suggest] * 4)
    assert (len(refused(outcomes)), len(peer.asked), spent(cast)) == (3, 1, [-1])
    assert all(isinstance(one, Refused) for one in refused(outcomes))


def test_a_caption_that_came_when_its_hold_had_lapsed_is_given_all_the_same(
    campaign, peer, at, cast, monkeypatch, clock
):
    give(cast.acme, 1)
    post = asking.post

    def late(*args, **kwargs):
        clock.forward(minutes=6)
        return post(*args, **kwargs)

    monkeypatch.setattr(asking, "post", late)
    text, why = captions.suggest(campaign, "one", by=at("bob"))
    assert (bool(text), why, spent(cast)) == (True, "", [])


@pytest.mark.parametrize(
    "said",
    [
        (500, {"error": {"message": "The server had an error"}}),
        (429, {"error": {"code": "insufficient_quota"}}),
        (200, {"choices": []}),
        (200, {"choices": [{"message": {"content": None}}]}),
        (200, {"choices": {"a": 1}}),
        (200, {"choices": [{"message": {"content": "   "}}]}),
        (200, b"not json"),
    ],
)
def test_where_none_comes_that_is_said_and_nothing_is_paid(campaign, peer, at, cast, said, caplog):
    give(cast.acme, 1)
    peer.answers[PATH] = said
    text, why = captions.suggest(campaign, "one", by=at("bob"))
    assert (text, "nothing was paid" in why, spent(cast), whole(cast.acme).held) == ("", True, [], 0)
    assert ("no caption was suggested" in caplog.text, "Jazz" in caplog.text, ai.KEY in caplog.text) == (
        True,
        False,
        False,
    )


def test_what_a_kill_left_held_comes_back(campaign, peer, at, cast, monkeypatch, clock):
    give(cast.acme, 1)

    def killed(*_, **__):
        raise SystemExit

    monkeypatch.setattr(asking, "post", killed)
    with pytest.raises(SystemExit):
        captions.suggest(campaign, "one", by=at("bob"))
    assert whole(cast.acme).held == 1
    monkeypatch.undo()
    clock.forward(minutes=6)
    assert captions.suggest(campaign, "two", by=at("bob"))[0]
    assert spent(cast) == [-1]


def test_without_credits_or_an_endpoint_nothing_is_asked(campaign, at, cast):
    with pytest.raises(NotFound):
        captions.suggest(campaign, "one", by=at("bob"))
    with ai.running() as peer:
        with pytest.raises(credit_accounts.InsufficientCredits):
            captions.suggest(campaign, "one", by=at("bob"))
        assert peer.asked == []
