"""Making, changing, copying and removing automations: what is refused, and where the sentence stands."""

import pytest

from domain import Forbidden, Invalid, NotFound, Refused
from domain.automations import automations, bodies, trials
from domain.lists import rows
from domain.records import collections, listings
from domain.tasks import tasks
from models import Automation, AutomationRun, Change, Notification, Outgoing, Task
from tests.fixtures.automating import change, draft, notice, on, work

pytestmark = pytest.mark.usefixtures("inside_acme")


def refused(by, **about):
    with pytest.raises(Invalid) as found:
        automations.make(draft(**about), by=by)
    return found.value.fields


def test_what_is_wrong_is_said_beside_the_place_all_at_once(at):
    letter = {"kind": "letter", "to": "nobody", "subject": "", "text": "{Nothing}"}
    wait = {"kind": "wait", "count": "many", "unit": "days"}
    found = refused(at("alice"), name="x", steps=[letter, wait, {"kind": "no"}], where=["and~nothing~is~1"])
    assert found.keys() == {"name", "s0.to", "s0.subject", "s0.text", "s1.count", "s2.kind", "where"}


def test_each_part_refuses_what_it_cannot_do(at):
    for place, about in [
        ("steps", {}),
        ("source", {"source": "record:9999", "steps": [notice()]}),
        ("source", {"source": "", "steps": [notice()]}),
        ("source", {"kind": "form", "steps": [notice()]}),
        ("trigger.kind", {"kind": "never", "steps": [notice()]}),
        ("trigger.fields", {"kind": "changed", "fields": ["nothing"], "steps": [notice()]}),
        ("trigger.to", {"kind": "changed", "fields": ["status"], "to": "Nowhere", "steps": [notice()]}),
        ("trigger.to", {"kind": "changed", "fields": ["status", "title"], "to": "Pending", "steps": [notice()]}),
        ("trigger.field", {"kind": "date", "field": "title", "time": "9:00", "steps": [notice()]}),
        ("trigger.days", {"kind": "date", "field": "due_at", "side": "before", "time": "9:00", "steps": [notice()]}),
        ("trigger.time", {"kind": "schedule", "every": "day", "time": "25:00", "steps": [notice()]}),
        ("trigger.every", {"kind": "schedule", "every": "year", "time": "9:00", "steps": [notice()]}),
        ("where", {"kind": "entered", "steps": [notice()]}),
        ("s0.kind", {"kind": "schedule", "every": "day", "time": "9:00", "steps": [change(title="x")]}),
        ("s0.v0", {"steps": [change(status="Nowhere")]}),
        ("s0.f0", {"steps": [change(created_at="2026-01-01")]}),
        ("s0.f0", {"steps": [{"kind": "change"}]}),
        ("s0.table", {"steps": [{"kind": "make", "table": "ticket_order", "f0": "name", "v0": "x"}]}),
        ("s0.endpoint", {"steps": [{"kind": "webhook", "endpoint": "7"}]}),
        ("s0.who", {"steps": [notice(who="4711")]}),
        ("steps", {"steps": [notice()] * 11}),
    ]:
        assert list(refused(at("alice"), **about)) == [place], (place, about)


def test_a_form_that_is_sent_twice_makes_one(at):
    for _ in range(2):
        automations.make(draft(steps=[notice()]), by=at("alice"), key="a-key-of-a-form-1")
    assert Automation.select().count() == 1


def test_viewers_have_none_and_each_sees_their_own_and_keepers_all(at):
    with pytest.raises(Refused):
        on(at("vera"), steps=[notice()])
    made = on(at("bob"), steps=[notice()])
    assert automations.one(made.id, at("alice")) == automations.one(made.id, at("bob"))
    with pytest.raises(NotFound):
        automations.one(made.id, at("dora"))


def test_each_saving_is_a_version_that_acts_as_who_saved_it_and_can_be_restored(cast, at):
    made = on(at("bob"), steps=[notice("One")])
    changed = automations.change(made.id, draft(steps=[notice("Two")]), 1, by=at("alice"))
    assert (changed.number, changed.acts_as_id, changed.state) == (2, cast.alice.id, "on")
    with pytest.raises(Invalid):
        automations.change(made.id, draft(steps=[notice("Three")]), 1, by=at("alice"))
    restored = automations.restore(made.id, 1, by=at("alice"))
    assert (restored.number, automations.version_of(restored).body["steps"][0]["title"]) == (3, "One")
    assert automations.restore(made.id, 1, by=at("alice")).number == 3  # the same again is none
    assert [one.number for one in automations.versions(restored)] == [3, 2, 1]


def test_only_whose_it_is_turns_it_on_and_keepers_turn_it_off(cast, at):
    made = automations.make(draft(steps=[notice()]), by=at("bob"))
    with pytest.raises(Forbidden):
        automations.turn_on(made.id, by=at("alice"))
    automations.turn_on(made.id, by=at("bob"))
    automations.turn_off(made.id, by=at("alice"))
    with pytest.raises(Refused):
        automations.turn_off(made.id, by=at("alice"))
    rows.create(tasks.rules, {"title": "Call"}, by=at("alice"))
    assert work() == []


def test_a_copy_is_off_and_acts_as_who_copied(cast, at):
    made = on(at("bob"), steps=[notice("{Title}")], where=["and~title~begins~C"])
    automations.copy(made.id, by=at("alice"))
    copied = Automation.get(Automation.name == "Say it (copy)")
    assert (copied.state, copied.acts_as_id) == ("off", cast.alice.id)
    assert automations.version_of(copied).body == automations.version_of(made).body


@pytest.mark.parametrize("end", [automations.remove, automations.turn_off])
def test_one_that_is_removed_or_turned_off_stops_what_waits(at, end):
    made = on(at("alice"), steps=[{"kind": "wait", "count": "1", "unit": "days"}, notice()])
    rows.create(tasks.rules, {"title": "Call"}, by=at("alice"))
    work()
    end(made.id, by=at("alice"))
    assert [run.state for run in AutomationRun.select()] == ["stopped"]
    if end is automations.remove:
        with pytest.raises(NotFound):
            automations.one(made.id, at("alice"))


def test_a_version_is_of_the_list_that_it_was_saved_for(at):
    by = at("alice")
    made = on(by, steps=[notice("{Title}")], where=["and~title~begins~C"])
    table = collections.make("Salaries", by=by, fields=(("Who", "text"),))
    automations.change(made.id, draft(source=f"record:{table.id}", steps=[notice("{Who}")]), 1, by=by)
    assert automations.draft_of(made, by, 1)["source"] == "task"
    restored = automations.restore(made.id, 1, by=by)
    assert (restored.source, automations.draft_of(restored, by)["steps"][0]["title"]) == ("task", "{Title}")


def test_a_button_is_pressed_for_a_row_that_one_sees_and_acts_as_whose_it_is(cast, at):
    by = at("alice")
    made = on(by, kind="button", steps=[change(priority="High")])
    task = rows.create(tasks.rules, {"title": "Call"}, by=by)
    assert [one.id for one in automations.buttons("task")] == [made.id]
    with pytest.raises(NotFound):
        automations.press(made.id, task.id + 1, by=at("bob"))
    for _ in range(2):
        automations.press(made.id, task.id, by=at("bob"), key="pressed-once-and-twice")
    assert len(work()) == 1
    assert Task.get_by_id(task.id).priority == "high"


def test_a_renamed_field_stays_found(at):
    by = at("alice")
    table = collections.make("Repairs", by=by, fields=(("Item", "text"),))
    name = listings.of(table, by).listing.fields[0].name
    made = on(by, source=f"record:{table.id}", steps=[notice("{Item} is done")])
    collections.rename_field(table.slug, int(name[1:]), "Thing", by=by)
    assert automations.draft_of(made, by)["steps"][0]["title"] == "{Thing} is done"


def test_a_circle_is_said_before_it_runs(at):
    by = at("alice")
    made = on(by, kind="changed", fields=["priority"], steps=[change(priority="Low")])
    body = automations.version_of(made).body
    source = bodies.source_of(automations.draft_of(made, by), by)
    (said,) = bodies.warnings(body, source)
    assert said.startswith("It changes Priority")


# --- trying ---------------------------------------------------------------------------------------------------------


def test_a_trial_shows_the_last_rows_that_would_have_set_it_off_and_changes_nothing(cast, at):
    by = at("alice")
    for n in range(12):
        task = rows.create(tasks.rules, {"title": f"Task {n}", "priority": "low"}, by=by)
        if n % 2:
            rows.change(tasks.rules, task.id, {"status": "completed"}, by=by)
    about = draft(
        kind="changed",
        fields=["status"],
        to="Completed",
        where=["and~title~lacks~11"],
        steps=[
            change(priority="High"),
            {"kind": "letter", "to": "ines@example.org", "subject": "{Title}", "text": "Done"},
        ],
    )
    work()
    counts = [table.select().count() for table in (Change, Outgoing, Notification, AutomationRun)]
    _, source, body = bodies.read(about, by)
    said, shown = trials.trial(body, source, by)
    assert (said, [one.title for one in shown]) == (trials.FOUND, ["Task 9", "Task 7", "Task 5", "Task 3", "Task 1"])
    assert [lines for _, lines, _ in shown[0].steps] == [
        ["Priority: Low → High"],
        ["To: ines@example.org", "Subject: Task 9", "Done"],
    ]
    assert [table.select().count() for table in (Change, Outgoing, Notification, AutomationRun)] == counts


def test_a_trial_without_such_a_change_shows_the_newest_rows_and_errors_beside_the_step(at):
    by = at("alice")
    rows.create(tasks.rules, {"title": "Call"}, by=by)
    letter = {"kind": "letter", "to": "{Title}", "subject": "x", "text": "x"}
    _, source, body = bodies.read(draft(kind="button", steps=[letter]), by)
    said, (shown,) = trials.trial(body, source, by)
    assert (said, shown.title) == (trials.NEWEST, "Call")
    assert shown.steps[0][2] == "Write a whole e-mail address, like ada@example.org."
