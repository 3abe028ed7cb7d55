"""All cells of a long table are looked at before its field becomes another kind, by a job."""

import pytest

from domain.base import long_jobs
from domain.lists import rows
from domain.records import collections, kind_changes, listings
from domain.records.rows import rehearsals
from models import LongJob, RecordField, RecordOption


@pytest.fixture
def by(at, inside_acme, monkeypatch):
    monkeypatch.setattr(kind_changes, "LOOKED", 3)
    monkeypatch.setattr(kind_changes, "BATCH", 2)
    return at("alice")


def table_of(by, texts):
    table = collections.make("Offers", by=by, fields=(("Name", "text"), ("Budget", "text")))
    rules = listings.of(table, by)
    first, budget = (f.name for f in rules.listing.fields[:2])
    for place, text in enumerate(texts):
        rows.create(rules, {first: f"Row {place}", budget: text}, by=by)
    return table, int(budget[1:]), rules


TEXTS = ("1", "2", "", "3", "ca. 4", "5", "", "six")


def finish():
    while rehearsals.work():
        pass


def test_report_kind_change_shows_the_very_cells_of_all_rows(by):
    table, field, _ = table_of(by, TEXTS)
    begun = rehearsals.of(table.slug, field, "number", by=by)
    assert not begun.rehearsal.is_whole
    assert begun.job.is_open
    assert rehearsals.of(table.slug, field, "number", by=by).job.id == begun.job.id
    finish()
    seen = rehearsals.of(table.slug, field, "number", by=by)
    made = seen.rehearsal
    assert made.is_whole
    assert not seen.is_old
    assert (made.looked, made.empty, made.left_count, made.fit_count) == (8, 2, 2, 4)
    assert [(one.title, one.now) for one in made.left] == [("Row 4", "ca. 4"), ("Row 7", "six")]


def test_words_of_a_choice_are_all_known_before_and_become_options(by):
    table, field, _ = table_of(by, ("red", "blue", "red", "green", "blue", "red"))
    rehearsals.of(table.slug, field, "choice", by=by)
    finish()
    made = rehearsals.of(table.slug, field, "choice", by=by).rehearsal
    assert dict(made.words.values()) == {"red": 3, "blue": 2, "green": 1}
    assert made.left_count == 0
    kind_changes.begin(table.slug, field, "choice", by=by, rehearsed=made)
    while kind_changes.work():
        pass
    assert RecordOption.select().where(RecordOption.field == field).count() == 3
    assert kind_changes.left_over(table).get(field, 0) == 0


def test_more_words_than_a_field_may_have_are_not_all_kept(by, monkeypatch):
    monkeypatch.setattr(collections, "OPTIONS", 2)
    table, field, _ = table_of(by, ("a", "b", "c", "d", "e"))
    rehearsals.of(table.slug, field, "choice", by=by)
    finish()
    made = rehearsals.of(table.slug, field, "choice", by=by).rehearsal
    assert made.has_too_many_words
    assert len(made.words) == 3


def test_what_changed_since_is_said_and_looked_at_again(by):
    table, field, rules = table_of(by, TEXTS)
    rehearsals.of(table.slug, field, "number", by=by)
    finish()
    rows.create(rules, {rules.listing.first: "Late", f"f{field}": "seven"}, by=by)
    seen = rehearsals.of(table.slug, field, "number", by=by)
    assert seen.is_old
    assert seen.rehearsal.left_count == 2
    assert rehearsals.of(table.slug, field, "number", by=by, again=True).job.is_open
    finish()
    assert rehearsals.of(table.slug, field, "number", by=by).rehearsal.left_count == 3
    assert LongJob.select().where(LongJob.kind == rehearsals.JOB).count() == 1


def test_bounds_are_rehearsed_so_too_and_other_settings_are_another_question(by):
    table, field, _ = table_of(by, TEXTS)
    kind = RecordField.get_by_id(field).kind
    rehearsals.of(table.slug, field, kind, by=by, options={"most": "2"})
    finish()
    assert rehearsals.of(table.slug, field, kind, by=by, options={"most": "2"}).rehearsal.left_count == 2
    assert rehearsals.of(table.slug, field, kind, by=by, options={"most": "3"}).job.is_open


def test_a_table_that_was_changed_meanwhile_is_looked_at_anew(by):
    table, field, _ = table_of(by, TEXTS)
    begun = rehearsals.of(table.slug, field, "number", by=by).job
    collections.add_field(table.slug, "More", by=by)
    finish()
    job = long_jobs.newest(rehearsals.JOB, begun.subject)
    assert job.status == "failed"
    assert "Look again" in job.error
    assert rehearsals.of(table.slug, field, "number", by=by).job.is_open
