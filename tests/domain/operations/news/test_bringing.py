"""Readers from a file: who comes in, who stays out, and what is no such file."""

import pytest

from domain import Invalid
from domain.base.letters import subscribers, suppressions
from domain.operations.news import bringing
from models import AuditEvent, Consent, Subscriber
from tests.fixtures import news
from tests.fixtures.threads import write

SAID = {"where": "Mailchimp, double opt-in, 2024", "agreed": "1"}


def test_they_come_as_confirmed_with_where_they_agreed(cast):
    told = bringing.bring(b"Name;E-Mail\nAda;Ada@example.org\nBob;bob@example.org\n;\nX;nobody\n", SAID, by=cast.stella)
    assert told == {"added": 2, "known": 0, "held": 0, "wrong": [5]}
    assert {(one.email, one.status, one.source) for one in Subscriber.select()} == {
        ("Ada@example.org", "confirmed", "import"),
        ("bob@example.org", "confirmed", "import"),
    }
    assert {(one.act, one.note, one.by_id) for one in Consent.select()} == {("imported", SAID["where"], cast.stella.id)}
    assert AuditEvent.select().where(AuditEvent.action == "newsletter.imported").count() == 1


def test_the_same_file_twice_adds_nobody_twice_and_nobody_who_left_comes_back(cast, monkeypatch):
    monkeypatch.setattr(bringing, "BATCH", 2)
    gone, _ = news.readers(2)
    write(subscribers.end, gone)
    suppressions.suppress("spam@example.org", suppressions.ALL, "complained")
    write(Subscriber.create, email="asks@example.org", email_norm="asks@example.org")
    file = "r0@example.org\nr1@example.org\nspam@example.org\nasks@example.org\nnew@example.org\nNEW@example.org\n"
    first = bringing.bring(file.encode(), SAID, by=cast.stella)
    assert first == {"added": 2, "known": 2, "held": 2, "wrong": []}
    assert bringing.bring(file.encode(), SAID, by=cast.stella) == first | {"added": 0, "known": 4}
    assert Subscriber.get(Subscriber.email_norm == gone.email_norm).status == "unsubscribed"


def test_what_is_no_such_file_is_refused_with_a_sentence(cast):
    for file in [b"", b"\x00", b"\xff\xfe\xfa", b"Name\nAda\n", b"E-Mail\n", b"\n\n", b"x" * 1_000_001]:
        with pytest.raises(Invalid) as refusal:
            bringing.bring(file, SAID, by=cast.stella)
        assert set(refusal.value.fields) == {"file"}, file


def test_without_saying_where_and_that_they_agreed_nobody_comes_in(cast):
    with pytest.raises(Invalid) as refusal:
        bringing.bring(b"ada@example.org", {"where": "here"}, by=cast.stella)
    assert set(refusal.value.fields) == {"where", "agreed"}


def test_more_rows_than_fit_are_refused(cast, monkeypatch):
    monkeypatch.setattr(bringing, "MOST", 3)
    with pytest.raises(Invalid, match="more than 3 rows"):
        bringing.bring(b"a@b.org\n" * 4, SAID, by=cast.stella)
