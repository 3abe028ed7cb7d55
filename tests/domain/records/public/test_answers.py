"""Answers with files, twice, at once, and what their table refuses; pages of them: tests/views/records."""

import io
import json
from datetime import timedelta

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain import Invalid, NotFound, Refused, Stale
from domain.files import stores
from domain.lists import attachments, rows
from domain.records import collections, field_changes, listings
from domain.records.public import answers, links, quarantine, spam
from models import PublicAnswer, PublicFile, PublicLink, Record, StoredFile
from tests.fixtures.public import FIELDS, form_of, opened, option, repairs, sent
from tests.fixtures.threads import together, write

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


def test_words_that_were_renamed_or_became_others_are_let_in_as_they_are_now(at, inside_acme):
    alice = at("alice")
    table, known = repairs(
        alice, fields=(("Name", "text"), ("Tags", "choices", ("Red", "Blue", "Green")), *FIELDS[2:4])
    )
    link = links.opened(opened(table.slug, form_of(known, "Name", "Tags", "Way", own="change"), by=alice))
    texts = MultiDict(sent(spam.stamp(link.link), **{known["Name"]: "Lamp", known["Way"]: str(option("Bring"))}))
    texts.setlist(known["Tags"], [str(option("Red")), str(option("Blue"))])
    answer, _ = answers.take(link, texts, {}, network="192.0.2.1")
    tags, way = int(known["Tags"][1:]), int(known["Way"][1:])
    field_changes.rename_word(table.slug, tags, option("Blue"), "Azure", by=alice)
    field_changes.merge_words(table.slug, tags, option("Red"), option("Green"), by=alice)
    field_changes.merge_words(table.slug, way, option("Bring"), option("Fetch"), by=alice)
    answers.let_in(answer.id, by=alice)
    listing = listings.of(collections.found(table.slug), alice)
    row = rows.get(listing, Record.get().id, alice)
    tags = listing.listing.by_name[known["Tags"]].kind.plain(row.value(known["Tags"]))
    assert (tags, row.value(known["Way"])) == ("Azure; Green", option("Fetch"))


def test_an_answer_of_before_that_holds_the_words_of_choices_comes_in_as_well(at, inside_acme):
    """Such answers had labels where numbers stand now; one whose word is gone by now says which."""
    alice = at("alice")
    table, known = repairs(alice, fields=(("Name", "text"), ("Tags", "choices", ("Red", "Blue", "2026"))))
    link = links.opened(opened(table.slug, form_of(known, "Name", "Tags"), by=alice))
    made = [
        answers.take(link, MultiDict(sent(spam.stamp(link.link), **{known["Name"]: name})), {}, network="192.0.2.1")[0]
        for name in ("Lamp", "Kettle")
    ]
    for answer, tags in zip(made, ("Blue; 2026", "Blue; Gone"), strict=True):
        words = json.dumps({known["Name"]: ["x"], known["Tags"]: [tags]})
        write(PublicAnswer.update(words=words).where(PublicAnswer.id == answer.id).execute)
    answers.let_in(made[0].id, by=alice)
    listing = listings.of(collections.found(table.slug), alice)
    row = rows.get(listing, Record.get().id, alice)
    assert listing.listing.by_name[known["Tags"]].kind.plain(row.value(known["Tags"])) == "Blue; 2026"
    with pytest.raises(Refused) as refused:
        answers.let_in(made[1].id, by=alice)
    assert "Choose one of: Red, Blue, 2026" in refused.value.sentence


def change(form, secret, name, was):
    link, known = form
    texts = MultiDict({known["Name"]: name})
    answers.change_own(link, secret, texts, was={known["Name"]: was})


def between(monkeypatch, what, name, act):
    """Something happens right before a function is called for the first time."""
    before = getattr(what, name)

    def called(*given, **more):
        monkeypatch.setattr(what, name, before)
        act()
        return before(*given, **more)

    monkeypatch.setattr(what, name, called)


def test_a_change_while_somebody_lets_an_answer_in_is_not_lost(form, at, monkeypatch):
    answer, secret = post(form, "Lamp")
    between(monkeypatch, links, "opened", lambda: change(form, secret, "Old lamp", "Lamp"))
    with pytest.raises(Refused):
        answers.let_in(answer.id, by=at("alice"))
    assert Record.select().count() == 0
    between(monkeypatch, answers, "_change_own", lambda: answers.let_in(answer.id, by=at("alice")))
    change(form, secret, "Older lamp", "Old lamp")
    assert "Older lamp" in Record.get().cells


def test_an_answer_that_waits_is_as_stale_as_one_that_is_in(form):
    _, secret = post(form, "Lamp")
    with pytest.raises(Stale):
        change(form, secret, "Old lamp", "Something else")
    change(form, secret, "Old lamp", "Lamp")
    assert "Old lamp" in PublicAnswer.get().words


def test_what_no_question_asks_any_more_stays_beside_the_row(form, at):
    _, known = form
    answer, secret = post(form, "Lamp")
    words = json.loads(answer.words) | {"f999": ["precious"]}
    write(PublicAnswer.update(words=json.dumps(words)).execute)
    change(form, secret, "Old lamp", "Lamp")
    answers.let_in(answer.id, by=at("alice"))
    assert json.loads(PublicAnswer.get().words) == {"f999": ["precious"]}
    answers.wait_again(answer.id, by=at("alice"))
    assert json.loads(PublicAnswer.get().words) == {known["Name"]: ["Old lamp"], "f999": ["precious"]}


def test_what_must_not_occur_twice_stays_as_it_was_sent(form, at, clock):
    """Else a refusal would tell whether somebody has it."""
    link, known = form
    alice = at("alice")
    rows.create(listings.of(link.collection, alice), {known["Name"]: "Taken"}, by=alice)
    field_changes.rule(link.collection.slug, int(known["Name"][1:]), by=alice, is_required=True, is_unique=True)
    link = links.opened(PublicLink.get())
    stamp = spam.stamp(link.link)
    clock.forward(seconds=9)
    answer, secret = post((link, known), "Lamp", stamp=stamp)
    for guess in ("Taken", "Free"):
        change((link, known), secret, guess, "Lamp")
    assert answers.own_words(link, answer)[known["Name"]] == "Lamp"
