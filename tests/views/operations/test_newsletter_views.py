"""The newsletter's public pages: the same answer for everybody, nothing by looking, one click without a session."""

import pytest

from domain.base import allowances, settings
from domain.base.letters import subscribers
from models import Consent, Outgoing, Subscriber
from tests.fixtures import news


@pytest.fixture
def stranger(browse):
    return browse(None)


def ask(client, email, **more):
    return client.post("/newsletter", data={"email": email} | more)


def link():
    return "/newsletter/confirm/" + subscribers._link(Subscriber.get()).rpartition("/")[2]


def test_the_answer_is_the_same_for_known_unknown_and_those_who_left(stranger):
    one, two = news.readers(2)
    subscribers.leave(subscribers.leave_link(two.public_id).rpartition("/")[2])
    told = {(a.status_code, a.location) for a in (ask(stranger, e) for e in (one.email, two.email, "new@example.org"))}
    assert told == {(303, "/newsletter/sent")}
    assert "Look into your mailbox" in stranger.get("/newsletter/sent").text


def test_who_fills_in_what_nobody_sees_gets_the_same_answer_and_no_letter(stranger):
    answer = ask(stranger, "ada@example.org", website="https://spam.example")
    assert (answer.status_code, answer.location) == (303, "/newsletter/sent")
    assert Subscriber.select().count() == 0


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a@example.org\r\nBcc: b@example.org", "\x00", "x" * 9000])
def test_what_is_no_address_is_said_beside_the_field(stranger, email):
    answer = ask(stranger, email)
    assert answer.status_code == 422
    assert "newsletter_email_error" in answer.text
    assert (Subscriber.select().count(), Outgoing.select().count()) == (0, 0)


def test_five_an_hour_from_one_place(stranger, monkeypatch):
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    answers = [ask(stranger, f"r{n}@example.org").status_code for n in range(6)]
    assert answers == [303] * 5 + [429]
    assert Subscriber.select().count() == 5


def test_looking_however_often_confirms_nothing_and_the_button_does(stranger):
    ask(stranger, "ada@example.org")
    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        stranger.open(link(), method=method, headers={"Purpose": "prefetch"})
    assert Subscriber.get().status == "unconfirmed"
    page = stranger.get(link()).text
    assert "ada@example.org" in page
    assert '<form method="post">' in page
    assert "You are subscribed" in stranger.post(link()).text
    assert "You are subscribed" in stranger.post(link()).text
    assert Subscriber.get().status == "confirmed"
    assert Consent.select().where(Consent.act == "confirmed").count() == 1


def test_another_site_cannot_confirm_for_somebody(stranger):
    ask(stranger, "ada@example.org")
    assert stranger.post(link(), headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert Subscriber.get().status == "unconfirmed"


def test_mail_case_07_one_click_ends_it_from_anywhere_and_as_often_as_it_comes(stranger):
    (row,) = news.readers(1)
    path = "/newsletter/preferences/" + subscribers.leave_link(row.public_id).rpartition("/")[2]
    stranger.get(path)
    assert Subscriber.get().status == "confirmed"
    for _ in range(3):
        answer = stranger.post(
            path, data={"List-Unsubscribe": "One-Click"}, headers={"Sec-Fetch-Site": "cross-site", "Origin": "null"}
        )
        assert (answer.status_code, answer.text) == (200, "")
    assert Subscriber.get().status == "unsubscribed"
    assert "subscribe me again" in stranger.get(path).text
    assert "No more newsletter?" in stranger.post(path, data={"again": "1"}).text
    assert Subscriber.get().status == "confirmed"


@pytest.mark.parametrize("token", ["x", "a.b.c", "%C3%A9", "1.0." + "0" * 64])
def test_a_link_that_is_not_ours_is_not_found(stranger, token):
    for path in (f"/newsletter/confirm/{token}", f"/newsletter/preferences/{token}"):
        assert (stranger.get(path).status_code, stranger.post(path).status_code) == (404, 404)


def test_without_a_newsletter_there_is_no_form(stranger, cast):
    assert "newsletter_form" in stranger.get("/").text
    settings.change("newsletter_open", "off", by=cast.stella)
    assert "newsletter_form" not in stranger.get("/").text
    assert (stranger.get("/newsletter").status_code, ask(stranger, "ada@example.org").status_code) == (404, 404)
