"""Asking the endpoint of AI_URL, over a real socket: bounded, never led elsewhere, and silent about what was asked."""

from dataclasses import replace

import pytest

from domain.base import configuration
from domain.base.ai import asking
from tests.peers import ai


@pytest.fixture
def peer():
    with ai.running() as running:
        yield running


def ask(within=5):
    return asking.post("/chat/completions", {"model": "m", "messages": []}, within=within)


def test_it_answers_an_object_to_who_has_the_key(peer):
    assert ask()["object"] == "chat.completion"
    assert peer.asked == [("/v1/chat/completions", {"model": "m", "messages": []})]


@pytest.mark.parametrize(
    ("status", "said", "why"),
    [
        (500, {"error": {}}, "answered 500"),
        (302, {}, "answered 302"),
        (200, b"<html>", "isn't an object"),
        (200, b"[]", "isn't an object"),
        (200, b"[" * 60_000, "isn't an object"),
        (200, b'"' + b"x" * (asking.MOST_READ + 1) + b'"', "too long"),
    ],
)
def test_what_is_no_answer_is_refused(peer, status, said, why):
    peer.answers["/v1/chat/completions"] = (status, said)
    with pytest.raises(asking.NoAnswer, match=why):
        ask()
    assert len(peer.asked) == 1, "no redirect is followed"


def test_one_that_is_slow_isnt_waited_for(peer):
    peer.gate.clear()
    with pytest.raises(asking.NoAnswer, match=r"took too long|couldn't be reached"):
        ask(within=0.2)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://169.254.169.254/v1", "isn't asked"),
        ("http://[::ffff:169.254.169.254]/v1", "isn't asked"),
        ("http://0.0.0.0:9/v1", "isn't asked"),
        ("http://no-such-name.invalid/v1", "isn't known"),
        ("http://127.0.0.1:1/v1", "couldn't be reached"),
    ],
)
def test_what_isnt_asked_and_what_isnt_there(peer, url, why):
    configuration.use(replace(configuration.active, ai_url=url, ai_key="sk-secret"))
    with pytest.raises(asking.NoAnswer, match=why) as refused:
        ask()
    assert "sk-secret" not in str(refused.value)
    assert peer.asked == []
