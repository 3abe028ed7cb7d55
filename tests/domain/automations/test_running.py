"""What sets automations off, whose hands they have, and that nothing is done twice or for ever."""

import json
from datetime import timedelta

import pytest
from werkzeug.datastructures import MultiDict

import jobs
from database.clock import now
from database.scope import inside
from domain import NotFound, Refused
from domain.automations import automations, bodies, noting, running, runs, trials
from domain.base import settings
from domain.lists import lists, rows
from domain.records import collections, listings
from domain.records import rules as record_rules
from domain.records.computed import formulas
from domain.tasks import tasks
from models import Automation, AutomationRun, AutomationVersion, Membership, Notification, Outgoing, Task, User
from tests.fixtures import deaths
from tests.fixtures.automating import change, draft, notice, on, work
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("inside_acme")


def add(by, **values):
    return rows.create(tasks.rules, {"title": "Call the printer"} | values, by=by)


def titles(user):
    return [one.title for one in Notification.select().where(Notification.recipient == user).order_by(Notification.id)]


def test_a_row_that_is_made_sets_it_off_once(cast, at):
    by = at("alice")
    on(by, steps=[notice("New: {Title} for {Assignee}")])
    add(by, assigned_to=str(cast.bob.id))
    (run,) = work()
    work()
    assert (run.state, run.step) == ("done", 1)
    assert titles(cast.alice) == [f"New: Call the printer for {cast.bob.name}"]
    assert [one["words"] for one in run.results] == ["Told 1 person."]


def test_what_was_removed_and_restored_was_made_once(cast, at):
    by = at("alice")
    on(by, steps=[notice()])
    task = add(by)
    rows.undo(tasks.rules, rows.remove(tasks.rules, task.id, by=by).batch, by=by)
    work()
    assert titles(cast.alice) == ["Look"]


def test_a_field_sets_it_off_from_one_value_to_another_and_never_by_the_same_value(cast, at):
    by = at("alice")
    on(by, kind="changed", fields=["status"], **{"from": "Pending", "to": "Completed"}, steps=[notice()])
    task = add(by)
    for status in ("completed", "completed", "pending", "in progress", "completed"):
        rows.change(tasks.rules, task.id, {"status": status}, by=by)
    assert len(work()) == 1


def test_a_row_comes_to_meet_conditions_and_not_while_it_meets_them(cast, at):
    by = at("alice")
    on(by, kind="entered", where=["and~priority~any_of~high"], steps=[notice()])
    task = add(by, priority="low")
    for form in (
        {"title": "Other"},
        {"priority": "high"},
        {"title": "Third"},
        {"priority": "low"},
        {"priority": "high"},
    ):
        rows.change(tasks.rules, task.id, form, by=by)
        work()
    add(by, priority="high")
    assert len(work()) == 3


def test_conditions_leave_no_run_of_what_they_are_not_about(at):
    by = at("alice")
    on(by, where=["and~priority~any_of~high", "or~title~contains~paper"], steps=[notice()])
    for values in ({"priority": "low"}, {"priority": "high"}, {"priority": "low", "title": "Order paper"}):
        add(by, **values)
    assert len(work()) == 2


def test_each_step_is_done_and_one_that_waits_goes_on_later(cast, at, clock):
    by = at("alice")
    steps_of = [
        change(priority="high", due_at="today + 2"),
        {"kind": "wait", "count": "2", "unit": "days"},
        notice("Now"),
    ]
    on(by, steps=steps_of)
    task = add(by)
    (run,) = work()
    assert (run.state, run.step, titles(cast.alice)) == ("waiting", 2, [])
    assert (Task.get_by_id(task.id).priority, str(Task.get_by_id(task.id).due_at)) == (
        "high",
        f"{now() + timedelta(2):%Y-%m-%d}",
    )
    clock.forward(days=2, seconds=1)
    (run,) = work()
    assert (run.state, titles(cast.alice)) == ("done", ["Now"])


def test_a_task_and_a_row_are_made_of_the_words_of_another_row(cast, at):
    by = at("alice")
    table = collections.make("Log", by=by, fields=(("What", "text"), ("Kind", "choice", ("New", "Old"))))
    log = listings.of(table, by)
    what, kind = (f.name for f in log.listing.fields[:2])
    make = {"kind": "make", "table": f"record:{table.id}", "f0": what, "v0": "Made: {Title}", "f1": kind, "v1": "Old"}
    more = {"kind": "task", "title": "Check {Title}", "who": f"{cast.bob.id}", "days": "3", "text": ""}
    on(by, where=["and~title~begins~Call"], steps=[make, more])
    add(by)
    work()
    (row,) = lists.read(log.listing, lists.Ask(tab="all"), by).rows
    assert getattr(row, what) == "Made: Call the printer"
    (task,) = Task.select().where(Task.title == "Check Call the printer")
    assert (task.assigned_to_id, task.user_id) == (cast.bob.id, cast.alice.id)


# --- loops ----------------------------------------------------------------------------------------------------------


def test_two_that_set_each_other_off_run_once_each_for_a_row_in_a_chain(at):
    by = at("alice")
    on(by, kind="changed", fields=["priority"], steps=[change(category="{Priority}")], name="One")
    on(by, kind="changed", fields=["category"], steps=[change(priority="Low")], name="Two")
    task = add(by)
    rows.change(tasks.rules, task.id, {"priority": "high"}, by=by)
    made = work()
    assert [(run.automation.name, run.depth, run.state) for run in made] == [("One", 0, "done"), ("Two", 1, "done")]
    assert len({run.chain for run in made}) == 1


def test_one_that_makes_rows_which_set_it_off_is_stopped_five_deep(at):
    by = at("alice")
    on(by, steps=[{"kind": "task", "title": "Again", "text": "", "who": "", "days": ""}])
    add(by)
    found = work()
    assert [(run.depth, run.state) for run in found] == [(n, "done") for n in range(6)] + [(6, "stopped")]
    assert found[-1].error == noting.TOO_DEEP
    assert Task.select().count() == 7


def test_beyond_so_many_runs_an_hour_it_pauses_and_tells_whose_it_is(cast, at):
    by = at("alice")
    settings.change("automation_runs", "2", by=cast.stella)
    made = on(by, steps=[notice()])
    for _ in range(4):
        add(by)
    work()
    row = Automation.get_by_id(made.id)
    assert row.state == "paused"
    assert "more than 2 times" in row.paused_reason
    assert {run.state for run in AutomationRun.select()} == {"stopped"}
    assert titles(cast.alice) == ["The automation “Say it” paused"]


def test_one_organization_with_many_runs_keeps_no_other_waiting(cast, at, monkeypatch):
    monkeypatch.setattr(running, "BATCH", 4)
    on(at("alice"), steps=[notice()])
    for _ in range(6):
        add(at("alice"))
    with inside(cast.globex):
        on(at("charlie", "globex"), steps=[notice()])
        add(at("charlie", "globex"))
    assert running.work() == 3
    with inside(cast.globex):
        assert AutomationRun.get().state == "done"


# --- whose hands ----------------------------------------------------------------------------------------------------


def test_it_may_no_more_than_whoever_it_acts_as_may_now(cast, at):
    made = on(at("bob"), steps=[notice()])
    write(Membership.update(role="viewer").where(Membership.user == cast.bob).execute)
    add(at("alice"))
    work()
    assert Automation.get_by_id(made.id).state == "paused"
    assert "may not have automations" in Automation.get_by_id(made.id).paused_reason
    assert titles(cast.bob) == ["The automation “Say it” paused"]


def test_words_of_one_never_get_the_hands_of_another(cast, at, clock):
    """bob's run waits while alice saves the automation as hers: it goes on as bob, who may not change her task."""
    by = at("alice")
    wait = {"kind": "wait", "count": "1", "unit": "days"}
    made = on(at("bob"), steps=[wait, change(priority="high")])
    task = add(by)
    work()
    automations.change(made.id, draft(steps=[notice()]), 1, by=by)
    clock.forward(days=1, seconds=1)
    (run,) = work()
    assert (run.state, Task.get_by_id(task.id).priority) == ("failed", "medium")
    write(Membership.update(role="viewer").where(Membership.user == cast.bob).execute)
    add(by)
    work()
    assert Automation.get_by_id(made.id).state == "on"


def test_a_run_that_waits_stays_with_its_list_when_another_is_saved(cast, at, clock):
    by = at("alice")
    wait = {"kind": "wait", "count": "1", "unit": "days"}
    made = on(by, steps=[wait, notice()])
    table = collections.make("Salaries", by=by, fields=(("Who", "text"),))
    rules = listings.of(table, by)
    rows.create(rules, {rules.listing.fields[0].name: "Ada gets 100"}, by=by)
    task = add(by)
    (run,) = work()
    automations.change(made.id, draft(source=f"record:{table.id}", steps=[notice("x")]), 1, by=by)
    assert runs.row_of(run, by) == ("Call the printer", f"/acme/tasks/{task.id}")
    clock.forward(days=1, seconds=1)
    assert work()[0].state == "done"
    assert [one.link for one in Notification.select()] == [f"/acme/tasks/{task.id}"]


def test_somebody_who_is_gone_acts_no_more_and_keepers_hear_of_it(cast, at):
    made = on(at("bob"), steps=[notice()])
    write(User.update(status="suspended").where(User.id == cast.bob.id).execute)
    add(at("alice"))
    work()
    assert "isn't here any more" in Automation.get_by_id(made.id).paused_reason
    assert titles(cast.alice) == ["The automation “Say it” paused"]
    assert titles(cast.bob) == []


def test_what_is_not_theirs_to_change_fails_the_run_and_can_be_tried_again(cast, at):
    on(at("bob"), steps=[change(priority="high")])
    task = add(at("alice"))
    (run,) = work()
    assert (run.state, run.step) == ("failed", 0)
    assert "can change this" in run.error
    write(Task.update(assigned_to=cast.bob).where(Task.id == task.id).execute)
    runs.try_again(run.id, by=at("bob"))
    with pytest.raises(Refused):
        runs.try_again(run.id, by=at("bob"))
    (run,) = work()
    assert (run.state, Task.get_by_id(task.id).priority) == ("done", "high")
    with pytest.raises(NotFound):
        runs.try_again(run.id, by=at("dora"))


def test_while_the_organization_is_suspended_runs_wait(cast, at, clock):
    on(at("alice"), steps=[notice()])
    add(at("alice"))
    write(type(cast.acme).update(status="suspended").where(type(cast.acme).id == cast.acme.id).execute)
    assert work()[0].state == "waiting"
    write(type(cast.acme).update(status="active").where(type(cast.acme).id == cast.acme.id).execute)
    clock.forward(hours=1, seconds=1)
    assert work()[0].state == "done"


# --- what it sees ---------------------------------------------------------------------------------------------------


@pytest.fixture
def repairs(cast, at):
    """A table whose Budget bob doesn't see; (the table, the names of its fields)."""
    by = at("alice")
    table = collections.make("Repairs", by=by, fields=(("Name", "text"), ("Mail", "email"), ("Budget", "number")))
    names = {f.label: f.name for f in listings.of(table, by).listing.fields}
    budget = names["Budget"]
    form = {
        "sees": "all",
        "changes": "all",
        "adds": "1",
        "archives": "1",
        "others": "change",
        f"field_{budget[1:]}": "nothing",
    }
    record_rules.change(table.slug, "role:member", MultiDict(form), by=by)
    assert budget not in listings.of(table, at("bob")).listing.by_name
    return table, names


def told(organization):
    """All that left the house, and the log of runs, without the numbers of rows."""
    sent = [
        (one.kind, one.recipient, json.dumps(one.payload, sort_keys=True))
        for one in Outgoing.select().order_by(Outgoing.id)
    ]
    logged = [(run.state, run.step, [one["words"] for one in run.results], run.error) for run in AutomationRun.select()]
    return sent, logged


@pytest.mark.parametrize("kind", ["made", "changed"])
def test_twin_worlds_an_automation_tells_nothing_of_what_its_member_does_not_see(cast, at, repairs, kind):
    """The same acts in two worlds that differ in hidden cells alone leave the same letters, notices and runs."""
    table, names = repairs
    boss, bob = at("alice"), at("bob")
    letter = {"kind": "letter", "to": "{Mail}", "subject": "About {Name}", "text": "{Name}, {Mail}"}
    on(bob, source=f"record:{table.id}", kind=kind, steps=[letter, notice("{Name}")])
    worlds = []
    for before, after in (("10", "20"), ("300", "300")):
        write(AutomationRun.delete().execute)
        write(Outgoing.delete().execute)
        rules = listings.of(table, boss)
        form = {names["Name"]: "Toaster", names["Mail"]: "ada@example.org", names["Budget"]: before}
        row = rows.create(rules, form, by=boss)
        work_runs()
        rows.change(rules, row.id, {names["Budget"]: after}, by=boss)
        rows.change(rules, row.id, {names["Name"]: "Kettle"}, by=boss)
        work_runs()
        sent, logged = told(cast.acme)
        worlds.append((json.dumps(sent).replace(f"/{row.id}", "/n"), logged))
    assert worlds[0] == worlds[1]
    assert worlds[0][1]


def test_twin_worlds_a_trial_shows_nothing_of_it_either(at, repairs):
    """Neither in what it would do, nor by which rows it would have been set off."""
    table, names = repairs
    boss, bob = at("alice"), at("bob")
    rules = listings.of(table, boss)
    row = rows.create(rules, {names["Name"]: "Toaster", names["Budget"]: "10"}, by=boss)
    about = {"source": f"record:{table.id}", "steps": [notice("{Name}")]}
    worlds = []
    for budget in ("10", "300"):  # in the first nothing changes
        rows.change(rules, row.id, {names["Budget"]: budget}, by=boss)
        shown = []
        for kind in ("changed", "made", "button"):
            _, source, body = bodies.read(draft(kind=kind, **about), bob)
            said, found = trials.trial(body, source, bob)
            shown.append((said, [(one.title, [lines for _, lines, _ in one.steps]) for one in found]))
        worlds.append(shown)
    assert worlds[0] == worlds[1]
    assert worlds[0][1][1] == [("Toaster", [[f"A notice to {bob.user.name}: Toaster"]])]


def work_runs():
    while running.work():
        pass


def test_a_field_that_is_hidden_is_named_like_one_that_is_not_there(at, repairs):
    table, names = repairs
    for said in ("{Budget}", "{" + names["Budget"] + "}", "{Nothing}"):
        with pytest.raises(Refused) as refused:
            on(at("bob"), source=f"record:{table.id}", steps=[notice(said)])
        assert "There is no field called" in refused.value.sentence
    with pytest.raises(Refused):
        on(at("bob"), source=f"record:{table.id}", kind="changed", fields=[names["Budget"]], steps=[notice()])
    with pytest.raises(Refused):
        on(at("bob"), source=f"record:{table.id}", where=[f"and~{names['Budget']}~not_empty"], steps=[notice()])


def test_a_right_that_was_taken_away_pauses_what_speaks_of_it(cast, at, repairs):
    table, names = repairs
    made = on(
        at("alice"), source=f"record:{table.id}", where=[f"and~{names['Budget']}~not_empty"], steps=[notice("{Budget}")]
    )
    write(Automation.update(acts_as=cast.bob).where(Automation.id == made.id).execute)
    write(AutomationVersion.update(by=cast.bob).where(AutomationVersion.automation == made.id).execute)
    rows.create(listings.of(table, at("alice")), {names["Name"]: "Toaster", names["Budget"]: "3"}, by=at("alice"))
    work()
    assert Automation.get_by_id(made.id).state == "paused"
    assert titles(cast.bob) == ["The automation “Say it” paused"]


def test_a_result_of_a_formula_that_changes_sets_it_off_once(at, cast):
    by = at("alice")
    table = collections.make("Sums", by=by, fields=(("Name", "text"), ("Count", "number")))
    formulas.add(table.slug, "Twice", "formula", {"formula": "{Count} * 2"}, by=by)
    jobs.work_off()
    rules = listings.of(collections.found(table.slug), by)
    names = {f.label: f.name for f in rules.listing.fields}
    row = rows.create(rules, {names["Name"]: "A", names["Count"]: "2"}, by=by)
    on(by, source=f"record:{table.id}", kind="changed", fields=[names["Twice"]], steps=[notice("{Twice}")])
    rows.change(rules, row.id, {names["Name"]: "B"}, by=by)
    rows.change(rules, row.id, {names["Count"]: "3"}, by=by)
    work()
    assert titles(cast.alice) == ["6"]


# --- letters --------------------------------------------------------------------------------------------------------


def test_a_letter_goes_to_an_address_of_the_row_once_and_not_to_who_wants_none(cast, at, letters):
    by = at("alice")
    table = collections.make("Repairs", by=by, fields=(("Name", "text"), ("Mail", "email")))
    rules = listings.of(table, by)
    names = {f.label: f.name for f in rules.listing.fields}
    letter = {"kind": "letter", "to": "{Mail}", "subject": "{Name} is done", "text": "Come and fetch {Name}."}
    on(by, source=f"record:{table.id}", steps=[letter])
    for mail in ("ines@example.org", ""):
        rows.create(rules, {names["Name"]: "Toaster <b>", names["Mail"]: mail}, by=by)
    made = work()
    assert [run.results[0]["words"] for run in made] == ["Wrote 1 letter.", "Nobody to write to: the address is empty."]
    assert Outgoing.select().where(Outgoing.kind == "mail").count() == 1


# --- kill -9 --------------------------------------------------------------------------------------------------------

CHILD = """
from domain.automations import running
from tests.fixtures.deaths import awake, dies_at
from views import factory

about = awake()
when, name = about["point"].split()
from domain.automations import steps
owner = running if name.startswith("_") else steps.Task
dies_at(owner, name, when == "before", when == "after")
while running.work():
    pass
print("lived")
"""
POINTS = [("after _step", 1), ("after _effect", 1), ("after do", 2), ("before _note", 2), ("after _step", 2)]


@pytest.mark.parametrize(("point", "nth"), POINTS, ids=[f"{point} {nth}" for point, nth in POINTS])
def test_kill_9_between_any_two_steps_does_none_of_them_twice(cast, at, point, nth):
    step = {"kind": "task", "text": "", "who": "", "days": ""}
    on(at("alice"), where=["and~title~begins~Call"], steps=[step | {"title": f"Step {n}"} for n in range(3)])
    add(at("alice"))
    deaths.die(CHILD, point=point, nth=nth)
    (run,) = work()
    assert (run.state, run.step) == ("done", 3)
    made = [task.title for task in Task.select().where(Task.title.startswith("Step")).order_by(Task.id)]
    assert made == ["Step 0", "Step 1", "Step 2"]
