"""What an import adds to a table, and a table that is changed while a file comes in."""

import io

import pytest

from database.scope import inside
from domain import Refused
from domain.base import long_jobs
from domain.imports import additions, doing, imports, mappings
from domain.lists import lists, rows
from domain.records import collections, field_changes, kind_changes, listings
from models import Collection, ImportFile, ImportRow, LongJob, Record, RecordField, RecordOption

TEXT = "Name,State,Count,Where\nRow 1,New,12,Berlin\nRow 2,Waiting,ca. 3,Rome\nRow 3,waiting,4,Rome\n"


@pytest.fixture
def by(cast, at):
    with inside(cast.acme):
        yield at("alice")


@pytest.fixture
def table(by):
    return collections.make("Things", by=by, fields=(("Name", "text"), ("State", "choice", ("New", "Done"))))


def of(table, by):
    return listings.of(Collection.get_by_id(table.id), by)


def fresh(held):
    return ImportFile.get_by_id(held.id)


def rehearsed(table, by, text=TEXT, **mapping):
    held = imports.take(of(table, by), io.BytesIO(text.encode()), "x.csv", by=by)
    imports.rehearse(of(table, by), held, held.mapping | mapping, by=by)
    assert doing.work() == 1
    return fresh(held)


def done(table, by, held):
    imports.run(of(table, by), held, by=by)
    assert doing.work() == 1
    return fresh(held)


def stands(table, by):
    listing = of(table, by).listing
    found = lists.read(listing, lists.Ask(sort="oldest"), by).rows
    return [
        {f.label: f.kind.plain(value) if not isinstance(value, str) else value}
        for row in found
        for f in listing.fields[2:4]
        if (value := getattr(row, f.name, None)) is not None
    ]


@pytest.mark.parametrize(
    ("label", "texts", "kind"),
    [
        ("Article", ("00123", "00124"), "text"),
        ("Card", ("1234567890123456", "1"), "text"),
        ("Code", ("1E5", "2"), "text"),
        ("Sum", ("1.234,56", "7", ""), "number"),
        ("Sum", (*(["12"] * 99), "ca. 4"), "number"),
        ("Share", ("15 %", "20%"), "percent"),
        ("Paid", ("yes", "no"), "yes_no"),
        ("Count", ("0", "1"), "number"),
        ("When", ("15.01.2025", "09.01.2025"), "day"),
        ("When", ("2026-03-29 14:30",), "moment"),
        ("Who", ("ada@example.org",), "email"),
        ("Where", ("https://example.org",), "url"),
        ("State", ("New", "Open"), "choice"),
        ("About", ("a\nb",), "long_text"),
        ("Price", ("about five", "six"), "text"),
        ("Owner", (), "person"),
    ],
)
def test_a_kind_that_loses_nothing_is_guessed_by_values(label, texts, kind):
    named = additions.targets.builder("record:1").kind_of(label)
    assert additions.kind_of_values(label, texts, named) == kind


def test_columns_without_a_field_become_fields_and_unknown_words_words_once_it_is_done(table, by):
    shape = Collection.get_by_id(table.id).shape
    held = rehearsed(table, by)
    assert held.mapping["fields"][2:] == ["new2:text", "new3:text"]
    held = rehearsed(table, by, fields=["f1", "f2", "new2:number", "new3:choice"])
    assert (held.new, held.left_over, held.mapping["made"]) == (3, 1, {"1": ["Waiting"], "3": ["Berlin", "Rome"]})
    assert (Collection.get_by_id(table.id).shape, RecordOption.select().count()) == (shape, 2)
    held = done(table, by, held)
    assert (held.state, held.new) == ("done", 3)
    assert [(f.label, f.kind) for f in collections.fields(table)][2:] == [("Count", "number"), ("Where", "choice")]
    assert stands(table, by) == [
        *(
            {"Count": "12"},
            {"Where": "Berlin"},
            {"Count": "ca. 3"},
            {"Where": "Rome"},
            {"Count": "4"},
            {"Where": "Rome"},
        ),
    ]
    assert sorted(o.label for o in RecordOption.select()) == ["Berlin", "Done", "New", "Rome", "Waiting"]
    _, wrong = imports.error_sheet(held, of(table, by))
    assert list(wrong) == [["Row 2", "Waiting", "ca. 3", "Rome", "Came in, but as words: Count."]]


def test_who_may_not_build_adds_nothing_and_unknown_words_stay_words(table, by, at):
    bob = at("bob")
    held = rehearsed(table, bob)
    assert (held.mapping["fields"], held.mapping["adds"]) == (["f1", "f2", "", ""], [])
    assert (held.new, held.left_over) == (3, 2)
    form = type("Form", (dict,), {"getlist": lambda self, name: []})(to_0="f1", to_2="new2:number", adds_1="1")
    mapping = mappings.understood(of(table, bob).listing, held.columns, form)
    assert (mapping["fields"], mapping["adds"]) == (["f1", "", "", ""], [])
    forged = held.mapping | {"fields": ["f1", "f2", "new2:number", ""]}
    imports.rehearse(of(table, bob), held, forged, by=bob)
    doing.work()
    with pytest.raises(Refused, match="isn't yours"):
        imports.run(of(table, bob), fresh(held), by=bob)
    assert RecordField.select().count() == 2


def test_all_or_nothing_means_nothing_where_a_row_is_refused(table, by):
    text = "Id,Name\n,A\nx,B\n"
    held = rehearsed(table, by, text, whole=True)
    assert held.refused == 1
    with pytest.raises(Refused, match="All or nothing"):
        imports.run(of(table, by), held, by=by)
    field_changes.rule(table.slug, 1, by=by, is_required=False, is_unique=True)
    rows.create(of(table, by), {"f1": "Row 150"}, by=by)
    held = rehearsed(table, by, "Name\n" + "".join(f"Row {n}\n" for n in range(500)), whole=True)
    assert held.refused == 0
    held = done(table, by, held)
    assert (held.state, held.kept) == ("undone", 0)
    assert held.error == "Line 152 was refused, and all or nothing was asked for: Another row has this already."
    assert Record.select().where(Record.archived_at.is_null()).count() == 1


def test_a_table_that_is_changed_meanwhile_pauses_the_import_with_a_sentence(table, by, monkeypatch):
    held = rehearsed(table, by, "Name,State\n" + "".join(f"Row {n},New\n" for n in range(450)))
    write, batches = doing._write_at_once, []

    def then_moves(*given):
        write(*given)
        batches.append(1)
        if len(batches) == 1:
            collections.add_field(table.slug, "Else", by=by)  # which it doesn't write to
        if len(batches) == 2:
            field_changes.put_away(table.slug, 2, by=by)

    monkeypatch.setattr(doing, "_write_at_once", then_moves)
    held = done(table, by, held)
    assert (held.state, len(batches)) == ("stopped", 2)
    assert held.error == (
        "This table was changed meanwhile: the field for “State” is gone. Look at the columns, then go on."
    )
    there = Record.select().count()
    assert 0 < there < 450
    with pytest.raises(imports.Moved):
        imports.run(of(table, by), held, by=by)
    imports.run(of(table, by), held, by=by, mapping=held.mapping | {"fields": ["f1", ""]})
    doing.work()
    assert (fresh(held).state, Record.select().count()) == ("done", 450)
    assert ImportRow.select().where(ImportRow.is_done == True).count() == 450  # noqa: E712


def test_a_field_of_another_kind_pauses_it_and_is_read_anew(table, by):
    held = rehearsed(table, by, "Name,State\nRow 1,New\nRow 2,Other\n", adds=[])
    imports.run(of(table, by), held, by=by)
    kind_changes.begin(table.slug, 2, "text", by=by)
    while kind_changes.work():
        pass
    doing.work()
    assert "State is of another kind" in fresh(held).error
    imports.run(of(table, by), fresh(held), by=by, mapping=held.mapping)
    doing.work()
    listing = of(table, by).listing
    assert [row.f2 for row in lists.read(listing, lists.Ask(sort="oldest"), by).rows] == ["New", "Other"]


def test_of_two_imports_into_one_table_the_second_waits(table, by, monkeypatch):
    first, second = rehearsed(table, by), rehearsed(table, by)
    imports.run(of(table, by), first, by=by)
    imports.run(of(table, by), second, by=by)
    at_it = long_jobs.claim(imports.JOB)
    assert at_it.subject.endswith(f":{first.id}")
    monkeypatch.setattr(long_jobs, "_PROCESS", "another")
    assert (doing.work(), doing.work()) == (1, 0)
    assert imports.waits_for(fresh(second), imports.progress(second)).id == first.id
    assert Record.select().count() == 0

    @doing.writes
    def later():
        LongJob.update(held_until_at=None).execute()

    later()
    assert (doing.work(), doing.work()) == (1, 1)
    assert (fresh(first).state, fresh(second).state, Record.select().count()) == ("done", "done", 6)


def test_a_column_of_more_words_than_a_choice_may_have_says_so_and_keeps_the_rest_as_words(table, by, monkeypatch):
    monkeypatch.setattr(additions, "MOST_WORDS", 4)
    text = "Name,State\n" + "".join(f"Row {n},Word {n}\n" for n in range(50))
    held = rehearsed(table, by, text)
    assert (held.new, held.left_over, held.mapping["made"]) == (50, 48, {"1": ["Word 0", "Word 1"]})
    wide = additions.widened(of(table, by), held.mapping).listing
    assert additions.full(wide, held.mapping) == {
        1: "State has 4 words, the most of one choice; further ones stay in their cells as words left over."
    }
    done(table, by, held)
    assert sorted(o.label for o in RecordOption.select()) == ["Done", "New", "Word 0", "Word 1"]
    assert Record.select().where(Record.cells.contains("Word 49")).exists()


@pytest.mark.parametrize("label", ["State", "x" * 90])
def test_columns_named_alike_are_told_apart_up_to_their_bound_and_beyond_it_refused(table, by, label):
    head = ",".join([label] * 150)
    held = rehearsed(table, by, f"Name,{head}\nRow 1,{','.join(map(str, range(150)))}\n")
    done(table, by, held)
    labels = [field.label for field in collections.fields(table)]
    assert len(set(labels)) == len(labels) > 150
    with pytest.raises(Refused, match="301 columns; at most 200"):
        rehearsed(table, by, f"Name,{','.join([label] * 300)}\n")
