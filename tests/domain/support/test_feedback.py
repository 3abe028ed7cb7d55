import pytest

from domain import Invalid, Refused
from domain.support import feedback
from models import Feedback, Notification, Outgoing
from tests.fixtures.threads import together

MESSAGE = {"kind": "complaint", "category": "fault", "title": "The list is slow", "body": "It takes a minute."}


def test_a_form_that_is_sent_twice_is_one_message(cast):
    key = "k" * 22
    send = lambda: feedback.write(MESSAGE, by=cast.bob, key=key)  # noqa: E731
    first, *others = together(send, send, send)
    assert others == [first, first]
    assert [one.title for one in feedback.of(cast.bob)] == ["The list is slow"]
    assert feedback.of(cast.alice) == []
    assert Outgoing.select().count() == 0


@pytest.mark.parametrize("lacks", ["category", "title", "body"])
def test_what_is_left_out_is_named(cast, lacks):
    with pytest.raises(Invalid) as refusal:
        feedback.write(MESSAGE | {lacks: ""}, by=None)
    assert list(refusal.value.fields) == [lacks]
    assert Feedback.select().count() == 0


def test_who_has_an_account_is_answered_in_the_bell_and_by_letter_once(cast, letters):
    row = feedback.write(MESSAGE, by=cast.bob)
    feedback.take(row.id, by=cast.stella)
    feedback.resolve(row.id, "It is mended.", by=cast.stella)
    for again in (feedback.resolve, feedback.dismiss):
        with pytest.raises(Refused):
            again(row.id, "Twice.", by=cast.stella)
    with pytest.raises(Refused):
        feedback.take(row.id, by=cast.stella)
    ((to, subject, text),) = letters()
    assert (to, subject) == (cast.bob.email, "About “The list is slow”")
    assert "It is mended." in text
    assert Notification.select().where(Notification.recipient == cast.bob).count() == 1
    row = Feedback.get()
    assert (row.status, row.reply, row.decided_by) == ("resolved", "It is mended.", cast.stella)


def test_a_stranger_is_answered_where_they_left_an_address(cast, letters):
    named = feedback.write(MESSAGE | {"email": "ida@example.org"}, by=None)
    silent = feedback.write(MESSAGE | {"email": ""}, by=None)
    assert "your answer" in feedback.dismiss(named.id, "It is as it should be.", by=cast.stella)
    assert "no address" in feedback.dismiss(silent.id, "It is as it should be.", by=cast.stella)
    assert [to for to, _, _ in letters()] == ["ida@example.org"]
    with pytest.raises(Invalid):
        feedback.resolve(feedback.write(MESSAGE, by=None).id, " ", by=cast.stella)
