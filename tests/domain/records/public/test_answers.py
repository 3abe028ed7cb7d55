"""Answers with files, twice, at once, and what their table refuses; pages of them: tests/views/records."""

import io
from datetime import timedelta

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain import Invalid, NotFound, Refused
from domain.files import stores
from domain.lists import attachments
from domain.records import collections, listings
from domain.records.public import answers, links, quarantine, spam
from models import PublicAnswer, PublicFile, PublicLink, Record, StoredFile
from tests.fixtures.public import FIELDS, form_of, opened, repairs, sent
from tests.fixtures.threads import together

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 60


@pytest.fixture
def form(at, inside_acme, clock):
    """(the link as it is open now, the names of its fields) of a form with a name and pictures."""
    table, known = repairs(at("alice"), fields=(*FIELDS, ("Pictures", "files")))
    link = opened(table.slug, form_of(known, "Name", "Pictures", own="change"), by=at("alice"))
    return links.opened(link), known


def post(form, name, *files, stamp=None):
    """An answer as a browser sends it."""
    link, known = form
    stamp = stamp or spam.stamp(link.link)
    texts = MultiDict(sent(stamp, **{known["Name"]: name}))
    with_files = {known["Pictures"]: [(called, io.BytesIO(data)) for called, data in files]}
    return answers.take(link, texts, with_files, network="192.0.2.1")


def test_its_files_wait_apart_until_somebody_puts_one_into_its_cell(form, at, clock):
    link, known = form
    stamp = spam.stamp(link.link)
    clock.forward(seconds=5)
    answer, _ = post(form, "Lamp", ("lamp.png", PNG), ("note.txt", b"broken"), stamp=stamp)
    assert answer.state == "in"
    assert [file.name for file in quarantine.of(answer)] == ["lamp.png", "note.txt"]
    assert StoredFile.select().count() == 0
    rules, (picture, note) = listings.of(link.collection, at("alice")), quarantine.of(answer)
    for _ in range(2):
        try:
            quarantine.let_in(rules, answer, picture.id, by=at("alice"))
        except NotFound:
            continue
    quarantine.throw_away(answer, note.id)
    stored = StoredFile.get()
    assert (stored.name, stored.row_id, stored.slot) == ("lamp.png", answer.record_id, int(known["Pictures"][1:]))
    assert b"".join(attachments.content(stored)) == PNG
    assert quarantine.of(answer) == []


def test_a_store_that_is_down_loses_nothing_and_the_same_form_goes_on(form, monkeypatch, clock):
    link, _ = form
    stamp = spam.stamp(link.link)
    clock.forward(seconds=5)
    put = stores.Folder.put
    monkeypatch.setattr(stores.Folder, "put", lambda self, key, file: (_ for _ in ()).throw(stores.StoreDown()))
    with pytest.raises(stores.StoreDown):
        post(form, "Lamp", ("lamp.png", PNG), stamp=stamp)
    assert (PublicAnswer.get().state, Record.select().count()) == ("held", 0)
    monkeypatch.setattr(stores.Folder, "put", put)
    answer, _ = post(form, "Lamp", ("lamp.png", PNG), stamp=stamp)
    assert (answer.state, Record.select().count(), len(quarantine.of(answer))) == ("in", 1, 1)


def test_too_many_and_too_large_files_are_refused_with_nothing_kept(form, clock):
    for files in ([("a", b"1"), ("b", b"2"), ("c", b"3"), ("d", b"4")], [("big", b"0" * (quarantine.MOST + 1))]):
        with pytest.raises(Invalid):
            post(form, "Lamp", *files)
    assert (PublicAnswer.select().count(), PublicFile.select().count()) == (0, 0)


def test_the_same_form_at_once_is_one_row(form, clock):
    link, known = form
    stamp = spam.stamp(link.link)
    clock.forward(seconds=5)
    texts = MultiDict(sent(stamp, **{known["Name"]: "Lamp"}))

    def act():
        with inside(link.by.organization):
            return answers.take(link, texts, {}, network="192.0.2.1")[0].id

    assert len(set(together(act, act, act))) == 1
    assert (Record.select().count(), PublicAnswer.select().count(), PublicLink.get().taken) == (1, 1, 1)


def test_ones_own_answer_shows_the_fields_of_the_form_and_no_others(form, at, clock):
    link, known = form
    clock.forward(seconds=5)
    stamp = spam.stamp(link.link)
    clock.forward(seconds=5)
    answer, secret = post(form, "Lamp", stamp=stamp)
    assert answers.own(link, secret).id == answer.id
    assert answers.own_words(link, answer) == {known["Name"]: ["Lamp"]}
    with pytest.raises(NotFound):
        answers.own(link, "0" * 32)
    clock.forward(days=31)
    with pytest.raises(NotFound):
        answers.own(link, secret)


def test_what_was_decided_is_decided_once(form, at, clock):
    answer, _ = post(form, "Lamp")  # at once, so it waits
    alice = at("alice")
    assert answer.state == "held"
    answers.let_in(answer.id, by=alice)
    for again in (answers.let_in, answers.throw_away):
        with pytest.raises(Refused):
            again(answer.id, by=alice)
    answers.wait_again(answer.id, by=alice)
    with pytest.raises(NotFound):
        answers.found(999, alice)


def test_what_was_thrown_away_goes_after_thirty_days_with_its_files(form, at, clock):
    answer, _ = post(form, "Lamp", ("lamp.png", PNG))
    answers.throw_away(answer.id, by=at("alice"))
    assert quarantine.purge(10) == 0
    clock.forward(days=31)
    for _ in range(3):
        quarantine.purge(10)
    assert (PublicAnswer.select().count(), PublicFile.select().count()) == (0, 0)
    assert collections.found("repairs")
    assert timedelta(days=30) == quarantine.KEPT
