"""Who sees and changes which rows and fields of a table, and why."""

import io

import pytest
from werkzeug.datastructures import MultiDict

import jobs
from domain import Forbidden, Invalid, NotFound, Refused, Stale
from domain.charts import charts, saved_charts
from domain.imports import doing, imports, pasting
from domain.lists import asks, conditions, lists, rows, saved_views, totals
from domain.people import feeds
from domain.records import collections, field_changes, kind_changes, listings, rules, shape_changes
from models import AuditEvent, Collection, ImportFile, ImportRow, Record, RecordOption

RULE = {"sees": "all", "changes": "all", "adds": "1", "archives": "1", "shares": "1", "others": "change"}


@pytest.fixture
def table(at, inside_acme):
    fields = (("Name", "text"), ("State", "choice", ("Open", "Shut")), ("Owner", "person"), ("Budget", "text"))
    return collections.make("Offers", by=at("alice"), fields=fields)


def of(by):
    return listings.of(collections.found("offers"), by)


def rule(at, who, **changes):
    where = changes.pop("where", ())
    form = MultiDict([*(RULE | changes).items(), *(("where", one) for one in where)])
    return rules.change("offers", who, form, by=at("alice"))


def names(by):
    return {f.label: f.name for f in of(by).listing.fields}


def seen(by, **asked):
    found = of(by)
    answer = lists.read(found.listing, asks.understand(found.listing, asked), by)
    assert totals.total(found.listing, asks.understand(found.listing, asked), by) == len(answer.rows)
    return {getattr(row, found.listing.first) for row in answer.rows}


@pytest.fixture
def offers(table, at, cast):
    """Four rows: two of alice's (one open), one of bob's that is shut, one that is bob's to hold."""
    alice, known = at("alice"), names(at("alice"))
    open_, shut = (str(RecordOption.get(RecordOption.label == word).id) for word in ("Open", "Shut"))
    made = {}
    for by, name, state, owner in (
        (alice, "A", open_, ""),
        (alice, "B", shut, ""),
        (at("bob"), "C", shut, ""),
        (alice, "D", shut, str(cast.bob.id)),
    ):
        form = {known["Name"]: name, known["State"]: state, known["Owner"]: owner, known["Budget"]: f"secret{name}"}
        made[name] = rows.create(of(by), form, by=by)
    return made


def test_a_condition_is_any_of_what_was_ticked(offers, at):
    bob = at("bob")
    assert seen(bob) == {"A", "B", "C", "D"}
    known = names(at("alice"))
    open_ = RecordOption.get(RecordOption.label == "Open").id
    rule(at, "role:member", sees="some", where=[f"or~{known['State'][1:]}~any_of~{open_}"])
    assert seen(bob) == {"A"}
    rule(at, "role:member", sees="some", where=["or~made~any_of~me", f"or~{known['Owner'][1:]}~any_of~me"])
    assert seen(bob) == {"C", "D"}
    assert seen(at("alice")) == {"A", "B", "C", "D"}
    for name, row in offers.items():
        if name in "CD":
            assert rows.get(of(bob), row.id, bob).id == row.id
        else:
            with pytest.raises(NotFound):
                rows.get(of(bob), row.id, bob)


def test_ones_own_rule_stands_instead_of_the_roles(offers, at, cast):
    rule(at, "role:member", sees="none")
    with pytest.raises(NotFound):
        of(at("bob"))
    assert collections.present(at("bob")) == []
    rule(at, f"user:{cast.bob.id}", changes="mine")
    bob = at("bob")
    assert seen(bob) == {"A", "B", "C", "D"}
    first = of(bob).listing.first
    rows.change(of(bob), offers["C"].id, {first: "C2"}, by=bob)
    with pytest.raises(Forbidden, match="Only Alice"):
        rows.change(of(bob), offers["A"].id, {first: "A2"}, by=bob)


def test_a_hidden_field_is_as_one_that_there_is_not(offers, at):
    bob, known = at("bob"), names(at("alice"))
    budget = known["Budget"]
    rule(at, "role:member", **{f"field_{budget[1:]}": "nothing"})
    listing = of(bob).listing
    assert budget not in listing.by_name
    assert budget not in listing.Row._fields
    assert "changed_at" not in listing.by_name  # it would tell that the hidden field was changed
    assert asks.understand(listing, {budget: "secretA", "sort": budget}) == asks.understand(listing, {"f999": "x"})
    before = Record.get_by_id(offers["C"].id).cells
    for unknown in (budget, "f999"):
        with pytest.raises(Invalid, match="no field takes “mine now” any more"):
            rows.change(of(bob), offers["C"].id, {unknown: "mine now"}, by=bob)
    assert Record.get_by_id(offers["C"].id).cells == before
    rows.change(of(bob), offers["C"].id, {listing.first: "C2"}, by=bob)
    row = rows.get(of(at("alice")), offers["C"].id, at("alice"))
    assert row.value(budget) == "secretC"  # what is hidden stays as it was


def test_hidden_words_are_found_by_nobody_who_does_not_see_them_at_no_moment(offers, at):
    bob, alice, known = at("bob"), at("alice"), names(at("alice"))
    assert seen(bob, q="secretA") == {"A"}
    rule(at, "role:member", **{f"field_{known['Budget'][1:]}": "nothing"})
    assert seen(bob, q="secretA") == set()  # before the job has moved a word
    assert seen(bob, q="A") == {"A"}
    assert jobs.BY_NAME["record_words"].work() == 4
    jobs.BY_NAME["record_words"].work()
    assert "stale_words" not in Collection.get().settings
    assert seen(bob, q="secretA") == set()
    assert seen(alice, q="secretA") == {"A"}
    rules.remove("offers", "role:member", by=alice)
    while jobs.BY_NAME["record_words"].work():
        pass
    assert seen(bob, q="secretA") == {"A"}


def test_records_35_what_is_worked_out_of_a_hidden_field_is_worked_out_for_nobody_who_does_not_see_it(offers, at):
    """Sums, charts, when a row was changed and what links call a row by are what is worked out as yet."""
    alice, bob, known = at("alice"), at("bob"), names(at("alice"))
    kind_changes.begin("offers", int(known["Budget"][1:]), "number", by=alice)
    while kind_changes.work():
        pass
    by_state = {"chart_by": known["State"], "chart_of": known["Budget"]}
    chart, is_whole = charts.understand(of(bob).listing, by_state)
    assert (chart.by.name, chart.of.name, is_whole) == (known["State"], known["Budget"], True)
    rule(at, "role:member", **{f"field_{known['Budget'][1:]}": "nothing", f"field_{known['State'][1:]}": "nothing"})
    listing = of(bob).listing
    chart, is_whole = charts.understand(listing, by_state)
    assert (chart.by, chart.of, is_whole) == (None, None, False)
    assert listing.board_by == ""
    assert not {"changed_at", "changed_by"} & set(listing.by_name)
    assert known["Budget"] not in {field.name for field in conditions.offered(listing)}


def test_a_field_to_look_at_only(offers, at):
    bob, known = at("bob"), names(at("alice"))
    rule(at, "role:member", **{f"field_{known['Budget'][1:]}": "see"})
    with pytest.raises(Forbidden):
        rows.change(of(bob), offers["A"].id, {known["Budget"]: "x"}, by=bob)
    rows.change(of(bob), offers["A"].id, {known["Name"]: "A2"}, by=bob)


def test_adding_and_the_trash(offers, at):
    bob = at("bob")
    rule(at, "role:member", adds="", archives="")
    with pytest.raises(Forbidden):
        rows.create(of(bob), {of(bob).listing.first: "E"}, by=bob)
    with pytest.raises(Forbidden):
        rows.remove(of(bob), offers["C"].id, by=bob)


def test_a_rule_gives_a_viewer_nothing_to_change(offers, at, cast):
    rule(at, f"user:{cast.vera.id}")
    vera = at("vera")
    assert seen(vera) == {"A", "B", "C", "D"}
    with pytest.raises(Forbidden):
        rows.change(of(vera), offers["A"].id, {of(vera).listing.first: "x"}, by=vera)


def test_rules_are_said_and_explained(offers, at, cast):
    known = names(at("alice"))
    made = rule(
        at,
        "role:member",
        sees="some",
        where=["or~made~any_of~me", f"or~{known['Owner'][1:]}~any_of~me"],
        changes="mine",
        archives="",
        **{f"field_{known['Budget'][1:]}": "nothing"},
    )
    shape = of(at("alice")).listing.source.shape
    assert rules.sentence(made, shape, {}) == (
        "Members see rows where they made it themselves or Owner is themselves, with all fields but Budget. "
        "They change everything they see of rows they made. They may add rows and share. "
        "Fields that come later they don't see."
    )


def test_a_rule_that_is_none_is_refused(offers, at):
    for who, form, wrong in [
        ("role:owner", {}, NotFound),
        ("user:999", {}, NotFound),
        ("nobody", {}, NotFound),
        ("role:member", {"sees": "much"}, Invalid),
        ("role:member", {"sees": "some"}, Invalid),
        ("role:member", {"others": ""}, Invalid),
    ]:
        with pytest.raises(wrong):
            rule(at, who, **form)
        assert seen(at("bob")) == {"A", "B", "C", "D"}, (who, form, wrong)


def test_members_make_no_rules(table, at):
    with pytest.raises(Forbidden):
        rules.change("offers", "role:member", MultiDict(RULE), by=at("bob"))


# --- who builds, who shares, and what comes later ---------------------------------------------------------------------


def test_nobody_new_sees_a_later_field_once_one_is_hidden(offers, at):
    bob, known = at("bob"), names(at("alice"))
    rule(at, "role:member")
    collections.add_field("offers", "Shown", by=at("alice"))
    assert "Shown" in names(bob)
    rule(at, "role:member", **{f"field_{known['Budget'][1:]}": "nothing"})
    assert "Shown" in names(bob)
    collections.add_field("offers", "Later", by=at("alice"))
    assert "Later" not in names(bob)
    rule(at, "role:member", later="see", **{f"field_{known['Budget'][1:]}": "nothing"})
    collections.add_field("offers", "Latest", by=at("alice"))
    assert not of(bob).may_change(offers["A"], names(bob)["Latest"], bob)


def test_rows_without_a_field_are_none(offers, at):
    with pytest.raises(Invalid):
        rule(at, "role:member", others="nothing")
    known = names(at("alice"))
    rule(at, "role:member", **{f"field_{known['Name'][1:]}": "see"}, others="nothing")
    assert [f.label for f in of(at("bob")).listing.fields if f.name.startswith("f")] == ["Name"]
    field_changes.put_away("offers", int(known["Name"][1:]), by=at("alice"))
    with pytest.raises(NotFound):
        of(at("bob"))


def test_a_member_builds_one_table_where_a_rule_says_so(offers, at, cast):
    bob, vera = at("bob"), at("vera")
    collections.make("Others", by=at("alice"))
    with pytest.raises(Forbidden):
        collections.add_field("offers", "Note", by=bob)
    for who in (cast.bob, cast.vera):
        rule(at, f"user:{who.id}", builds="1")
    field = collections.add_field("offers", "Note", by=bob)
    collections.rename_field("offers", field.id, "Notes", by=bob)
    kind_changes.rehearse("offers", field.id, "number", by=bob)
    change = shape_changes.recent(collections.found("offers"))[0]
    shape_changes.undo("offers", change.id, by=bob)
    for refused in (
        lambda: collections.add_field("others", "Note", by=bob),
        lambda: collections.add_field("offers", "Note", by=vera),  # a viewer may change nothing anywhere
        lambda: field_changes.put_table_away("offers", by=bob),
        lambda: rules.change("offers", "role:member", MultiDict(RULE), by=bob),
        lambda: collections.make("Mine", by=bob),
    ):
        with pytest.raises(Forbidden):
            refused()
    assert of(bob).listing.source.rights.builds
    of_rule = next(one for one in shape_changes.recent(collections.found("offers")) if "rules" in one.what)
    with pytest.raises(Forbidden):
        shape_changes.undo("offers", of_rule.id, by=bob)


def test_who_builds_sees_all_of_the_table_and_links_to_none_that_is_hidden(offers, at, cast):
    known, bob = names(at("alice")), at("bob")
    for more in ({f"field_{known['Budget'][1:]}": "nothing"}, {"later": "nothing"}, {"sees": "none"}):
        with pytest.raises(Invalid):
            rule(at, f"user:{cast.bob.id}", **({"builds": "1"} | more))
    rule(at, f"user:{cast.bob.id}", builds="1")
    other = collections.make("Others", by=at("alice"))
    rules.change("others", "role:member", MultiDict(RULE | {"sees": "none"}), by=at("alice"))
    with pytest.raises(Invalid):
        collections.add_field("offers", "Other", "link", options={"table": str(other.id)}, by=bob)
    with pytest.raises(Invalid):
        kind_changes.rehearse("offers", int(known["Budget"][1:]), "link", options={"table": str(other.id)}, by=bob)
    rules.remove("others", "role:member", by=at("alice"))
    assert collections.add_field("offers", "Other", "link", options={"table": str(other.id)}, by=bob)


def test_who_builds_one_table_reads_no_other_by_a_link_that_stands_there(offers, at, cast):
    other = collections.make("Others", by=at("alice"))
    link = collections.add_field("offers", "Other", "link", options={"table": str(other.id)}, by=at("alice"))
    rules.change("others", "role:member", MultiDict(RULE | {"sees": "none"}), by=at("alice"))
    rule(at, f"user:{cast.bob.id}", builds="1")
    for asked in (
        lambda: kind_changes.rehearse("offers", link.id, "text", by=at("bob")),
        lambda: field_changes.describe("offers", link.id, by=at("bob"), help="", begins="#1"),
    ):
        with pytest.raises(Invalid):
            asked()


def test_a_hidden_field_that_was_put_away_comes_back_hidden(offers, at):
    known = names(at("alice"))
    rule(at, "role:member", **{f"field_{known['Budget'][1:]}": "nothing"})
    field_changes.put_away("offers", int(known["Budget"][1:]), by=at("alice"))
    rule(at, "role:member", adds="")
    field_changes.bring_back("offers", int(known["Budget"][1:]), by=at("alice"))
    assert "Budget" in names(at("alice"))
    assert "Budget" not in names(at("bob"))


def test_a_table_whose_rule_rests_is_left_out_of_what_is_counted(offers, at):
    state = names(at("alice"))["State"][1:]
    rule(at, "role:member", sees="some", where=(f"and~{state}~any_of~1",))
    assert listings.counts([collections.found("offers")], at("bob"))
    field_changes.put_away("offers", int(state), by=at("alice"))
    assert listings.counts([collections.found("offers")], at("bob")) == {}


def test_a_condition_that_is_taken_out_lets_nobody_see_more(offers, at):
    known = names(at("alice"))
    state, owner = known["State"][1:], known["Owner"][1:]
    open_, shut = (RecordOption.get(RecordOption.label == word).id for word in ("Open", "Shut"))
    is_shut, is_open, is_mine = f"and~{state}~any_of~{shut}", f"and~{state}~any_of~{open_}", f"or~{owner}~any_of~me"
    rule(at, "role:member", sees="some", where=(is_shut, is_open, is_mine))
    assert seen(at("bob")) == {"D"}  # shut, and also open or bob's
    rule(at, "role:member", sees="some", where=(is_shut, is_mine))
    assert seen(at("bob")) == {"D"}


def test_who_may_not_share_makes_nothing_that_others_see_it_by(offers, at):
    bob, alice = at("bob"), at("alice")
    collections.add_field("offers", "On", "day", by=alice)
    listing = of(bob).listing
    view = saved_views.save(listing, "Bob's", "q=a", by=bob, shared=True)
    chart = saved_charts.save(listing, "Mine", "", by=bob)
    feed, _ = feeds.make(listing, "", "/records/offers", by=bob)
    assert view.is_shared
    assert b"VCALENDAR" in feeds.text(feed, bob)
    rule(at, "role:member", shares="")
    listing = of(bob).listing
    assert saved_views.save(listing, "Own", "q=a", by=bob)
    for refused in (
        lambda: saved_views.save(listing, "For all", "q=a", by=bob, shared=True),
        lambda: saved_charts.save(listing, "For all", "", by=bob, shared=True),
        lambda: saved_charts.change(chart.id, "For all", by=bob, shared=True),
        lambda: feeds.make(listing, "", "/records/offers", by=bob),
        lambda: feeds.text(feed, bob),  # a link that was made before is shut by it, too
    ):
        with pytest.raises(Forbidden):
            refused()
    assert saved_views.save(of(alice).listing, "For all", "q=a", by=alice, shared=True)


# --- taken back ---------------------------------------------------------------------------------------------------------


def test_a_rule_is_taken_back_by_undo_and_noted(offers, at):
    bob, alice, known = at("bob"), at("alice"), names(at("alice"))
    table = collections.found("offers")
    rule(at, "role:member", **{f"field_{known['Budget'][1:]}": "nothing"})
    rule(at, "role:member", sees="none")
    rules.remove("offers", "role:member", by=alice)
    assert AuditEvent.select().where(AuditEvent.summary.contains("Members see nothing")).count() == 1
    removed, nothing, hides = shape_changes.recent(table)[:3]
    assert "members" in removed.said
    with pytest.raises(Refused):
        shape_changes.undo("offers", hides.id, by=alice)  # it was changed since
    shape_changes.undo("offers", removed.id, by=alice)
    with pytest.raises(NotFound):
        of(bob)
    shape_changes.undo("offers", nothing.id, by=alice)
    assert "Budget" not in names(bob)
    assert seen(bob, q="secretA") == set()
    shape_changes.undo("offers", hides.id, by=alice)
    assert "Budget" in names(bob)
    again = shape_changes.recent(table)[0]
    shape_changes.undo("offers", again.id, by=alice)  # and what was taken back comes again
    assert "Budget" not in names(bob)


def test_two_write_rules_of_one_table_and_the_later_one_is_told(offers, at):
    shape = collections.found("offers").shape
    rules.change("offers", "role:member", MultiDict(RULE), by=at("alice"), shape=shape)
    with pytest.raises(Stale):
        rules.change("offers", "role:viewer", MultiDict(RULE), by=at("alice"), shape=shape)


# --- fields of a new row that one only sees -------------------------------------------------------------------------


@pytest.fixture
def only_seen(table, at):
    """(names, bob): the state begins as «Open» and the budget as «10»; bob only sees one and doesn't see the other."""
    known = names(at("alice"))
    open_ = str(RecordOption.get(RecordOption.label == "Open").id)
    for name, begins in (("State", open_), ("Budget", "10")):
        field_changes.describe("offers", int(known[name][1:]), by=at("alice"), help="", begins=begins)
    field_changes.rule("offers", int(known["State"][1:]), by=at("alice"), is_required=True, is_unique=False)
    levels = {f"field_{known['State'][1:]}": "see", f"field_{known['Budget'][1:]}": "nothing"}
    rule(at, "role:member", **levels)
    return known, at("bob")


def test_a_new_row_has_its_beginning_in_fields_that_one_only_sees_and_takes_nothing_else(only_seen, at):
    known, bob = only_seen
    open_, shut = (str(RecordOption.get(RecordOption.label == word).id) for word in ("Open", "Shut"))
    made = [rows.create(of(bob), {known["Name"]: "New"} | more, by=bob) for more in ({}, {known["State"]: open_})]
    made.append(rows.create(of(bob), {known["Name"]: "New", known["State"]: ""}, by=bob))
    for row in made:
        whole = rows.get(of(at("alice")), row.id, at("alice"))
        assert (getattr(whole, known["State"]), getattr(whole, known["Budget"])) == (int(open_), "10")
    with pytest.raises(Invalid) as refused:
        rows.create(of(bob), {known["Name"]: "New", known["State"]: shut}, by=bob)
    assert "isn't yours to fill" in refused.value.fields[known["State"]]
    assert Record.select().count() == 3


def pasted(by, text):
    found = pasting.look(text, of(by).listing)
    return pasting.put(of(by), found, pasting.propose(of(by).listing, found, by), by=by)


def test_pasted_rows_keep_to_that_too(only_seen, at):
    known, bob = only_seen
    _, made, refused = pasted(bob, "Name\tState\nOne\tOpen\nTwo\tShut\nThree\t\n")
    assert (made, [line.line for line in refused]) == (2, [3])
    begun(at, known, 2)


def begun(at, known, count):
    """All rows stand as they begin where bob has nothing to say."""
    alice, open_ = at("alice"), RecordOption.get(RecordOption.label == "Open").id
    found = lists.export(of(alice).listing, asks.Ask(tab="all"), alice)
    stands = [(getattr(row, known["State"]), getattr(row, known["Budget"])) for answer in found for row in answer.rows]
    assert stands == [(open_, "10")] * count


@pytest.mark.parametrize("told", [False, True])  # in batches, and one by one
def test_rows_of_a_file_keep_to_that_too(only_seen, at, told):
    known, bob = only_seen
    text = "Name,State\nOne,Open\nTwo,Shut\nThree,\n"
    held = imports.take(of(bob), io.BytesIO(text.encode()), "x.csv", by=bob)
    imports.rehearse(of(bob), held, held.mapping | {"told": told}, by=bob)
    assert doing.work() == 1
    imports.run(of(bob), ImportFile.get_by_id(held.id), by=bob)
    assert doing.work() == 1
    verdicts = [(row.line, row.verdict) for row in ImportRow.select().order_by(ImportRow.line)]
    assert verdicts == [(2, "new"), (3, "refused"), (4, "new")]
    begun(at, known, 2)


@pytest.mark.parametrize(("empties", "count"), [("leave", "7"), ("empty", None)])
def test_empty_cells_of_a_file_are_what_new_rows_begin_with_unless_they_are_to_be_empty(table, at, empties, count):
    alice, known = at("alice"), names(at("alice"))
    field_changes.describe("offers", int(known["Budget"][1:]), by=alice, help="", begins="7")
    for text in ("Name,Budget\none,\n", "Name\ntwo\n"):
        held = imports.take(of(alice), io.BytesIO(text.encode()), "x.csv", by=alice)
        imports.rehearse(of(alice), held, held.mapping | {"empties": empties}, by=alice)
        assert doing.work() == 1
        imports.run(of(alice), ImportFile.get_by_id(held.id), by=alice)
        assert doing.work() == 1
    stands = [rows.get(of(alice), row.id, alice) for row in Record.select()]
    found = {getattr(row, known["Name"]): getattr(row, known["Budget"]) for row in stands}
    assert found == {"one": count, "two": "7"}
