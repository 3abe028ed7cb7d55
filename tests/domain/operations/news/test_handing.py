"""How letters of issues are handed over: many in one request to Resend, one by one to a mail server, each once."""

import socket
from dataclasses import replace

import pytest

from database.transactions import writer
from domain.base import outgoing, settings
from domain.base.letters import resend, smtp, subscribers
from domain.operations.news import campaigns, sending
from models import Campaign, Letter, MailPause, Outgoing
from tests.fixtures import news
from tests.fixtures.threads import write


@pytest.fixture(autouse=True)
def fast(house, monkeypatch):
    pace = replace(settings.REGISTRY["newsletter_pace"], default=500)
    monkeypatch.setitem(settings.REGISTRY, "newsletter_pace", pace)


def work(rounds=50):
    for _ in range(rounds):
        if not sending.work():
            return


def got(mailer):
    return sorted(body["to"][0] for _, body in mailer.letters)


def everybody(count):
    return sorted(f"r{n}@example.org" for n in range(count))


def statuses():
    return {one.email_norm.partition("@")[0]: one.status for one in Letter.select()}


# --- many in one request -----------------------------------------------------------------------------------------


def test_many_letters_are_one_request_and_each_keeps_its_own_name_there(mailer, monkeypatch):
    monkeypatch.setattr(resend, "TOGETHER", 4)
    news.readers(10)
    news.issue()
    work()
    asked = [(path, len(bodies)) for _, path, _, bodies in mailer.requests]
    assert asked == [("/emails/batch", 4), ("/emails/batch", 4), ("/emails/batch", 2)]
    assert len({key for _, _, key, _ in mailer.requests}) == 3
    assert {id: body["to"] for id, body in mailer.letters} == {
        one.provider_id: [one.recipient] for one in Letter.select()
    }
    assert Campaign.get().status == "done"


def test_a_request_holds_no_more_than_resend_takes(mailer):
    news.readers(101)
    news.issue()
    work()
    assert [len(bodies) for _, _, _, bodies in mailer.requests] == [100, 1]


def test_one_whose_answer_was_lost_is_asked_for_again_whole_however_few_are_due(mailer, clock):
    mailer.answers = ["lost"]
    news.readers(5)
    news.issue()
    work()
    assert statuses() == dict.fromkeys((f"r{n}" for n in range(5)), "queued")
    clock.forward(minutes=2)
    outgoing.send_due(outgoing.NEWS, limit=1)
    (_, _, first, bodies), (_, _, again, repeated) = mailer.requests
    assert (first, bodies) == (again, repeated)
    assert got(mailer) == everybody(5)
    work()
    assert Campaign.get().status == "done"


def test_who_left_meanwhile_is_left_out_of_a_request_that_was_not_taken(mailer, clock):
    mailer.answers = [(503, "")]
    _, leaver, _ = news.readers(3)
    news.issue()
    work()
    write(subscribers.end, leaver)
    clock.forward(minutes=2)
    work()
    assert got(mailer) == ["r0@example.org", "r2@example.org"]
    assert statuses() == {"r0": "sent", "r1": "withheld", "r2": "sent"}


def test_who_left_meanwhile_of_one_that_was_taken_has_it_and_nobody_gets_another(mailer, clock):
    mailer.answers = ["lost"]
    _, leaver, _ = news.readers(3)
    news.issue()
    work()
    write(subscribers.end, leaver)
    clock.forward(minutes=2)
    work()
    assert got(mailer) == everybody(3)
    assert set(statuses().values()) == {"sent"}
    assert {one.provider_id for one in Letter.select()} == {id for id, _ in mailer.letters}


def test_an_address_that_resend_refuses_costs_nobody_else_the_letter(mailer):
    mailer.unfit = {"r3@example.org"}
    news.readers(7)
    news.issue()
    work()
    assert got(mailer) == [one for one in everybody(7) if one != "r3@example.org"]
    assert (statuses()["r3"], Campaign.get().status) == ("failed", "done")


def test_a_letter_of_a_paused_issue_holds_up_no_other_issue(mailer, cast):
    news.readers(2)
    first = news.issue()
    sending.work()  # the letters are left, and none is handed over
    campaigns.pause(first.id, by=cast.stella)
    news.issue(subject="Another")
    work()
    assert {body["subject"] for _, body in mailer.letters} == {"Another"}


# --- when it isn't there -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [(503, ""), (401, "invalid_api_key"), "lost"])
def test_resend_that_is_away_or_does_not_know_us_loses_nobody(mailer, fast, clock, answer):
    news.readers(2)
    news.issue()
    for _ in range(7):
        mailer.answers = [answer]
        work()
        clock.forward(minutes=2)
    assert {one.attempts for one in Outgoing.select()} == {0}
    mailer.answers = []
    clock.forward(minutes=2)
    work()
    assert sorted(body["to"][0] for _, body in mailer.letters) == ["r0@example.org", "r1@example.org"]
    assert Campaign.get().status == "done"


@pytest.mark.parametrize("end", ["they left", "stopped", "paused"])
def test_what_is_in_doubt_at_resend_is_not_asked_for_again_once_it_is_not_to_go(mailer, fast, clock, cast, end):
    (reader,) = news.readers(1)
    made = news.issue()
    mailer.answers = [(503, "")]
    work()
    if end == "they left":
        write(subscribers.end, reader)
    else:
        {"stopped": campaigns.stop, "paused": campaigns.pause}[end](made.id, by=cast.stella)
    clock.forward(minutes=2)
    work()
    assert mailer.letters == []
    assert Letter.get().status == ("queued" if end == "paused" else "uncertain")


@pytest.mark.parametrize("earlier", [(), [(503, "")]])
def test_a_letter_for_which_there_was_no_connection_is_in_doubt_only_by_an_earlier_try(
    mailer, fast, clock, monkeypatch, earlier
):
    (reader,) = news.readers(1)
    news.issue()
    mailer.answers = list(earlier)
    if earlier:
        work()
        clock.forward(minutes=2)
    with socket.socket() as closed:  # bound, and nobody listens
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(resend, "BASE", f"http://127.0.0.1:{closed.getsockname()[1]}")
        work()
    assert "be reached" in MailPause.get().reason
    assert (outgoing.ASKED_FOR in Outgoing.get().payload) == bool(earlier)
    write(subscribers.end, reader)
    clock.forward(minutes=2)
    work()
    assert Letter.get().status == ("uncertain" if earlier else "withheld")


# --- to a mail server --------------------------------------------------------------------------------------------


@pytest.mark.above_sql
def test_a_letter_to_a_mail_server_is_one_commit():
    controller, taker, url = news.mail_server()
    news.use_mail(url)
    news.readers(20)
    news.issue()
    while not Outgoing.select().exists():
        sending.work()
    before = writer.commits
    assert outgoing.send_due(outgoing.NEWS) == 20
    smtp.hang_up()
    controller.stop()
    assert len(taker.letters) == 20
    assert writer.commits - before == 21  # the mark of the first, and the last is settled


def test_one_that_a_mail_server_refuses_is_settled_with_those_before_it():
    controller, taker, url = news.mail_server()
    taker.answers = {"r1@example.org": "451 4.3.0 later"}
    news.use_mail(url)
    news.readers(3)
    news.issue()
    work()
    smtp.hang_up()
    controller.stop()
    assert statuses() == {"r0": "sent", "r1": "queued", "r2": "sent"}
    assert not any(outgoing.ASKED_FOR in one.payload for one in Outgoing.select())


@pytest.mark.parametrize("chosen", ["mail server", "Resend"])
def test_what_is_in_doubt_at_one_is_not_handed_to_the_other(mailer, chosen):
    news.readers(1)
    news.issue()
    sending.work()
    row = Outgoing.get()
    outgoing.note_asked(row, {"by": smtp.NAME} if chosen == "Resend" else {"body": {}, "key": "k", "batch": [row.id]})
    if chosen == "mail server":
        news.use_mail("smtp://127.0.0.1:1")
        news.use_resend("")
    work()
    assert (mailer.letters, Letter.get().status) == ([], "uncertain")
