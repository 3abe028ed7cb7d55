"""What goes by a field: told before it changes, translated with its kind, and given back as it was."""

import json
from urllib.parse import parse_qs, urlencode

import pytest
from werkzeug.datastructures import MultiDict

from domain.charts import saved_charts
from domain.lists import asks, lists, rows, saved_views
from domain.lists.conditions import Condition
from domain.people import feeds
from domain.records import collections, field_changes, kind_changes, listings, rules, shape_changes, shapes
from domain.records.hanging import queries, uses
from models import CalendarFeed, Record, RecordField, RecordKey, RecordOption, RecordRule, SavedView

FIELDS = (("Name", "text"), ("State", "choice", ("New", "Open", "Done")), ("Budget", "text"), ("On", "day"))


@pytest.fixture
def table(at, inside_acme):
    made, by = collections.make("Repairs", by=at("alice"), fields=FIELDS), at("alice")
    for name, state, budget, on in (
        ("Kettle", "New", "300", "2026-03-01"),
        ("Lamp", "Open", "ca. 300", "2026-03-02"),
        ("Iron", "Open", "7", ""),
        ("Radio", "", "", "2026-04-01"),
    ):
        cells = zip(("Name", "State", "Budget", "On"), (name, state, budget, on), strict=True)
        rows.create(rules_of(made, by), {f_of(made, label): text for label, text in cells}, by=by)
    return made


def rules_of(table, by):
    return listings.of(collections.found(table.slug), by)


def row_of(table, label):
    return next(field for field in collections.fields(table) if field.label == label)


def f_of(table, label):
    return f"f{row_of(table, label).id}"


def option(label):
    return str(RecordOption.get(RecordOption.label == label).id)


def written(*parts):
    return Condition(parts[0], parts[1], parts[2:]).written()


def save(table, by, name, pairs, shared=True):
    return saved_views.save(rules_of(table, by).listing, name, urlencode(pairs), by=by, shared=shared)


def found(table, by, query):
    """The names that a saved address shows, in order, and how much of it isn't understood."""
    listing = rules_of(table, by).listing
    asked = parse_qs(query)
    ask = asks.understand(listing, MultiDict([(name, text) for name, texts in asked.items() for text in texts]))
    return [getattr(row, listing.first) for row in lists.read(listing, ask, by).rows], ask.lost


def become(table, by, label, kind, **more):
    kind_changes.begin(table.slug, row_of(table, label).id, kind, by=by, **more)
    while kind_changes.work():
        pass


def undo(table, by):
    return shape_changes.undo(table.slug, shape_changes.recent(table)[0].id, by=by)


def dump():
    """All that a shape change may touch."""
    return {
        "views": sorted(SavedView.select(SavedView.id, SavedView.query).tuples()),
        "feeds": sorted(CalendarFeed.select(CalendarFeed.id, CalendarFeed.query).tuples()),
        "rules": sorted((r.id, r.sees, json.dumps(r.where), json.dumps(r.fields)) for r in RecordRule.select()),
        "fields": sorted((f.id, f.label, f.kind, f.place, f.is_keyed, f.slot_id) for f in RecordField.select()),
    }


def cells(table, by):
    shape = shapes.read(collections.found(table.slug))
    return {row.id: [cell.value(json.loads(row.cells)) for cell in shape.cells] for row in Record.select()}


def test_a_filter_of_a_choice_asks_the_same_of_text(table, at):
    by, state = at("alice"), f_of(table, "State")
    view = save(table, by, "Open ones", {state: option("Open")})
    pair = save(table, by, "Two", {"where": written(state, "any_of", option("Open"), option("New"))})
    assert found(table, by, view.query)[0] == ["Iron", "Lamp"]
    become(table, by, "State", "text")
    query = SavedView.get_by_id(view.id).query
    assert found(table, by, query) == (["Iron", "Lamp"], 0)
    assert "is~Open" in query.replace("%7E", "~")
    assert SavedView.get_by_id(pair.id).query == pair.query  # text can't be one of two: it rests, and says so
    assert found(table, by, pair.query)[1] == 1


def test_conditions_of_text_ask_the_same_of_a_choice_and_of_a_number(table, at):
    by, budget = at("alice"), f_of(table, "Budget")
    known = save(table, by, "Known", {"where": written(budget, "is", "300")})
    words = save(table, by, "Words", {"where": written(budget, "contains", "ca")})
    seen = kind_changes.rehearse(table.slug, row_of(table, "Budget").id, "number", by=by)
    told = {use.what: use.becomes for use in uses.of(seen.of, by, kind_changes.becoming(seen))}
    assert told == {"The view “Known”": "", "The view “Words”": "what rests: has a condition on it"}
    become(table, by, "Budget", "number")
    assert found(table, by, known.query) == (["Kettle"], 0)
    assert found(table, by, SavedView.get_by_id(words.id).query)[1] == 1
    undo(table, by)
    become(table, by, "Budget", "choice")
    assert found(table, by, SavedView.get_by_id(known.id).query) == (["Kettle"], 0)


@pytest.mark.parametrize(
    ("label", "kind"), [("State", "text"), ("State", "choices"), ("On", "moment"), ("Budget", "money")]
)
def test_hard_case_02_undo_gives_back_cells_sorts_filters_groups_and_rules(table, at, label, kind):
    by, state, on, budget = at("alice"), *(f_of(table, one) for one in ("State", "On", "Budget"))
    listing = rules_of(table, by).listing
    save(table, by, "All", {state: option("Open"), "sort": f"{on}-down", f"{on}_from": "2026-03-02"})
    save(table, by, "Mine", {"where": written(state, "none_of", option("Open")), "view": "board"}, shared=False)
    save(table, at("bob"), "Bob's", {"where": written(budget, "is", "300"), "sort": state}, shared=False)
    save(table, by, "Days", {"where": written(on, "on", "2026-03-02"), "view": "calendar", "cal_on": on})
    saved_charts.save(listing, "By state", urlencode({"chart_by": state, state: option("New")}), by=by, shared=True)
    feeds.make(listing, urlencode({state: option("Open")}), "/records/repairs", by=by)
    given = MultiDict([("sees", "some"), ("where", f"or~{row_of(table, 'State').id}~any_of~{option('Open')}")])
    given.update({"changes": "all", "others": "change", f"field_{row_of(table, 'Budget').id}": "nothing"})
    rules.change(table.slug, "role:member", given, by=by)
    before, stood, keys = dump(), cells(table, by), set(RecordKey.select().tuples())
    become(table, by, label, kind)
    assert dump() != before
    undo(table, by)
    assert (dump(), cells(table, by)) == (before, stood)
    assert keys <= set(RecordKey.select().tuples())


def test_what_somebody_saved_anew_since_stays_theirs(table, at):
    by, state = at("alice"), f_of(table, "State")
    view, gone = (save(table, by, name, {state: option("Open")}) for name in ("Open ones", "Other"))
    become(table, by, "State", "text")
    mended = save(table, by, "Open ones", {"where": written(state, "is", "New")})
    saved_views.remove(rules_of(table, by).listing, gone.id, by=by)
    undo(table, by)
    assert mended.id == view.id
    assert SavedView.get_by_id(view.id).query == mended.query
    assert row_of(table, "State").kind == "choice"


def test_hard_case_08_what_uses_a_field_is_told_waits_and_runs_again_as_it_did(table, at):
    by, state = at("alice"), f_of(table, "State")
    save(table, by, "Open ones", {state: option("Open")})
    save(table, at("bob"), "Bob's", {"sort": state}, shared=False)
    given = MultiDict([("sees", "some"), ("where", f"or~{row_of(table, 'State').id}~any_of~{option('Open')}")])
    rules.change(table.slug, "role:member", given | {"changes": "all", "others": "change"}, by=by)
    told = {(use.what, use.how) for use in uses.of(row_of(table, "State"), by)}
    assert {("The view “Open ones”", queries.FILTERS), ("1 view of other people", "")} < told
    assert any(what == "A rule" and "State is Open" in how for what, how in told)
    before = dump()
    bobs = lists.read(rules_of(table, at("bob")).listing, lists.Ask(), at("bob")).rows
    field_changes.put_away(table.slug, row_of(table, "State").id, by=by)
    with pytest.raises(Exception, match="isn't here"):  # closed, not open
        rules_of(table, at("bob"))
    field_changes.bring_back(table.slug, field_changes.away(table)[0].id, by=by)
    assert dump() == before
    assert lists.read(rules_of(table, at("bob")).listing, lists.Ask(), at("bob")).rows == bobs
    assert len(bobs) == 2


def test_a_calendar_link_whose_field_is_gone_lets_nothing_through(table, at):
    by, state = at("alice"), f_of(table, "State")
    feed, _ = feeds.make(rules_of(table, by).listing, urlencode({state: option("Open")}), "/records/repairs", by=by)
    other, _ = feeds.make(
        rules_of(table, by).listing, urlencode({"where": written(state, "any_of", option("Open"))}), "/r", by=by
    )
    assert [feeds.text(one, by).count(b"BEGIN:VEVENT") for one in (feed, other)] == [1, 1]
    field_changes.put_away(table.slug, row_of(table, "State").id, by=by)
    for one in (feed, other):
        said = feeds.text(one, by)
        assert said.count(b"BEGIN:VEVENT") == 0
        assert b"waits" in said
    field_changes.bring_back(table.slug, field_changes.away(table)[0].id, by=by)
    assert feeds.text(feed, by).count(b"BEGIN:VEVENT") == 1
