import pytest

import jobs
from domain import NotFound, Refused
from domain.base import outgoing
from domain.base.letters import suppressions
from domain.operations.mail import deliveries, letter_desk
from models import Letter, Suppression
from tests.fixtures.threads import write
from tests.peers.resend import signed

pytestmark = pytest.mark.usefixtures("mailer")


def send(to="ada@example.org", template="verify_email", **values):
    write(outgoing.letter, template, to, f"{template}:{to}", **{"name": "Ada", "code": "735186"} | values)
    jobs.work_off()
    return Letter.select().order_by(Letter.id.desc()).first()


def test_the_history_of_a_letter_is_whole_and_has_what_came_late(mailer, clock, cast):
    mailer.answers = ["lost"]
    send()
    clock.forward(minutes=1)
    jobs.work_off()
    for kind, at in (("email.bounced", "12:03:00"), ("email.sent", "12:01:01"), ("email.delivered", "12:02:00")):
        clock.forward(minutes=10)
        deliveries.take(*signed(mailer.event(kind, at=f"2026-06-15T{at}Z")))
        jobs.work_off()
    told = letter_desk.history(Letter.get())
    assert [one.words for one in told] == [
        *("Written", "Tried once in vain", "Handed over to Resend", "Sent", "Delivered", "Came back"),
    ]
    assert all(one.came_at for one in told if one.event)
    assert Letter.get().status == "bounced"


def test_why_a_letter_was_not_sent_is_in_its_history(clock, cast):
    suppressions.suppress("ada@example.org", "all", "bounced")
    letter = send()
    (_, last) = letter_desk.history(letter)
    assert (last.words, "came back" in last.detail) == ("Not sent", True)
    assert letter_desk.blocked_by(letter) == Suppression.get()
    with pytest.raises(NotFound):
        letter_desk.one(letter.id + 1)


def test_mail_case_17_all_that_one_letter_brought_here_are_written_to_again(mailer, clock, cast):
    for n in range(3):
        send(f"a{n}@example.org")
        deliveries.take(*signed(mailer.event("email.bounced", letter=n, type="Permanent", message="Bad header?")))
    suppressions.suppress("kept@example.org", "all", "complained")
    jobs.work_off()
    # The words «bad header» are about us; what a server doesn't say so clearly is undone by hand.
    assert Suppression.select().where(Suppression.reason == "bounced").count() == 0
    for n in range(3):
        letter = Letter.get(Letter.recipient == f"a{n}@example.org")
        suppressions.suppress(letter.recipient, "all", "bounced", letter=letter)
    assert letter_desk.causes() == [("verify_email", "Code for a new account")]
    assert letter_desk.lift_all("verify_email", "A header of ours was wrong.", by=cast.stella) == 3
    assert [one.state for one in Suppression.select().order_by(Suppression.id)] == ["active", *["lifted"] * 3]
    with pytest.raises(Refused):
        letter_desk.lift_all("verify_email", "A header of ours was wrong.", by=cast.stella)


def test_nobody_is_given_news_again_who_asked_for_none(cast):
    suppressions.suppress("ada@example.org", "news", "unsubscribed")
    with pytest.raises(Refused):
        suppressions.lift(Suppression.get().id, "They would like it.", by=cast.stella)
