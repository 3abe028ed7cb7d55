"""Links between rows of tables: found from both sides, shown to nobody who may not see the other row."""

import random

import pytest
from werkzeug.datastructures import MultiDict

from domain import Invalid, NotFound, Refused
from domain.fields.records.leftover import plain_cell
from domain.lists import asks, conditions, lists, rows, totals
from domain.records import collections, documents, field_changes, kind_changes, listings, questions, rules, shapes
from models import Collection, Record, RecordLink, RecordSlot


@pytest.fixture
def two(at, inside_acme):
    """Sponsors with a city, and things that one of them (or several) lent."""
    by = at("alice")
    sponsors = collections.make("Sponsors", by=by, fields=(("Name", "text"), ("City", "text"), ("Secret", "text")))
    collections.make("Things", by=by)
    to = {"table": str(sponsors.id), "back": "Lent things"}
    collections.add_field("things", "Sponsor", "link", by=by, options=to)
    collections.add_field("things", "Helpers", "links", by=by, options=to)
    return "sponsors", "things"


def of(slug, by):
    return listings.find(slug, by)


def add(slug, by, **cells):
    found = of(slug, by)
    known = {f.label: f.name for f in found.listing.fields}
    return rows.create(found, {known[label]: text for label, text in cells.items()}, by=by).id


def shown(slug, by, label="Sponsor", **asked):
    """name → what a cell says, of the rows of a list."""
    listing = of(slug, by).listing
    field = next(f for f in listing.fields if f.label == label)
    ask = asks.understand(listing, asked)
    return {
        getattr(row, listing.first): field.kind.plain(getattr(row, field.name))
        for row in lists.read(listing, ask, by).rows
    }


def name(slug, by, label):
    return next(f.name for f in of(slug, by).listing.fields if f.label == label)


def test_a_row_points_to_one_by_its_name_and_is_found_by_it(two, at):
    by = at("alice")
    lumen, marimba = add("sponsors", by, Name="Lumen & Sons"), add("sponsors", by, Name="Marimba")
    add("things", by, Name="Lamp", Sponsor="lumen & sons", Helpers='Marimba; "Lumen & Sons"')
    add("things", by, Name="Drum", Sponsor="Marimba")
    assert shown("things", by) == {"Lamp": "Lumen & Sons", "Drum": "Marimba"}
    assert shown("things", by, "Helpers") == {"Lamp": "Marimba; Lumen & Sons", "Drum": ""}
    sponsor, helpers = name("things", by, "Sponsor"), name("things", by, "Helpers")
    assert list(shown("things", by, **{sponsor: f"#{marimba}"})) == ["Drum"]
    assert list(shown("things", by, **{helpers: "Lumen & Sons"})) == ["Lamp"]
    assert list(shown("things", by, **{helpers: "Lumen & Sons; Marimba", sponsor: str(lumen)})) == ["Lamp"]
    listing = of("things", by).listing
    assert totals.total(listing, asks.understand(listing, {helpers: "Marimba"}), by) == 1


def test_what_two_rows_are_called_asks_which_and_tells_them_apart(two, at):
    by = at("alice")
    first, second = add("sponsors", by, Name="Meyer"), add("sponsors", by, Name="meyer")
    with pytest.raises(Invalid) as refused:
        add("things", by, Name="Lamp", Sponsor="Meyer")
    assert f"#{first}" in next(iter(refused.value.fields.values()))
    with pytest.raises(Invalid):
        add("things", by, Name="Lamp", Sponsor="Nobody")
    add("things", by, Name="Lamp", Sponsor=f"meyer #{second}")
    assert shown("things", by) == {"Lamp": f"meyer #{second}"}


def recomputed():
    """What stands in `record_link`, and what the documents of rows outside the trash say should."""
    found = set()
    for record in Record.select().where(Record.archived_at.is_null()):
        shape = shapes.read(Collection.get_by_id(record.collection_id))
        found |= {(slot, record.id, to) for slot, to in documents.links(shape, documents.loaded(record.cells))}
    kept = RecordSlot.select(RecordSlot.id).where(RecordSlot.state != "gone")
    standing = RecordLink.select().where(RecordLink.slot.in_(kept))
    return {(row.slot_id, row.from_record, row.to_record) for row in standing}, found


def test_after_any_history_links_equal_what_is_worked_out_anew(two, at):
    by, rng = at("alice"), random.Random(8)
    sponsors = [add("sponsors", by, Name=f"S{n}") for n in range(6)]
    sponsor, helpers, first = (name("things", by, label) for label in ("Sponsor", "Helpers", "Name"))
    things, batches = [], []
    for step in range(120):
        found = of("things", by)
        some = [f"#{id}" for id in rng.sample(sponsors, rng.randint(0, 3))]
        form = {sponsor: some[0] if some else "", helpers: "; ".join(some)}
        what = rng.choice(("make", "change", "change", "remove", "undo", "kind", "fill", "fill"))
        try:
            if what == "make":
                things.append(rows.create(found, {first: f"T{step}", **form}, by=by).id)
            elif what == "change" and things:
                change = rows.change(found, rng.choice(things), form, by=by)[1]
                batches += [change.batch] if change else []
            elif what == "remove" and things:
                batches.append(rows.remove(found, rng.choice(things), by=by).batch)
            elif what == "undo" and batches:
                rows.undo(found, batches.pop(), by=by)
            elif what == "kind":
                kind = rng.choice(("link", "links", "text"))
                options = {"table": str(collections.found("sponsors").id)} if kind != "text" else {}
                kind_changes.begin("things", int(helpers[1:]), kind, by=by, options=options)
            elif what == "fill":
                kind_changes.work()
        except Refused:
            pass
        stands, should = recomputed()
        assert stands == should, (step, what)
    while kind_changes.work():
        pass
    stands, should = recomputed()
    assert stands == should
    assert should


def test_records_14_a_linked_row_in_the_trash_is_nowhere_and_comes_back_with_its_links(two, at):
    by = at("alice")
    lumen, marimba = add("sponsors", by, Name="Lumen"), add("sponsors", by, Name="Marimba")
    lamp = add("things", by, Name="Lamp", Sponsor="Lumen", Helpers="Lumen; Marimba")
    removed = rows.remove(of("sponsors", by), lumen, by=by)
    assert shown("things", by) == {"Lamp": ""}
    assert shown("things", by, "Helpers") == {"Lamp": "Marimba"}
    rows.change(of("things", by), lamp, {name("things", by, "Helpers"): ""}, by=by)
    rows.undo(of("sponsors", by), removed.batch, by=by)
    assert shown("things", by) == {"Lamp": "Lumen"}
    assert shown("things", by, "Helpers") == {"Lamp": "Lumen"}  # what nobody saw was not taken away
    assert marimba


def test_history_has_the_names_of_rows(two, at):
    by = at("alice")
    add("sponsors", by, Name="Lumen")
    lamp = add("things", by, Name="Lamp")
    change = rows.change(of("things", by), lamp, {name("things", by, "Sponsor"): "Lumen"}, by=by)[1]
    kind = of("things", by).listing.by_name[name("things", by, "Sponsor")].kind
    assert [kind.plain(kind.restored(one)) for one in change.fields[name("things", by, "Sponsor")]] == ["", "Lumen"]


def test_records_24_a_condition_is_about_a_field_of_the_linked_row(two, at):
    by = at("alice")
    for city in ("Berlin", "Lyon", ""):
        add("sponsors", by, Name=f"In {city}", City=city)
    for number, of_city in enumerate(("Berlin", "Lyon", "", "Berlin")):
        add("things", by, Name=f"T{number}", Sponsor=f"In {of_city}")
    add("things", by, Name="Alone")
    city = f"{name('things', by, 'Sponsor')}.{name('sponsors', by, 'City')}"

    def asked(operator, *texts):
        condition = conditions.Condition(city, operator, texts)
        return {*shown("things", by, where=[condition.written()])}

    assert asked("is", "berlin") == {"T0", "T3"}
    assert asked("is_not", "berlin") == {"T1", "T2", "Alone"}
    assert asked("empty") == {"T2", "Alone"}
    listing = of("things", by).listing
    sponsors = of("sponsors", by).listing.source.shape
    assert sponsors.by_name[name("sponsors", by, "Name")].is_keyed  # found by its key, the others by looking
    title = f"{name('things', by, 'Sponsor')}.{name('sponsors', by, 'Name')}"
    where = [conditions.Condition(title, "is", ("in lyon",)).written()]
    assert {*shown("things", by, where=where)} == {*shown("things", by, where=where, sort="oldest")} == {"T1"}
    assert conditions.said(listing, conditions.Condition(city, "is", ("Berlin",))) == "Sponsor → City is Berlin"


def test_text_becomes_a_link_and_a_link_text(two, at):
    by = at("alice")
    add("sponsors", by, Name="Lumen")
    collections.add_field("things", "Giver", "text", by=by)
    for number, giver in enumerate(("lumen", "Nobody", "")):
        add("things", by, Name=f"T{number}", Giver=giver)
    giver, table = int(name("things", by, "Giver")[1:]), {"table": str(collections.found("sponsors").id)}
    seen = kind_changes.rehearse("things", giver, "link", by=by, options=table)
    assert ([one.now for one in seen.left], seen.fit_count) == (["Nobody"], 1)
    kind_changes.begin("things", giver, "link", by=by, options=table)
    while kind_changes.work():
        pass
    field = of("things", by).listing.by_name[f"f{giver}"]
    ask = asks.understand(of("things", by).listing, {"sort": "oldest"})
    cells = [getattr(row, f"f{giver}") for row in lists.read(of("things", by).listing, ask, by).rows]
    assert [plain_cell(field.kind, cell) for cell in cells] == ["Lumen", "Nobody", ""]
    assert list(shown("things", by, "Giver", **{f"f{giver}": "Lumen"})) == ["T0"]
    kind_changes.begin("things", giver, "text", by=by)
    while kind_changes.work():
        pass
    assert shown("things", by, "Giver") == {"T2": "", "T1": "Nobody", "T0": "Lumen"}


@pytest.fixture
def ruled(two, at):
    """Bob sees only the sponsors that he made, and not what is secret of them."""
    by, bob = at("alice"), at("bob")
    mine, other = add("sponsors", bob, Name="Mine", City="Here"), add("sponsors", by, Name="Other", City="There")
    secret = name("sponsors", by, "Secret")
    rule = [("sees", "some"), ("where", "or~made~any_of~me"), ("changes", "all"), ("others", "change")]
    rules.change("sponsors", "role:member", MultiDict([*rule, (f"field_{secret[1:]}", "nothing")]), by=by)
    lamp = add("things", by, Name="Lamp", Sponsor="Other", Helpers="Other; Mine")
    return bob, mine, other, lamp


def test_a_linked_row_that_is_hidden_shows_nothing_of_itself(ruled):
    bob, mine, other, _ = ruled
    sponsor, helpers = name("things", bob, "Sponsor"), name("things", bob, "Helpers")
    assert shown("things", bob) == {"Lamp": ""}
    assert shown("things", bob, "Helpers") == {"Lamp": "Mine"}
    found = {f"c{n}": shown("things", bob, **{sponsor: text}) for n, text in enumerate(("Other", f"#{other}"))}
    assert found == {"c0": {"Lamp": ""}, "c1": {"Lamp": ""}}  # understood as nothing asked
    listing = of("things", bob).listing
    offered = {f.name for f in conditions.offered(listing)}
    assert f"{sponsor}.{name('sponsors', bob, 'City')}" in offered
    assert not any("Secret" in f.label for f in conditions.offered(listing))
    for operator, texts, hits in (("empty", (), 1), ("not_empty", (), 0)):
        where = [conditions.Condition(sponsor, operator, texts).written()]
        assert len(shown("things", bob, where=where)) == hits
    where = [conditions.Condition(f"{sponsor}.{name('sponsors', bob, 'City')}", "is", ("There",)).written()]
    assert shown("things", bob, where=where) == {}
    with pytest.raises(Invalid):
        add("things", bob, Name="Drum", Sponsor=f"#{other}")
    with pytest.raises(NotFound):
        rows.get(of("sponsors", bob), other, bob)
    assert [other.count for other in listings.pointing(collections.found("sponsors").id, mine, bob)] == [0, 1]
    assert helpers


def test_what_somebody_does_not_see_of_a_cell_stays_when_they_save_it(ruled, at):
    bob, _, _, lamp = ruled
    sponsor, helpers = name("things", bob, "Sponsor"), name("things", bob, "Helpers")
    rows.change(of("things", bob), lamp, {sponsor: "", helpers: ""}, by=bob)
    assert shown("things", at("alice")) == {"Lamp": "Other"}
    assert shown("things", at("alice"), "Helpers") == {"Lamp": "Other"}
    rows.change(of("things", bob), lamp, {sponsor: "Mine", helpers: "Mine"}, by=bob)
    assert shown("things", at("alice")) == {"Lamp": "Mine"}
    assert shown("things", at("alice"), "Helpers") == {"Lamp": "Mine; Other"}


def test_records_12_13_links_outlive_their_field_and_both_tables_in_any_order(two, at):
    by = at("alice")
    add("sponsors", by, Name="Lumen")
    add("things", by, Name="Lamp", Sponsor="Lumen", Helpers="Lumen")
    sponsor, sponsors = int(name("things", by, "Sponsor")[1:]), collections.found("sponsors").id
    stood = recomputed()

    def pointing():
        row = next(row for row in Record.select() if row.collection_id == sponsors)
        return [one.count for one in listings.pointing(sponsors, row.id, by)]

    assert pointing() == [1, 1]
    field_changes.put_away("things", sponsor, by=by)
    assert pointing() == [1]
    field_changes.put_table_away("sponsors", by=by)
    assert shown("things", by, "Helpers") == {"Lamp": ""}
    assert name("things", by, "Helpers") not in {f.name for f in of("things", by).listing.written}
    field_changes.bring_back("things", sponsor, by=by)
    assert shown("things", by) == {"Lamp": ""}
    field_changes.put_table_away("things", by=by)
    field_changes.bring_table_back("sponsors", by=by)
    assert pointing() == []
    field_changes.bring_table_back("things", by=by)
    assert (shown("things", by), pointing()) == ({"Lamp": "Lumen"}, [1, 1])
    assert recomputed() == stood


def test_a_row_points_to_rows_of_its_own_table(two, at):
    by = at("alice")
    collections.add_field("sponsors", "Parent", "link", by=by, options={"table": str(collections.found("sponsors").id)})
    add("sponsors", by, Name="Mother")
    add("sponsors", by, Name="Child", Parent="Mother")
    assert shown("sponsors", by, "Parent") == {"Child": "Mother", "Mother": ""}
    parent = name("sponsors", by, "Parent")
    where = [conditions.Condition(f"{parent}.{name('sponsors', by, 'Name')}", "is", ("mother",)).written()]
    assert shown("sponsors", by, "Parent", where=where) == {"Child": "Mother"}


def test_rows_are_ordered_by_what_they_link_to_while_they_are_few(two, at, monkeypatch):
    by = at("alice")
    for title in ("Zebra", "äpfel", "A10", "A2"):
        add("sponsors", by, Name=title)
    for number, title in enumerate(("Zebra", "A10", "", "äpfel", "A2", "Zebra")):
        add("things", by, Name=f"T{number}", Sponsor=title)
    sponsor = name("things", by, "Sponsor")

    def ordered(sort, rows=2):
        listing, found = of("things", by).listing, []
        ask = asks.understand(listing, {"sort": sort, "rows": str(rows)})
        while True:
            answer = lists.read(listing, ask, by)
            found += [getattr(row, listing.first) for row in answer.rows]
            if not answer.more:
                return found
            ask = ask.but(after=answer.more)

    assert ordered(sponsor) == ordered(sponsor, 50) == ["T4", "T1", "T3", "T0", "T5", "T2"]
    assert ordered(f"{sponsor}-down") == ["T5", "T0", "T3", "T1", "T4", "T2"]
    monkeypatch.setattr(questions, "GATHERED", 5)
    with pytest.raises(Invalid, match="Narrow"):
        ordered(sponsor)
