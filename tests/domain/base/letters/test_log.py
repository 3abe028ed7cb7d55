import itertools

import pytest

import jobs
from domain.base import outgoing
from domain.base.letters import log
from models import Letter, Outgoing
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("house", "clock")


def leave(key="k", to="Ada@Example.org", **more):
    write(outgoing.letter, "verify_email", to, key, name="Ada", code="735186", **more)
    return Letter.get(Letter.queued_as == Outgoing.get(Outgoing.key == key).id)


def test_a_letter_is_in_the_log_from_when_it_is_left_and_says_nothing_of_its_words():
    letter = leave()
    assert (letter.status, letter.template, letter.kind) == ("queued", "verify_email", "security")
    assert (letter.recipient, letter.email_norm) == ("Ada@Example.org", "ada@example.org")
    jobs.work_off()
    letter = Letter.get()
    assert (letter.status, letter.provider, letter.reason) == ("sent", "file", None)
    assert "735186" not in str(letter.__data__)


def test_a_letter_that_is_left_twice_is_one():
    leave()
    write(outgoing.letter, "verify_email", "ada@example.org", "k", name="Ada", code="1")
    assert Letter.select().count() == 1


def test_a_status_never_goes_back():
    letter = leave()
    assert write(log.move, letter.id, "delivered")
    for lesser in ("queued", "uncertain", "sent", "delayed", "delivered"):
        assert not write(log.move, letter.id, lesser, reason="late")
    assert (Letter.get().status, Letter.get().reason) == ("delivered", None)
    assert write(log.move, letter.id, "complained")


def test_mail_case_04_all_orders_of_six_events_end_alike():
    letter, ends = leave(), set()
    told = ("sent", "delayed", "delivered", "failed", "bounced", "complained")

    def all_orders():
        for order in itertools.permutations(told):
            Letter.update(status="queued", rank=0, reason=None).where(Letter.id == letter.id).execute()
            for status in order:
                log.move(letter.id, status, reason=f"because {status}")
            ends.add(Letter.select(Letter.status, Letter.reason).tuples().get())

    write(all_orders)
    assert ends == {("complained", "because complained")}


def test_why_a_letter_waits_or_was_not_sent_is_said(monkeypatch, clock):
    def fails(row):
        raise ConnectionError("nobody there")

    monkeypatch.setitem(outgoing._senders, "mail", (fails, False))
    leave(good_until=clock.moment)
    jobs.work_off()
    assert (Letter.get().status, Letter.get().reason) == ("queued", "ConnectionError: nobody there")
    clock.forward(minutes=1)
    jobs.work_off()
    assert (Letter.get().status, Letter.get().reason) == ("failed", "it came too late: what it says is void")
    assert outgoing.was_refused(["k"])


def test_who_may_not_read_it_any_more_gets_no_letter_and_the_log_says_so(cast):
    values = {"title": "T", "body": "", "link": "/acme"}
    write(outgoing._post, "notice", cast.charlie.email, "k", values, about=(cast.charlie, cast.acme))
    jobs.work_off()
    assert (Letter.get().status, Outgoing.get().status) == ("withheld", "sent")
    assert "may not read it" in Letter.get().reason


def test_the_address_of_somebody_who_left_goes_from_the_log():
    leave()
    jobs.work_off()
    write(log.forget, "ada@example.org")
    assert (Letter.get().recipient, Letter.get().email_norm) == ("", "")
