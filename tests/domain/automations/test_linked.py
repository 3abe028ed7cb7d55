"""A step that changes the rows that are linked with a row: both ways, as one sees them, at most so many, and once."""

import pytest
from werkzeug.datastructures import MultiDict

from domain import Invalid
from domain.automations import automations, bodies, linked, runs, trials
from domain.lists import lists, rows
from domain.records import collections, listings
from domain.records import rules as record_rules
from models import Change
from tests.fixtures import deaths
from tests.fixtures.automating import draft, notice, on, work

pytestmark = pytest.mark.usefixtures("inside_acme")


class Café:
    """People, and repairs that belong to some of them; its names are by label."""

    def __init__(self, by):
        self.by = by
        people = collections.make("People", by=by, fields=(("Name", "text"), ("State", "choice", ("Here", "Gone"))))
        fields = (("Item", "text"), ("State", "choice", ("New", "Ready")), ("Note", "text"))
        repairs = collections.make("Repairs", by=by, fields=fields)
        to = {"table": str(people.id), "back": "Their repairs"}
        collections.add_field(repairs.slug, "Owners", "links", by=by, options=to)
        self.people, self.repairs = collections.found("people"), collections.found("repairs")

    def names(self, table):
        return {f.label: f.name for f in self.rules(table).listing.fields}

    def rules(self, table):
        return listings.of(table, self.by)

    def add(self, table, by=None, **values):
        names, by = self.names(table), by or self.by
        return rows.create(listings.of(table, by), {names[label]: text for label, text in values.items()}, by=by)

    def change(self, table, id, **values):
        names = self.names(table)
        rows.change(self.rules(table), id, {names[label]: text for label, text in values.items()}, by=self.by)

    def texts(self, table, label):
        rules = self.rules(table)
        name = self.names(table)[label]
        found = lists.read(rules.listing, lists.Ask(tab="all", rows=200), self.by).rows[::-1]
        return [rules.listing.by_name[name].kind.plain(getattr(row, name)) for row in found]

    def to_repairs(self, label="State", text="Ready"):
        """The step that changes somebody's repairs."""
        repairs = self.names(self.repairs)
        way = f"record:{self.repairs.id}.{repairs['Owners']}"
        return {"kind": "linked", "way": way, "f0": repairs[label], "v0": text}

    def to_owners(self, text="Gone"):
        """The step that changes a repair's owners."""
        return {
            "kind": "linked",
            "way": self.names(self.repairs)["Owners"],
            "f0": self.names(self.people)["State"],
            "v0": text,
        }


@pytest.fixture
def café(at):
    return Café(at("alice"))


def test_the_rows_that_a_row_links_to_are_changed_and_no_others(café):
    for name in ("Ada", "Ben", "Cleo"):
        café.add(café.people, Name=name, State="Here")
    on(
        café.by,
        source=f"record:{café.repairs.id}",
        kind="changed",
        fields=[café.names(café.repairs)["State"]],
        to="Ready",
        steps=[café.to_owners()],
    )
    made = café.add(café.repairs, Item="Toaster", State="New", Owners="Ada; Cleo")
    café.change(café.repairs, made.id, State="Ready")
    (run,) = work()
    assert (run.state, run.results[0]["words"]) == ("done", "Changed 2 of 2 linked rows.")
    assert café.texts(café.people, "State") == ["Gone", "Here", "Gone"]


def test_the_rows_that_link_to_a_row_are_changed_by_its_own_words(café):
    ada = café.add(café.people, Name="Ada", State="Here")
    café.add(café.people, Name="Ben")
    for owner in ("Ada", "Ben", "Ada; Ben"):
        café.add(café.repairs, Item="Kettle", Owners=owner)
    made = on(café.by, source=f"record:{café.people.id}", kind="button", steps=[café.to_repairs("Note", "for {Name}")])
    automations.press(made.id, ada.id, by=café.by)
    work()
    assert café.texts(café.repairs, "Note") == ["for Ada", "", "for Ada"]


def test_a_trial_shows_each_row_as_it_would_become_and_changes_none(café):
    café.add(café.people, Name="Ada")
    for n in range(12):
        café.add(café.repairs, Item=f"Kettle {n}", State="New", Owners="Ada")
    before = Change.select().count()
    drawn = draft(source=f"record:{café.people.id}", steps=[café.to_repairs()])
    _, source, body = bodies.read(drawn, café.by)
    _, (shown,) = trials.trial(body, source, café.by)
    ((kind, lines, wrong),) = shown.steps
    assert (kind.label, wrong, len(lines), lines[-1]) == ("Change linked rows", "", 11, "and 2 more")
    assert lines[0] == "Kettle 11: State: New → Ready"
    assert Change.select().count() == before


def test_more_than_a_step_may_change_is_refused_and_leaves_nothing(café, monkeypatch):
    monkeypatch.setattr(linked, "MOST", 2)
    ada = café.add(café.people, Name="Ada")
    for _ in range(3):
        café.add(café.repairs, Item="Kettle", State="New", Owners="Ada")
    made = on(café.by, source=f"record:{café.people.id}", kind="button", steps=[café.to_repairs()])
    automations.press(made.id, ada.id, by=café.by)
    (run,) = work()
    assert (run.state, "More than 2 rows" in run.error) == ("failed", True)
    assert set(café.texts(café.repairs, "State")) == {"New"}
    monkeypatch.setattr(linked, "MOST", 3)
    runs.try_again(run.id, by=café.by)
    assert work()[0].state == "done"


def test_what_it_does_to_linked_rows_goes_on_in_its_chain_and_comes_to_an_end(café):
    """Two that set each other off over a link run once each for a row; the second stands one deeper."""
    people, repairs = café.names(café.people), café.names(café.repairs)
    about = {"kind": "changed"}
    there = café.to_repairs("Note", "{State}")
    on(café.by, source=f"record:{café.people.id}", fields=[people["State"]], steps=[there], name="To repairs", **about)
    back = café.to_owners("Here")
    on(café.by, source=f"record:{café.repairs.id}", fields=[repairs["Note"]], steps=[back], name="To people", **about)
    ada = café.add(café.people, Name="Ada", State="Here")
    café.add(café.repairs, Item="Kettle", Owners="Ada")
    café.change(café.people, ada.id, State="Gone")
    made = work()
    assert [(run.automation.name, run.depth, run.state) for run in made] == [
        ("To repairs", 0, "done"),
        ("To people", 1, "done"),
    ]
    assert len({run.chain for run in made}) == 1
    assert café.texts(café.people, "State") == ["Here"]


def test_rows_and_links_that_are_not_seen_are_not_there(café, cast, at):
    """For bob, who sees only what he made himself and, later, nothing of the link."""
    ada = café.add(café.people, Name="Ada")
    for by in (at("bob"), café.by, café.by):
        café.add(café.repairs, by, Item="Kettle", State="New", Owners="Ada")
    form = {"sees": "some", "where": "or~made~any_of~me", "changes": "all", "adds": "1", "others": "change"}
    record_rules.change(café.repairs.slug, "role:member", MultiDict(form), by=café.by)
    made = on(at("bob"), source=f"record:{café.people.id}", kind="button", steps=[café.to_repairs()])
    automations.press(made.id, ada.id, by=at("bob"))
    (run,) = work()
    assert café.texts(café.repairs, "State") == ["Ready", "New", "New"]
    assert run.results[0]["words"] == "Changed 1 of 1 linked row."
    owners = café.names(café.repairs)["Owners"]
    hidden = form | {f"field_{owners[1:]}": "nothing"}
    record_rules.change(café.repairs.slug, "role:member", MultiDict(hidden), by=café.by)
    with pytest.raises(Invalid) as refused:
        on(at("bob"), source=f"record:{café.people.id}", kind="button", steps=[café.to_repairs()])
    with pytest.raises(Invalid) as of_nothing:
        on(at("bob"), source=f"record:{café.people.id}", steps=[café.to_repairs() | {"way": "record:99.f9"}])
    assert refused.value.fields == of_nothing.value.fields == {"s0.way": "Choose which rows."}


CHILD = """
from domain.automations import running, sources
from tests.fixtures.deaths import awake, dies_at
from views import factory

awake()
dies_at(sources.Source, "change", before=False)
while running.work():
    pass
print("lived")
"""


def test_kill_9_between_linked_rows_changes_each_of_them_once(café):
    ada = café.add(café.people, Name="Ada")
    made = [café.add(café.repairs, Item="Kettle", State="New", Owners="Ada").id for _ in range(3)]
    then = [café.to_repairs(), notice("Ready")]
    button = on(café.by, source=f"record:{café.people.id}", kind="button", steps=then)
    automations.press(button.id, ada.id, by=café.by)
    deaths.die(CHILD, nth=2)
    assert set(café.texts(café.repairs, "State")) == {"New"}
    assert [run.state for run in work()] == ["done"]
    assert café.texts(café.repairs, "State") == ["Ready"] * 3
    noted = Change.table == f"record:{café.repairs.id}", Change.verb == "updated", Change.row_id.in_(made)
    assert sorted(change.row_id for change in Change.select().where(*noted)) == made
